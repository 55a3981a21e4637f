"""The whole way of a validation, by the program and by the playbook, on this machine."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from sandboxer_cli.reporting.event import KINDS
from tests.faults.shop import REPORT, ROOT, Controller, kill, runs, sandboxes, script
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
