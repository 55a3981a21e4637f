"""What goes wrong on a host: each trouble has its code, says why, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import process
from tests.faults.conftest import (
    IMAGE,
    HostProgram,
    assert_nothing_left,
    create_request,
    document,
    listing,
    service,
    stack,
)

pytestmark = pytest.mark.podman

Listing = dict[str, list[str]]

FAILED_SECONDS = 15 * 60
PORT = [{"target": 80, "protocol": "tcp"}]


def sh(line: str, **changes: Any) -> dict[str, Any]:
    return service(command=["/bin/sh", "-c", line], **changes)


def podman(*words: str) -> str:
    return subprocess.run(["podman", *words], capture_output=True, text=True, check=True).stdout


def failed(host: HostProgram, **options: Any) -> Any:
    """A create that fails in its job: the object, once nobody is at work any more."""
    answer = host.create(**options)
    assert "error" not in answer, answer
    host.settle()
    shown = host.show(answer["object"]["id"])
    assert shown["state"] == "failed", shown
    return shown


def assert_only_a_failed_record_left(host: HostProgram, shown: Any, before: Listing) -> None:
    """It stays for fifteen minutes to say why, holds nothing, and goes when it is told to."""
    [sandbox_id] = host.ids()
    record = host.record(sandbox_id)
    assert (record["state"], record["holdings"], record["containers"]) == ("failed", [], {})
    left = record["lease"]["expires_boot"] - time.clock_gettime(time.CLOCK_BOOTTIME)
    assert FAILED_SECONDS - 60 < left <= FAILED_SECONDS
    now = listing(host)
    assert {**now, "state": []} == {**before, "state": []} | {"processes": now["processes"]}
    assert not Path(shown["reachability"]["remote_dir"]).exists()
    assert host.destroy(sandbox_id)["receipt"]["remains"] == []
    assert_nothing_left(host, before)


def await_condition(what: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return found


# What the making meets


@pytest.mark.parametrize(
    "says",
    [
        "echo first; echo last words >&2",
        "printf 'last words'",
        "printf last; sleep .5; echo ' words'",
    ],
    ids=["lines", "no end of line", "in pieces"],
)
def test_a_service_that_exits_at_once(host: HostProgram, before: Listing, says: str) -> None:
    shown = failed(host, document=document(web=sh(says + "; exit 7")))
    assert shown["error"]["code"] == "service_exited"
    assert "exit code 7" in shown["error"]["message"]
    assert "last words" in shown["error"]["message"]
    assert shown["error"]["stage"] == "ready"
    assert_only_a_failed_record_left(host, shown, before)


def test_a_service_that_exits_well_is_a_failure_too(host: HostProgram, before: Listing) -> None:
    shown = failed(host, document=document(web=service(command=["/bin/true"])))
    assert shown["error"]["code"] == "service_exited"
    assert "exit code 0" in shown["error"]["message"]
    assert_only_a_failed_record_left(host, shown, before)


@pytest.mark.soak
def test_the_reaper_leaves_one_that_undoes_itself_after_its_deadline(
    host: HostProgram, before: Listing
) -> None:
    deaf = sh("trap '' TERM; while true; do sleep .1; done", init=False, stop_grace=5.0)
    never = document(web=deaf)
    never["probes"] = [{"service": "web", "exec": {"command": ["/bin/false"]}}]
    made = host.create(document=never, deadline=3)["object"]
    follow = {"id": made["id"], "seconds": 0}
    await_condition(
        lambda: "failed" in [one["phase"] for one in host.call("follow", follow)["events"]]
    )
    assert host.reap()["kept"] == [made["id"]]
    host.settle()
    shown = host.show("one")
    assert (shown["state"], shown["error"]["code"]) == ("failed", "not_ready")
    assert_only_a_failed_record_left(host, shown, before)


def test_one_that_never_answers(host: HostProgram, before: Listing) -> None:
    stack = document(web=service(ports=PORT))
    stack["probes"] = [{"service": "web", "http": {"port": 80, "path": "/none", "status": 200}}]
    shown = failed(host, document=stack, deadline=3)
    assert shown["error"]["code"] == "not_ready"
    assert "got 404" in shown["error"]["message"]
    assert "after 3 s" in shown["error"]["message"]
    assert_only_a_failed_record_left(host, shown, before)


@pytest.mark.parametrize(
    ("init", "code"),
    [(False, "engine_failed"), (True, "service_exited")],  # by then the container's init runs
)
def test_a_command_that_there_is_not(
    host: HostProgram, before: Listing, init: bool, code: str
) -> None:
    web = service(command=["/bin/nonsense"], init=init)
    shown = failed(host, document=document(web=web))
    assert shown["error"]["code"] == code
    assert "no such file" in shown["error"]["message"].lower()
    assert_only_a_failed_record_left(host, shown, before)


def test_which_of_several_can_not_be_started(host: HostProgram, before: Listing) -> None:
    """One call starts two of five."""
    services = {f"s{number}": service() for number in range(4)}
    services["web"] = service(command=["/bin/nonsense"], init=False)
    shown = failed(host, document=document(**services))
    assert shown["error"]["code"] == "engine_failed"
    assert "service web can't be started: " in shown["error"]["message"]
    assert_only_a_failed_record_left(host, shown, before)


def test_an_image_that_can_not_be_had(host: HostProgram, before: Listing) -> None:
    name = "127.0.0.1:1/nobody/nothing:1"
    shown = failed(host, document=document(web=service(image=name)))
    assert shown["error"]["code"] == "image_unavailable"
    assert name in shown["error"]["message"]
    assert shown["error"]["stage"] == "pull"
    assert_only_a_failed_record_left(host, shown, before)


@pytest.mark.parametrize("source", ["/bin/no-busybox-here", sys.executable])
def test_a_source_file_that_is_missing_or_can_not_run_alone(
    host: HostProgram, before: Listing, source: str
) -> None:
    name = "localhost/sandboxer-tests/other:1"
    stack = document(web=service(image=name))
    stack["images"] = {
        name: {
            "rootfs": {
                "files": [{"path": "/bin/busybox", "source": source, "mode": 0o755}],
                "links": {},
                "command": ["/bin/busybox"],
            }
        }
    }
    shown = failed(host, document=stack)
    assert shown["error"]["code"] == "file_missing"
    assert source in shown["error"]["message"]
    assert "busybox-static" in shown["error"]["hint"]
    assert_only_a_failed_record_left(host, shown, before)


# What the host lacks


@pytest.fixture
def no_podman(tmp_path: Path) -> str:
    """A PATH on which there is no podman."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return str(folder)


