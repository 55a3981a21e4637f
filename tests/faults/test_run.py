"""A run on its host: health, steps and what they leave; hostile commands; a sandbox that dies."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import signal
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import HostProgram, create_request, document, service, source_of
from tests.faults.test_trouble import await_condition, podman

pytestmark = pytest.mark.podman

ACCOUNT = "sandboxer-run"


def run_document(*steps: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "run_key": "k1",
        "repo": "shop",
        "commit": "",
        "dirty": False,
        "contract_digest": "sha256:0",
        "health": [],
        "steps": list(steps),
        "timeouts": {"health": 10, "test": 30, "collect": 20},
        "reports": {"junit": ["e2e/out/*.xml"], "artifacts": ["e2e/out/**"]},
        "retries": 0,
        "keep": "never",
        "secrets": [],
        **changes,
    }


def on_host(line: str, name: str = "test", **changes: Any) -> dict[str, Any]:
    return {"name": name, "run": ["sh", "-c", line], "in": "host", "timeout": 20, **changes}


def in_web(line: str, name: str = "test", **changes: Any) -> dict[str, Any]:
    return on_host(line, name, **{"in": "web", **changes})


class Runs:
    """One host, one repository, and what a controller does for a run of it."""

    def __init__(self, host: HostProgram, repository: Path) -> None:
        self.host = host
        self.repository = repository
        self.key = 0

    def begin(self, asked: dict[str, Any]) -> Any:
        """As far as a sandbox that is ready: what `run-begin` answered."""
        self.key += 1
        begun = self.host.call(
            "run-begin", {"key": f"k{self.key}", "owner": "me", "document": asked}
        )
        assert "error" not in begun, begun
        stack = document(web=service(ports=[{"target": 80, "protocol": "tcp"}]))
        stack["source"] = True
        stack["probes"] = [{"service": "web", "tcp": {"port": 80}}]
        request = create_request(
            name=f"run{self.key}",
            id=begun["run"]["sandbox"],
            document=stack,
            source_digest=source_of(self.repository),
        )
        answer = self.host.call("create", request)
        self.host.send(answer, self.repository)
        await_condition(lambda: self.host.show(begun["run"]["sandbox"])["state"] == "ready")
        return begun["run"]

    def test(self, asked: dict[str, Any], **options: Any) -> Any:
        """To its end: the run as the host knows it."""
        begun = self.begin(asked)
        self.host.call("run-test", {"run": begun["id"], "seconds": 0, **options})
        return self.end(begun)

    def end(self, begun: Any) -> Any:
        asked = {"run": begun["id"], "to_end": True, "seconds": 50}
        found = self.host.call("run-follow", asked)
        assert not found["working"], found
        return found["run"]

    def output(self, found: Any, step: int = 0) -> bytes:
        return self.archive(found)[found["steps"][step]["log"]]

    def archive(self, found: Any) -> dict[str, bytes]:
        piece = self.host.call("run-piece", {"run": found["id"], "at": 0})
        data = base64.b64decode(piece["data"])
        assert len(data) == piece["size"]
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]

    def manifest(self, found: Any) -> Any:
        return json.loads(self.archive(found)["manifest.json"])


@pytest.fixture(scope="module")
def runs(warm: None, zipapp: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Its folders are not below /tmp, which a test has for itself."""
    folder = Path(tempfile.mkdtemp(dir="/srv"))
    folder.chmod(0o755)
    host = HostProgram(zipapp, folder)
    host.state.mkdir(mode=0o700)
    (host.state / "host.json").write_text(json.dumps({"run_account": ACCOUNT}))
    repository = tmp_path_factory.mktemp("shop")
    (repository / "e2e/out").mkdir(parents=True)
    (repository / "e2e/run.sh").write_text("#!/bin/sh\necho from the repository\n")
    (repository / "e2e/run.sh").chmod(0o755)
    (repository / "e2e/out/old.xml").write_text("<testsuite/>")
    yield Runs(host, repository)
    for sandbox_id in host.ids():
        host.destroy(sandbox_id)
    shutil.rmtree(folder)


def test_a_passing_run(runs: Runs) -> None:
    probe = {"service": "web", "http": {"port": 80, "path": "/", "status": 200}, "periodSeconds": 1}
    steps = [
        on_host("./e2e/run.sh; id -un; env; echo '<testsuite/>' > $E2E_OUT/new.xml", "host"),
        in_web("wget -qO- $SANDBOXER_ENDPOINT_WEB_80; echo '<x/>' > $E2E_OUT/web.xml", "inside"),
    ]
    found = runs.test(run_document(*steps, health=[probe]))
    assert [(one["name"], one["status"]) for one in found["phases"]] == [
        ("health", "done"),
        ("test", "done"),
        ("collect", "done"),
    ], found
    assert [one["exit_code"] for one in found["steps"]] == [0, 0]
    said = runs.output(found).decode()
    assert said.startswith(f"from the repository\n{ACCOUNT}\n")
    assert "SANDBOXER_ENDPOINT_WEB_80=http://127.0.0.1:" in said
    assert runs.output(found, 1) == b"it answers\n"
    files = {one["path"]: one["fresh"] for one in runs.manifest(found)["files"]}
    assert files["files/e2e/out/old.xml"] is False
    assert files["files/e2e/out/new.xml"] is files["files/e2e/out/web.xml"] is True
    assert {"services/web.log", "evidence/inspect.json", "evidence/versions.json"} <= files.keys()
