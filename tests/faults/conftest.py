"""The host program run by hand against this machine's podman, in a state folder of its own."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import program
from sandboxer_cli import source
from tests.faults.shop import machine, shop  # noqa: F401 # fixtures
from tests.lab.listing import here, whole_listing
from tests.sshd import sshd  # noqa: F401 # a fixture

IMAGE = "localhost/sandboxer-tests/busybox:1"
PATIENCE = 60.0


def service(**changes: Any) -> dict[str, Any]:
    """One service of a document: a web server out of this machine's busybox."""
    return {
        "image": IMAGE,
        "command": None,
        "entrypoint": None,
        "environment": {},
        "working_dir": None,
        "user": None,
        "init": True,
        "labels": {},
        "restart": "no",
        "volumes": [],
        "ports": [],
        "expose": [],
        "depends_on": {},
        "healthcheck": None,
        **changes,
    }


def document(**services: dict[str, Any]) -> dict[str, Any]:
    names = ("sh", "httpd", "sleep", "cat", "ls", "wget", "test", "touch", "true", "false")
    rootfs = {
        "files": [
            {"path": "/bin/busybox", "source": "/bin/busybox", "mode": 0o755},
            {"path": "/www/index.html", "content": "it answers\n", "mode": 0o644},
        ],
        "links": {f"/bin/{name}": "busybox" for name in names},
        "command": ["/bin/httpd", "-f", "-p", "80", "-h", "/www"],
    }
    volumes = {
        item["volume"]
        for each in services.values()
        for item in each["volumes"]
        if item.get("volume") is not None
    }
    return {
        "schema": 1,
        "images": {IMAGE: {"rootfs": rootfs}},
        "services": services,
        "volumes": {name: {} for name in volumes},
        "probes": [],
        "publish": "loopback",
    }


def stack() -> dict[str, Any]:
    """Two services, a network, a volume, a port, an HTTP probe: one of everything."""
    made = document(
        web=service(
            ports=[{"target": 80, "protocol": "tcp"}],
            depends_on={"store": {"condition": "service_started"}},
        ),
        store=service(
            command=["/bin/sleep", "1000"],
            volumes=[{"volume": "data", "target": "/data", "read_only": False}],
        ),
    )
    made["probes"] = [{"service": "web", "http": {"port": 80, "path": "/", "status": 200}}]
    return made


