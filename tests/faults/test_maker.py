"""A compose program as the maker: podman-compose itself, and named fakes for the troubles."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import (
    HostProgram,
    assert_nothing_left,
    document,
    service,
)
from tests.faults.test_trouble import (
    ODD,
    PORT,
    Listing,
    assert_only_a_failed_record_left,
    await_condition,
    failed,
    podman,
    removed,
    sh,
)
from tests.lab.doors import BIN, ROOT, Controller, Said

pytestmark = pytest.mark.podman

# another one may be tried by hand: SANDBOXER_TEST_COMPOSE
REAL = os.environ.get("SANDBOXER_TEST_COMPOSE", str(Path(sys.executable).parent / "podman-compose"))
ODD_TEXT = (
    "$HOME ${A:-b} $$ $$$ \U0001f389 \x7f \x85 \u2028 \ufeff 'q' \"d\" \\ # : - {a} [b]\n\tend "
)
WRITE = [{"volume": "data", "target": "/data", "read_only": False}]
READ = [{"volume": "data", "target": "/data", "read_only": True}]


def inspected(container: str) -> Any:
    return json.loads(podman("inspect", container))[0]


def one_of_everything() -> dict[str, Any]:
    """Each key of the narrow form, with values that a second parser could take for its own."""
    made = document(
        web=sh(
            'test "$(cat /data/row)" = written; exec /bin/httpd -f -p 80 -h /www',
            environment={**ODD, "ODD": ODD_TEXT, "PATH": "/bin:/h\u00e4"},
            labels={"odd": ODD_TEXT, "com.example/name": "", "com.docker.compose.project": "x"},
            restart="on-failure:3",
            ports=[*PORT, {"target": 53, "protocol": "udp"}],
            expose=[{"target": 5353, "protocol": "udp"}, {"target": 81, "protocol": "tcp"}],
            volumes=[*READ, {"volume": None, "target": "/unnamed", "read_only": False}],
            depends_on={"init": {"condition": "service_completed_successfully"}},
            working_dir="/www",
            user="0:0",
            healthcheck={
                "test": ["CMD", "/bin/test", "-e", "/data/row"],
                "interval": 1.0,
                "timeout": 5.0,
                "retries": 3,
                "start_period": 0.0,
            },
        ),
        init=sh("echo written > /data/row", volumes=WRITE, init=False),
        words=service(
            entrypoint=["/bin/sh", "-c", 'printf "%s|" "$@"; exec sleep 1000', ODD_TEXT],
            command=["-x", "", ODD_TEXT, "$HOME", "a b"],
        ),
        bare=service(entrypoint=[], command=["/bin/sleep", "1000"], user="1000"),
    )
    made["probes"] = [{"service": "web", "http": {"port": 80, "path": "/", "status": 200}}]
    return made


def essence(container: str, sandbox_id: str) -> Any:
    """What a maker has decided, without what the engine numbers anew each time."""
    found = inspected(container)
    config, host_config = found["Config"], found["HostConfig"]
    others = ("com.docker.compose.", "io.podman.compose.", "PODMAN_SYSTEMD_UNIT")
    labels = {k: v for k, v in config["Labels"].items() if not k.startswith(others)}
    ports = {key: len(value or []) for key, value in found["NetworkSettings"]["Ports"].items()}
    whole = {
        "config": {
            key: config.get(key)
            for key in ("Cmd", "Entrypoint", "User", "WorkingDir", "Image", "Tty", "Healthcheck")
        },
        "environment": sorted(one for one in config["Env"] if not one.startswith("HOSTNAME=")),
        "labels": labels,
        "host": {
            key: host_config[key]
            for key in ("RestartPolicy", "LogConfig", "Init", "NetworkMode", "Privileged")
        },
        "ports": ports,
        "bound": sorted(
            one["HostIp"] for each in host_config["PortBindings"].values() for one in each or ()
        ),
        "mounts": sorted((m["Name"], m["Destination"], m["RW"]) for m in found["Mounts"]),
        "aliases": {
            name: sorted(alias for alias in net["Aliases"] if alias != found["Id"][:12])
            for name, net in found["NetworkSettings"]["Networks"].items()
        },
        "pod": found["Pod"],
        "requires": found["Dependencies"],
        "name": found["Name"],
    }
    return json.loads(json.dumps(whole).replace(sandbox_id, "ID").replace(found["Id"], "CONTAINER"))


@pytest.mark.soak
def test_each_maker_is_the_others_judge(host: HostProgram, before: Listing) -> None:
    found = {}
    for command in (None, REAL):
        made = host.made(document=one_of_everything(), compose_cmd=command)
        assert made["error"] is None, made["error"]["message"]
        assert (made["state"], made["maker"], made["compose_cmd"]) == (
            *("ready", "compose" if command else "engine"),
            command,
        )
        found[command] = {
            name: essence(f"{made['id']}.{name}", made["id"]) for name in ("web", "words", "bare")
        }
        labels = inspected(f"{made['id']}.bare")["Config"]["Labels"]
        assert ("com.docker.compose.project" in labels) == (command == REAL)
        [pid] = podman("inspect", "--format", "{{.State.Pid}}", f"{made['id']}.web").split()
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        arrived = dict(entry.split(b"=", 1) for entry in entries if entry)
        for key, value in {**ODD, "ODD": ODD_TEXT}.items():
            assert arrived[key.encode()] == value.encode(), key
        said = podman("logs", f"{made['id']}.words")
        assert said.rstrip("\n") == "|".join(["-x", "", ODD_TEXT, "$HOME", "a b", ""])
        assert host.destroy("one")["receipt"]["remains"] == []
        assert_nothing_left(host, before)
    assert found[REAL] == found[None]


def test_its_own_settings_are_kept_from_it(host: HostProgram, before: Listing) -> None:
    """A pod, another file, another folder, another project; a locale that can't read the file."""
    web = sh("sleep 1000", environment={"ODD": ODD_TEXT})
    answer = host.call(
        "create",
        {
            "name": "one",
            "owner": "me",
            "profile": "p",
            "profile_hash": "",
            "deadline": 30,
            "extension": "e",
            "request": {},
            "document": document(web=web),
            "compose_cmd": REAL,
        },
        COMPOSE_FILE="/nowhere.yml",
        COMPOSE_PROJECT_DIR="/tmp",
        COMPOSE_PROJECT_NAME="other",
        COMPOSE_PROFILES="x",
        PODMAN_COMPOSE_IN_POD="true",
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
        LC_ALL="C",
    )
    host.settle()
    shown = host.show(answer["object"]["id"])
    assert shown["state"] == "ready", shown["error"]
    found = inspected(f"{shown['id']}.web")
    assert found["Pod"] == ""
    assert "ODD=" + ODD_TEXT in found["Config"]["Env"]
    host.destroy("one")
    assert_nothing_left(host, before)


