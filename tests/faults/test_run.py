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
import uuid
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
        self.count = 0
        self.shared = ""  # a sandbox that every test leaves as it was

    def begin(self, asked: dict[str, Any]) -> Any:
        """What `run-begin` answered."""
        self.count += 1
        request = {"key": f"k{self.count}", "owner": "me", "document": asked}
        begun = self.host.call("run-begin", request)
        assert "error" not in begun, begun
        return begun["run"]

    def make(self, begun: Any) -> Any:
        """Its sandbox, until it is ready."""
        stack = document(web=service(ports=[{"target": 80, "protocol": "tcp"}]))
        stack["source"] = True
        stack["probes"] = [{"service": "web", "tcp": {"port": 80}}]
        request = create_request(
            name=begun["id"],
            id=begun["sandbox"],
            document=stack,
            source_digest=source_of(self.repository),
            ttl=600,
        )
        self.host.send(self.host.call("create", request), self.repository)
        await_condition(lambda: self.host.show(begun["sandbox"])["state"] == "ready")
        return begun

    def share(self, begun: Any) -> Any:
        """No sandbox of its own, which takes seconds: the one that others leave as it was."""
        path = self.host.state / "runs" / begun["id"] / "record.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "sandbox": self.shared}))
        return {**begun, "sandbox": self.shared}

    def start(self, begun: Any, **options: Any) -> Any:
        return self.host.call("run-test", {"run": begun["id"], "seconds": 0, **options})

    def test(self, *steps: dict[str, Any], **changes: Any) -> Any:
        """In the shared sandbox, to its end: the run as the host knows it."""
        secrets = changes.pop("given", {})
        begun = self.share(self.begin(run_document(*steps, **changes)))
        self.start(begun, secrets=secrets)
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
    made = Runs(host, repository)
    made.shared = made.make(made.begin(run_document(on_host("true"))))["sandbox"]
    yield made
    for sandbox_id in host.ids():
        host.destroy(sandbox_id)
    shutil.rmtree(folder)


def test_a_passing_run(runs: Runs) -> None:
    probe = {"service": "web", "http": {"port": 80, "path": "/", "status": 200}, "periodSeconds": 1}
    found = runs.test(
        on_host("./e2e/run.sh; id -un; env; echo '<testsuite/>' > $E2E_OUT/new.xml", "host"),
        in_web("wget -qO- $SANDBOXER_ENDPOINT_WEB_80; echo '<x/>' > $E2E_OUT/web.xml", "inside"),
        health=[probe],
    )
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


def test_reports_that_are_not_of_this_test(runs: Runs) -> None:
    """`old.xml` lay there; what `again.sh` leaves at its first attempt is not of its second."""
    lines = """
        cd $E2E_OUT; cp old.xml copy.xml; cat old.xml > same.tmp; cat same.tmp > old.xml
        touch -d '2020-01-01' aged.xml; echo '<testsuite name="2"/>' > rewritten.xml
        [ -e first.xml ] || { echo '<testsuite/>' > first.xml; exit 1; }
        """
    found = runs.test(on_host(lines), retries=1)
    assert [one["exit_code"] for one in found["steps"]] == [1, 0]
    files = {Path(one["path"]).name: one.get("stale") for one in runs.manifest(found)["files"]}
    assert files["copy.xml"] == files["rewritten.xml"] == ""
    assert files["old.xml"] == "it is byte for byte what was there before the test"
    assert files["aged.xml"] == "it is older than the test"
    assert files["first.xml"] == "it is of an attempt that was tried again"


def test_words_output_and_ends_are_as_they_are(runs: Runs) -> None:
    hard = {"name": "words", "run": ["printf", "%s|", "a b", "$(id)", "';'", "x\ny"], "in": "host"}
    found = runs.test({**hard, "timeout": 20}, on_host("printf '\\377\\n'; exit 7"))
    assert runs.output(found, 0) == b"a b|$(id)|';'|x\ny|"
    assert (found["steps"][1]["exit_code"], found["died"]) == (7, "")
    assert (runs.output(found, 1), found["steps"][1]["tail"]) == (b"\xff\n", ["\ufffd"])
    assert found["phases"][1]["status"] == "failed"


