"""Stop, start, restart and repair; readiness and ports, with real containers."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from typing import Any

import pytest

from tests.faults.conftest import HostProgram, assert_nothing_left, document, service
from tests.faults.test_trouble import PORT, Listing, failed, podman, sh

pytestmark = pytest.mark.podman

ME = {"ref": "one", "owner": "me"}


def started(host: HostProgram) -> dict[str, str]:
    """Container -> when it was last started."""
    [sandbox_id] = host.ids()
    found = json.loads(podman("ps", "--all", "--format", "json"))
    ours = [item for item in found if item["Names"][0].startswith(sandbox_id)]
    return {item["Names"][0][len(sandbox_id) + 1 :]: item["StartedAt"] for item in ours}


def run(host: HostProgram, verb: str, **more: Any) -> Any:
    answer = host.call(verb, {**ME, "wait": True, **more})
    assert "error" not in answer, answer
    host.settle()
    return answer


def test_stopped_and_started_again(host: HostProgram, before: Listing) -> None:
    made = host.made()
    check = run(host, "stop", check=True)
    assert (check["changed"], host.show("one")["state"]) == (True, "ready")
    assert [run(host, "stop")["changed"] for _ in range(2)] == [True, False]
    stopped = host.show("one")
    assert (stopped["state"], stopped["expires_at"]) == ("stopped", made["expires_at"])
    assert run(host, "start", check=True)["changed"]
    again = [run(host, "start") for _ in range(2)]
    assert [one["changed"] for one in again] == [True, False]
    assert host.show("one") == made
    run(host, "stop")
    assert host.create()["action"] == "repair"
    host.settle()
    assert host.show("one") == made
    host.destroy("one")
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_restart_of_one_service_leaves_the_others(host: HostProgram, warm: None) -> None:
    host.made()
    was = started(host)
    assert run(host, "restart", service="web")["object"]["state"] == "ready"
    now = started(host)
    assert (now["web"] != was["web"], now["store"] == was["store"]) == (True, True)
    assert run(host, "restart")["changed"]
    assert all(started(host)[name] != now[name] for name in now)
    error = host.call("restart", {**ME, "service": "none", "wait": True})["error"]
    assert (error["code"], error["hint"]) == ("not_found", "it has store, web")


def test_who_shares_a_network_is_started_after_its_owner(host: HostProgram, warm: None) -> None:
    """What it had is gone with the owner's end; who asks for it is started anew as well."""
    needs = {"depends_on": {"web": {"condition": "service_started", "restart": True}}}
    inside = sh("sleep 1000", networks={}, network_mode="service:web")
    wanted = document(
        web=service(), beside=inside, after=sh("sleep 1000", **needs), other=sh("sleep 1000")
    )
    made = host.made(document=wanted)
    was = started(host)
    podman("kill", f"{made['id']}.web")
    run(host, "start")
    ask = ("exec", f"{made['id']}.beside", "wget", "-q", "-O", "-", "http://127.0.0.1/")
    assert "it answers" in podman(*ask)
    now = started(host)
    assert {name for name in now if now[name] == was[name]} == {"other"}
    run(host, "restart", service="web")
    assert "it answers" in podman(*ask)


@pytest.mark.soak
def test_one_that_is_killed_is_put_right_by_start(host: HostProgram, warm: None) -> None:
    host.made()
    [sandbox_id] = host.ids()
    was = started(host)
    podman("kill", f"{sandbox_id}.store")
    assert host.show("one")["state"] == "stopped"
    answer = run(host, "start")
    assert (answer["changed"], "store is exited" in answer["reason"]) == (True, True)
    assert (host.show("one")["state"], started(host)["web"]) == ("ready", was["web"])


def test_the_grace_is_short_and_a_services_own_is_kept(host: HostProgram, warm: None) -> None:
    deaf = "trap '' TERM; while true; do sleep .1; done"
    host.made(document=document(web=sh(deaf, init=False)))
    begin = time.monotonic()
    run(host, "stop")
    short = time.monotonic() - begin
    host.destroy("one")
    slow = "trap 'sleep 4; exit 0' TERM; while true; do sleep .1; done"
    host.made(document=document(web=sh(slow, init=False, stop_grace=30.0)))
    [sandbox_id] = host.ids()
    run(host, "stop")
    [item] = json.loads(podman("inspect", f"{sandbox_id}.web"))
    assert item["State"]["ExitCode"] == 0  # it came to its end, and was not killed
    assert short < 12


def test_limits_above_what_root_has_here(host: HostProgram, warm: None) -> None:
    """Where root may raise them, it gets what it asks for."""
    limits = {"memlock": {"soft": -1, "hard": -1}, "nofile": {"soft": 100, "hard": 200}}
    shown = host.made(document=document(web=sh("sleep 1000", ulimits=limits)))
    assert shown["state"] == "ready", shown
    found = podman("exec", f"{shown['id']}.web", "cat", "/proc/1/limits")
    [line] = [line for line in found.splitlines() if line.startswith("Max open files")]
    assert line.split()[3:5] == ["100", "200"]


def test_a_port_that_a_stranger_takes_before_it_is_bound(
    host: HostProgram, before: Listing
) -> None:
    stopped = host.made()
    first = stopped["reachability"]["endpoints"][0]["host_port"]
    run(host, "stop")
    with socket.create_server(("127.0.0.1", first)):
        answer = run(host, "start")
        [endpoint] = answer["object"]["reachability"]["endpoints"]
        assert answer["object"]["state"] == "ready"
        assert endpoint["host_port"] != first
        assert str(endpoint["host_port"]) in endpoint["url"]
    host.destroy("one")
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_a_dependency_that_never_gets_healthy(host: HostProgram, warm: None) -> None:
    check = {"test": ["CMD", "/bin/false"], "interval": 0.3, "timeout": 5.0, "retries": 2}
    made = document(
        web=service(depends_on={"db": {"condition": "service_healthy"}}),
        db=sh("echo starting; exec sleep 1000", healthcheck={**check, "start_period": 0.0}),
    )
    shown = failed(host, document=made)
    assert shown["error"]["code"] == "not_ready"
    assert "the health check of service db fails (exit 1" in shown["error"]["message"]
    assert "starting" in shown["error"]["message"]