def test_no_engine_at_create(host: HostProgram, before: Listing, no_podman: str) -> None:
    error = host.call("create", create_request(), PATH=no_podman)["error"]
    assert error["code"] == "engine_missing"
    assert "host prepare" in error["hint"]
    assert host.ids() == []
    assert_nothing_left(host, before)


def test_no_engine_at_destroy_is_residue_until_it_is_back(
    host: HostProgram, before: Listing, no_podman: str
) -> None:
    made = host.made()
    answer = host.destroy("one", PATH=no_podman)
    kinds = {item["kind"] for item in answer["receipt"]["remains"]}
    assert kinds == {"container", "network", "volume", "dir", "port"}
    shown = host.show(made["id"])
    assert (shown["state"], shown["error"]["code"]) == ("stuck", "engine_missing")
    assert host.call("reap", PATH=no_podman)["left"] == [made["id"]]
    assert host.reap()["destroyed"] == [made["id"]]
    assert_nothing_left(host, before)


def test_no_engine_at_destroy_of_a_failed_one(
    host: HostProgram, before: Listing, tmp_path: Path
) -> None:
    """It holds nothing that is known of; an engine that fails to answer proves nothing."""
    failed(host, document=document(web=service(command=["/bin/false"])))
    broken = tmp_path / "bin" / "podman"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho broken >&2\nexit 125\n")
    broken.chmod(0o755)
    answer = host.destroy("one", PATH=f"{broken.parent}:{os.environ['PATH']}")
    assert answer["error"]["code"] == "engine_failed"
    assert host.show("one")["state"] == "stuck"
    assert host.destroy("one")["receipt"]["remains"] == []
    assert_nothing_left(host, before)