def test_it_answers_0_and_we_wait_until_it_is_healthy(host: HostProgram, before: Listing) -> None:
    check = {"test": ["CMD", "/bin/false"], "interval": 0.3, "timeout": 5.0}
    sick = sh("sleep 1000", healthcheck={**check, "retries": 2, "start_period": 0.0})
    web = service(depends_on={"sick": {"condition": "service_healthy"}})
    shown = failed(host, document=document(web=web, sick=sick), compose_cmd=REAL)
    assert shown["error"]["code"] == "not_ready"
    assert "health check of service sick fails" in shown["error"]["message"]
    assert_only_a_failed_record_left(host, shown, before)


@pytest.mark.soak
def test_a_pod_that_its_command_asks_for_goes_too(host: HostProgram, before: Listing) -> None:
    host.create(compose_cmd=REAL + " --in-pod=1")
    host.settle()
    [sandbox_id] = host.ids()
    assert podman("pod", "ps", "--format", "{{.Name}}").split() == [f"pod_{sandbox_id}"]
    receipt = host.destroy(sandbox_id)["receipt"]
    assert receipt["remains"] == []
    assert {"kind": "pod", "key": f"pod_{sandbox_id}"} in receipt["removed"]
    assert_nothing_left(host, before)


# By every door


@pytest.fixture
def controller(tmp_path: Path) -> Controller:
    """With the example inventory."""
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    environment = {"SANDBOXER_STATE": str(tmp_path / "host"), "PATH": path}
    return Controller(tmp_path, ROOT / "inventories/fleet", environment)


HELLO = {"sandboxer_profile": "profile.hello", "sandboxer_unreaped": True}
# this machine plays the example's host for once
HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


@pytest.mark.soak
def test_by_the_playbook_and_the_inventory(
    host: HostProgram, before: Listing, controller: Controller
) -> None:
    """What stands in the inventory wins over the environment of the controller."""
    elsewhere = replace(
        controller,
        environment={**controller.environment, "SANDBOXER_COMPOSE_CMD": "/nowhere/podman-compose"},
    )
    said = play(elsewhere, "create", "coulombcore", **HELLO, sandboxer_name="one")
    assert said.status == 0, said
    [made] = [host.show(one) for one in host.ids()]
    assert (made["state"], made["maker"]) == ("ready", "compose")
    assert made["compose_cmd"] == "podman-compose"
    refused = play(elsewhere, "create", "quarry", **HELLO, sandboxer_name="two")
    assert "there is no compose program /nowhere/podman-compose" in refused.out
    assert play(controller, "destroy", "coulombcore", sandboxer_name="one").status == 0
    assert host.ids() == []


