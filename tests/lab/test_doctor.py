"""doctor and trust on real hosts. Neither changes anything."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandboxer_cli import connection, doctor, hostkey
from sandboxer_cli.doctor.host import check
from tests.lab.access import host_key
from tests.lab.hosts import Host
from tests.lab.layout import INVENTORY, KNOWN_HOSTS
from tests.lab.listing import whole_listing

pytestmark = pytest.mark.lab

PROGRAM = Path(sys.executable).with_name("sandboxer")


@pytest.fixture(params=["h1", "h2"])
def way(lab: dict[str, Host], request: pytest.FixtureRequest) -> connection.Reach:
    return connection.reach(request.param, [INVENTORY])


def test_doctor_reads_what_is_there(lab: dict[str, Host], way: connection.Reach) -> None:
    host = lab[way.host]
    rows = {row["check"]: row for row in check(way)}
    assert rows["connection"]["result"] == "ok", rows["connection"]["said"]
    version = host.run(["podman", "version", "--format", "{{.Client.Version}}"]).stdout.strip()
    assert rows["engine"]["said"] == f"podman {version}"
    refused = {"h1": "refused (mode enforcing)", "h2": "refused (mode permissive)"}
    assert rows["short-names"]["said"] == refused[way.host]
    assert rows["max-sessions"]["said"] == "10"
    assert rows["clock"]["said"] == "agrees with ours"
    well = {"connection", "account", "python", "engine", "disk", "inodes", "memory", "clock"}
    assert {rows[name]["result"] for name in well} == {"ok"}


def test_doctor_changes_nothing(lab: dict[str, Host], way: connection.Reach) -> None:
    check(way)  # podman's first run after a boot makes its own folders
    before = whole_listing(lab[way.host].run)
    check(way)
    assert whole_listing(lab[way.host].run) == before


def test_both_hosts_through_the_program(lab: dict[str, Host]) -> None:
    argv = [str(PROGRAM), "doctor", "h1,h2", "-i", str(INVENTORY), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    rows = json.loads(done.stdout)
    assert {row["host"] for row in rows} == {"controller", "h1", "h2"}
    assert done.returncode == doctor.exit_status(rows)
    assert all(row["mend"] for row in rows if row["result"] != "ok")


def test_the_offered_key_is_the_hosts_own(lab: dict[str, Host], way: connection.Reach) -> None:
    offer = hostkey.look_up(way)
    assert offer.line == f"{lab[way.host].address} {host_key(lab[way.host])}"
    assert (offer.is_known, offer.file) == (True, KNOWN_HOSTS)