def test_a_step_that_fails_is_tried_again(runs: Runs) -> None:
    flaky = on_host("[ -e /tmp/again ] || { touch /tmp/again; exit 5; }", "flaky")
    found = runs.test(flaky, on_host("true", "next"), retries=2)
    ends = [(one["name"], one["attempt"], one["exit_code"]) for one in found["steps"]]
    assert ends == [("flaky", 1, 5), ("flaky", 2, 0), ("next", 1, 0)]


LEAVES = "(trap '' TERM HUP; setsid sleep 997 & sleep 997) & trap '' TERM; "


@pytest.mark.parametrize(
    ("step", "end"),
    [
        (on_host(LEAVES + "exit 0"), (0, False)),
        (on_host(LEAVES + "sleep 997", timeout=1), (None, True)),
        pytest.param(
            in_web("(trap '' TERM; sleep 997) & echo out"), (0, False), marks=pytest.mark.soak
        ),
        (in_web("(trap '' TERM; sleep 997) >/dev/null 2>&1 & echo out"), (0, False)),
        pytest.param(in_web("sleep 998", timeout=1), (None, True), marks=pytest.mark.soak),
    ],
    ids=["left", "hangs", "left inside", "left inside, unheard", "hangs inside"],
)
def test_a_step_dies_whole(runs: Runs, step: Any, end: Any) -> None:
    """Neither what left its session lives on, nor what is deaf, nor what holds the output."""
    found = runs.test(step)
    assert [(one["exit_code"], one["timed_out"]) for one in found["steps"]] == [end], found
    assert not [one for one in commands() if "sleep 99" in one]


def test_a_step_reaches_nothing_of_others(runs: Runs) -> None:
    theirs = runs.host.folder / "srv/sbx-other"
    theirs.mkdir(mode=0o755)
    (theirs / "secret").write_text("canary")
    mine = f"mine-{uuid.uuid4()}"
    lines = f"""
        ls {runs.host.folder}/srv; cat {theirs}/secret; ls {runs.host.state}; cat /etc/shadow
        kill -9 {os.getpid()} && echo KILLED
        [ -w /run/podman/podman.sock ] && echo SOCKET
        sudo -n id; podman ps; su -c id; grep -e NoNewPrivs -e CapEff /proc/self/status
        for each in /tmp /dev/shm /var/tmp {runs.host.folder}/srv/{runs.shared}; do
            touch $each/{mine}; done
        ls /proc | grep -c '^[0-9]'
        """
    found = runs.test(on_host(lines))
    said = runs.output(found).decode()
    assert said.splitlines()[0] == found["sandbox"], said
    for word in ("canary", "uid=0", "SOCKET", "KILLED"):
        assert word not in said, said
    assert "NoNewPrivs:\t1" in said
    assert "CapEff:\t0000000000000000" in said
    assert int(said.splitlines()[-1]) < 8
    for folder in ("/tmp", "/dev/shm", "/var/tmp", f"{runs.host.folder}/srv/{runs.shared}"):
        assert not (Path(folder) / mine).exists()
    shutil.rmtree(theirs)


def test_a_flood_is_bounded(runs: Runs) -> None:
    found = runs.test(on_host("echo first; head -c 200000000 /dev/zero; echo last"))
    said = runs.output(found)
    assert said.startswith(b"first\n") and said.endswith(b"last\n")
    assert b"bytes are left out here" in said
    assert len(said) < 8.1 * 1024**2


def test_nothing_but_plain_files_of_the_tree_comes_back(runs: Runs) -> None:
    lines = """
        cd $E2E_OUT; ln -s /etc/passwd link; ln -s /etc links; mkfifo pipe; ln -s loop loop
        echo plain > plain; echo no > "$(printf 'new\\nline')"; truncate -s 1T hole
        ln -s ../../.. up; mkdir -p a/b; echo deep > a/b/c
        """
    found = runs.test(on_host(lines))
    assert found["phases"][-1]["status"] == "done"
    kept = [one["path"] for one in runs.manifest(found)["files"] if "artifact" in one["kinds"]]
    out = "files/e2e/out/"
    assert {out + "plain", out + "a/b/c"} <= set(kept)
    assert not {one for one in kept if "link" in one or "pipe" in one or "\n" in one}
    assert out + "hole" not in kept
    assert "e2e/out/hole" in " ".join(runs.manifest(found)["left_out"])