def prepare(host: HostProgram, **content: Any) -> None:
    host.state.mkdir(parents=True, exist_ok=True)
    (host.state / "host.json").write_text(json.dumps(content))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_port_range_is_used_up(host: HostProgram, before: Listing) -> None:
    port = free_port()
    prepare(host, ports=[port, port])
    made = host.made(name="one")
    assert made["reachability"]["endpoints"][0]["host_port"] == port
    for _ in range(2):
        answer = host.create(name="two")
        assert answer["error"]["code"] == "ports_exhausted"
        assert f"{port}-{port}" in answer["error"]["message"]
        podman("stop", "--time", "1", f"{made['id']}.web")  # it is still the record's
    assert host.ids() == [made["id"]]
    host.destroy("one")
    assert host.made(name="two")["state"] == "ready"
    host.destroy("two")
    assert_nothing_left(host, before)


def test_a_port_that_somebody_else_has_is_passed_over(host: HostProgram, before: Listing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        prepare(host, ports=[port, port + 5])
        [endpoint] = host.made()["reachability"]["endpoints"]
        assert port < endpoint["host_port"] <= port + 5
        host.destroy("one")
    assert_nothing_left(host, before)


def test_a_reaper_that_has_died(host: HostProgram, before: Listing) -> None:
    host.reap()  # makes nothing: there is no state folder yet
    assert not host.state.exists()
    prepare(host, reaper="systemd")
    host.reap()
    beat = host.state / "beat.json"
    last = json.loads(beat.read_text())
    beat.write_text(json.dumps({**last, "boot": last["boot"] - 181}))
    answer = host.create()
    assert (answer["error"]["code"], answer["error"]["retryable"]) == ("reaper_late", True)
    assert host.ids() == []
    made = host.made(unreaped=True)
    assert (made["state"], made["reaper"]) == ("ready", "late")
    host.reap()  # it lives again
    assert host.show("one")["reaper"] == "ok"
    assert host.create()["action"] == "keep"
    host.destroy("one")
    assert_nothing_left(host, before)


def test_no_reaper_at_all_is_said(host: HostProgram, before: Listing) -> None:
    assert host.made()["reaper"] == "none"
    host.destroy("one")
    assert_nothing_left(host, before)


# Records of other versions


THEIR_PROGRAM = """
import json, os, sys
request = json.loads(sys.stdin.read())
root = os.path.join(os.environ["SANDBOXER_STATE"], "state", "sandboxes", request["id"])
os.unlink(os.path.join(root, "record.json"))
os.rmdir(root)
print(json.dumps({"by": "theirs", "verb": sys.argv[1]}))
"""


@pytest.fixture
def newer(host: HostProgram) -> str:
    """A sandbox whose record only a program of a later version can read."""
    host.call("reap")
    folder = host.state / "sandboxes" / "sbx-newer"
    folder.mkdir(parents=True)
    (host.state / "programs").mkdir()
    (host.state / "programs" / "9.0.0-fff.pyz").write_text(THEIR_PROGRAM)
    lease = {
        "ttl": 60,
        "expires_at": time.time() + 60,
        "expires_boot": 0,
        "max_expires_at": time.time() + 60,
        "max_expires_boot": 0,
        "boot_id": "an older boot",
        "tenure": "of a later version",
    }
    record = {"schema": 9, "min_reader": 9, "program": "9.0.0-fff.pyz", "state": "hibernating"}
    (folder / "record.json").write_text(json.dumps({**record, "lease": lease}))
    return folder.name


def test_a_record_of_a_newer_version(host: HostProgram, before: Listing, newer: str) -> None:
    [listed] = host.call("list", {"owner": "me"})
    assert (listed["id"], listed["state"]) == (newer, "unknown")
    assert listed["error"]["code"] == "newer_record"
    made = host.create()["object"]
    assert made["id"] != newer
    await_condition(lambda: host.show("one")["state"] == "ready")
    for verb in ("show", "destroy", "extend"):
        answer = host.call(verb, {"ref": newer, "owner": "me", "ttl": 60})
        assert answer["error"]["code"] == "newer_record", verb
    host.destroy("one")
    its_own = HostProgram(host.state / "programs" / "9.0.0-fff.pyz", host.folder)
    assert its_own.call("destroy", {"id": newer})["by"] == "theirs"
    assert host.ids() == []
    assert_nothing_left(host, before)


def test_a_process_of_a_container_can_pass_for_no_monitor(
    host: HostProgram, before: Listing
) -> None:
    made = host.made()
    asleep = [sys.executable, "-c", "import time; time.sleep(1000)"]
    words = [*asleep, "-n", f"{made['id']}.web", "-c", "0" * 64]
    inside = ["unshare", "--pid", "--fork", "--kill-child", "bash", "-c", 'exec -a conmon "$@"']
    liar = subprocess.Popen([*inside, "bash", *words])
    try:
        await_condition(lambda: any(b"conmon" in process.argv(pid)[:1] for pid in children(liar)))
        assert host.destroy(made["id"])["receipt"]["remains"] == []
    finally:
        liar.kill()
        liar.wait()
    assert_nothing_left(host, before)


def children(parent: subprocess.Popen[bytes]) -> list[int]:
    path = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    return [int(pid) for pid in path.read_text().split()]


def test_a_record_that_is_none_is_destroyed_by_id(host: HostProgram, before: Listing) -> None:
    made = host.made()
    (host.state / "sandboxes" / made["id"] / "record.json").write_text("{")
    assert host.call("show", {"ref": made["id"], "owner": "me"})["error"]["code"] == "broken_record"
    assert host.reap()["kept"] == [made["id"]]
    answer = host.destroy(made["id"])
    assert {item["kind"] for item in answer["receipt"]["removed"]} == {
        "container",
        "network",
        "volume",
        "dir",
    }
    assert_nothing_left(host, before)


def test_the_reaper_lets_a_newer_program_destroy_its_own(
    host: HostProgram, before: Listing, newer: str
) -> None:
    assert host.reap()["kept"] == [newer]
    host.let_expire(newer)
    assert host.reap()["destroyed"] == [newer]
    assert_nothing_left(host, before)


# A full disk


@pytest.fixture
def small_disk(zipapp: Path, warm: None, tmp_path: Path) -> Iterator[HostProgram]:
    """A host whose state folder lies on a disk of three megabytes."""
    folder = tmp_path / "small"
    (folder / "state").mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m,mode=0700", "tmpfs", str(folder / "state")]
    subprocess.run(mount, check=True)
    host = HostProgram(zipapp, folder)
    try:
        yield host
        (host.state / "filler").unlink(missing_ok=True)
        host.settle()
        for sandbox_id in host.ids():
            host.destroy(sandbox_id)
    finally:
        subprocess.run(["umount", "--lazy", str(folder / "state")], check=True)


def fill(host: HostProgram, leave: int = 0) -> Path:
    path = host.state / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
        file.truncate(max(file.tell() - leave, 0))
    return path


def test_a_full_disk_before_anything_is_there(small_disk: HostProgram) -> None:
    host = small_disk
    before = listing(host)
    filler = fill(host)
    error = host.create()["error"]
    assert (error["code"], error["retryable"]) == ("disk_full", True)
    filler.unlink()
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_a_disk_that_gets_full_a_little_later_each_time(small_disk: HostProgram) -> None:
    """Room for no page, for one more each time, until there is room enough."""
    host = small_disk
    host.made()  # has the program installed
    host.destroy("one")
    before = listing(host)
    outcomes = []
    for pages in (0, 1, 2, 3, 4, 16):
        filler = fill(host, pages * 4096)
        answer = host.create()
        host.settle()
        outcome = "refused" if "error" in answer else host.show("one")["state"]
        if outcome == "refused":
            assert answer["error"]["code"] == "disk_full"
        if outcome == "failed":
            assert host.show("one")["error"]["code"] == "disk_full"
        outcomes.append(outcome)
        filler.unlink()
        host.reap()
        for sandbox_id in host.ids():
            host.destroy(sandbox_id)
        assert_nothing_left(host, before)
    assert outcomes[0] == "refused"
    assert outcomes[-1] == "ready"
    assert {*outcomes} <= {"refused", "creating", "failed", "ready"}, outcomes


def test_the_disk_gets_full_while_it_is_made(small_disk: HostProgram) -> None:
    host = small_disk
    before = listing(host)
    stack = document(web=sh("sleep 1000", healthcheck=check("CMD", "test", "-e", "/go", retries=2)))
    sandbox_id = host.create(document=stack)["object"]["id"]
    read = {"id": sandbox_id, "cursor": 0}
    await_condition(
        lambda: any(event["phase"] == "ready" for event in host.call("follow", read)["events"])
    )
    log = host.state / "sandboxes" / sandbox_id / "job" / "log.head"
    with log.open("a") as file:  # its last page gets full too
        file.write("x" * (4095 - log.stat().st_size % 4096) + "\n")
    filler = fill(host)
    host.settle()
    # it could not say so, but it has taken away what it had made
    assert not any(sandbox_id in line for line in listing(host)["containers"])
    assert host.record(sandbox_id)["state"] == "creating"
    assert host.destroy(sandbox_id)["error"]["code"] == "disk_full"
    filler.unlink()
    assert host.reap()["destroyed"] == [sandbox_id]
    assert_nothing_left(host, before)


# Health checks and conditions


def check(*test: str, **changes: Any) -> dict[str, Any]:
    times = {"interval": 1.0, "timeout": 1.0, "retries": 3, "start_period": 0.0}
    return {"test": list(test), **times, **changes}


@pytest.mark.parametrize(
    "test",
    [
        pytest.param(("CMD", "/bin/test", "-e", "/healthy"), marks=pytest.mark.soak),
        ("CMD-SHELL", "test -e /healthy && echo 'it is'"),
        pytest.param(("NONE",), marks=pytest.mark.soak),
    ],
    ids=lambda test: test[0],
)
def test_health_checks_are_driven_by_us(
    host: HostProgram, before: Listing, test: tuple[str, ...]
) -> None:
    web = sh("sleep 1; touch /healthy; sleep 1000", healthcheck=check(*test, retries=20))
    if test == ("NONE",):
        web["healthcheck"] = {"test": ["NONE"]}
    made = host.made(document=document(web=web))
    assert made["state"] == "ready"
    if test != ("NONE",):
        podman("exec", f"{made['id']}.web", "test", "-e", "/healthy")
    host.destroy("one")
    assert_nothing_left(host, before)


def test_unhealthy_is_not_ready_long_before_the_deadline(
    host: HostProgram, before: Listing
) -> None:
    bad = check("CMD-SHELL", "echo not today; exit 3", interval=0.5, retries=2)
    begin = time.monotonic()
    shown = failed(host, document=document(web=sh("sleep 1000", healthcheck=bad)), deadline=60)
    assert time.monotonic() - begin < 20
    assert shown["error"]["code"] == "not_ready"
    assert "exit 3: not today" in shown["error"]["message"]
    assert_only_a_failed_record_left(host, shown, before)


def test_a_health_check_that_hangs_is_unhealthy(host: HostProgram, before: Listing) -> None:
    hanging = check("CMD", "/bin/sleep", "1000", timeout=0.5, interval=0.5, retries=2)
    begin = time.monotonic()
    shown = failed(host, document=document(web=sh("sleep 1000", healthcheck=hanging)), deadline=60)
    assert time.monotonic() - begin < 30
    assert shown["error"]["code"] == "not_ready"
    assert "no end within 0.5 s" in shown["error"]["message"]
    assert_only_a_failed_record_left(host, shown, before)


def test_one_waits_until_the_other_is_healthy(host: HostProgram, before: Listing) -> None:
    """`web` looks once, when it starts, and dies where the other isn't healthy by then."""
    shared = [{"volume": "data", "target": "/data", "read_only": False}]
    stack = document(
        web=sh(
            "test -e /data/healthy && sleep 1000",
            volumes=shared,
            depends_on={"store": {"condition": "service_healthy"}},
        ),
        store=sh(
            "sleep 2; touch /data/healthy; sleep 1000",
            volumes=shared,
            healthcheck=check("CMD", "/bin/test", "-e", "/data/healthy", retries=20),
        ),
    )
    assert host.made(document=stack)["state"] == "ready"
    host.destroy("one")
    assert_nothing_left(host, before)


def migration(line: str) -> dict[str, Any]:
    shared = [{"volume": "data", "target": "/data", "read_only": False}]
    return document(
        web=sh(
            "test -e /data/migrated && sleep 1000",
            volumes=shared,
            depends_on={"migrate": {"condition": "service_completed_successfully"}},
        ),
        migrate=sh(line, volumes=shared),
    )


def test_one_waits_until_the_other_has_completed(host: HostProgram, before: Listing) -> None:
    stack = migration("sleep 1; touch /data/migrated")
    made = host.made(document=stack)
    assert made["state"] == "ready"
    assert host.create(document=stack)["action"] == "keep", "a completed one is no drift"
    podman("kill", f"{made['id']}.web")
    assert host.create(document=stack)["action"] == "repair"
    host.settle()
    assert host.show("one")["state"] == "ready"
    host.destroy("one")
    assert_nothing_left(host, before)


def test_the_other_does_not_complete(host: HostProgram, before: Listing) -> None:
    shown = failed(host, document=migration("echo no such table; exit 4"))
    assert shown["error"]["code"] == "service_exited"
    assert "service migrate ended with exit code 4" in shown["error"]["message"]
    assert "no such table" in shown["error"]["message"]
    assert_only_a_failed_record_left(host, shown, before)


# Volumes and environment


def test_volumes_that_no_one_named(host: HostProgram, before: Listing) -> None:
    """Those that an image asks for, and those that the file gives no name."""
    name = "localhost/sandboxer-tests/volumes:1"
    build = f"FROM {IMAGE}\nVOLUME /from-image\n"
    subprocess.run(["podman", "build", "-q", "-t", name, "-"], input=build.encode(), check=True)
    try:
        before = listing(host)
        unnamed = [{"volume": None, "target": "/from-file", "read_only": False}]
        stack = document(web=sh("sleep 1000", image=name, volumes=unnamed))
        made = host.made(document=stack)
        [inspected] = json.loads(podman("inspect", f"{made['id']}.web"))
        mounts = {one["Destination"]: one["Name"] for one in inspected["Mounts"]}
        assert sorted(mounts) == ["/from-file", "/from-image"]
        labelled = podman(
            *["volume", "ls", "--filter", f"label=io.sandboxer.id={made['id']}"],
            *["--format", "{{.Name}}"],
        ).split()
        assert sorted(labelled) == sorted(mounts.values())
        assert all(one.startswith(made["id"] + ".") for one in labelled)
        planned = [one["key"] for one in host.record(made["id"])["holdings"]]
        assert set(labelled) <= set(planned)
        host.destroy("one")
        assert_nothing_left(host, before)
    finally:
        podman("rmi", "--force", name)


ODD = {
    "NEWLINES": "a\nb\n\nB=c\n",
    "QUOTES": "'a' \"b\" `c` \\d \\",
    "SHELL": "$(id) ${HOME} $$ !! ; & | > < * ?",
    "UNICODE": "h\u00e4 \U0001f600 \u2028 \u202e",
    "EMPTY": "",
    "SPACES": "  a\t b  ",
    "HASH": "#a # b",
    "EQUALS": "=a=b=",
    "LONG": "x" * 100_000,
    "dotted.name": "a",
    "ConnectionStrings:Default": "Host=db;Port=5432",
    "A*B": "a",
    "#A": "a",
    "DOCKER_KEY": "a\nb",
    # those that the engine lives by: their way is another one
    "HOME": '/it\'s "home" $(id) \u00e4',
    "LANG": "  xx_XX.UTF-8 # no comment ",
    "XDG_RUNTIME_DIR": "/nowhere",
    "CONTAINER_HOST": "tcp://203.0.113.1:1",
    "LD_LIBRARY_PATH": "=",
    "GODEBUG": "",
}


def test_values_of_the_environment_arrive_byte_for_byte(host: HostProgram, before: Listing) -> None:
    web = sh("sleep 1000", environment={**ODD, "PATH": "/bin:/h\u00e4"})
    made = host.made(document=document(web=web))
    pid = podman("inspect", "--format", "{{.State.Pid}}", f"{made['id']}.web").strip()
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    arrived = dict(entry.split(b"=", 1) for entry in entries if entry)
    for key, value in {**ODD, "PATH": "/bin:/h\u00e4"}.items():
        assert arrived[key.encode()] == value.encode(), key
    assert not list((host.state / "sandboxes" / made["id"] / "job").glob("env*"))
    host.destroy("one")
    assert_nothing_left(host, before)


@pytest.mark.parametrize("environment", [{"*": "a"}, {"PATH": "a\nB=c"}, {"A": "a\0"}])
def test_what_can_not_arrive_is_refused_before_anything_is_made(
    host: HostProgram, before: Listing, environment: dict[str, str]
) -> None:
    answer = host.create(document=document(web=sh("sleep 1000", environment=environment)))
    assert answer["error"]["code"] == "usage"
    assert_nothing_left(host, before)


# Repair


def killed(container: str) -> None:
    podman("kill", container)


def removed(container: str) -> None:
    podman("rm", "--force", container)


def stopped(container: str) -> None:
    podman("stop", "--time", "1", container)


def paused(container: str) -> None:
    podman("pause", container)


@pytest.mark.parametrize(
    ("harm", "service_"),
    [
        (removed, "store"),
        *(
            pytest.param(*one, marks=pytest.mark.soak)
            for one in (
                *((killed, "web"), (paused, "web"), (stopped, "web"), (removed, "web")),
                *((killed, "store"), (stopped, "store"), (paused, "store")),
            )
        ),
    ],
)
def test_a_second_create_puts_it_right(
    host: HostProgram, before: Listing, harm: Callable[[str], None], service_: str
) -> None:
    made = host.made()
    podman("exec", f"{made['id']}.store", "touch", "/data/kept")
    assert host.create()["action"] == "keep"
    harm(f"{made['id']}.{service_}")
    assert host.show("one")["state"] == "stopped"
    answer = host.create()
    assert (answer["action"], answer["changed"]) == ("repair", True), answer
    assert f"{made['id']}.{service_}" in answer["reason"]
    assert answer["object"]["id"] == made["id"]
    host.settle()
    right = host.show("one")
    assert (right["state"], right["id"], right["error"]) == ("ready", made["id"], None)
    assert right["expires_at"] == made["expires_at"], "a second create never renews"
    assert right["reachability"] == made["reachability"]
    podman("exec", f"{made['id']}.store", "test", "-e", "/data/kept")
    assert host.create()["action"] == "keep"
    host.destroy("one")
    assert_nothing_left(host, before)


def test_a_repair_that_fails_leaves_it_stopped_and_says_why(
    host: HostProgram, before: Listing
) -> None:
    shared = [{"volume": "data", "target": "/data", "read_only": False}]
    stack = document(web=sh("test ! -e /data/broken && sleep 1000", volumes=shared))
    made = host.made(document=stack)
    name = f"{made['id']}.web"
    podman("exec", name, "touch", "/data/broken")
    killed(name)
    assert host.create(document=stack)["action"] == "repair"
    host.settle()
    shown = host.show("one")
    assert (shown["state"], shown["error"]["code"]) == ("stopped", "service_exited")
    host.destroy("one")
    assert_nothing_left(host, before)


# Cancel, replace, conflict, owners


def test_what_replaces_fails_where_the_old_one_does_not_go(
    host: HostProgram, before: Listing
) -> None:
    old = host.made()
    folder = Path(old["reachability"]["remote_dir"])
    kept = folder.rename(folder.with_name("kept"))
    folder.symlink_to(kept)
    made = host.create(request={"profile": "sha256:1"}, replace=True)["object"]
    host.settle()
    shown = host.show(made["id"])
    assert (shown["state"], shown["error"]["code"]) == ("failed", "residue")
    assert host.show(old["id"])["state"] == "stuck"
    folder.unlink()
    kept.rename(folder)
    for one in (old, made):
        host.destroy(one["id"])
    assert_nothing_left(host, before)


def test_cancel_in_the_middle_of_a_making(host: HostProgram, before: Listing) -> None:
    never = stack()
    never["probes"][0]["http"]["path"] = "/none"
    made = host.create(document=never)["object"]
    name = f"{made['id']}.web"
    await_condition(lambda: any(name in line for line in listing(host)["containers"]))
    shown = host.call("cancel", {"ref": "one", "owner": "me"})
    assert (shown["state"], shown["error"]["code"]) == ("failed", "cancelled")
    assert_only_a_failed_record_left(host, shown, before)


def test_cancel_of_one_that_is_ready_changes_nothing(host: HostProgram, before: Listing) -> None:
    made = host.made()
    assert host.call("cancel", {"ref": "one", "owner": "me"}) == made
    host.destroy("one")
    assert_nothing_left(host, before)


def test_a_conflict_names_the_keys_and_replace_makes_anew(
    host: HostProgram, before: Listing
) -> None:
    one = host.made(request={"profile": "1", "compose": "1", "set": "1"})
    other = {"profile": "1", "compose": "2", "set": "2"}
    answer = host.create(request=other)
    assert answer["error"]["code"] == "conflict"
    assert "compose, set differs" in answer["error"]["message"]
    assert "profile" not in answer["error"]["message"]
    assert host.show("one") == one
    two = host.made(request=other, replace=True)
    assert two["id"] != one["id"]
    assert host.ids() == [two["id"]]
    assert not any(one["id"] in line for line in listing(host)["containers"])
    assert host.create(request=other, replace=True)["action"] == "keep"
    host.destroy("one")
    assert_nothing_left(host, before)


def test_two_owners_with_the_same_name(host: HostProgram, before: Listing) -> None:
    mine, yours = host.made(owner="me"), host.made(owner="you")
    assert mine["id"] != yours["id"]
    assert [one["id"] for one in host.call("list", {"owner": "you"})] == [yours["id"]]
    assert len(host.call("list", {"owner": None})) == 2
    answer = host.call("destroy", {"ref": "one", "owner": "him"})
    assert answer["error"]["code"] == "conflict"
    assert host.call("destroy", {"ref": "one", "owner": "you"})["id"] == yours["id"]
    assert host.ids() == [mine["id"]]
    host.destroy("one")
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_an_engine_that_stops_answering(host: HostProgram, before: Listing) -> None:
    host.made()
    with unanswering():
        answer = host.create(name="two", deadline=300)
        host.settle(seconds=300)
    error = host.record(answer["object"]["id"])["error"]
    assert (error["code"], error["retryable"]) == ("engine_failed", True)
    assert "did not end in 30 s" in error["message"]
    assert host.create()["action"] == "keep"
    for name in ("one", "two"):
        host.destroy(name)
    assert_nothing_left(host, before)


@contextlib.contextmanager
def unanswering() -> Iterator[None]:
    """Somebody else holds podman's lock on its storage."""
    with Path("/var/lib/containers/storage/storage.lock").open("r+b") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.soak
@pytest.mark.parametrize("ended_by", ["destroy", "reap"])
def test_an_engine_that_stops_answering_when_it_is_to_go(
    host: HostProgram, before: Listing, ended_by: str
) -> None:
    """Nobody can look, so nothing counts as gone; once it answers again, nothing is left."""
    made = host.made()
    with unanswering():
        asked = {"ref": "one", "owner": "me", "check": False}
        error = json.loads(host.start("absent", asked).communicate(timeout=400)[0])["error"]
    assert (error["code"], error["retryable"]) == ("residue", True)
    assert error["message"].startswith("nobody can tell what is left of ")
    assert "did not end in " in error["message"]
    assert "does `podman ps` answer on the host?; the reaper" in error["hint"]
    assert host.show("one")["state"] == "stuck"
    if ended_by == "reap":
        assert host.reap()["destroyed"] == [made["id"]]
    else:
        assert host.destroy("one")["receipt"]["remains"] == []
    assert_nothing_left(host, before)


def test_an_engine_that_is_too_old(host: HostProgram, before: Listing, tmp_path: Path) -> None:
    """It is asked once; then again when it is another one."""
    asked = tmp_path / "asked"
    old = tmp_path / "podman"
    old.write_text(
        f'#!/bin/sh\n[ $1 = version ] || exec {shutil.which("podman")} "$@"\n'
        f"echo >>{asked}; echo 4.2.1\n"
    )
    old.chmod(0o755)
    there = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    error = host.call("create", create_request(), **there)["error"]
    assert (error["code"], host.ids()) == ("too_old", [])
    assert "podman 4.2.1 is too old: 4.3 is the least" in error["message"]
    old.write_text(old.read_text().replace("4.2.1", "4.3.1"))
    for name in ("one", "two"):
        assert host.call("create", create_request(name=name), **there)["changed"]
        host.settle()
    assert asked.read_text() == 2 * "\n"
    for name in ("one", "two"):
        host.destroy(name)
    assert_nothing_left(host, before)


# What is not ours


def test_only_this_machine_reaches_a_sandbox(host: HostProgram, before: Listing) -> None:
    """By its published ports; and no other sandbox by the network."""
    made = host.made()
    [inspected] = json.loads(podman("inspect", f"{made['id']}.web"))
    [bound] = inspected["HostConfig"]["PortBindings"]["80/tcp"]
    assert bound["HostIp"] == "127.0.0.1"
    [network] = json.loads(podman("network", "inspect", f"{made['id']}.default"))
    assert network["options"]["isolate"] == "true"
    host.destroy("one")
    assert_nothing_left(host, before)


def test_a_stranger_who_names_it_is_no_residue(host: HostProgram, before: Listing) -> None:
    """Somebody reads a file that is called like one of its containers."""
    made = host.made()
    reader = subprocess.Popen(
        ["tail", "-f", "/dev/null", f"{made['id']}.web"], stderr=subprocess.DEVNULL
    )
    try:
        assert host.destroy("one")["receipt"]["remains"] == []
    finally:
        reader.kill()
        reader.wait()
    assert_nothing_left(host, before)
