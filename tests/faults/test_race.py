"""Several at once: creates of one name, destroyers, and a destroy against a running create."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import (
    nameserver,
    process,
    runtime,
)
from tests.faults.conftest import (
    IMAGE,
    HostProgram,
    assert_nothing_left,
    create_request,
    document,
    listing,
    service,
)
from tests.faults.test_trouble import await_condition

pytestmark = pytest.mark.podman

LISTS = Path("/run/containers/networks/aardvark-dns")


def answers(*children: Any) -> list[Any]:
    return [json.loads(child.communicate(timeout=60)[0]) for child in children]


def engine_says(*words: str) -> Any:
    return json.loads(subprocess.check_output(["podman", *words, "--format", "json"]))


def known_to_the_runtime() -> set[str]:
    return {one.name for folder in runtime.FOLDERS for one in Path(folder).glob("*")}


def slow_stack() -> dict[str, Any]:
    """A stack that keeps its job busy until somebody ends it."""
    made = document(web=service(ports=[{"target": 80, "protocol": "tcp"}]))
    made["probes"] = [{"service": "web", "http": {"port": 80, "path": "/none", "status": 200}}]
    return made


def await_phase(host: HostProgram, sandbox_id: str, phase: str) -> None:
    cursor, end = 0, time.monotonic() + 30
    while time.monotonic() < end:
        seen = host.call("follow", {"id": sandbox_id, "cursor": cursor})
        cursor = seen["cursor"]
        if any(event["phase"] == phase for event in seen["events"]):
            return
    raise AssertionError(f"{sandbox_id} never came to {phase}")


def test_two_creates_of_one_name_make_one(host: HostProgram, before: dict[str, list[str]]) -> None:
    children = [host.start("create", create_request()) for _ in range(5)]
    got = answers(*children)
    assert sorted(one["action"] for one in got) == ["follow"] * 4 + ["make"]
    assert len({one["object"]["id"] for one in got}) == 1
    host.settle()
    assert host.show("one")["state"] == "ready"
    host.destroy("one")
    assert_nothing_left(host, before)


def test_creates_of_two_names_share_nothing(
    host: HostProgram, before: dict[str, list[str]]
) -> None:
    names = ["a", "b", "c"]
    answers(*[host.start("create", create_request(name=name)) for name in names])
    host.settle()
    made = [host.show(name) for name in names]
    assert [one["state"] for one in made] == ["ready"] * 3
    assert len({one["reachability"]["endpoints"][0]["host_port"] for one in made}) == 3
    for name in names:
        host.destroy(name)
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_two_owners_with_ten_sandboxes_each(
    host: HostProgram, before: dict[str, list[str]]
) -> None:
    """Of one stack, by the same names, at once: no port, network or volume meets another."""
    names = [f"n{number}" for number in range(10)]
    wanted = [
        create_request(name=name, owner=owner, deadline=300)
        for owner in ("me", "you")
        for name in names
    ]
    answers(*[host.start("create", one) for one in wanted])
    host.settle(seconds=300)
    made = host.call("list", {"owner": None})
    assert [one["state"] for one in made] == ["ready"] * 20, made
    assert {(one["owner"], one["name"]) for one in made} == {
        (one["owner"], one["name"]) for one in wanted
    }
    assert len({one["reachability"]["endpoints"][0]["host_port"] for one in made}) == 20
    there = listing(host)
    assert [len(there[kind]) - len(before[kind]) for kind in ("networks", "volumes")] == [20, 20]
    for one in made:
        word = ["podman", "exec", f"{one['id']}.store", "sh", "-c", f"echo {one['id']} > /data/id"]
        subprocess.run(word, check=True)
    for one in made:
        host.destroy(one["id"])
        others = [each for each in made if each["id"] in host.ids()]
        for each in others[:1]:
            read = ["podman", "exec", f"{each['id']}.store", "cat", "/data/id"]
            assert subprocess.run(read, check=True, capture_output=True, text=True).stdout == (
                f"{each['id']}\n"
            )
    assert_nothing_left(host, before)


def test_two_that_need_the_same_image_make_it_once(
    host: HostProgram, before: dict[str, list[str]]
) -> None:
    subprocess.run(["podman", "rmi", IMAGE], check=True, stdout=subprocess.DEVNULL)
    answers(*[host.start("create", create_request(name=name)) for name in ("a", "b", "c")])
    host.settle()
    assert [image.split()[1] for image in listing(host)["images"]] == [IMAGE]
    for name in ("a", "b", "c"):
        host.destroy(name)
    assert_nothing_left(host, {**before, "images": listing(host)["images"]})


@pytest.mark.parametrize("phase", ["make", "start", "ready"])
def test_destroy_against_a_running_create(
    host: HostProgram, before: dict[str, list[str]], phase: str
) -> None:
    made = host.create(document=slow_stack())["object"]
    await_phase(host, made["id"], phase)
    answer = host.destroy(made["id"])
    assert answer["receipt"]["remains"] == []
    assert host.ids() == []
    assert_nothing_left(host, before)


def test_two_destroyers(host: HostProgram, before: dict[str, list[str]]) -> None:
    made = host.made()
    request = {"ref": made["id"], "owner": "me"}
    got = answers(*[host.start("destroy", request) for _ in range(3)])
    assert all(one["receipt"]["remains"] == [] for one in got), got
    assert_nothing_left(host, before)


def test_destroy_while_the_reaper_destroys(host: HostProgram, before: dict[str, list[str]]) -> None:
    made = host.made()
    host.let_expire(made["id"])
    answers(host.start("reap", {}), host.start("destroy", {"ref": made["id"], "owner": "me"}))
    assert_nothing_left(host, before)


def seeds(each_time: int, in_all: int) -> list[Any]:
    soak = pytest.mark.soak
    return [pytest.param(one, marks=soak if one >= each_time else ()) for one in range(in_all)]


@pytest.mark.parametrize("seed", seeds(3, 6))
def test_job_killed_at_any_moment(
    host: HostProgram, before: dict[str, list[str]], seed: int
) -> None:
    """Between the named points too, while a command of the engine goes on without it."""
    made = kill_at_random(host, seed, whole_session=False)
    host.let_expire(made)  # it may have been ready by then
    host.reap()
    assert_nothing_left(host, before)


@pytest.mark.parametrize("seed", seeds(1, 3))
def test_engine_killed_with_the_job(
    host: HostProgram, before: dict[str, list[str]], seed: int
) -> None:
    made = kill_at_random(host, seed, whole_session=True)
    host.let_expire(made)
    host.reap()
    remove_empty_namespaces(host, before)
    assert_nothing_left(host, before)


def remove_empty_namespaces(host: HostProgram, before: dict[str, list[str]]) -> None:
    """A podman killed in mid-start may leave a network namespace that leads nowhere yet, and of
    which it has written down nothing, so nobody can tell whose it was: the one thing that stays."""
    mounts = {*listing(host)["mounts"]} - {*before["mounts"]}
    for name in [Path(one).name for one in mounts if one.startswith("nsfs /run/netns/netns-")]:
        links = subprocess.check_output(["ip", "-netns", name, "-json", "link"])
        assert [link["ifname"] for link in json.loads(links)] == ["lo"]
        subprocess.run(["ip", "netns", "delete", name], check=True)


def plug_in(sandbox_id: str) -> str:
    """What a killed engine leaves at a sandbox's bridge, whose name this returns."""
    [network] = engine_says("network", "ls", "--filter", f"label=io.sandboxer.id={sandbox_id}")
    bridge: str = network["network_interface"]
    for line in (
        "netns add netns-left",
        "link add left type veth peer name eth0 netns netns-left",
        f"link set left master {bridge}",
    ):
        subprocess.run(["ip", *line.split()], check=True)
    return bridge