def test_a_secret_is_in_the_test_and_nowhere_else(runs: Runs) -> None:
    lines = 'echo "has $TOKEN"; env > $E2E_OUT/own; env > $E2E_OUT/a.xml; test ${#TOKEN} = 13'
    found = runs.test(on_host(lines), in_web(lines, "inside"), given={"TOKEN": "s3cret-canary"})
    assert [one["exit_code"] for one in found["steps"]] == [0, 0]
    assert runs.output(found) == runs.output(found, 1) == b"has ***\n"
    # what a test itself puts into a file of its own is its own
    kept = {name: data for name, data in runs.archive(found).items() if "/own" not in name}
    assert not [name for name, data in kept.items() if b"canary" in data]
    folder = runs.host.state / "runs" / found["id"]
    left = [path for path in folder.rglob("*") if path.is_file() and path.name != "out.tar"]
    assert not [path for path in left if b"canary" in path.read_bytes()]


def test_what_a_killed_job_had_of_secrets_goes_with_its_sandbox(runs: Runs) -> None:
    """One that the engine would take for its own goes by a file; so does what is not yet read."""
    begun = runs.make(runs.begin(run_document(in_web("echo it runs; sleep 997"))))
    folder = runs.host.state / "runs" / begun["id"]
    runs.start(begun, secrets={"DOCKER_CONFIG": "s3cret-canary"})
    await_condition(lambda: (folder / "env").exists())
    os.kill(json.loads((folder / "record.json").read_text())["job"]["pid"], signal.SIGKILL)
    (folder / "secrets.json").write_text('{"OTHER": "canary"}')
    runs.end(begun)
    assert len(holding(folder)) == 2
    runs.host.destroy(begun["sandbox"])
    assert holding(folder) == []


def holding(folder: Path) -> list[Path]:
    """The files that have the canary."""
    return [one for one in folder.rglob("*") if one.is_file() and b"canary" in one.read_bytes()]


@pytest.mark.soak
def test_while_it_runs_a_secret_is_in_no_process_of_ours(runs: Runs) -> None:
    begun = runs.share(runs.begin(run_document(on_host("sleep 3"), in_web("sleep 3", "inside"))))
    runs.start(begun, secrets={"TOKEN": "s3cret-canary"})
    for number in (1, 2):
        await_condition(lambda: any("sleep 3" in one for one in commands()))
        assert not [one for one in commands() if "canary" in one]
        inspected = podman("container", "inspect", f"{runs.shared}.web")
        assert "canary" not in inspected
        await_condition(lambda number=number: len(shown(runs, begun)["steps"]) >= number)
    runs.end(begun)


def test_unhealthy_says_why(runs: Runs) -> None:
    probe = {
        "service": "web",
        "http": {"port": 80, "path": "/no"},
        "periodSeconds": 0.1,
        "failureThreshold": 2,
    }
    found = runs.test(on_host("true"), health=[probe])
    health, test, collect = found["phases"]
    assert (health["status"], test["status"], collect["status"]) == ("failed", "skipped", "done")
    assert "404" in health["reason"]
    late = runs.test(on_host("true"), health=[{**probe, "failureThreshold": 1000}], timeouts=SHORT)
    assert late["phases"][0]["status"] == "timeout"
    assert "not healthy after 1 s" in late["phases"][0]["reason"]


SHORT = {"health": 1, "test": 2, "collect": 20}


@pytest.mark.soak
def test_all_steps_together_have_their_time(runs: Runs) -> None:
    found = runs.test(on_host("sleep 1.5", "one"), on_host("sleep 30", "two"), timeouts=SHORT)
    assert [one["timed_out"] for one in found["steps"]] == [False, True]
    assert found["phases"][1]["status"] == "timeout"
    assert found["phases"][1]["seconds"] < 5


def test_a_key_is_asked_once(runs: Runs) -> None:
    begun = runs.share(runs.begin(run_document(on_host("echo once >> /tmp/times"))))
    asked = {"key": begun["key"], "owner": "me", "document": run_document(on_host("false"))}
    assert runs.host.call("run-begin", asked) == {"changed": False, "run": begun}
    for _time in range(2):
        runs.start(begun)
    found = runs.end(begun)
    runs.start(begun)
    assert len(runs.end(begun)["steps"]) == len(found["steps"]) == 1
    first = runs.host.call("run-finish", {"run": begun["id"], "result": {"outcome": "passed"}})
    later = runs.host.call("run-finish", {"run": begun["id"], "result": {"outcome": "failed"}})
    assert (first["changed"], later["changed"]) == (True, False)
    again = runs.host.call("run-begin", asked)
    assert (again["changed"], again["run"]["result"]) == (False, {"outcome": "passed"})


