"""What the program begins with. Where a verb ends in a play Ansible is begun first of all: it is
warm by the time that the words are understood."""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext

_PLAYED = frozenset(("create", "destroy", "stop", "start", "restart", "extend", "reap"))


def main() -> None:
    # a word of another meaning costs a process that ends again
    expected = not _PLAYED.isdisjoint(sys.argv[1:]) and "--help" not in sys.argv
    if expected:
        from sandboxer_cli import ansible_ahead
    status: object = 0
    with ansible_ahead.begun() if expected else nullcontext():
        from sandboxer_cli.cli.main import main as program

        try:
            program()
        except SystemExit as exc:
            status = exc.code
    sys.stdout.flush()
    sys.stderr.flush()
    # nothing is left to be done: to take apart what was imported takes longer than some verbs
    os._exit(status if isinstance(status, int) else 1)
