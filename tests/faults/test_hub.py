"""What a hub gets to know of real runs: each fact once, whatever happens to hub and controllers."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.reporting.event import KINDS
from tests.faults.shop import IMAGE, REPORT, STATE, Controller, kill, runs, sandboxes, script
from tests.faults.test_run import commands
from tests.faults.test_trouble import await_condition
from tests.receiver import Act, Receiver, receiver

pytestmark = pytest.mark.podman

LOST = Act(store=False, status=None)
REFUSED = Act(store=False, status=503)
STORED_AND_LOST = Act(status=None)
LATE = Act(hold=True)
NEVER_READY = f"""
services:
  web:
    image: {IMAGE}
    ports: ["80"]
    init: true
    healthcheck: {{test: [CMD, /bin/busybox, "false"], interval: 1s, retries: 1000}}
"""


@pytest.fixture
def hub() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def assert_each_once(hub: Receiver) -> None:
    """And each as often as it was sent under the same key."""
    assert len(hub.facts) == len(KINDS)
    assert {got.headers["Idempotency-Key"] for got in hub.got} == {id_ for _, id_ in hub.facts}


def flushed(controller: Controller, hub: Receiver) -> Any:
    controller.hub = hub.url
    return controller.call("sandboxer", "events", "flush")


def test_a_hub_that_drops_delays_refuses_and_doubles(
    shop: Path, hub: Receiver, tmp_path: Path
) -> None:
    hub.will(REFUSED, STORED_AND_LOST, LATE, LOST, STORED_AND_LOST)
    one = Controller(tmp_path / "one", hub.url)
    status, found = one.validate("run", str(shop))
    assert (status, found["outcome"], found["event"]["state"]) == (0, "passed", "pending")
    hub.release.set()
    status, done = flushed(one, hub)
    assert (status, done["pending"]) == (0, 0)
    assert len(hub.got) > len(KINDS)
    assert_each_once(hub)


@pytest.mark.soak
def test_a_hub_that_is_down_costs_nothing(shop: Path, hub: Receiver, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        one = Controller(tmp_path / "one", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        status, found = one.validate("run", str(shop))
    assert (status, found["outcome"], found["cleanup"]) == (0, "passed", "destroyed")
    assert found["event"]["state"] == "pending"
    for _time in range(2):
        status, done = flushed(one, hub)
        assert (status, done["pending"]) == (0, 0)
    assert len(hub.got) == len(KINDS)
    assert_each_once(hub)


def test_a_controller_that_dies_before_the_hub_has_answered(
    shop: Path, hub: Receiver, tmp_path: Path
) -> None:
    hub.will(Act(store=False, hold=True))
    one, two = Controller(tmp_path / "one", hub.url), Controller(tmp_path / "two", hub.url, "two")
    child = one.start("validate", "run", str(shop))
    assert hub.arrived.acquire(timeout=90)
    kill(child)
    hub.release.set()
    assert (hub.facts, sandboxes()) == ({}, [])
    [run] = runs()
    status, done = flushed(one, hub)
    assert (status, done["pending"]) == (0, 0)
    assert_each_once(hub)
    status, found = two.validate("resume", run)
    assert (status, found["outcome"], found["event"]["state"]) == (0, "passed", "sent")
    assert len(hub.got) > len(KINDS)
    assert_each_once(hub)


@pytest.mark.parametrize(
    ("said", "words", "end"),
    [
        pytest.param(
            *(b"making the sandbox", ("run", "--run-key", "k1"), (9, "failed", "destroyed")),
            id="made again",
        ),
        pytest.param(
            *(b"making web", ("resume",), (7, "infra_error", "destroyed")),
            id="given up",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            *(b"taking the sandbox away", ("resume",), (9, "failed", "destroyed")),
            id="tested",
            marks=pytest.mark.soak,
        ),
    ],
)
@pytest.mark.soak
def test_a_controller_that_dies_anywhere_else(
    shop: Path, hub: Receiver, tmp_path: Path, said: bytes, words: tuple[str, ...], end: Any
) -> None:
    """With the repository another one makes what is not there yet; without it nobody can."""
    script(shop, "exit 3")
    if end[1] == "infra_error":
        (shop / "compose.yml").write_text(NEVER_READY)  # or it is tested before we are dead
    one, two = Controller(tmp_path / "one", hub.url), Controller(tmp_path / "two", hub.url, "two")
    child = one.start("validate", "run", str(shop), "--run-key", "k1")
    assert child.stderr is not None
    assert any(said in line for line in child.stderr)
    kill(child)
    [run] = runs()
    verb, *more = words
    status, found = two.validate(verb, run if verb == "resume" else str(shop), *more)
    assert (status, found["outcome"], found["cleanup"]) == end
    assert (found["run"], found["run_key"], sandboxes()) == (run, "k1", [])
    told = [got.event for got in hub.got if got.event["type"].endswith("e2e_result.v1")]
    assert [one["data"]["outcome"] for one in told] == [found["outcome"]]
    assert len(hub.facts) == len(hub.got)


@pytest.mark.soak
def test_a_dead_controllers_sandbox_is_reaped_and_its_outcome_is_kept(
    shop: Path, hub: Receiver, tmp_path: Path
) -> None:
    script(shop, f"echo '{REPORT}' > $E2E_OUT/a.xml; sleep 3")
    one, two = Controller(tmp_path / "one", hub.url), Controller(tmp_path / "two", hub.url, "two")
    child = one.start("validate", "run", str(shop))
    await_condition(lambda: any(line.startswith("sleep 3") for line in commands()), 90)
    kill(child)
    [run] = runs()
    await_condition(lambda: recorded(run)["state"] == "tested", 60)
    [sandbox] = sandboxes()
    end_lease(sandbox)
    reaped, _done = two.call("sandboxer", "reap")
    assert (reaped, sandboxes(), hub.got) == (0, [], [])
    status, found = two.validate("resume", run)
    assert (status, found["outcome"], found["cleanup"]) == (0, "passed", "destroyed")
    assert found["tests"] == {"passed": 2, "failed": 0, "errors": 0, "skipped": 0}
    assert len(hub.got) == len(KINDS)
    assert_each_once(hub)


@pytest.mark.soak
def test_two_controllers_with_one_key_have_one_run(
    shop: Path, hub: Receiver, tmp_path: Path
) -> None:
    script(shop, "sleep 2; exit 3")
    both = [Controller(tmp_path / name, hub.url, name) for name in ("one", "two")]
    words = ("validate", "run", str(shop), "--run-key", "k2", "--json")
    children = [controller.start(*words) for controller in both]
    said = [json.loads(child.communicate(timeout=120)[0]) for child in children]
    assert [child.returncode for child in children] == [9, 9], said
    [run] = runs()
    assert [(found["run"], found["outcome"]) for found in said] == [(run, "failed")] * 2
    assert sandboxes() == []
    assert_each_once(hub)


def recorded(run: str) -> Any:
    return json.loads((STATE / "runs" / run / "record.json").read_text())


def end_lease(sandbox: str) -> None:
    """Stands in for the time that it takes to end."""
    path = STATE / "sandboxes" / sandbox / "record.json"
    found = json.loads(path.read_text())
    found["lease"] |= {"expires_at": 0, "expires_boot": 0}
    path.write_text(json.dumps(found))