def left_behind(bridge: str) -> list[dict[str, str]]:
    return [
        {"kind": "interface", "key": bridge},
        {"kind": "interface", "key": "left"},
        {"kind": "netns", "key": "netns-left"},
    ]


def test_what_a_killed_engine_left_plugged_in_goes(
    host: HostProgram, before: dict[str, list[str]]
) -> None:
    made = host.made()
    bridge = plug_in(made["id"])
    receipt = host.destroy("one")["receipt"]
    assert receipt["removed"][-3:] == left_behind(bridge)
    assert receipt["remains"] == []
    assert_nothing_left(host, before)


def test_what_stays_plugged_in_is_residue_until_it_is_gone(
    host: HostProgram, before: dict[str, list[str]], tmp_path: Path
) -> None:
    made = host.made()
    bridge = plug_in(made["id"])
    fake = tmp_path / "ip"  # stands in for one that can't delete a namespace
    ip = shutil.which("ip", path=process.search_path())
    fake.write_text(f'#!/bin/sh\ncase "$*" in "netns delete"*) exit 1;; esac\nexec {ip} "$@"\n')
    fake.chmod(0o755)
    receipt = host.destroy("one", PATH=f"{tmp_path}:{os.environ['PATH']}")["receipt"]
    network = {"kind": "network", "key": f"{made['id']}.default"}  # by which it is found again
    assert receipt["remains"] == [network, *left_behind(bridge)]
    assert not any(one in receipt["removed"] for one in receipt["remains"])
    assert host.record(made["id"])["error"]["code"] == "residue"
    assert host.destroy(made["id"])["receipt"]["remains"] == []
    assert_nothing_left(host, before)


