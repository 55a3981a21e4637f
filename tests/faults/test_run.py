"""A run on its host: health, steps and what they leave; hostile commands; a sandbox that dies."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import HostProgram, create_request, document, service, source_of
from tests.faults.test_trouble import await_condition

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
        data, size = b"", 1
        while len(data) < size:
            piece = self.host.call("run-piece", {"run": found["id"], "at": len(data)})
            data += base64.b64decode(piece["data"])
            size = piece["size"]
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
    ], found["steps"]
    assert [one["exit_code"] for one in found["steps"]] == [0, 0]
    said = runs.output(found).decode()
    assert said.startswith(f"from the repository\n{ACCOUNT}\n")
    assert "SANDBOXER_ENDPOINT_WEB_80=http://127.0.0.1:" in said
    assert runs.output(found, 1) == b"it answers\n"
    files = {one["path"]: one["fresh"] for one in runs.manifest(found)["files"]}
    assert files["files/e2e/out/old.xml"] is False
    assert files["files/e2e/out/new.xml"] is files["files/e2e/out/web.xml"] is True
    assert {"services/web.log", "evidence/inspect.json", "evidence/versions.json"} <= files.keys()


def test_words_output_and_ends_are_as_they_are(runs: Runs) -> None:
    hard = {"name": "words", "run": ["printf", "%s|", "a b", "$(id)", "';'", "x\ny"], "in": "host"}
    found = runs.test(run_document({**hard, "timeout": 20}, on_host("printf '\\377\\n'; exit 7")))
    assert runs.output(found, 0) == b"a b|$(id)|';'|x\ny|"
    assert (found["steps"][1]["exit_code"], found["died"]) == (7, "")
    assert (runs.output(found, 1), found["steps"][1]["tail"]) == (b"\xff\n", ["\ufffd"])


def test_a_step_dies_whole(runs: Runs) -> None:
    """Neither one that left its session, nor one that is deaf, nor one that holds the output."""
    left = "(trap '' TERM HUP; setsid sleep 997 & sleep 997) & trap '' TERM; "
    begun = time.monotonic()
    found = runs.test(
        run_document(
            on_host(left + "exit 0", "leaves"),
            in_web("(trap '' TERM; sleep 997) & echo out", "leaves inside"),
            in_web("sleep 998", "hangs inside", timeout=1),
        )
    )
    ends = [(one["exit_code"], one["timed_out"]) for one in found["steps"]]
    assert ends == [(0, False), (0, False), (None, True)], found
    assert runs.output(found, 1) == b"out\n"
    assert time.monotonic() - begun < 20
    assert not [one for one in commands() if "sleep 99" in one]
    late = runs.test(run_document(on_host(left + "sleep 997", "hangs", timeout=1)))
    assert [(one["exit_code"], one["timed_out"]) for one in late["steps"]] == [(None, True)]
    assert not [one for one in commands() if "sleep 99" in one]


def test_a_step_reaches_nothing_of_others(runs: Runs) -> None:
    other = runs.begin(run_document(on_host("true")))
    theirs = runs.host.folder / "srv" / other["sandbox"]
    assert (theirs / "source/e2e/run.sh").exists()
    lines = f"""
        ls {runs.host.folder}/srv; ls {theirs}; ls {runs.host.state}
        id; cat /proc/[0-9]*/comm | sort -u | tr '\\n' ' '; ls /proc | grep -c '^[0-9]'
        sudo -n true; podman ps; cat /etc/shadow
        [ -w /run/podman/podman.sock ] && echo SOCKET
        kill -9 {os.getpid()} && echo KILLED
        touch /tmp/mine /dev/shm/mine /var/tmp/mine; grep NoNewPrivs /proc/self/status
        """
    found = runs.test(run_document(on_host(lines)))
    said = runs.output(found).decode()
    assert said.splitlines()[0] == found["sandbox"], said
    for refused in (str(theirs), str(runs.host.state), "/etc/shadow"):
        assert any(
            (refused in line and "cat:" in line) or "ls:" in line for line in said.splitlines()
        )
    assert "uid=0" not in said and "SOCKET" not in said and "KILLED" not in said, said
    assert "NoNewPrivs:\t1" in said
    assert not Path("/tmp/mine").exists() and not Path("/dev/shm/mine").exists()
    runs.host.destroy(found["sandbox"])
    assert not (runs.host.folder / "srv" / found["sandbox"]).exists()


def test_a_flood_is_bounded(runs: Runs) -> None:
    found = runs.test(run_document(on_host("echo first; head -c 200000000 /dev/zero; echo last")))
    said = runs.output(found)
    assert said.startswith(b"first\n") and said.endswith(b"last\n")
    assert b"bytes are left out here" in said
    assert len(said) < 8.1 * 1024**2


def commands() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found
