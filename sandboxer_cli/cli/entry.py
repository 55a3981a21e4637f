"""What the program begins with. Where a verb ends in a play Ansible is begun first of all: it is
warm by the time that the words are understood."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import nullcontext

_PLAYED = ("create", "destroy", "stop", "start", "restart", "extend", "reap")


def main() -> None:
    words = sys.argv[1:]
    expected = verb(iter(words)) in _PLAYED and "--help" not in words
    if expected:
        from sandboxer_cli import ansible_ahead
    status: object = None
    with ansible_ahead.begun() if expected else nullcontext():
        from sandboxer_cli.cli.main import main as program

        try:
            program()
        except SystemExit as exc:
            status = exc.code
    sys.stdout.flush()
    sys.stderr.flush()
    # nothing is left to be done: to take apart what was imported takes longer than some verbs
    os._exit(status if isinstance(status, int) else int(status is not None))


def verb(words: Iterator[str]) -> str:
    """The first word that is no option; empty where there is none."""
    for word in words:
        if word in ("-i", "--inventory"):
            next(words, "")
        elif not word.startswith("-"):
            return word
    return ""