def test_nothing_is_proved_while_nobody_can_look_at_the_bridge(
    host: HostProgram, before: dict[str, list[str]], tmp_path: Path
) -> None:
    made = host.made()
    plug_in(made["id"])
    fake = tmp_path / "ip"  # stands in for one that is broken
    fake.write_text("#!/bin/sh\necho it is broken >&2\nexit 1\n")
    fake.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert host.destroy("one", PATH=path)["receipt"]["remains"] != []
    error = host.record(made["id"])["error"]
    assert (error["code"], "it is broken" in error["message"]) == ("ip_failed", True)
    assert host.destroy(made["id"])["receipt"]["remains"] == []
    assert_nothing_left(host, before)


def server_of_names() -> list[int]:
    named = [(pid, process.argv(pid)[0].decode()) for pid in process.all_pids()]
    return [pid for pid, program in named if Path(program).name == nameserver.SERVER]


def leave_names(sandbox_id: str) -> Path:
    """What a killed engine leaves of the names of a network: the list, and who answers for it."""
    [server] = server_of_names()
    path = LISTS / f"{sandbox_id}.default"
    text = path.read_text()
    os.kill(server, signal.SIGSTOP)  # so that it hears of the removal only when that is undone
    subprocess.run(["podman", "rm", "--all", "--force", "--time", "0"], check=True)
    assert not path.exists()
    path.write_text(text)
    os.utime(path, (0, 0))
    os.kill(server, signal.SIGCONT)
    await_condition(lambda: path.stat().st_atime > 0)  # it has read it
    return path


@pytest.mark.parametrize("told", [True, False], ids=["a list", "a server that was not told"])
def test_names_that_a_killed_engine_left_are_answered_no_more(
    host: HostProgram, before: dict[str, list[str]], told: bool
) -> None:
    made = host.made()
    path = leave_names(made["id"])
    if not told:
        path.unlink()
    receipt = host.destroy("one")["receipt"]
    assert (receipt["removed"][-1] == {"kind": "names", "key": path.name}) == told
    assert receipt["remains"] == []
    assert_nothing_left(host, before)


