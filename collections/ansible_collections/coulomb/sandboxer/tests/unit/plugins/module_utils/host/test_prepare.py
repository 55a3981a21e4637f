"""What makes a machine a host: who is refused, what is planned, and that twice changes nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import (
    prepare,
    reap,
    timer,
    trial,
)
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.prepare import (
    Condition,
    Machine,
    Options,
)
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State, write_json

MACHINE = Machine(
    system="debian",
    release="13",
    uid=0,
    timer="systemd",
    client_ports=(32768, 60999),
    program="0.1.0-abc.pyz",
    engine_name="podman",
    engine_version="5.4.2",
    engine_least="4.3",
    engine="print",
)
NOTHING = Condition(
    missing=("podman",),
    folders={},
    account="",
    program="",
    files={},
    timer_on=False,
    facts={},
)


def planned(state: State, before: Condition = NOTHING, **changes: Any) -> Condition:
    options = changes.pop("options", Options())
    return prepare.plan(before, MACHINE._replace(**changes), options, state, "a-uuid")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"release": "12"}, ""),
        ({"release": "11"}, "host_unsupported"),
        ({"release": "14"}, "host_unsupported"),
        ({"release": ""}, "host_unsupported"),  # testing has none
        ({"system": "ubuntu", "release": "24.04"}, "host_unsupported"),
        ({"system": "fedora", "release": "12"}, "host_unsupported"),
        ({"system": "", "release": ""}, "host_unsupported"),
        ({"uid": 1000}, "account_unsupported"),
        ({"engine_version": "4.2.1"}, "too_old"),
        ({"engine_version": "4.3.0"}, ""),
        ({"engine_version": "", "engine_least": ""}, ""),  # none is there yet
        ({"engine_name": "docker", "engine_version": "19.3", "engine_least": "20.10"}, "too_old"),
        ({"system": "fedora", "uid": 1000}, "host_unsupported"),
    ],
)
def test_who_is_refused(changes: dict[str, Any], code: str) -> None:
    found = ""
    try:
        prepare.refuse(MACHINE._replace(**changes))
    except HostError as error:
        found = error.code
        assert error.hint
    assert found == code


@pytest.mark.parametrize(
    ("current", "first", "last", "planned"),
    [
        ((20000, 29999), None, None, [20000, 29999]),
        ((21000, 21999), None, None, [21000, 21999]),  # as it is
        ((20000, 29999), 25000, None, [25000, 29999]),
        ((20000, 29999), None, 20000, [20000, 20000]),
        ((20000, 29999), 1024, 32767, [1024, 32767]),
        ((20000, 29999), 61000, 65535, [61000, 65535]),
    ],
)
def test_ports(
    current: tuple[int, int], first: int | None, last: int | None, planned: list[int]
) -> None:
    assert prepare.plan_ports(current, (32768, 60999), Options(first, last)) == planned


@pytest.mark.parametrize(
    ("first", "last", "clients"),
    [
        (80, 20000, (32768, 60999)),
        (20000, 70000, (32768, 60999)),
        (20001, 20000, (32768, 60999)),
        (20000, 32768, (32768, 60999)),
        (60999, 65000, (32768, 60999)),
        (40000, 40001, (32768, 60999)),
        (20000, 65535, (32768, 60999)),
        (None, None, (1024, 65535)),
    ],
)
def test_ports_that_are_refused(
    first: int | None, last: int | None, clients: tuple[int, int]
) -> None:
    with pytest.raises(HostError) as refused:
        prepare.plan_ports((20000, 29999), clients, Options(first, last))
    assert refused.value.code == "usage"


def test_a_bare_machine(state: State) -> None:
    wanted = planned(state)
    assert wanted.missing == ()
    assert wanted.folders[state.root] == 0o700
    assert wanted.folders[state.remote] == 0o755
    assert (wanted.account, wanted.program, wanted.timer_on) == (
        "sandboxer-run",
        "0.1.0-abc.pyz",
        True,
    )
    assert set(wanted.files) == {timer.SERVICE, timer.TIMER}
    assert wanted.facts == {
        "uuid": "a-uuid",
        "ports": [20000, 29999],
        "reaper": "systemd",
        "run_account": "sandboxer-run",
        "proved": "print",
    }


@pytest.mark.parametrize("kind", ["systemd", "cron", "none"])
def test_twice_changes_nothing(state: State, kind: str) -> None:
    once = planned(state, timer=kind)
    assert once != NOTHING
    again = prepare.plan(once, MACHINE._replace(timer=kind), Options(), state, "another-uuid")
    assert again == once


@pytest.mark.parametrize(
    ("spoilt", "what"),
    [
        ({"missing": ("runc",)}, "missing package runc"),
        ({"account": ""}, "account sandboxer-run"),
        ({"program": "0.0.9-abc.pyz"}, "program 0.1.0-abc.pyz"),
        ({"timer_on": False}, "timer on"),
        ({"facts": {}}, "uuid a-uuid"),
    ],
)
def test_what_is_amiss_is_put_right_and_shown(
    state: State, spoilt: dict[str, Any], what: str
) -> None:
    right = planned(state)
    before = right._replace(**spoilt)
    assert planned(state, before) == right
    assert what in {*before.lines()} ^ {*right.lines()}


def test_a_folder_that_others_may_read_is_amiss(state: State) -> None:
    right = planned(state)
    before = right._replace(folders={**right.folders, state.root: 0o755})
    assert planned(state, before) == right != before


@pytest.mark.parametrize("path", [timer.SERVICE, timer.TIMER])
def test_a_unit_that_somebody_changed_is_amiss(state: State, path: str) -> None:
    right = planned(state)
    before = right._replace(files={**right.files, path: "other\n"})
    assert planned(state, before) == right != before


def test_with_systemd_the_line_of_cron_goes(state: State) -> None:
    under_cron = planned(state, timer="cron")
    assert set(under_cron.files) == {timer.CRON}
    assert set(planned(state, under_cron).files) == {timer.SERVICE, timer.TIMER}


def test_neither_systemd_nor_cron(state: State) -> None:
    wanted = planned(state, timer="none")
    assert (wanted.files, wanted.timer_on, wanted.facts["reaper"]) == ({}, False, "none")


def test_what_others_wrote_into_the_facts_survives(state: State) -> None:
    before = planned(state)._replace(facts={"uuid": "old", "ports": [21000, 21001], "later": 1})
    wanted = planned(state, before)
    assert wanted.facts["uuid"] == "old"
    assert wanted.facts["ports"] == [21000, 21001]
    assert wanted.facts["later"] == 1


def test_engine_settings_are_neither_planned_nor_removed(state: State) -> None:
    assert trial.SETTINGS_FILE not in planned(state).files
    before = planned(state)._replace(files={trial.SETTINGS_FILE: trial.SETTINGS})
    assert planned(state, before).files[trial.SETTINGS_FILE] == trial.SETTINGS


def test_an_engine_that_changed_has_to_be_proved_anew(state: State) -> None:
    once = planned(state)
    assert planned(state, once, engine="another") != once
    # a check before the packages are there knows no engine
    assert "proved" not in planned(state, engine="").facts


def test_a_host_that_has_docker_keeps_it() -> None:
    assert "podman" in prepare.wanted_packages(MACHINE)
    wanted = prepare.wanted_packages(MACHINE._replace(engine_name="docker"))
    assert set(wanted) == {"python3", "iproute2", "busybox-static"}


@pytest.mark.parametrize("name", ["", "Root", "a b", "-x", "a\n", "x" * 33, "ä"])
def test_names_that_no_account_can_have(state: State, name: str) -> None:
    with pytest.raises(HostError) as refused:
        planned(state, options=Options(run_account=name))
    assert refused.value.code == "usage"


def test_the_run_account_is_never_root() -> None:
    with pytest.raises(HostError) as refused:
        prepare._read_account("root")
    assert refused.value.code == "usage"


def test_a_pass_of_the_reaper_that_is_stopped_ends_no_command_of_the_engines(state: State) -> None:
    assert "\nKillMode=process\n" in timer.plan("systemd", state)[timer.SERVICE]


def test_the_command_is_the_same_under_each_timer(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOXER_STATE", "/tmp/elsewhere")
    command = f"/usr/bin/python3 -I -S {state.programs}/read-1.pyz reap"
    service = timer.plan("systemd", state)[timer.SERVICE]
    assert f"ExecStart={command}\n" in service
    assert "Environment=SANDBOXER_STATE=/tmp/elsewhere\n" in service
    line = timer.plan("cron", state)[timer.CRON]
    assert f"* * * * * root {command} </dev/null" in line
    for setting in ("PATH=/", "XDG_RUNTIME_DIR=/run/user/", "SANDBOXER_STATE=/tmp/elsewhere"):
        assert f"\n{setting}" in line
    # cron passes over a file whose name has a dot, and a last line without its end
    assert "." not in timer.CRON.rsplit("/", 1)[1]
    assert line.endswith("\n")


@pytest.mark.parametrize("moved", ["/tmp/a b", "/tmp/a\nb", "/tmp/100%", "/tmp/$x"])
def test_a_state_that_could_be_read_as_something_else(
    state: State, monkeypatch: pytest.MonkeyPatch, moved: str
) -> None:
    monkeypatch.setenv("SANDBOXER_STATE", moved)
    with pytest.raises(HostError) as refused:
        timer.plan("cron", state)
    assert refused.value.code == "usage"


@pytest.mark.parametrize("linked", [True, False])
def test_a_program_that_some_timer_runs_by_is_not_forgotten(state: State, linked: bool) -> None:
    """Another version may read by another protocol, and its timer by another link."""
    theirs = Path(state.programs, "9.0.0-abc.pyz")
    theirs.write_bytes(b"")
    os.utime(theirs, (0, 0))
    if linked:
        os.symlink(theirs.name, Path(state.programs, "read-9.pyz"))
    reap.run(state)
    assert theirs.exists() is linked


@pytest.mark.parametrize("heard", [1, 2, None])
def test_the_reaper_is_proved_by_its_timers_own_pass(
    state: State, monkeypatch: pytest.MonkeyPatch, heard: int | None
) -> None:
    """The first one may have joined a pass that had begun before."""
    fired: list[str] = []

    def fire(kind: str, state: State) -> None:
        fired.append(kind)
        if len(fired) == heard:
            write_json(state.beat_file, {"boot": 1.0})

    monkeypatch.setattr(timer, "fire", fire)
    if heard is not None:
        prepare._prove_reaper(state, "systemd")
        assert fired == ["systemd"] * heard
        return
    with pytest.raises(HostError) as failed:
        prepare._prove_reaper(state, "systemd")
    assert failed.value.code == "reaper_failed"
