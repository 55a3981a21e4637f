"""What a record says, held against what the engine shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import observe
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.clock import boot_id
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import Container
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import MAY_END, Record

ID = "sbx-test"
UP, DONE, FAILED = ("running", 0), ("exited", 0), ("exited", 1)


def record(boot: str, **containers: str) -> Record:
    return Record(
        id=ID,
        name="one",
        owner="me",
        generation=1,
        state="ready",
        wanted="present",
        program="",
        lease={},
        holdings=(),
        containers=containers,
        job={"boot_id": boot},
    )


@pytest.mark.parametrize(
    ("wanted", "boot", "web", "job", "told"),
    [
        ("running", "", UP, UP, ""),
        ("running", "", UP, DONE, "job is exited"),
        ("completed", "", UP, DONE, ""),
        ("completed", "an older one", UP, DONE, ""),
        ("completed", "", UP, FAILED, "job is exited"),
        (MAY_END, "", UP, UP, ""),
        (MAY_END, "", UP, DONE, ""),
        (MAY_END, "", UP, FAILED, "job is exited"),
        (MAY_END, "an older one", UP, DONE, "job is exited"),
        ("completed", "", DONE, DONE, "nothing of it runs"),
    ],
)
def test_drift(
    wanted: str, boot: str, web: tuple[str, int], job: tuple[str, int], told: str
) -> None:
    """A job that is done is none, but for one that a reboot may have ended; something has to
    run."""
    there = [
        Container(name, name, state, code, 1, ID, "1")
        for name, (state, code) in (("web", web), ("job", job))
    ]
    wants = {"web": "running" if web == UP else MAY_END, "job": wanted}
    assert observe.drift(record(boot or boot_id(), **wants), there) == told


def test_one_without_containers_is_as_it_is() -> None:
    assert observe.drift(record(""), []) == ""


def test_the_state_is_the_records_where_the_engine_can_not_be_asked() -> None:
    made = record("", web="running")._replace(engine="podman")
    assert observe.state_of(made, {"podman": []}) == "stopped"
    assert observe.state_of(made, {"docker": []}) == "ready"


def test_an_engine_that_fails_does_not_show_that_it_has_none(no_engine: Path) -> None:
    broken = no_engine / "podman"
    broken.write_text("#!/bin/sh\nexit 125\n")
    broken.chmod(0o755)
    assert observe.containers({"podman"}) == {}
