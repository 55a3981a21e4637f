"""The documentation's pages and README: their commands, who runs them, and running them.

A block of commands is a fence of `console`, each command after `$ `, of `crontab`, or of `sh`, a
whole script. Who runs it:

- the test that the comment `<!-- run by: FILE::TEST -->` above it names, until the next such one;
- nobody, where the paragraph right above it begins with `Not run`, so that its reader knows, too;
- else tests/unit/test_docs.py, which needs nothing but this machine.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
BY_ITSELF = "tests/unit/test_docs.py::test_commands_do_what_their_page_says"
COMMANDS = ("console", "crontab", "sh")
_RUN_BY = re.compile(r"<!-- run by: (\S+::\w+) -->")
_KEPT = ("ANSIBLE_SSH_CONTROL_PATH_DIR",)  # of the private sshd
_NOT_RUN = re.compile(r"\W*Not run\b")


@dataclass(frozen=True)
class Command:
    """`said` is what the page shows of its output; None where the block shows none of any."""

    text: str
    said: str | None = None


@dataclass(frozen=True)
class Block:
    """A fence. `above` is the paragraph right above it; `test` is None where nobody runs it."""

    page: str
    line: int
    language: str
    text: str
    above: str
    test: str | None

    def commands(self) -> list[Command]:
        if self.language == "crontab":
            return [Command(line) for line in self.text.splitlines()]
        if self.language == "sh":
            return [Command(self.text)]
        first, *parts = re.split(r"^\$ ", self.text, flags=re.MULTILINE)
        assert not first, f"{self.page}:{self.line}: output before the first command"
        found = []
        for part in parts:
            command = re.match(r"(?:.*\\\n)*.*\n", part)
            assert command
            found.append(Command(command[0].rstrip(), part[command.end() :]))
        silent = not any(one.said for one in found)
        return [Command(one.text) for one in found] if silent else found


def names() -> list[str]:
    """The pages, by their paths below the project."""
    return ["README.md", *sorted(str(path.relative_to(ROOT)) for path in DOCS.rglob("*.md"))]


def blocks(page: str) -> Iterator[Block]:
    """All fences of a page; a block that is only indented has the language ''."""
    test: str | None = BY_ITSELF
    above = ""
    for token in MarkdownIt().parse((ROOT / page).read_text()):
        if token.type == "html_block" and (named := _RUN_BY.search(token.content)):
            test = named[1]
        elif token.type in ("fence", "code_block"):
            by = None if _NOT_RUN.match(above) else test
            line = token.map[0] + 1 if token.map else 0
            yield Block(page, line, token.info, token.content, above, by)
        if token.type == "inline":
            above = token.content
        elif token.type != "paragraph_close":
            above = ""


def commands(page: str, test: str) -> list[Command]:
    """The commands of a page that this test runs, in their order."""
    mine = [one for one in blocks(page) if one.language in COMMANDS and one.test == test]
    return [command for block in mine for command in block.commands()]


def file(page: str, name: str) -> str:
    """A file that the page shows: the fence below a paragraph that ends with its name."""
    [found] = [one for one in blocks(page) if one.above.endswith(f"`{name}`:")]
    return found.text


def check(commands: Sequence[Command], folder: Path, **environment: str) -> None:
    """Run them in one shell whose home is the folder, and compare what they say.

    What differs from run to run is compared by its shape, and `...` stands for anything. Each must
    succeed, or be followed by `echo $?`.
    """
    script = "".join(
        f"{one.text}\nstatus=$?; printf '\\036%s\\036' $status; (exit $status)\n"
        for one in commands
    )
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            **kept,
            **environment,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    answers = done.stdout.split("\x1e")
    assert commands, "the page names another test"
    assert len(answers) == 2 * len(commands) + 1, f"the shell itself ended:\n{done.stdout}"
    for number, command in enumerate(commands):
        output, status = answers[2 * number : 2 * number + 2]
        asked = [one.text for one in commands[number + 1 : number + 2]] == ["echo $?"]
        assert status == "0" or asked, f"$ {command.text}\n{output}\nended with {status}"
        assert command.said is None or alike(command.said, output), (
            f"$ {command.text}\n--- the page\n{command.said}--- now\n{output}"
        )


def alike(page: str, output: str) -> bool:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    return doctest.OutputChecker().check_output(_shape(page), _shape(output), flags)


_SHAPES = (
    (r"\bsbx-[a-z0-9]+", "ID"),
    (r"SHA256:\S+", "KEY"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "INSTANT"),
    (r"\d\d:\d\d UTC", "INSTANT"),
)


def _shape(text: str) -> str:
    for pattern, shape in _SHAPES:
        text = re.sub(pattern, shape, text)
    return text
