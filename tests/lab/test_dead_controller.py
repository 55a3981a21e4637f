"""Whatever becomes of the controller, the host ends what was made there, by itself."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import process
from tests.lab.command import await_until
from tests.lab.doors import ROOT, Controller
from tests.lab.hosts import Host
from tests.lab.listing import whole_listing

pytestmark = pytest.mark.lab

# The others are silent; this one too, where the image is there.
PHASES = ("pull", "make", "start", "ready")
TTL_SECONDS = 20
# the timer fires each minute; then it takes a moment to remove
REAPED_WITHIN = 90
NEVER_HEALTHY = """
services:
  web:
    image: localhost/sandboxer/hello:1
    init: true  # a host that goes down waits 90 s for one that hears no TERM
    healthcheck:
      test: [CMD, "false"]
      interval: 1s
      retries: 1000
"""


@pytest.fixture
def host(request: pytest.FixtureRequest, lab: dict[str, Host], tmp_path: Path) -> Host:
    """A prepared host, so that its reaper's timer runs, and with hello's image there."""
    host = lab[request.param]
    controller = Controller(tmp_path)
    prepared = controller.sandboxer("host", "prepare", host.name, "--json")
    assert prepared.data["reaper"] == "systemd", prepared
    create(controller, host, "warm", "10m")
    controller.sandboxer("destroy", "warm", "--host", host.name)
    return host


def create(controller: Controller, host: Host, name: str, ttl: str = f"{TTL_SECONDS}s") -> None:
    words = ("--profile", "profile.hello", "--host", host.name, "--name", name, "--ttl", ttl)
    said = controller.sandboxer("create", *words)
    assert said.status == 0, said


def kill_everything(mark: str) -> None:
    """SIGKILL to every process on this machine that the controller started, its connection too."""
    wanted = f"SANDBOXER_TEST_MARK={mark}".encode()
    while found := [pid for pid in process.all_pids() if _has(pid, wanted)]:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _has(pid: int, wanted: bytes) -> bool:
    try:
        return wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def log_of(host: Host, name: str) -> str:
    """What the job of a sandbox has said so far, read on the host itself."""
    script = 'grep -l "\\"name\\": \\"$1\\"" /var/lib/sandboxer/sandboxes/*/record.json | head -1'
    found = host.run(["sh", "-c", script, "sh", name], check=False).stdout.strip()
    if not found:
        return ""
    return host.run(["cat", f"{Path(found).parent}/job/log.head"], check=False).stdout


def records(host: Host) -> list[str]:
    return host.run(["ls", "/var/lib/sandboxer/sandboxes"]).stdout.split()


def same_as(host: Host, before: dict[str, list[str]]) -> Callable[[], bool]:
    """An image that was made anew is the same by its name."""

    def named(listing: dict[str, list[str]]) -> dict[str, list[str]]:
        return {**listing, "images": sorted(line.split()[1] for line in listing["images"])}

    return lambda: not records(host) and named(whole_listing(host.run)) == named(before)


def killed_at(phase: str, host: Host, home: Path) -> None:
    """Start a create, and kill its controller as soon as the host has come to a phase."""
    name, mark = f"killed-{phase}", uuid.uuid4().hex
    controller = Controller(home, environment={"SANDBOXER_TEST_MARK": mark})
    words = ("--profile", "profile.hello", "--host", host.name, "--name", name)
    child = controller.start(*controller.program("create", *words, "--ttl", f"{TTL_SECONDS}s"))
    named = f'"phase": "{phase}"'
    try:
        await_until(lambda: named in log_of(host, name), 30, f"the create came to {phase}")
    finally:
        kill_everything(mark)
        child.wait()


@pytest.mark.parametrize("host", ["h1"], indirect=True)
def test_killed_at_each_phase_and_once_it_is_ready(host: Host, tmp_path: Path) -> None:
    before = whole_listing(host.run)
    host.run(["podman", "rmi", "localhost/sandboxer/hello:1"])
    for phase in PHASES:
        killed_at(phase, host, tmp_path)
    mark = uuid.uuid4().hex
    create(Controller(tmp_path, environment={"SANDBOXER_TEST_MARK": mark}), host, "left")
    kill_everything(mark)
    assert len(records(host)) == len(PHASES) + 1
    limit = TTL_SECONDS + REAPED_WITHIN
    await_until(same_as(host, before), limit, f"{host.name} is clean by its own timer")


@pytest.mark.soak
@pytest.mark.parametrize("host", ["h2"], indirect=True)
def test_host_that_reboots(host: Host, tmp_path: Path) -> None:
    """The lease counts on through it, and the containers that it has stopped go like all others."""
    before = whole_listing(host.run)
    create(Controller(tmp_path), host, "living")
    expiry = time.monotonic() + TTL_SECONDS
    reboot(host)
    limit = max(expiry - time.monotonic(), 0) + REAPED_WITHIN
    await_until(same_as(host, before), limit, f"{host.name} is clean by its own timer")


@pytest.mark.soak
@pytest.mark.parametrize("host", ["h2"], indirect=True)
def test_host_that_reboots_in_the_middle_of_a_create(host: Host, tmp_path: Path) -> None:
    """Nobody goes on with it, so it is due at once, long before its lease would end."""
    before = whole_listing(host.run)
    source = tmp_path / "never"
    source.mkdir()
    (source / "compose.yaml").write_text(NEVER_HEALTHY)
    controller = Controller(tmp_path)
    words = ("create", str(source), "--host", host.name, "--name", "never", "--no-wait")
    made = controller.sandboxer(*words, "--ttl", "1h", "--deadline", "30m", "--json")
    assert (made.status, made.data["state"]) == (0, "creating"), made
    running = ["podman", "inspect", "--format", "{{.State.Status}}", f"{made.data['id']}.web"]
    await_until(
        lambda: host.run(running, check=False).stdout == "running\n", 30, "its container runs"
    )
    reboot(host)
    await_until(same_as(host, before), REAPED_WITHIN, f"{host.name} is clean by its own timer")


@pytest.mark.soak
@pytest.mark.parametrize("host", ["h2"], indirect=True)
def test_host_that_reboots_under_a_create_that_waits(host: Host, tmp_path: Path) -> None:
    before = whole_listing(host.run)
    source = tmp_path / "never"
    source.mkdir()
    (source / "compose.yaml").write_text(NEVER_HEALTHY)
    controller = Controller(tmp_path)
    words = ("create", str(source), "--host", host.name, "--name", "never", "--json")
    child = controller.start(*controller.program(*words, "--ttl", "1h", "--deadline", "30m"))
    assert child.stderr is not None
    assert any("to take it away" in line for line in child.stderr)  # from here on it follows
    reboot(host)
    out, err = child.communicate(timeout=150)
    error = json.loads(out)["error"]
    assert (child.returncode, error["code"], error["retryable"]) == (12, "host_rebooted", True), err
    assert "h2 was rebooted" in error["message"]
    assert "run the same again" in error["hint"]
    await_until(same_as(host, before), REAPED_WITHIN, f"{host.name} is clean by its own timer")


@pytest.mark.soak
@pytest.mark.parametrize("host", ["h2"], indirect=True)
@pytest.mark.parametrize("verb", ["create", "start"])
def test_after_a_reboot_it_is_put_right(host: Host, tmp_path: Path, verb: str) -> None:
    """The same sandbox, by the same words or by `start`."""
    controller = Controller(tmp_path)
    words = ("--profile", "profile.hello", "--host", host.name, "--name", "living", "--json")
    made = controller.sandboxer("create", *words).data
    reboot(host)
    [shown] = controller.sandboxer("list", "--host", host.name, "--json").data
    assert (shown["id"], shown["state"]) == (made["id"], "stopped")
    again = words if verb == "create" else ("living", "--host", host.name, "--json")
    right = controller.sandboxer(verb, *again)
    assert (right.status, right.data["changed"], right.data["state"]) == (0, True, "ready"), right
    assert (right.data["id"], right.data["expires_at"]) == (made["id"], made["expires_at"])
    [endpoint] = right.data["reachability"]["endpoints"]
    asked = ["curl", "--silent", "--fail", f"http://127.0.0.1:{endpoint['host_port']}/"]
    assert "hello" in host.run(asked).stdout.lower()
    assert not controller.sandboxer("create", *words).data["changed"]
    assert controller.sandboxer("destroy", "living", "--host", host.name).status == 0
    assert not records(host)


def reboot(host: Host) -> None:
    boot = ["cat", "/proc/1/stat"]
    booted = host.run(boot).stdout.split()[21]
    host.run(["systemctl", "reboot"])
    await_until(
        lambda: host.run(boot, check=False).stdout.split()[21:22] not in ([], [booted]),
        150,
        f"{host.name} is another boot",
    )
    host.await_ready()


@pytest.mark.soak
@pytest.mark.parametrize("host", ["h2"], indirect=True)
def test_two_builds_of_the_host_program(host: Host, tmp_path: Path) -> None:
    """A create with code of another digest: both work, and each is reaped by its own program."""
    before = whole_listing(host.run)
    other_root = tmp_path / "other"
    shutil.copytree(ROOT / "collections", other_root, ignore=shutil.ignore_patterns("output"))
    room = other_root / "ansible_collections/coulomb/sandboxer/plugins/module_utils/host/clock.py"
    room.write_text(room.read_text() + "\n# another build\n")
    other = Controller(tmp_path, environment={"ANSIBLE_COLLECTIONS_PATH": str(other_root)})
    variables = {"profile": "profile.hello", "host": host.name, "ttl": f"{TTL_SECONDS}s"}
    assert other.playbook("create", name="theirs", **variables).status == 0
    ours = Controller(tmp_path)
    create(ours, host, "ours")
    found = ours.sandboxer("list", "--host", host.name, "--json").data
    assert {one["name"]: one["state"] for one in found} == {"theirs": "ready", "ours": "ready"}
    script = 'grep -ho "\\"program\\": \\"[^\\"]*" /var/lib/sandboxer/sandboxes/*/record.json'
    programs = host.run(["sh", "-c", script]).stdout.splitlines()
    assert len(set(programs)) == 2
    limit = TTL_SECONDS + REAPED_WITHIN
    await_until(same_as(host, before), limit, "both are gone")