class HostProgram:
    """The zipapp, its state folder, and what a controller does with them."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        self.folder = folder
        self.state = folder / "state"

    def start(
        self, verb: str, request: Mapping[str, Any], fault: str = "", **environment: str
    ) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", str(self.path), verb],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                "SANDBOXER_STATE": str(self.folder),
                "SANDBOXER_FAULT": fault,
                **environment,
            },
        )
        assert child.stdin is not None
        child.stdin.write(json.dumps(request).encode())
        child.stdin.close()
        child.stdin = None
        return child

    def call(self, verb: str, request: Mapping[str, Any] | None = None, **options: str) -> Any:
        """The answer of one verb; an error is an answer too; None where it was killed."""
        child = self.start(verb, request or {}, **options)
        out, err = child.communicate(timeout=PATIENCE)
        assert not err, err.decode()
        return json.loads(out) if out else None

    def create(self, **options: Any) -> Any:
        """Start a create, without waiting for its job."""
        fault = options.pop("fault", "")
        return self.call("create", create_request(**options), fault=fault)

    def send(self, answer: Any, folder: Path, **options: Any) -> Any:
        """The source for a create that waits for it, as a controller sends it."""
        packed = io.BytesIO()
        source.archive(source.listing(folder), packed)
        piece = {
            "id": answer["object"]["id"],
            "generation": answer["object"]["generation"],
            "sender": "abcdefgh",
            "at": 0,
            "data": base64.b64encode(packed.getvalue()).decode(),
            "last": True,
            "wait": False,
        }
        fault = options.pop("fault", "")
        return self.call("source", {**piece, **options}, fault=fault)

    def settle(self, seconds: float = PATIENCE) -> None:
        """Wait until nobody works on any sandbox: every job has ended, or was killed."""
        end = time.monotonic() + seconds
        while any(self.call("follow", {"id": one, "seconds": 0})["working"] for one in self.ids()):
            assert time.monotonic() < end, "a job does not end"
            time.sleep(0.02)

    def made(self, **options: Any) -> Any:
        """A create to its end: the object."""
        answer = self.create(**options)
        assert "error" not in answer, answer
        self.settle()
        return self.show(answer["object"]["id"])

    def show(self, reference: str) -> Any:
        return self.call("show", {"ref": reference, "owner": "me"})

    def destroy(self, reference: str, **options: str) -> Any:
        return self.call("destroy", {"ref": reference, "owner": "me"}, **options)

    def reap(self) -> Any:
        return self.call("reap")

    def ids(self) -> list[str]:
        folder = self.state / "sandboxes"
        return sorted(one.name for one in folder.iterdir()) if folder.exists() else []

    def record(self, sandbox_id: str) -> Any:
        return json.loads((self.state / "sandboxes" / sandbox_id / "record.json").read_text())

    def rewrite(self, sandbox_id: str, **changes: Any) -> None:
        """Change a record by hand, as time or another version would have."""
        path = self.state / "sandboxes" / sandbox_id / "record.json"
        path.write_text(json.dumps({**self.record(sandbox_id), **changes}))

    def let_expire(self, sandbox_id: str) -> None:
        """Stands in for the time that a lease takes to end."""
        lease = {**self.record(sandbox_id)["lease"], "expires_at": 0, "expires_boot": 0}
        self.rewrite(sandbox_id, lease=lease)


def create_request(**changes: Any) -> dict[str, Any]:
    return {
        "name": "one",
        "owner": "me",
        "profile": "profile.test",
        "profile_hash": "sha256:0",
        "extension": "ext.compose",
        "request": {"profile": "sha256:0"},
        "document": stack(),
        "deadline": 30,
        **changes,
    }


def built_service(**how: Any) -> dict[str, Any]:
    """One that is built from the source."""
    build = {"context": ".", "dockerfile": "Dockerfile", **how}
    return service(image=None, build=build, command=["/bin/sleep", "1000"])


def source_of(folder: Path) -> str:
    return source.digest(source.listing(folder))


def source_folder(folder: Path, dockerfile: str = "", **files: str) -> Path:
    """A source: a Dockerfile, from our own image if it doesn't say from what, and more."""
    folder.mkdir(parents=True, exist_ok=True)
    start = "" if "FROM" in dockerfile else f"FROM {IMAGE}\n"
    (folder / "Dockerfile").write_text(start + dockerfile)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="session")
def zipapp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "host.pyz"
    path.write_bytes(program.build(program.sources()))
    return path


@pytest.fixture
def host(zipapp: Path, tmp_path: Path) -> Iterator[HostProgram]:
    made = HostProgram(zipapp, tmp_path / "host")
    yield made
    made.settle()
    for sandbox_id in made.ids():
        made.destroy(sandbox_id)


def listing(host: HostProgram) -> dict[str, list[str]]:
    """Everything on this machine that a sandbox could leave, and what the state folder names."""
    found = whole_listing(here)
    kept = [path for name in ("sandboxes", "../srv") for path in (host.state / name).rglob("*")]
    images = [one for one in found["images"] if "<none>" not in one]  # builds' layers: a cache
    return {
        **found,
        "images": images,
        "state": sorted(str(path.relative_to(host.folder)) for path in kept),
    }


def assert_nothing_left(host: HostProgram, before: dict[str, list[str]]) -> None:
    """The same listing as before; the engine's shared name server may take a moment to end."""
    assert [host.record(one) for one in host.ids()] == []  # they say why they are still there
    end = time.monotonic() + 5
    while (after := listing(host)) != before and time.monotonic() < end:
        others = [name for name in after["processes"] if name != "aardvark-dns"]
        ports = [port for port in after["ports"] if not port.endswith(":53")]
        assert {**after, "processes": others, "ports": ports} == before
        time.sleep(0.05)
    assert after == before


@pytest.fixture(scope="session")
def warm(zipapp: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Make the image once: images are caches, not holdings."""
    host = HostProgram(zipapp, tmp_path_factory.mktemp("warm"))
    host.made()
    host.destroy("one")


@pytest.fixture
def before(warm: None, host: HostProgram) -> dict[str, list[str]]:
    """The listing of a machine on which this stack has been once."""
    return listing(host)
