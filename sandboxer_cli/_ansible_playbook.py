"""`ansible-playbook`, begun and ended quicker. A program of its own, which ansible-runner starts.

Where one waits that was begun ahead (`ansible_ahead.py`), this one hands it its words, its
environment and its streams, and ends as that one does. What waits refuses where Ansible has read
something by then that is different now; then, and where none waits, the play is played here.

A play of ours is short: what it leaves in memory isn't worth collecting, nor taking apart at the
end. It imports nothing of the program.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

GATE = "SANDBOXER_ANSIBLE_AHEAD"  # the variable: a folder, in which lies a socket of this name
SOCKET = "gate"
ROUTES = "SANDBOXER_ANSIBLE_ROUTES"  # the variable: a file, in which Ansible's routes are kept
WARM = "warm"  # a file that appears there when it only waits
WAIT = "--wait"


def main() -> None:
    gc.disable()
    if sys.argv[1:] == [WAIT]:
        wait()
    sys.argv[0] = "ansible-playbook"
    status = hand_over(os.environ[GATE]) if GATE in os.environ else None
    end(play() if status is None else status)


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
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def hand_over(folder: str) -> int | None:
    """The exit status of the play; None where the one that waits won't have it, or is gone."""
    import json
    import socket

    said = {"words": sys.argv, "environment": dict(os.environ), "folder": str(Path.cwd())}
    with socket.socket(socket.AF_UNIX) as line, line.makefile() as answers:
        try:
            line.connect(str(Path(folder, SOCKET)))
            socket.send_fds(line, [b"\n"], [0, 1, 2])
            line.sendall(json.dumps(said).encode() + b"\n")
            if answers.readline() != "taken\n":
                return None
        except OSError:
            return None
        answer = ""
        with contextlib.suppress(OSError):
            answer = answers.readline()
    if not answer:
        os.kill(os.getpid(), signal.SIGKILL)  # as it was: nobody must take this for an end
    return int(answer)


def wait() -> None:
    """Import Ansible, then wait for who hands over a play, once; or for our standard input to end,
    which says that nobody will. Its first line is the environment to import it in."""
    import json
    import select
    import shutil
    import socket

    given = os.fdopen(0, "rb", buffering=0, closefd=False)
    line = b""
    while not line.endswith(b"\n"):
        piece = given.read(65536)
        if not piece:
            end(0)
        line += piece
    begun_with = json.loads(line)
    os.environ.clear()
    os.environ.update(begun_with)
    folder = Path(begun_with[GATE])
    with socket.socket(socket.AF_UNIX) as gate:
        gate.bind(str(folder / SOCKET))
        gate.listen(1)
        with contextlib.suppress(ImportError, AttributeError):
            keep_routes(Path(begun_with[ROUTES]))
        load()
        (folder / WARM).touch()
        if gate.fileno() not in select.select([gate.fileno(), 0], [], [])[0]:
            shutil.rmtree(folder, ignore_errors=True)
            end(0)
        caller = gate.accept()[0]
    take_over(caller, begun_with)


def keep_routes(path: Path) -> None:
    """Have what Ansible reads about where its own plugins are now kept in a file: of all that it
    does before it can play, a seventh is to understand that much YAML. It foresees that somebody
    does; who may write the file is for the caller to see to."""
    import hashlib
    import json

    from ansible.utils.collection_loader import _collection_finder as finder

    read = finder._meta_yml_to_dict

    def kept(text: Any, content: tuple[str, str]) -> Any:
        if content[0] != "ansible.builtin":
            return read(text, content)
        if not isinstance(text, bytes):
            return read(text, content)
        digest = hashlib.sha256(text).hexdigest()
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            last = json.loads(path.read_bytes())
            if last["digest"] == digest:
                return last["routes"]
        routes = read(text, content)
        new = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            new.write_text(json.dumps({"digest": digest, "routes": routes}))
            new.replace(path)
        except (OSError, TypeError):
            with contextlib.suppress(OSError):
                new.unlink()
        return routes

    finder._meta_yml_to_dict = kept


def load() -> None:
    """What each play of ours needs and would load for itself, whatever it is about. Workers are
    forks: what is here they have."""
    with contextlib.suppress(Exception):  # the play says what stands in its way
        from ansible.cli import playbook  # noqa: F401
        from ansible.plugins import loader

        # Ansible does it once more
        warnings.filterwarnings("ignore", message="AnsibleCollectionFinder has already been")
        loader.init_plugin_loader()
        for kind in (
            *(loader.connection_loader, loader.shell_loader, loader.become_loader),
            *(loader.inventory_loader, loader.cache_loader),
            *(loader.filter_loader, loader.test_loader),
        ):
            list(kind.all(class_only=True))
        for kind, names in (
            # ansible-runner's own callback would look for its folder at once
            (loader.callback_loader, ("default", "minimal", "oneline", "tree", "junit")),
            (loader.strategy_loader, ("linear",)),
            (loader.action_loader, ("validate_argument_spec",)),
        ):
            for name in names:
                kind.get(f"ansible.builtin.{name}", class_only=True)
        loader.action_loader.get("coulomb.sandboxer.sandbox", class_only=True)


def take_over(line: socket.socket, begun_with: dict[str, str]) -> None:
    """Play what is handed over, if it may be played here."""
    import json
    import socket
    import threading

    streams = socket.recv_fds(line, 1, 3)[1]
    with line.makefile() as said:
        given = json.loads(said.readline())
    if not fits(begun_with, given):
        line.sendall(b"refused\n")
        end(0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    line.sendall(b"taken\n")
    os.register_at_fork(after_in_child=line.close)  # our end is ours alone
    threading.Thread(target=end_with, args=[line], daemon=True).start()
    os.environ.clear()
    os.environ.update(given["environment"])
    sys.argv = given["words"]
    status = play()
    sys.stdout.flush()
    sys.stderr.flush()
    line.sendall(b"%d\n" % status)
    os._exit(status)


def fits(begun_with: dict[str, str], given: dict[str, Any]) -> bool:
    """Whether all that Ansible has read while it was imported is what it would read now."""
    late = {"AWX_ISOLATED_DATA_DIR"}  # read when a play begins
    if "-i" in given["words"]:
        late.add("ANSIBLE_INVENTORY")
    before, now = (
        {
            name: value
            for name, value in environment.items()
            if name not in late and not name.startswith("SANDBOXER_")
        }
        for environment in (begun_with, given["environment"])
    )
    return before == now and given["folder"] == str(Path.cwd())


def end_with(line: socket.socket) -> None:
    """Who has handed it over was killed, as ansible-runner does to a play: so are we."""
    with contextlib.suppress(OSError):
        line.recv(1)  # it says no more
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