def killed(runs: Runs, line: str, **changes: Any) -> Any:
    """A run whose job was killed in the middle of its step."""
    secrets = changes.pop("given", {})
    begun = runs.share(runs.begin(run_document(on_host(line + "; setsid sleep 997"), **changes)))
    runs.start(begun, secrets=secrets)
    await_condition(lambda: any(one.startswith("sleep 997") for one in commands()))
    folder = runs.host.state / "runs" / begun["id"]
    await_condition(lambda: bool((folder / "steps/01-test.log").read_bytes()))
    os.kill(json.loads((folder / "record.json").read_text())["job"]["pid"], signal.SIGKILL)
    return runs.end(begun)


def test_a_killed_job_is_no_failed_test(runs: Runs) -> None:
    found = killed(runs, "echo it runs")
    assert (found["state"], found["error"]["code"], found["steps"]) == ("tested", "job_died", [])
    await_condition(lambda: not any("sleep 997" in one for one in commands()))


@pytest.mark.parametrize("known", [True, False], ids=["known", "forgotten"])
def test_what_a_killed_job_left_is_collected_once(runs: Runs, known: bool) -> None:
    """Where its secrets are forgotten, without what they might be in."""
    lines = "echo said $TOKEN; echo '<testsuite/>' > $E2E_OUT/half.xml; echo $TOKEN > $E2E_OUT/own"
    token = {"TOKEN": "s3cret-canary"}
    found = killed(runs, lines, secrets=["TOKEN"], given=token)
    asked = {"run": found["id"], "secrets": token if known else {}}
    collected = runs.host.call("run-collect", asked)["run"]
    states = [(one["name"], one["status"]) for one in collected["phases"]]
    assert states == [("health", "skipped"), ("test", "running"), ("collect", "done")]
    kept = runs.archive(found)
    assert kept["steps/01-test.log"] == b"said ***\n"
    assert {"evidence/inspect.json", "evidence/versions.json", "files/e2e/out/own"} <= kept.keys()
    rows = {one["path"]: one.get("stale") for one in runs.manifest(found)["files"]}
    assert ("services/web.log" in rows) is known
    assert rows.get("files/e2e/out/half.xml") == ("its test broke off" if known else None)
    assert ("nobody here knows it" in str(runs.manifest(found)["left_out"])) is not known
    assert runs.host.call("run-collect", asked)["run"] == collected


def test_a_sandbox_that_dies_is_no_failed_test(runs: Runs) -> None:
    """Its container is killed; then all of it is taken away, and its test with it."""
    begun = runs.make(runs.begin(run_document(on_host("sleep 2; exit 1", "one"))))
    runs.start(begun)
    podman("kill", f"{begun['sandbox']}.web")
    found = runs.end(begun)
    assert found["died"] == f"{begun['sandbox']}.web is exited"
    assert [one["exit_code"] for one in found["steps"]] == [1]
    runs.host.destroy(begun["sandbox"])


@pytest.mark.parametrize("verb", ["destroy", pytest.param("run-cancel", marks=pytest.mark.soak)])
def test_taken_away_or_cancelled_in_the_middle(runs: Runs, verb: str) -> None:
    begun = runs.make(runs.begin(run_document(on_host("sleep 997"))))
    runs.start(begun)
    await_condition(lambda: any(one.startswith("sleep 997") for one in commands()))
    runs.host.call(verb, {"id": begun["sandbox"], "run": begun["id"]})
    found = runs.end(begun)
    assert found["cancelled"] == (verb == "run-cancel")
    assert (found["error"] or {}).get("code") == ("sandbox_died" if verb == "destroy" else None)
    assert begun["sandbox"] not in runs.host.ids()
    assert not [one for one in commands() if "sleep 997" in one]


def test_no_account_no_run(runs: Runs) -> None:
    path = runs.host.state / "host.json"
    before = path.read_text()
    for account in (None, "root", "nobody-of-that-name"):
        path.write_text(json.dumps({"run_account": account}))
        asked = {"key": "none", "owner": "me", "document": run_document(on_host("true"))}
        assert runs.host.call("run-begin", asked)["error"]["code"] == "run_account_missing"
    path.write_text(before)


def shown(runs: Runs, begun: Any) -> Any:
    return runs.host.call("run-show", {"run": begun["id"]})


def commands() -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found
