"""`ansible-playbook`, begun and ended quicker. A program of its own: runner.py runs it as a child.

A play of ours is short: what it leaves in memory isn't worth collecting, nor taking apart at the
end. It imports nothing of the program.
"""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    gc.disable()
    sys.argv[0] = "ansible-playbook"
    try:
        from ansible.cli.playbook import main as play
    except ModuleNotFoundError as exc:
        if exc.name not in ("ansible", "ansible.cli"):
            raise
        sys.exit(127)
    try:
        play()
        status: object = 0
    except SystemExit as exc:
        status = exc.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1)


if __name__ == "__main__":
    main()