def play(controller: Controller, verb: str, host: str, **variables: Any) -> Said:
    return controller.run(
        *[str(BIN / "ansible-playbook"), "-i", str(controller.inventory)],
        *[f"playbooks/{verb}.yml", "-e"],
        json.dumps({"sandboxer_owner": "me", "sandboxer_host": host, **variables, **HERE}),
    )


@pytest.mark.soak
def test_by_the_program(host: HostProgram, before: Listing, controller: Controller) -> None:
    here = replace(controller, inventory=None)
    named = replace(
        here, environment={**here.environment, "SANDBOXER_COMPOSE_CMD": "/nowhere/podman-compose"}
    )
    words = ("create", "--profile", "profile.hello", "--unreaped", "--json", "--name")
    refused = named.sandboxer(*words, "one")
    assert (refused.status, refused.error["code"]) == (7, "compose_program_missing")
    by_word = named.sandboxer(*words, "one", "--compose-cmd", "podman-compose")
    assert (by_word.status, by_word.data["compose_cmd"]) == (0, "podman-compose"), by_word
    assert by_word.data["maker"] == "compose"
    again = named.sandboxer(*words, "one")
    assert again.data == {**by_word.data, "changed": False}
    by_engine = named.sandboxer(*words, "two", "--compose-cmd", "")
    assert (by_engine.data["maker"], by_engine.data["compose_cmd"]) == ("engine", None)
    for name in ("one", "two"):
        assert here.sandboxer("destroy", name, "--json").data["remains"] == []
    assert host.ids() == []


# Idempotence and repair


@pytest.mark.soak
def test_who_makes_it_is_no_part_of_what_is_asked_for(host: HostProgram, before: Listing) -> None:
    first = host.made()
    for command in (REAL, "/not-even-there/podman-compose"):
        again = host.create(compose_cmd=command)
        assert (again["changed"], again["action"]) == (False, "keep")
    assert host.show(first["id"]) == first
    assert first["maker"] == "engine"
    host.destroy("one")
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_it_is_put_right_by_who_made_it(host: HostProgram, before: Listing) -> None:
    made = host.made(compose_cmd=REAL)
    kept = inspected(f"{made['id']}.store")["Id"]
    removed(f"{made['id']}.web")
    answer = host.create()
    assert (answer["changed"], answer["action"]) == (True, "repair")
    host.settle()
    shown = host.show(made["id"])
    assert (shown["state"], shown["maker"], shown["compose_cmd"]) == ("ready", "compose", REAL)
    assert inspected(f"{made['id']}.store")["Id"] == kept
    labels = inspected(f"{made['id']}.web")["Config"]["Labels"]
    assert labels["com.docker.compose.project"] == made["id"]
    host.destroy("one")
    assert_nothing_left(host, before)


# Trouble


@pytest.fixture
def fake(tmp_path: Path) -> Callable[[str], str]:
    """A compose program by a few lines of shell. It is started as `… -p ID -f FILE up …`."""

    def made(lines: str) -> str:
        path = tmp_path / "podman-compose"
        path.write_text(f"#!/bin/sh\n[ $1 != version ] || exit 0\nid=$2 file=$4\n{lines}\n")
        path.chmod(0o755)
        return str(path)

    return made


def test_one_that_is_not_there_is_named_before_anything_is_made(
    host: HostProgram, before: Listing
) -> None:
    error = host.create(compose_cmd="/none/podman-compose up")["error"]
    assert error["code"] == "compose_program_missing"
    assert "/none/podman-compose" in error["message"]
    assert "--compose-cmd" in error["hint"]
    assert host.ids() == []
    assert_nothing_left(host, before)


@pytest.mark.parametrize("command", ["", "  ", "'a", "./compose", "bin/compose", "a\0b"])
def test_what_is_no_command_is_refused(host: HostProgram, before: Listing, command: str) -> None:
    assert host.create(compose_cmd=command)["error"]["code"] == "usage"
    assert_nothing_left(host, before)


