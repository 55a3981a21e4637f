"""A repository to validate, this machine as its host, and controllers that do it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent
ROOT = Path(__file__).resolve().parents[2]
_ANSIBLE = (b"_ansible_playbook.py", b"_ansible_waiting.py")
STATE = Path("/var/lib/sandboxer")
IMAGE = "localhost/sandboxer-tests/validated:1"
CONTRACT = """
version: 1
health: [{service: web, http: {port: 80, path: /}, periodSeconds: 1}]
timeouts: {health: 20s}
test_command: ./e2e/run.sh
reports: {junit: ["e2e/out/*.xml"], artifacts: ["e2e/out/**"]}
"""
REPORT = '<testsuite><testcase name="a"/><testcase name="b"/></testsuite>'


class Controller:
    """One that knows nothing of another one's runs. `name` is what its machine is called."""

    def __init__(self, home: Path, hub: str = "", name: str = "") -> None:
        self.home = home
        self.hub = hub
        self._name = name
        home.mkdir()

    @property
    def environment(self) -> dict[str, str]:
        given = {"HOME": str(self.home), "PATH": f"{BIN}:{os.environ['PATH']}", "LANG": "C.UTF-8"}
        control = "ANSIBLE_SSH_CONTROL_PATH_DIR"  # of the fixture `sshd`
        given |= {control: os.environ[control]} if control in os.environ else {}
        return {**given, "SANDBOXER_OWNER": "me", "SANDBOXER_HUB_URL": self.hub}

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        elsewhere = ("unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"', self._name)
        return subprocess.Popen(
            [*elsewhere, *words] if self._name else words,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def call(self, *words: str) -> tuple[int, Any]:
        """How a command ended, and what it said as JSON."""
        child = self.start(*words, "--json")
        out, err = child.communicate(timeout=120)
        assert out, err.decode()
        return child.returncode, json.loads(out)

    def validate(self, *words: str) -> tuple[int, Any]:
        return self.call("validate", *words)

    def events(self) -> list[str]:
        """Kinds."""
        return sorted(kind for kind, _body in self.written())

    def written(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Kind and CloudEvent of each event in its outbox."""
        path = self.home / ".local/state/sandboxer/events/outbox.db"
        with contextlib.closing(sqlite3.connect(path)) as database:
            rows = database.execute("SELECT kind, body FROM events").fetchall()
        return [(kind, json.loads(body)) for kind, body in rows]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """This private machine as a host that is prepared; the image is of its own busybox."""
    if f"private {STATE} tmpfs" not in Path("/proc/self/mounts").read_text():
        pytest.fail("these tests want a machine of their own: run `make faults`", pytrace=False)
    folder = tmp_path_factory.mktemp("machine")
    import_image(IMAGE, folder / "image", {"index.html": "it answers\n"})
    STATE.chmod(0o700)  # as the program makes it
    facts = STATE / "host.json"
    facts.write_text(json.dumps({"run_account": "sandboxer-run"}))
    yield folder
    facts.unlink()


@pytest.fixture
def shop(machine: Path, tmp_path: Path) -> Iterator[Path]:
    """It passes. What the host knows of its runs goes with it."""
    folder = tmp_path / "shop"
    (folder / "e2e").mkdir(parents=True)
    (folder / "compose.yml").write_text(compose(IMAGE))
    (folder / "e2e/e2e.yml").write_text(CONTRACT)
    script(folder, f"echo it runs; echo '{REPORT}' > $E2E_OUT/a.xml")
    yield folder
    shutil.rmtree(STATE / "runs", ignore_errors=True)


def import_image(name: str, folder: Path, files: Mapping[str, str]) -> None:
    """One whose web server serves these files, and runs those of cgi-bin."""
    (folder / "bin").mkdir(parents=True)
    subprocess.run(["cp", "/bin/busybox", folder / "bin"], check=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text)
        (folder / path).chmod(0o755)
    command = 'CMD ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/"]'
    layer = subprocess.run(["tar", "-C", folder, "-c", "."], capture_output=True, check=True)
    argv = ["podman", "import", "--quiet", "--change", command, "-", name]
    subprocess.run(argv, input=layer.stdout, capture_output=True, check=True)


def compose(image: str) -> str:
    return f"services: {{web: {{image: '{image}', ports: ['80'], init: true}}}}\n"


def script(folder: Path, text: str) -> None:
    path = folder / "e2e/run.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def sandboxes() -> list[str]:
    return sorted(path.name for path in (STATE / "sandboxes").glob("*"))


def runs() -> list[str]:
    return sorted(path.name for path in (STATE / "runs").glob("*"))


def kill(child: subprocess.Popen[bytes]) -> None:
    """The controller's program, and Ansible, which runs in sessions of its own."""
    for pid in [child.pid, *_ansible()]:
        os.kill(pid, signal.SIGKILL)
    child.communicate()


def _ansible() -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if any(one in path.read_bytes() for one in _ANSIBLE):
                yield int(path.parent.name)
