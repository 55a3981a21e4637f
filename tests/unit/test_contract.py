"""The contracts: the published schemas are those of the code, and the code's answers fit them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import record
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.clock import now
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.lease import grant
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import Record
from sandboxer_cli import connection, contract, errors, host

PUBLISHED = Path(__file__).resolve().parents[2] / "docs/reference"


@pytest.mark.parametrize("name", sorted(contract.documents()))
def test_what_is_published_is_what_the_code_says(name: str) -> None:
    """A difference here is a change of a contract: give its reason, then `make generate`."""
    assert (PUBLISHED / name).read_text() == contract.documents()[name]


def example() -> Record:
    return Record(
        id="sbx-4f7kq2zd",
        name="one",
        owner="me",
        generation=1,
        state="ready",
        wanted="present",
        program="0.1.0-0123456789abcdef.pyz",
        lease=grant(60.0, 60.0, now()).as_dict(),
        engine="podman",
        instants={"created_at": 1795527050.5, "ready_at": 1795527051.0},
        holdings=({"kind": "container", "key": "sbx-4f7kq2zd.web"},),
        containers={"sbx-4f7kq2zd.web": "running"},
        reachability={
            "remote_dir": "/srv/sandboxer/sbx-4f7kq2zd",
            "endpoints": [
                {
                    "service": "web",
                    "port": 80,
                    "protocol": "tcp",
                    "host_port": 20000,
                    "scope": "loopback",
                    "url": "http://127.0.0.1:20000",
                }
            ],
        },
        error=errors.NotReady("too slow").detail.as_dict(),
    )


def test_a_record_fits_its_schema() -> None:
    contract.Record.model_validate(example().as_dict())


def test_an_object_fits_its_schema() -> None:
    found = record.view(example(), "ready", "ok")
    way = connection.Reach("h1", "ssh", ssh={"host": "192.0.2.1", "port": 22, "user": "root"})
    contract.Sandbox.model_validate(host.complete(found, way, changed=True))
    contract.Sandbox.model_validate(host.complete(found, connection.Reach("h", "local"), True))


def test_every_code_of_the_host_has_its_class() -> None:
    """Codes are spelled in the host library as the first argument of HostError."""
    import ast

    library = Path(record.__file__).parent
    used = set()
    for path in library.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "id", "") == "HostError"
                and isinstance(node.args[0], ast.Constant)
            ):
                used.add(node.args[0].value)
    assert used <= set(errors.HOST_ERRORS)


def test_exit_statuses_are_the_contract() -> None:
    assert {kind.code: kind.exit_status for kind in errors.SandboxerError.__subclasses__()} == {
        "usage": 2,
        "ssh": 3,
        "not_found": 4,
        "conflict": 5,
        "capacity": 6,
        "provisioning_failed": 7,
        "not_ready": 8,
        "residue": 10,
        "host_unreachable": 11,
        "try_again": 12,
        "deadline": 124,
        "cancelled": 130,
    }


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("usage", 2),
        ("newer_record", 2),
        ("not_found", 4),
        ("conflict", 5),
        ("expired", 5),
        ("fenced", 5),
        ("ports_exhausted", 6),
        ("networks_exhausted", 6),
        ("disk_full", 6),
        ("image_unavailable", 7),
        ("not_ready", 8),
        ("residue", 10),
        ("busy", 12),
        ("reaper_late", 12),
        ("deadline", 124),
        ("cancelled", 130),
        ("of a later version", 1),
    ],
)
def test_what_a_host_answers_has_its_exit_status(code: str, status: int) -> None:
    error = errors.from_host({"code": code, "message": "m"})
    assert (error.exit_status, error.detail.code) == (status, code)
