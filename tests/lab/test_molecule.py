"""Molecule's scenarios of the roles, each on a host of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.lab.doors import BIN, ROOT, Controller, Said
from tests.lab.hosts import Host
from tests.lab.layout import SSH_KEY
from tests.lab.listing import whole_listing

pytestmark = pytest.mark.lab

COLLECTION = ROOT / "collections/ansible_collections/coulomb/sandboxer"


def molecule(home: Path, host: Host, *words: str, **environment: str) -> Said:
    """Its folders are the home's; it works in the collection's root alone."""
    controller = Controller(
        home,
        prefix=("env", f"--chdir={COLLECTION}"),
        environment={
            "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
            "NO_COLOR": "1",
            "SANDBOXER_LAB_HOST": host.name,
            **environment,
        },
    )
    return controller.run(str(BIN / "molecule"), *words)


def whole(said: Said) -> bool:
    """Whether every action of the sequence was done: Molecule passes over what has no playbook."""
    return "skipped=0  missing=0  failed=0" in said.err


@pytest.mark.soak
@pytest.mark.on("h1")
def test_the_role_host(lab: dict[str, Host], tmp_path: Path) -> None:
    said = molecule(tmp_path, lab["h1"], "test", "-s", "host")
    assert (said.status, whole(said)) == (0, True), said


@pytest.mark.on("h2")
def test_the_role_compose(lab: dict[str, Host], tmp_path: Path) -> None:
    host = lab["h2"]
    before = whole_listing(host.run, images=False)
    said = molecule(tmp_path, host, "test", "-s", "compose")
    assert (said.status, whole(said)) == (0, True), said
    assert whole_listing(host.run, images=False) == before


@pytest.mark.on("h3")
def test_the_role_validate(lab: dict[str, Host], tmp_path: Path) -> None:
    host = lab["h3"]
    before = whole_listing(host.run, images=False)
    said = molecule(tmp_path, host, "test", "-s", "validate")
    assert (said.status, whole(said)) == (0, True), said
    assert whole_listing(host.run, images=False) == before


@pytest.mark.on("h2")
def test_a_host_key_that_is_not_known(lab: dict[str, Host], tmp_path: Path) -> None:
    """An inventory that says nothing of the check: Molecule's own configuration has it off."""
    host = lab["h2"]
    known = tmp_path / "known_hosts"
    known.touch()
    variables = {
        "ansible_host": host.address,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(SSH_KEY),
        "ansible_ssh_common_args": f"-F none -o UserKnownHostsFile={known}",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(json.dumps({"all": {"hosts": {host.name: variables}}}))
    said = molecule(
        tmp_path, host, "converge", "-s", "host", SANDBOXER_LAB_INVENTORY=str(inventory)
    )
    assert said.status != 0, said
    assert "Host key verification failed" in said.out
    assert known.read_text() == ""
