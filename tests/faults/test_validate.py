"""The whole way of a validation, by the program and by the playbook, on this machine."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxer_cli.reporting.event import KINDS
from tests.faults.shop import (
    CONTRACT,
    IMAGE,
    REPORT,
    ROOT,
    Controller,
    kill,
    runs,
    sandboxes,
    script,
)
from tests.faults.test_run import commands
from tests.faults.test_trouble import await_condition
from tests.receiver import receiver

pytestmark = pytest.mark.podman


def test_a_dead_controllers_run_is_ended_by_another_one(shop: Path, tmp_path: Path) -> None:
    script(shop, f"echo '{REPORT}' > $E2E_OUT/a.xml; sleep 8; exit 3")
    with receiver() as hub:
        one = Controller(tmp_path / "one", hub.url)
        two = Controller(tmp_path / "two", hub.url, name="two")
        child = one.start("validate", "run", str(shop))
        await_condition(lambda: any(line.startswith("sleep 8") for line in commands()), 90)
        kill(child)
        [run] = runs()
        status, found = two.validate("resume", run)
        assert (status, found["outcome"], found["cleanup"]) == (9, "failed", "destroyed")
        assert found["tests"] == {"passed": 2, "failed": 0, "errors": 0, "skipped": 0}
        phases = [phase["status"] for phase in found["phases"]]
        assert phases == ["done", "done", "failed", "done", "done"]
        assert (sandboxes(), two.events().count("e2e_result")) == ([], 1)
        again, told = two.validate("resume", run)
        assert (again, {**told, "event": 0}) == (status, {**found, "event": 0})
        assert two.events().count("e2e_result") == 1
        assert len(hub.facts) == len(hub.got) == len(KINDS)


def test_evidence_of_a_killed_job_is_taken_before_its_sandbox_goes(
    shop: Path, tmp_path: Path
) -> None:
    script(shop, "echo it runs; sleep 997")
    one = Controller(tmp_path / "one")
    child = one.start("validate", "run", str(shop), "--json")
    await_condition(lambda: any(line.startswith("sleep 997") for line in commands()), 90)
    [folder] = [
        path.parent
        for path in Path("/var/lib/sandboxer/runs").glob("*/record.json")
        if json.loads(path.read_text())["state"] == "testing"
    ]
    await_condition(lambda: (folder / "steps/01-test.log").read_text() == "it runs\n")
    os.kill(json.loads((folder / "record.json").read_text())["job"]["pid"], signal.SIGKILL)
    out, _err = child.communicate(timeout=120)
    found = json.loads(out)
    assert (found["outcome"], found["error"]["code"]) == ("infra_error", "job_died")
    assert (found["cleanup"], sandboxes()) == ("destroyed", [])
    reports = Path(found["reports"]["json"]).parent
    assert (reports / "steps/01-test.log").read_text() == "it runs\n"
    assert {one.name for one in (reports / "evidence").iterdir()} == {
        "inspect.json",
        "versions.json",
    }
    assert (reports / "services/web.log").exists()


OURS = "192.0.2.77"
ON_THE_WAY = f"OUTPUT -d {OURS} -p tcp --dport 20000:29999 -j REDIRECT --to-ports"


@contextlib.contextmanager
def somebody_on_the_way() -> Iterator[None]:
    """This machine has an address for others, and behind it answers another one."""
    answers = http.server.ThreadingHTTPServer(("", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=answers.serve_forever, daemon=True).start()
    rule = f"{ON_THE_WAY} {answers.server_port}"
    with answers:
        shell(f"ip addr add {OURS}/32 dev lo && ip route add 192.0.2.0/24 dev lo src {OURS}")
        shell(f"iptables -t nat -I {rule}")
        try:
            yield
        finally:
            shell(
                f"iptables -t nat -D {rule}; ip route del 192.0.2.0/24; ip addr del {OURS} dev lo"
            )
            answers.shutdown()


def shell(line: str) -> None:
    subprocess.run(["sh", "-c", line], check=True, capture_output=True)


@pytest.mark.soak
def test_what_is_published_is_asked_from_here_too(shop: Path, tmp_path: Path) -> None:
    one = Controller(tmp_path / "one")
    profiles = one.home / ".config/sandboxer/profiles"
    profiles.mkdir(parents=True)
    lines = "summary: Mine.\nextends: profile.compose\npublish: host\n"
    (profiles / "mine.yml").write_text(lines)
    words = ("run", str(shop), "--profile", "profile.mine")
    assert one.validate(*words)[0] == 0
    with somebody_on_the_way():
        status, found = one.validate(*words)
    assert (status, found["outcome"], found["steps"][0]["exit_code"]) == (8, "unhealthy", 0)
    told = "web:80 is healthy on localhost, and not from here: got 501 from"
    assert found["reason"].startswith(told)


@pytest.mark.soak
def test_a_second_play_is_no_second_run(shop: Path, tmp_path: Path) -> None:
    one = Controller(tmp_path / "one")
    words = ["ansible-playbook", "-i", "inventories/local/hosts.yml", "coulomb.sandboxer.validate"]
    said = []
    for _play in range(2):
        child = one.start(*words, "-e", f"sandboxer_source={shop}")
        out, _err = child.communicate(timeout=120)
        assert child.returncode == 0, out.decode()
        said.append(out.decode())
    assert ("changed=1" in said[0], "changed=0" in said[1]) == (True, True)
    assert one.events().count("e2e_result") == 1
    script(shop, "exit 4")
    child = one.start(*words, "-e", f"sandboxer_source={shop}")
    out, _err = child.communicate(timeout=120)
    assert (child.returncode, b"failed: step test ended with 4" in out) == (2, True)
    assert sandboxes() == []


CANARIES = {"TOKEN": "canary-of-the-contract", "MORE": "canary-of-the-profile"}
FOLDERS = ("/var/lib/sandboxer", "/srv/sandboxer", "/run", "/dev/shm", "/var/lib/containers")
SHOWS_ITS_SECRETS = """
for one in "$TOKEN" "$MORE"; do echo "has $one"; done
test "$TOKEN $MORE" = "canary-of-the-contract canary-of-the-profile" || exit 9
echo "<testsuite><testcase><failure>$MORE</failure></testcase></testsuite>" > $E2E_OUT/a.xml
sleep 3
"""


@pytest.mark.parametrize("pipelining", ["1", pytest.param("0", marks=pytest.mark.soak)])
def test_a_canary_is_seen_by_the_test_alone(shop: Path, tmp_path: Path, pipelining: str) -> None:
    """Of a contract and of a profile, with all that Ansible can be told to say."""
    one = Controller(tmp_path / "one")
    settings = one.home / ".config/sandboxer"
    (settings / "profiles").mkdir(parents=True)
    lines = "summary: Mine.\nextends: profile.compose\nsecrets: [MORE]\n"
    (settings / "profiles/mine.yml").write_text(lines)
    rows = {}
    for name, text in CANARIES.items():
        (tmp_path / name).write_text(text)
        rows[name] = {"file": str(tmp_path / name)}
    (settings / "secrets.yml").write_text(json.dumps({"secrets": rows}))
    (settings / "secrets.yml").chmod(0o600)
    lines = f"{CONTRACT}sandbox: {{profile: profile.mine, secrets: [TOKEN]}}\n"
    (shop / "e2e/e2e.yml").write_text(lines)
    script(shop, SHOWS_ITS_SECRETS)
    words = ["ansible-playbook", "-vvvvvv", "-i", "inventories/local/hosts.yml"]
    words += ["coulomb.sandboxer.validate", "-e", f"sandboxer_source={shop}"]
    words += ["-e", f"sandboxer_run_key=canary-{pipelining}"]
    with (tmp_path / "said").open("wb") as said:
        child = subprocess.Popen(
            words,
            cwd=ROOT,
            env={**one.environment, "ANSIBLE_PIPELINING": pipelining, "ANSIBLE_DEBUG": "1"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
        seen = list(seen_while(child))
    out = (tmp_path / "said").read_text()
    assert "has ***" in out and "failed: the steps passed, and 1 test" in out, out
    assert "sleep 3" in " ".join(seen) and IMAGE in " ".join(seen)
    assert not [text for text in [out, *seen] if "canary-of" in text]
    assert sandboxes() == []
    assert [path for folder in (*FOLDERS, one.home) for path in holding(Path(folder))] == []


@pytest.mark.soak
def test_a_secret_is_asked_for_once(shop: Path, tmp_path: Path) -> None:
    """By the program, which may have a terminal; its play has it from there."""
    one = Controller(tmp_path / "one")
    settings = one.home / ".config/sandboxer"
    settings.mkdir(parents=True)
    command = tmp_path / "show"
    command.write_text(f"#!/bin/sh\necho once >> {tmp_path}/asked\necho {CANARIES['TOKEN']}\n")
    command.chmod(0o755)
    rows = {"TOKEN": {"command": [str(command)]}}
    (settings / "secrets.yml").write_text(json.dumps({"secrets": rows}))
    (settings / "secrets.yml").chmod(0o600)
    (shop / "e2e/e2e.yml").write_text(f"{CONTRACT}sandbox: {{secrets: [TOKEN]}}\n")
    script(shop, f'test "$TOKEN" = {CANARIES["TOKEN"]}')
    status, found = one.validate("run", str(shop))
    assert (status, found["outcome"]) == (0, "passed"), found
    assert (tmp_path / "asked").read_text() == "once\n"


def seen_while(child: subprocess.Popen[bytes]) -> Iterator[str]:
    """What anybody here is shown of processes and containers, until it has ended."""
    while child.poll() is None:
        yield "\n".join(commands())
        names = subprocess.run(["podman", "ps", "-aq"], capture_output=True, text=True).stdout
        for name in names.split():
            argv = ["podman", "container", "inspect", name]
            yield subprocess.run(argv, capture_output=True, text=True).stdout


def holding(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and b"canary-of" in path.read_bytes():
            yield str(path)


@pytest.mark.soak
def test_an_interrupt_takes_the_sandbox_away(shop: Path, tmp_path: Path) -> None:
    script(shop, "sleep 997")
    one = Controller(tmp_path / "one")
    child = one.start("validate", "run", str(shop), "--json")
    await_condition(lambda: any(line.startswith("sleep 997") for line in commands()), 90)
    child.send_signal(signal.SIGINT)
    out, _err = child.communicate(timeout=120)
    found = json.loads(out)
    assert (child.returncode, found["outcome"], found["cleanup"]) == (130, "cancelled", "destroyed")
    assert (sandboxes(), one.events().count("e2e_result")) == ([], 1)


@pytest.mark.soak
def test_what_stays_and_what_a_report_says(shop: Path, tmp_path: Path) -> None:
    bad = "<testsuite><testcase><failure/></testcase></testsuite>"
    script(shop, f"echo '{bad}' > $E2E_OUT/a.xml")
    one = Controller(tmp_path / "one")
    status, found = one.validate("run", str(shop), "--keep", "on-failure", "--run-key", "k1")
    assert (status, found["outcome"], found["cleanup"]) == (9, "failed", "kept")
    assert sandboxes() == [found["sandbox"]]
    again, told = one.validate("run", str(shop), "--run-key", "k1")
    assert (again, told["run"]) == (9, found["run"])
    child = one.start("sandboxer", "destroy", found["sandbox"])
    child.communicate(timeout=120)
    assert sandboxes() == []


@pytest.mark.soak
def test_the_old_entries_are_the_new_one(machine: Path) -> None:
    done = subprocess.run(
        [ROOT / "scripts/verify-e2e-shim.sh"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "passes: all three ended with 0",
        "fails: all three ended with 9",
        "wrong: all three ended with 2",
        "nothing is left",
    ]
    assert sandboxes() == []
