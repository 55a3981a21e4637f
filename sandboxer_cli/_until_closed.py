"""Runs a command until it ends, or until our standard input does: _until_closed.py COMMAND…

Whoever begins this holds the other end of that pipe. The kernel closes it for one that is killed,
too, so that the command never outlives them.
"""

import os
import subprocess
import sys
import threading


def main() -> int:
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)

    def end_when_closed() -> None:
        os.read(0, 1)  # not by `sys.stdin`, whose lock would be asked for at the end
        child.terminate()

    threading.Thread(target=end_when_closed, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main())
