"""A validation whose controller dies in mid-test, gone on with from another one over SSH."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from sandboxer_cli.reporting.event import KINDS
from tests.lab.command import await_until
from tests.lab.doors import BIN, INVENTORY, Controller
from tests.lab.hosts import Host
from tests.lab.test_dead_controller import kill_everything
from tests.lab.test_examples import RUN_ACCOUNT
from tests.receiver import receiver

pytestmark = pytest.mark.lab

CONTRACT = """
version: 1
profile: profile.hello
health: [{service: web, http: {port: 80, path: /}, periodSeconds: 1}]
test_command: "echo '<testsuite><testcase/></testsuite>' > $E2E_OUT/a.xml; sleep 6; exit 3"
reports: {junit: ["e2e/out/*.xml"]}
"""


@pytest.mark.parametrize("host", ["h2"])
def test_another_controller_ends_it(lab: dict[str, Host], host: str, tmp_path: Path) -> None:
    there = lab[host]
    (tmp_path / "shop/e2e").mkdir(parents=True)
    (tmp_path / "shop/e2e/e2e.yml").write_text(CONTRACT)
    where = ("-i", str(INVENTORY), "--host", host, "--json")
    program, mark = str(BIN / "validate"), uuid.uuid4().hex
    with receiver() as hub:
        told = {"SANDBOXER_HUB_URL": hub.url}
        one = Controller(tmp_path / "one", environment={**told, "SANDBOXER_TEST_MARK": mark})
        elsewhere = ("unshare", "--uts", "sh", "-c", 'hostname another; exec "$@"', "sh")
        two = Controller(tmp_path / "two", environment=told, prefix=elsewhere)
        if there.run(["id", RUN_ACCOUNT], check=False).returncode:
            assert two.sandboxer("host", "prepare", host).status == 0
        before = runs(there)
        child = one.start(program, "run", str(tmp_path / "shop"), *where)
        try:
            tests = ["pgrep", "-f", "^sleep 6$"]
            await_until(lambda: there.run(tests, check=False).stdout != "", 60, "it tests")
        finally:
            kill_everything(mark)
            child.communicate()
        [run] = runs(there) - before
        said = two.run(program, "resume", run, *where)
        assert (said.status, said.data["outcome"]) == (9, "failed"), said
        assert said.data["cleanup"] == "destroyed"
        assert said.data["tests"] == {"passed": 1, "failed": 0, "errors": 0, "skipped": 0}
        assert len(hub.facts) == len(hub.got) == len(KINDS)
    assert said.data["sandbox"] not in there.run(["ls", "/var/lib/sandboxer/sandboxes"]).stdout


def runs(host: Host) -> set[str]:
    return set(host.run(["ls", "/var/lib/sandboxer/runs"], check=False).stdout.split())