@pytest.mark.parametrize(
    "changes", [{"labels": {"a$b": "c"}}, {"labels": {"x" * 1100: "c"}}], ids=["dollar", "long"]
)
def test_what_none_of_them_carries_is_refused(
    host: HostProgram, before: Listing, changes: Mapping[str, Any]
) -> None:
    wanted = document(web=service(**changes))
    assert host.create(document=wanted, compose_cmd=REAL)["error"]["code"] == "usage"
    assert_nothing_left(host, before)


CALLS = """
started() { podman run -d --name "$id.$1" --label io.sandboxer.id="$id" \
    --label io.sandboxer.generation=1 localhost/sandboxer-tests/busybox:1; }
made() { podman create --name "$id.$1" --label io.sandboxer.id="$id" \
    --label "io.sandboxer.generation=$2" localhost/sandboxer-tests/busybox:1; }
"""
FAILURES = {
    "nothing": ("exit 0", "web is missing; it said nothing"),
    "half": ("made store 1; echo half of it; exit 0", "web is missing; its last lines"),
    "its own code": ("made store 1; echo so sorry >&2; exit 3", "so sorry"),
    "a traceback": (
        "exec python3 -c 'raise RuntimeError(\"missing networks: {default}\")'",
        "RuntimeError: missing networks: {default}",
    ),
    "networks": (
        'podman network create --label com.docker.compose.project="$id" stranger;'
        'podman network create "${id}_default"; exit 0',
        "web is missing",
    ),
    "volumes": ('podman volume create "${id}_data"; exit 0', "web is missing"),
    "names of its own": (
        'podman run -d --name "${id}_web_1" localhost/sandboxer-tests/busybox:1; exit 0',
        "web is missing",
    ),
    "a pod": ('podman pod create --infra=false --name "pod_$id"', "web is missing"),
    "started": ("started web; made store 1", "web is running before its time"),
    "another generation": ("made web 7; made store 1", "web does not carry our labels"),
    "disk full": ("echo 'write /x: no space left on device'; echo exit code: 125", "no space left"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_one_that_fails(
    host: HostProgram, before: Listing, fake: Callable[[str], str], name: str
) -> None:
    """Its exit status is never the verdict, and what it has made on its own goes too."""
    lines, told = FAILURES[name]
    command = fake(CALLS + lines)
    shown = failed(host, compose_cmd=command)
    error = shown["error"]
    assert told in error["message"]
    assert error["code"] == ("disk_full" if name == "disk full" else "compose_failed")
    assert error["stage"] == "make"
    assert error["hint"]
    if name != "disk full":
        assert command in error["message"]
    assert_only_a_failed_record_left(host, shown, before)


@pytest.mark.soak
def test_podman_compose_itself_that_fails(host: HostProgram, before: Listing) -> None:
    """1.0.3 answers 0 to that."""
    shown = failed(host, compose_cmd=REAL + " --podman-run-args=--nonsense")
    assert shown["error"]["code"] == "compose_failed"
    assert "unknown flag: --nonsense" in shown["error"]["message"]
    assert_only_a_failed_record_left(host, shown, before)


def test_no_value_is_in_what_it_said(host: HostProgram, before: Listing) -> None:
    lines = "first line of it\nsecond line of it"
    environment = {"PASSWORD": lines, "PIN": "#%#", "HOME": "/somewhere/secret"}
    wanted = document(web=service(environment=environment, labels={"a": "b"}))
    shown = failed(
        host, document=wanted, compose_cmd=REAL + " --verbose --podman-run-args=--nonsense"
    )
    assert shown["error"]["code"] == "compose_failed"
    for part in ("first line", "second line", "#%#", "/somewhere/secret"):
        assert part not in json.dumps(host.record(shown["id"]))
    log = host.state / "sandboxes" / shown["id"] / "job" / "log.head"
    assert "line of it" not in log.read_text()
    assert_only_a_failed_record_left(host, shown, before)


def test_one_that_can_not_be_started(host: HostProgram, before: Listing, tmp_path: Path) -> None:
    path = tmp_path / "podman-compose"
    path.write_bytes(b"\0")
    path.chmod(0o755)
    shown = failed(host, compose_cmd=str(path))
    assert shown["error"]["code"] == "compose_failed"
    assert f"{path} can't be started" in shown["error"]["message"]
    assert_only_a_failed_record_left(host, shown, before)


HANGS = "made store 1\nsleep 4321 & sleep 4321"


def sleepers() -> list[str]:
    done = subprocess.run(["pgrep", "-f", "^sleep 4321"], capture_output=True, text=True)
    return done.stdout.split()


def test_one_that_hangs(host: HostProgram, before: Listing, fake: Callable[[str], str]) -> None:
    command = fake(CALLS + HANGS)
    shown = failed(host, compose_cmd=command, deadline=3)
    assert (shown["error"]["code"], shown["error"]["stage"]) == ("deadline", "make")
    assert f"making store, web by {command}" in shown["error"]["message"]
    assert sleepers() == []
    assert_only_a_failed_record_left(host, shown, before)


@pytest.mark.soak
def test_one_that_will_not_be_ended(
    host: HostProgram, before: Listing, fake: Callable[[str], str]
) -> None:
    command = fake("trap '' TERM\n(trap '' TERM; sleep 4321; sleep 4321) &\nsleep 4321; sleep 4321")
    shown = failed(host, compose_cmd=command, deadline=2)
    assert shown["error"]["code"] == "deadline"
    assert sleepers() == []
    assert_only_a_failed_record_left(host, shown, before)


@pytest.mark.soak
def test_one_that_talks_without_end(
    host: HostProgram, before: Listing, fake: Callable[[str], str]
) -> None:
    shown = failed(host, compose_cmd=fake("exec yes much"), deadline=3)
    assert shown["error"]["code"] == "deadline"
    assert_only_a_failed_record_left(host, shown, before)


def test_one_that_leaves_a_process_behind(
    host: HostProgram, before: Listing, fake: Callable[[str], str]
) -> None:
    """It keeps the pipe open; neither is waited for, nor lives on."""
    start = time.monotonic()
    made = host.made(compose_cmd=fake(f"sleep 4321 &\n{REAL} -p $id -f $file up --no-start"))
    assert made["state"] == "ready", made["error"]
    assert time.monotonic() - start < 20
    assert sleepers() == []
    host.destroy("one")
    assert_nothing_left(host, before)


@pytest.mark.soak
@pytest.mark.parametrize("verb", ["destroy", "cancel"])
def test_taken_away_while_it_is_at_work(
    host: HostProgram, before: Listing, fake: Callable[[str], str], verb: str
) -> None:
    answer = host.create(compose_cmd=fake(CALLS + HANGS))
    await_condition(sleepers)
    sandbox_id = answer["object"]["id"]
    host.call(verb, {"ref": sandbox_id, "owner": "me"})
    assert sleepers() == []
    host.settle()
    host.destroy(sandbox_id)
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_its_job_is_killed(host: HostProgram, before: Listing, fake: Callable[[str], str]) -> None:
    answer = host.create(compose_cmd=fake(CALLS + HANGS))
    await_condition(sleepers)
    job = host.record(answer["object"]["id"])["job"]
    os.kill(job["pid"], signal.SIGKILL)
    await_condition(lambda: not Path(f"/proc/{job['pid']}").exists() or is_zombie(job["pid"]))
    host.let_expire(answer["object"]["id"])
    host.reap()
    assert sleepers() == []
    assert_nothing_left(host, before)


def is_zombie(pid: int) -> bool:
    return ") Z " in Path(f"/proc/{pid}/stat").read_text()


@pytest.mark.soak
@pytest.mark.parametrize("point", ["make-container", "made-container", "make-start"])
def test_killed_while_making(host: HostProgram, before: Listing, point: str) -> None:
    host.create(fault=point, compose_cmd=REAL)
    host.settle()
    host.reap()
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_one_that_vanished_before_a_repair(
    host: HostProgram, before: Listing, fake: Callable[[str], str]
) -> None:
    command = fake(f"exec {REAL} -p $id -f $file up --no-start")
    made = host.made(compose_cmd=command)
    Path(command).unlink()
    removed(f"{made['id']}.web")
    host.create()
    host.settle()
    shown = host.show(made["id"])
    assert (shown["state"], shown["error"]["code"]) == ("stopped", "compose_program_missing")
    host.destroy("one")
    assert_nothing_left(host, before)


def test_the_whole_of_its_file(
    host: HostProgram, before: Listing, fake: Callable[[str], str]
) -> None:
    """It works in a folder with nothing but its file, where no `.env` lies; that goes with the
    job's."""
    up = f"exec {REAL} -p $id -f $file up --no-start"
    made = host.made(compose_cmd=fake(f'[ "$(pwd)/compose.json" = "$file" ] && {up}'))
    assert made["state"] == "ready", made["error"]
    folder = host.state / "sandboxes" / made["id"] / "job" / "compose"
    assert [one.name for one in folder.iterdir()] == ["compose.json"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "compose.json").stat().st_mode & 0o777 == 0o600
    host.destroy("one")
    assert_nothing_left(host, before)