@pytest.mark.soak
def test_a_health_check_that_hangs_is_ended_inside(host: HostProgram, warm: None) -> None:
    check = {"test": ["CMD", "/bin/sleep", "777"], "interval": 0.5, "timeout": 0.5, "retries": 2}
    web = service(healthcheck={**check, "start_period": 0.0})
    shown = failed(host, document=document(web=web))
    assert shown["error"]["code"] == "not_ready"
    assert "no end within 0.5 s" in shown["error"]["message"]
    left = subprocess.check_output(["ps", "-ww", "-eo", "args"], text=True)
    assert "sleep 777" not in left


def test_each_starts_as_soon_as_it_may(host: HostProgram, warm: None) -> None:
    """The store gets healthy by a job that waits only for its start, and that nobody waits for;
    others want it started, and the one that wants it healthy must not go with them."""
    shared = {"volumes": [{"volume": "data", "target": "/data", "read_only": False}]}
    check = {"test": ["CMD", "/bin/test", "-e", "/data/filled"], "interval": 0.2, "timeout": 5.0}
    started = {"store": {"condition": "service_started"}}
    made = document(
        api=sh(
            "test -e /data/filled && exec sleep 1000",
            depends_on={"store": {"condition": "service_healthy"}},
            **shared,
        ),
        fill=sh("sleep 1; touch /data/filled", depends_on=started, **shared),
        store=sh(
            "exec sleep 1000", healthcheck={**check, "retries": 50, "start_period": 0.0}, **shared
        ),
        worker=sh("exec sleep 1000", depends_on=started),
    )
    shown = host.made(document=made)
    assert shown["state"] == "ready", shown
    assert host.create(document=made)["action"] == "keep", "a job that has ended is no drift"


def test_a_server_that_only_prepares_a_volume_is_not_healthy(host: HostProgram, warm: None) -> None:
    """As databases do on an empty one."""
    prepares = "touch /up; sleep 1; rm /up; sleep 1; mkdir /data/real; touch /up; exec sleep 1000"
    check = {"test": ["CMD", "test", "-e", "/up"], "interval": 9.0, "timeout": 9.0, "retries": 9}
    shows = host.made(
        document=document(
            db=sh(
                prepares,
                healthcheck={**check, "start_period": 0.0},
                volumes=[{"type": "volume", "volume": "d", "target": "/data", "read_only": False}],
            )
        )
    )
    podman("exec", f"{shows['id']}.db", "test", "-e", "/data/real")


def test_something_has_to_run(host: HostProgram, warm: None) -> None:
    shown = failed(host, document=document(job=sh("echo done")))
    assert shown["error"]["code"] == "service_exited"
    assert "service job ended with exit code 0, and nothing else runs" in shown["error"]["message"]


@pytest.mark.soak
def test_a_crash_loop_is_given_up_before_the_deadline(host: HostProgram, warm: None) -> None:
    check = {"test": ["CMD", "/bin/true"], "interval": 5.0, "timeout": 5.0, "retries": 9}
    stack = document(
        web=sh("echo no config; exit 3", restart="always", init=False),
        db=service(healthcheck={**check, "start_period": 0.0}),
    )
    begin = time.monotonic()
    answer = host.create(document=stack, deadline=600)
    host.settle(seconds=120)
    error = host.show(answer["object"]["id"])["error"]
    assert (error["code"], error["stage"]) == ("service_exited", "ready")
    assert "service web ends again and again, with exit code 3" in error["message"]
    assert error["message"].endswith("no config")
    assert 60 <= time.monotonic() - begin < 90


@pytest.mark.soak
def test_an_optional_dependency_that_fails(host: HostProgram, warm: None) -> None:
    needs = {"extra": {"condition": "service_healthy", "required": False}}
    made = document(web=service(depends_on=needs), extra=sh("exit 3"))
    shown = host.made(document=made)
    assert shown["state"] == "ready"
    assert not host.create(document=made)["changed"]


@pytest.mark.soak
def test_a_wrong_answer_is_named(host: HostProgram, warm: None) -> None:
    made = document(web=service(ports=PORT))
    made["probes"] = [{"service": "web", "http": {"port": 80, "path": "/none"}}]
    shown = failed(host, document=made, deadline=5)
    assert "got 404 from web:80/none for " in shown["error"]["message"]


@pytest.mark.soak
def test_a_probe_inside(host: HostProgram, warm: None) -> None:
    made = document(web=sh("sleep 2; touch /up; exec sleep 1000"))
    made["probes"] = [{"service": "web", "exec": {"command": ["/bin/test", "-e", "/up"]}}]
    assert host.made(document=made)["state"] == "ready"


@pytest.mark.soak
def test_udp(host: HostProgram, warm: None) -> None:
    """As far as the engine says: there is no server for it in busybox."""
    shown = host.made(document=document(web=service(ports=[{"target": 53, "protocol": "udp"}])))
    [endpoint] = shown["reachability"]["endpoints"]
    assert endpoint["url"] == f"udp://127.0.0.1:{endpoint['host_port']}"
    said = podman("port", f"{shown['id']}.web")
    assert said.strip() == f"53/udp -> 127.0.0.1:{endpoint['host_port']}"