def test_names_that_stay_are_residue_and_those_of_others_stay(
    host: HostProgram, before: dict[str, list[str]]
) -> None:
    made = host.made()
    path = leave_names(made["id"])
    other = host.made(name="other", owner="her")
    subprocess.run(["mount", "--bind", path, path], check=True)  # nobody can unlink it now
    receipt = host.destroy("one")["receipt"]
    assert receipt["remains"] == [{"kind": "names", "key": path.name}]
    subprocess.run(["umount", path], check=True)
    assert host.destroy(made["id"])["receipt"]["remains"] == []
    ask = ["podman", "exec", f"{other['id']}.web", "wget", "-q", "-O", "-", "http://web/"]
    assert subprocess.check_output(ask, timeout=20) == b"it answers\n"
    host.destroy(other["id"])
    assert_nothing_left(host, before)


@pytest.mark.parametrize("forgotten", [False, True])
def test_engine_killed_before_it_has_written_that_it_started(
    host: HostProgram, before: dict[str, list[str]], forgotten: bool
) -> None:
    """The engine then takes a living container for one that never ran, and may be told by
    others to forget it."""
    for _ in range(20):
        there = known_to_the_runtime()
        sandbox_id = host.create()["object"]["id"]
        session = _session_of(host, sandbox_id)
        started: set[str] = set()
        while host.record(sandbox_id)["state"] == "creating":
            started = known_to_the_runtime() - there
            if started:
                break
        for pid in process.session_pids(session):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        host.settle()
        states = {one["Id"]: one["State"] for one in engine_says("ps", "--all")}
        unknown = [one for one in started if states.get(one) == "created"]
        if unknown and forgotten:
            subprocess.run(["podman", "rm", "--force", *unknown], check=True)
        assert host.destroy(sandbox_id)["receipt"]["remains"] == []
        remove_empty_namespaces(host, before)
        assert_nothing_left(host, before)
        if unknown:
            break
    assert unknown, "podman was always quicker"


def kill_at_random(host: HostProgram, seed: int, whole_session: bool) -> str:
    sandbox_id: str = host.create()["object"]["id"]
    session = _session_of(host, sandbox_id)
    time.sleep(random.Random(seed).uniform(0.0, 0.6))  # noqa: S311 - the moment is what is tested
    for pid in process.session_pids(session) if whole_session else [session]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    host.settle()
    return sandbox_id


def test_a_killed_holder_frees_every_lock(host: HostProgram, before: dict[str, list[str]]) -> None:
    """The host's and the record's lock are held at these points, the work lock by the job."""
    for point in ("create-recorded", "job-entered", "destroy-ended"):
        host.create(fault=point)
        host.settle()
        host.destroy("one", fault=point)
        assert host.made()["state"] == "ready"
        host.destroy("one")
    host.reap()
    assert_nothing_left(host, before)


def test_a_fenced_job_changes_nothing(host: HostProgram, before: dict[str, list[str]]) -> None:
    made = host.create(document=slow_stack())["object"]
    await_phase(host, made["id"], "ready")
    generation = host.record(made["id"])["generation"]
    host.rewrite(made["id"], generation=generation + 1)
    os.kill(host.record(made["id"])["job"]["pid"], signal.SIGALRM)  # its deadline, early
    host.settle()
    assert host.record(made["id"])["state"] == "creating"
    host.reap()
    assert_nothing_left(host, before)


def _session_of(host: HostProgram, sandbox_id: str) -> int:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        job = host.record(sandbox_id)["job"]
        if job:
            return int(job["session"])
    raise AssertionError("the job never entered itself")


def test_nothing_outside_the_root_is_removed(host: HostProgram, tmp_path: Path) -> None:
    """A link in place of the sandbox's folder, and a folder that is not marked as ours."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("mine")
    made = host.made()
    folder = Path(made["reachability"]["remote_dir"])
    (folder / "link").symlink_to(precious)
    moved = folder.with_name("moved")
    folder.rename(moved)
    folder.symlink_to(precious)
    answer = host.destroy("one")
    assert [item["kind"] for item in answer["receipt"]["remains"]]
    assert host.show(made["id"])["state"] == "stuck"
    folder.unlink()
    moved.rename(folder)
    assert host.destroy(made["id"])["receipt"]["remains"] == []
    assert (precious / "file").read_text() == "mine"
