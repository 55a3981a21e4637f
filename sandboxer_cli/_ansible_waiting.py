"""An Ansible that waits for its play (`ansible_ahead.py`). A program of its own.

Who comes is `_ansible_playbook.py`, which ansible-runner starts: it hands over the words, the
environment and the streams of the play, and ends as this one does.

What a play leaves in memory isn't worth collecting: it is short.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import marshal
import os
import select
import shutil
import signal
import socket
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

from sandboxer_cli._ansible_playbook import GATE, SOCKET, play
from sandboxer_cli.ansible_ahead import ROUTES, WARM


def main() -> None:
    gc.disable()
    wait()


def wait() -> None:
    """Import Ansible, then wait for who hands over a play, once; or for our standard input to end,
    which says that nobody will. Its first line is the environment to import it in."""
    given = os.fdopen(0, "rb", buffering=0, closefd=False)
    line = b""
    while not line.endswith(b"\n"):
        piece = given.read(65536)
        if not piece:
            os._exit(0)
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
        load_more(gate)
        if gate.fileno() not in select.select([gate.fileno(), 0], [], [])[0]:
            shutil.rmtree(folder, ignore_errors=True)
            os._exit(0)
        caller = gate.accept()[0]
    take_over(caller, begun_with)


def keep_routes(path: Path) -> None:
    """Have what Ansible reads about where its own plugins are now kept in a file: of all that it
    does before it can play, a seventh is to understand that much YAML. It foresees that somebody
    does; who may write the file is for the caller to see to."""
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
        ):
            for name in names:
                kind.get(f"ansible.builtin.{name}", class_only=True)
        loader.action_loader.get("coulomb.sandboxer.sandbox", class_only=True)


def load_more(gate: socket.socket) -> None:
    """What a worker of such a play would load, in each play anew; as long as nobody has come."""
    for step in (_load_rooms, _load_plugins):
        if select.select([gate.fileno(), 0], [], [], 0)[0]:
            return
        with contextlib.suppress(Exception):
            step()


def _load_rooms() -> None:
    import sandboxer_cli.profiles.resolved
    import sandboxer_cli.source
    import sandboxer_cli.ttl  # noqa: F401
    from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import program

    program.own_name()  # which is kept


def _load_plugins() -> None:
    import multiprocessing.popen_fork
    import multiprocessing.synchronize  # noqa: F401

    from ansible.playbook import handler_task_include  # noqa: F401


def take_over(line: socket.socket, begun_with: dict[str, str]) -> None:
    """Play what is handed over, if it may be played here."""
    streams = socket.recv_fds(line, 1, 3)[1]
    with line.makefile("rb") as said:
        given = marshal.load(said)  # noqa: S302 # from our own account: the folder is closed
    if not fits(begun_with, given):
        line.sendall(b"refused\n")
        os._exit(0)
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
