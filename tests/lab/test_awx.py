"""Jobs as AWX starts them, on a real host: one hands on to the next, one is cancelled."""

from __future__ import annotations

import json
import signal
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import awx
from tests.lab.command import await_until
from tests.lab.doors import Controller
from tests.lab.hosts import Host
from tests.lab.layout import KNOWN_HOSTS, SSH_KEY
from tests.lab.listing import whole_listing
from tests.lab.test_dead_controller import REAPED_WITHIN, TTL_SECONDS, log_of, records, same_as

pytestmark = [pytest.mark.lab, pytest.mark.on("h2")]


@pytest.fixture
def host(lab: dict[str, Host], tmp_path: Path) -> Host:
    """A prepared host, so that its reaper's timer runs."""
    host = lab["h2"]
    prepared = Controller(tmp_path).sandboxer("host", "prepare", host.name, "--json")
    assert prepared.data["reaper"] == "systemd", prepared
    return host


def job(host: Host, folder: Path, playbook: str, variables: Mapping[str, Any]) -> awx.Job:
    """With the credential types of ours and AWX's own: known hosts, owner, key."""
    known = "{{ lookup('env', 'SANDBOXER_KNOWN_HOSTS') }}"
    values = {
        "ansible_host": host.address,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(SSH_KEY),
        "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={known}",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    folder.mkdir()
    inventory = folder / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {host.name: values}}}))
    surroundings = {"SANDBOXER_KNOWN_HOSTS": str(KNOWN_HOSTS), "SANDBOXER_OWNER": "team"}
    return awx.Job(folder / "job", playbook, inventory, variables, surroundings)


def hello(host: Host, name: str) -> dict[str, str]:
    """As a survey gives it: text."""
    return {
        "sandboxer_profile": "profile.hello",
        "sandboxer_host": host.name,
        "sandboxer_name": name,
        "sandboxer_set": "message=by AWX",
        "sandboxer_ttl": f"{TTL_SECONDS}s",
    }


@pytest.fixture
def jobs() -> Iterator[Path]:
    """A short path, as a job's home has in AWX: a socket's may have a hundred characters."""
    with tempfile.TemporaryDirectory(prefix="awx-") as folder:
        yield Path(folder)


def test_one_job_makes_and_hands_on_to_the_one_that_destroys(host: Host, jobs: Path) -> None:
    variables = hello(host, "handed") | {"sandboxer_ttl": "10m", "sandboxer_wait": "true"}
    made = job(host, jobs / "create", "create", variables).run()
    assert made.status == 0, made.out
    found = made.artifacts["sandboxer_result"]
    assert (found["state"], found["owner"], found["host"]) == ("ready", "team", host.name)
    # A workflow gives the next node the artifacts as variables, and nothing else.
    gone = job(host, jobs / "destroy", "destroy", made.artifacts).run()
    assert gone.status == 0, gone.out
    receipt = gone.artifacts["sandboxer_result"]
    assert (receipt["id"], receipt["changed"], receipt["remains"]) == (found["id"], True, [])
    assert found["id"] not in records(host)


@pytest.mark.soak
def test_a_job_that_is_cancelled_leaves_nothing_for_long(host: Host, jobs: Path) -> None:
    """AWX cancels by SIGKILL to all of the job: deadline and lease end what it had begun."""
    warm = job(host, jobs / "warm", "create", hello(host, "warm")).run()
    gone = job(host, jobs / "gone", "destroy", warm.artifacts).run()
    assert gone.status == 0, gone.out
    before = whole_listing(host.run)
    cancelled = job(host, jobs / "cancelled", "create", hello(host, "cancelled"))
    child = cancelled.start()
    try:
        await_until(
            lambda: '"phase": "make"' in log_of(host, "cancelled"), 60, "containers are made"
        )
    finally:
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=60)
    assert (cancelled.folder / "artifacts/42/status").read_text() == "canceled"
    assert not [one for one in cancelled.events() if one["event"] == "playbook_on_stats"]
    assert len(records(host)) == 1
    await_until(same_as(host, before), TTL_SECONDS + REAPED_WITHIN, f"{host.name} is clean")
