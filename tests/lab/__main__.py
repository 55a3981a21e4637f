"""python3 -m tests.lab up|down|status"""

import argparse
import os
import sys
import time

from tests.lab import lab
from tests.lab.command import LabError, say


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.lab", description="Real hosts for tests"
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("up", help="have the hosts there and answering")
    down = verbs.add_parser("down", help="remove the hosts and end the daemon")
    down.add_argument("--all", action="store_true", help="the cached images and packages too")
    verbs.add_parser("status", help="what there is; 0 if the lab is up")
    asked = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("the lab needs root")
    started = time.monotonic()
    try:
        if asked.verb == "up":
            lab.up()
            say(f"up after {time.monotonic() - started:.1f} s")
        elif asked.verb == "down":
            lab.down(everything=asked.all)
        else:
            found = lab.status()
            for name, state in found.items():
                print(f"{name:8} {state}")
            return 0 if set(found.values()) == {"running"} else 1
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
