"""The old words, said to the program of today."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

# The verbs of `validate`. A repository whose folder has such a name is typed as ./lint.
VERBS = ("run", "resume", "lint", "init", "migrate", "schema")


def translated(words: Sequence[str]) -> list[str]:
    """What `validate` is told: a verb as it stands, anything else as words of `validate run`.

    `--repo PATH` is the path alone. What comes after `--` stays as it is.
    """
    if words and (words[0] in VERBS or words[0] == "--version"):
        return list(words)
    told = ["run"]
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if word == "--":
            return [*told, word, *rest]
        if name == "--repo":
            path = value if equals else next(rest, "")
            told.append(f"./{path}" if path.startswith("-") else path)
        else:
            told.append(word)
    return told


def main() -> NoReturn:
    """Warn once on standard error, and be `validate`: its output, its exit status."""
    told = translated(sys.argv[1:])
    typed = shlex.join(["validate", *told])
    sys.stderr.write(f"e2e_framework is deprecated; type this instead: {typed}\n")

    from sandboxer_cli.cli import validate

    sys.argv = ["validate", *told]
    validate.main()
