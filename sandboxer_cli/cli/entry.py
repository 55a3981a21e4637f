"""What the program begins with. Where a verb ends in a play Ansible is begun first of all: it is
warm by the time that the words are understood."""

from __future__ import annotations

import sys
from typing import NoReturn

_PLAYED = frozenset(("create", "destroy", "stop", "start", "restart", "extend", "reap"))


def main() -> NoReturn:
    from contextlib import nullcontext

    words = sys.argv[1:]
    # a word of another meaning costs a process that ends again
    expected = not _PLAYED.isdisjoint(words) and "--help" not in words
    if expected:
        from sandboxer_cli import ansible_ahead
    with ansible_ahead.begun() if expected else nullcontext():
        from sandboxer_cli.cli.main import main as program

        program()
