"""How validations end by what happens to them, and what of it a person or a CI is told."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from junitparser import Error, JUnitXml

from sandboxer_cli.reporting.case import OWN_SUITE
from tests.faults.shop import Controller, runs, sandboxes, script
from tests.faults.test_run import commands
from tests.faults.test_trouble import await_condition
from tests.sshd import Sshd

pytestmark = pytest.mark.podman


def test_one_junit_file_of_all_that_is_of_this_run(shop: Path, tmp_path: Path) -> None:
    (shop / "e2e/out").mkdir()
    for name in ("committed", "again"):
        old = f'<testsuite name="{name}"><testcase name="old"><failure/></testcase></testsuite>'
        (shop / f"e2e/out/{name}.xml").write_text(old)
    # of the two that lay there one is written again, byte for byte as it was
    lines = """
        cd $E2E_OUT; cp again.xml kept; cat kept > again.xml
        echo '<testsuites><testsuite name="unit" tests="2"><testcase name="adds" time="0.5"/>' \\
            '<testcase name="waits"><skipped message="no net"/></testcase></testsuite>' \\
            '<testsuite name="page"><testcase name="opens"/></testsuite></testsuites>' > new.xml
        """
    script(shop, lines)
    wanted = tmp_path / "ci/e2e.xml"
    wanted.parent.mkdir()
    wanted.write_text("<testsuites><testsuite name='an older run'/></testsuites>")
    one = Controller(tmp_path / "one")
    status, found = one.validate("run", str(shop), "--junit", str(wanted))
    assert (status, found["outcome"], found["cleanup"]) == (0, "passed", "destroyed"), found
    assert found["tests"] == {"passed": 2, "failed": 0, "errors": 0, "skipped": 1}
    assert {row["path"]: row["why"] for row in found["not_counted"]} == {
        "e2e/out/again.xml": "it is byte for byte what was there before the test",
        "e2e/out/committed.xml": "it is older than the test",
    }
    written = JUnitXml.fromfile(str(wanted))
    suites = {suite.name: [case.name for case in suite] for suite in written}
    assert (suites["unit"], suites["page"]) == (["adds", "waits"], ["opens"])
    assert "test: test" in suites[OWN_SUITE]
    assert not {"committed", "again", "an older run"} & {*suites}
    assert (written.failures, written.errors, written.skipped) == (0, 0, 1)
    script(shop, "exit 4")
    status, found = one.validate("run", str(shop), "--junit", str(wanted))
    assert (status, found["tests"]["passed"]) == (9, 0)
    written = JUnitXml.fromfile(str(wanted))
    assert (written.failures, written.errors) == (1, 0)
    assert [suite.name for suite in written] == [OWN_SUITE]


@pytest.mark.soak
def test_a_step_that_hangs_is_no_failed_test(shop: Path, tmp_path: Path) -> None:
    contract = shop / "e2e/e2e.yml"
    contract.write_text(contract.read_text().replace("timeouts: {", "timeouts: {test: 2s, "))
    script(shop, "echo so far; sleep 997")
    one = Controller(tmp_path / "one")
    status, found = one.validate("run", str(shop))
    assert (status, found["outcome"], found["cleanup"]) == (124, "timeout", "destroyed")
    [step] = found["steps"]
    assert (step["timed_out"], step["exit_code"], step["tail"]) == (True, None, ["so far"])
    written = JUnitXml.fromfile(found["reports"]["junit"])
    assert [type(end) for suite in written for case in suite for end in case.result] == [Error]
    assert sandboxes() == []


@pytest.mark.soak
def test_what_is_left_behind_fails_a_run_that_has_passed(shop: Path, tmp_path: Path) -> None:
    script(shop, "sleep 4")
    one = Controller(tmp_path / "one")
    child = one.start("validate", "run", str(shop), "--json")
    await_condition(lambda: any(line.startswith("sleep 4") for line in commands()), 90)
    [sandbox] = sandboxes()
    folder = f"/srv/sandboxer/{sandbox}"
    (Path(folder) / "source/mount").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "busy", f"{folder}/source/mount"], check=True)
    out, err = child.communicate(timeout=120)
    found = json.loads(out)
    assert (child.returncode, found["outcome"], found["cleanup"]) == (10, "passed", "failed")
    assert f"something was left behind: dir {folder}" in err.decode()
    [left] = one.call("sandboxer", "list")[1]
    assert (left["id"], left["state"], left["error"]["code"]) == (sandbox, "stuck", "residue")
    assert one.call("sandboxer", "destroy", sandbox)[0] == 10
    subprocess.run(["umount", f"{folder}/source/mount"], check=True)
    assert one.call("sandboxer", "destroy", sandbox)[0] == 0
    assert (sandboxes(), Path(folder).exists()) == ([], False)


@pytest.mark.soak
def test_a_link_that_is_cut_in_mid_test(shop: Path, sshd: Sshd, tmp_path: Path) -> None:
    script(shop, "sleep 6; exit 3")
    one = Controller(tmp_path / "one")
    where = ("-i", str(sshd.inventory()), "--host", "box")
    child = one.start("validate", "run", str(shop), *where, "--json")
    await_condition(lambda: any(line.startswith("sleep 6") for line in commands()), 90)
    sshd.stop()
    assert child.stderr is not None
    assert any(b"no answer" in line for line in child.stderr)
    sshd.start()
    out, _err = child.communicate(timeout=120)
    found = json.loads(out)
    assert (child.returncode, found["outcome"], found["cleanup"]) == (9, "failed", "destroyed")
    assert (sandboxes(), one.events().count("e2e_result")) == ([], 1)


@pytest.mark.soak
def test_a_host_that_stays_silent_fails_no_test(shop: Path, sshd: Sshd, tmp_path: Path) -> None:
    """Nobody knows what came of it, so nobody is told, until it answers again."""
    script(shop, "sleep 6; exit 3")
    one = Controller(tmp_path / "one")
    where = ("-i", str(sshd.inventory()), "--host", "box")
    child = one.start("validate", "run", str(shop), *where, "--json")
    await_condition(lambda: any(line.startswith("sleep 6") for line in commands()), 90)
    sshd.stop()
    out, err = child.communicate(timeout=300)
    assert (child.returncode, json.loads(out)["error"]["code"]) == (11, "host_unreachable")
    assert err.count(b"no answer") == 1
    assert not (one.home / ".local").exists()
    sshd.start()
    [run] = runs()
    status, found = one.validate("resume", run, *where)
    assert (status, found["outcome"], found["cleanup"]) == (9, "failed", "destroyed")
    assert (sandboxes(), one.events().count("e2e_result")) == ([], 1)
