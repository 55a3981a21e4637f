"""An Ansible that is begun before it is known what for.

To import Ansible takes as long as the rest of a play. So a program that expects one has it begin at
once, and goes on with what the play depends on. It waits; the first play of this process is handed
to it, by the program that ansible-runner starts. Where nobody comes, because the words were refused
or there was nothing to do or we were killed, it ends and has done nothing.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sandboxer_cli._ansible_playbook import GATE

ROUTES = "SANDBOXER_ANSIBLE_ROUTES"  # the variable: a file, in which Ansible's routes are kept
WARM = "warm"  # a file that appears in the folder of the gate when it only waits
PROGRAM = Path(__file__).with_name("_ansible_waiting.py")


@contextlib.contextmanager
def begun() -> Iterator[None]:
    """While this lasts one waits, or plays. Says nothing of what stands in its way: the play
    will."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(Exception):
            stack.enter_context(_waiting())
        yield


def folder() -> Path | None:
    """The folder of the one that was begun, if one was. What Ansible leaves there goes with it."""
    named = os.environ.get(GATE)
    return Path(named) if named else None


def is_warm() -> bool:
    """Whether nothing would be gained by keeping a play back any longer."""
    here = folder()
    return here is None or (here / WARM).exists()


@contextlib.contextmanager
def _waiting() -> Iterator[None]:
    waits, ours = os.pipe()
    with os.fdopen(ours, "wb") as gate:  # it closes with us, however we end
        child = subprocess.Popen(
            [sys.executable, "-P", str(PROGRAM)],
            stdin=waits,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(waits)
        try:
            # while its Python starts
            from sandboxer_cli import folders

            with folders.short_lived() as folder:
                os.environ[GATE] = str(folder)
                try:
                    gate.write(json.dumps(_environment(folder)).encode() + b"\n")
                    gate.flush()
                    yield
                finally:
                    del os.environ[GATE]
                    _end(child)
        finally:
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.kill()
        child.wait()


def _environment(folder: Path) -> dict[str, str]:
    """What ansible-runner will start the play with, as far as that is known. Where it turns out to
    be something else the play is not played here, and only time is lost."""
    from sandboxer_cli import ansible_env, folders

    ours = {**os.environ, **ansible_env.settings(), **for_runner(folder)}
    callbacks = [ours.get("ANSIBLE_CALLBACK_PLUGINS", ""), str(_callbacks())]
    return {
        **ours,
        ROUTES: str(folders.private_directory() / "ansible-routes.json"),
        "ANSIBLE_CALLBACK_PLUGINS": ":".join(filter(None, callbacks)),
        "ORIGINAL_STDOUT_CALLBACK": ours["ANSIBLE_STDOUT_CALLBACK"],
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "RUNNER_OMIT_EVENTS": "False",
        "RUNNER_ONLY_FAILED_EVENTS": "False",
    }


def for_runner(folder: Path) -> dict[str, str]:
    """What ansible-runner is given beside the settings of Ansible itself.

    folder: where Ansible's temporary files go.
    """
    return {
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        # ansible-runner's callback builds on the first and reads the others as numbers.
        "ANSIBLE_STDOUT_CALLBACK": "default",
        "JOB_ID": "",
        "PROJECT_UPDATE_ID": "",
    }


def _callbacks() -> Path:
    """ansible-runner's folder of callbacks, without importing ansible-runner."""
    found = importlib.util.find_spec("ansible_runner")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("ansible_runner")
    return Path(found.origin).parent / "display_callback/callback"
