"""`ansible-playbook`, begun and ended quicker. A program of its own, which ansible-runner starts.

Where one waits that was begun ahead (`ansible_ahead.py`), this one hands it its words, its
environment and its streams, and ends as that one does. What waits refuses where Ansible has read
something by then that is different now; then, and where none waits, the play is played here.

Somebody waits for it, so it is started without `site` and imports as little as it can.
"""

from __future__ import annotations

import gc
import os
import sys

GATE = "SANDBOXER_ANSIBLE_AHEAD"  # the variable: a folder, in which lies a socket of this name
SOCKET = "gate"


def main() -> None:
    gc.disable()
    sys.argv[0] = "ansible-playbook"
    status = hand_over(os.environ[GATE]) if GATE in os.environ else None
    if status is None:
        import site

        site.main()
        status = play()
    end(status)


def hand_over(folder: str) -> int | None:
    """The exit status of the play; None where the one that waits won't have it, or is gone."""
    import marshal
    import socket

    said = {"words": sys.argv, "environment": dict(os.environ), "folder": os.getcwd()}  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as line, line.makefile() as answers:
        try:
            line.connect(os.path.join(folder, SOCKET))  # noqa: PTH118
            socket.send_fds(line, [b"\n"], [0, 1, 2])
            line.sendall(marshal.dumps(said))
            if answers.readline() != "taken\n":
                return None
        except OSError:
            return None
        try:
            answer = answers.readline()
        except OSError:
            answer = ""
    if not answer:
        os.kill(os.getpid(), 9)  # as it was: nobody must take this for an end
    return int(answer)


def play() -> int:
    """Its exit status."""
    try:
        from ansible.cli.playbook import main as ansible_playbook
    except ModuleNotFoundError as exc:
        if exc.name not in ("ansible", "ansible.cli"):
            raise
        return 127
    try:
        ansible_playbook()
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 1
    return 0


def end(status: int) -> None:
    """A play of ours is short: what it leaves in memory isn't worth taking apart."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
