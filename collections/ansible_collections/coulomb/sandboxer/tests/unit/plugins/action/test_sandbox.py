"""How long a host's silence is borne, and what is said meanwhile: real plugin, played link."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.playbook.task import Task

from ansible_collections.coulomb.sandboxer.plugins.action import sandbox
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import answer as answers
from ansible_collections.coulomb.sandboxer.tests.unit.clock import Clock

# as Ansible's ssh plugin says it
REFUSED = "Failed to connect to the host via ssh: ssh: connect to host h port 22: Timed out"
VANISHED = 'Data could not be sent to remote host "h". Make sure this host can be reached over ssh:'
SILENT = f"{VANISHED} Timeout, server h not responding."

LOST_SECONDS = 20.0  # until ssh gives up a connection that it had
REFUSED_SECONDS = 10.0  # until it gives up making one


class PlayedLink:
    """A connection by a script: each call is answered, or raises what ssh says of its loss."""

    transport = "local"
    _shell = SimpleNamespace(tmpdir=None)

    def __init__(self, clock: Clock, script: Iterable[dict[str, Any] | str]) -> None:
        self.calls: list[dict[str, Any]] = []
        self._clock = clock
        self._script = iter(script)

    def is_pipelining_enabled(self, wrap_async: bool) -> bool:
        return False  # so that it is always the module that is called

    def call(self, args: dict[str, Any]) -> dict[str, Any]:
        self.calls.append(args)
        step = next(self._script)
        if isinstance(step, dict):
            return dict(step)
        self._clock.sleep(REFUSED_SECONDS if step == REFUSED else LOST_SECONDS)
        raise AnsibleConnectionFailure(step)


class Action(sandbox.ActionModule):
    """The plugin as it is, save that its module runs at the other end of a played link."""

    def _execute_module(self, **given: Any) -> dict[str, Any]:
        return self._connection.call(given["module_args"])


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(sandbox, "time", made)
    # the rooms of the program are not where ansible-test runs this
    monkeypatch.setattr(sandbox, "_resolve", lambda args: ({"name": args["name"]}, None))
    return made


def create(link: PlayedLink, check: bool = False, **more: Any) -> dict[str, Any]:
    task = Task()
    task.check_mode = check
    task.args = {"profile": "profile.hello", "name": "one", "owner": "me", **more}
    return Action(task, link, None, None, None).run(task_vars={"inventory_hostname": "h"})


def answer(action: str, state: str, working: bool) -> dict[str, Any]:
    return {
        "changed": action != "keep",
        "action": action,
        "reason": "there is none",
        "object": {"id": "sbx-one", "state": state},
        "working": working,
        "cursor": 0,
        "boot_id": "one",
    }


MAKING = answer("make", "creating", working=True)
READY = answer("make", "ready", working=False)
FOUND = answer("keep", "ready", working=False)


def forever(*script: dict[str, Any] | str) -> Iterator[dict[str, Any] | str]:
    """The script, and then nothing but refusals."""
    yield from script
    while True:
        yield REFUSED


@pytest.mark.parametrize("loss", [VANISHED, SILENT], ids=["vanished", "silent"])
def test_a_host_that_never_answered_is_soon_given_up(
    clock: Clock, capsys: pytest.CaptureFixture[str], loss: str
) -> None:
    """A left-over connection to a host that is gone: nothing is known of a making."""
    with pytest.raises(AnsibleConnectionFailure, match="Timed out"):
        create(PlayedLink(clock, forever(loss)))
    assert clock.now <= LOST_SECONDS + sandbox.UNHEARD_SECONDS + REFUSED_SECONDS + 5
    said = capsys.readouterr().out
    assert "asking again" in said
    assert "making" not in said


def test_what_could_not_be_connected_is_not_asked_again(clock: Clock) -> None:
    link = PlayedLink(clock, forever())
    with pytest.raises(AnsibleConnectionFailure):
        create(link)
    assert len(link.calls) == 1


def test_what_the_lost_call_has_begun_is_found_by_the_same_again(clock: Clock) -> None:
    link = PlayedLink(clock, [SILENT, REFUSED, FOUND])
    done = create(link)
    assert (done["changed"], done["sandbox"]["id"]) == (True, "sbx-one")
    assert link.calls == [link.calls[0]] * 3


@pytest.mark.parametrize("found", [MAKING, FOUND], ids=["make", "keep"])
def test_a_check_says_what_the_call_that_was_answered_says(
    clock: Clock, found: dict[str, Any]
) -> None:
    """The one that was lost has changed nothing."""
    done = create(PlayedLink(clock, [SILENT, REFUSED, found]), check=True)
    assert done["changed"] == found["changed"]


def test_once_it_has_answered_a_silence_is_borne_for_long(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    link = PlayedLink(clock, [MAKING, SILENT, *[REFUSED] * 8, READY])
    assert create(link)["sandbox"]["state"] == "ready"
    assert clock.now > 100
    said = "no answer; the making goes on there; asking again"
    assert capsys.readouterr().out.count(said) == 1


def test_after_an_answer_that_was_late_a_silence_is_borne_for_long(clock: Clock) -> None:
    link = PlayedLink(clock, [SILENT, MAKING, SILENT, *[REFUSED] * 8, READY])
    assert create(link)["sandbox"]["state"] == "ready"


@pytest.mark.parametrize("state", ["creating", "failed", "stopped", None])
def test_a_host_that_is_rebooted_meanwhile(clock: Clock, state: str | None) -> None:
    """Whatever is found of it then: the reaper may have been quicker."""
    after = {**answer("make", state or "", working=False), "boot_id": "two"}
    if state is None:
        after["object"] = None
    done = create(PlayedLink(clock, [MAKING, SILENT, REFUSED, after]))
    error = done["sandboxer_error"]
    assert (error["code"], error["retryable"]) == ("host_rebooted", True)
    assert done["msg"] == "h was rebooted while sbx-one was being made or started there"
    assert "the same again" in error["hint"]


def test_no_silence_is_borne_for_ever(clock: Clock) -> None:
    with pytest.raises(AnsibleConnectionFailure):
        create(PlayedLink(clock, forever(MAKING)))
    assert sandbox.SILENCE_SECONDS <= clock.now < sandbox.SILENCE_SECONDS + 15


WANTING = {**MAKING, "wants_source": True, "working": True}
TO = {"id": "sbx-one", "generation": 3, "wait": True}


@pytest.fixture
def packed(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A source that takes three pieces."""
    monkeypatch.setattr(sandbox, "PIECE_BYTES", 4)
    monkeypatch.setattr(sandbox, "_pack", lambda listing, file: file.write(b"0123456789"))
    return b"0123456789"


def wanting() -> dict[str, Any]:
    return {**WANTING, "object": {"id": "sbx-one", "state": "creating", "generation": 3}}


def pieces(link: PlayedLink) -> list[dict[str, Any]]:
    return [json.loads(call["piece"]) for call in link.calls if "piece" in call]


def test_the_source_goes_to_a_making_that_waits_for_it(clock: Clock, packed: bytes) -> None:
    link = PlayedLink(clock, [wanting(), {}, {}, MAKING, READY])
    done = create(link)
    assert (done["changed"], done["sandbox"]["state"]) == (True, "ready")
    sent = pieces(link)
    assert b"".join(base64.b64decode(one["data"]) for one in sent) == packed
    assert [(one["at"], one["last"]) for one in sent] == [(0, False), (4, False), (8, True)]
    assert all({key: one[key] for key in TO} == TO for one in sent)
    assert len({one["sender"] for one in sent}) == 1
    assert "follow" in link.calls[-1]


def test_a_source_that_fits_takes_one_call_more(
    clock: Clock, packed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "PIECE_BYTES", 100)
    link = PlayedLink(clock, [wanting(), READY])
    create(link)
    assert len(link.calls) == 2


def test_what_does_not_wait_for_it_is_sent_nothing(clock: Clock, packed: bytes) -> None:
    link = PlayedLink(clock, [{**FOUND, "wants_source": False}])
    create(link)
    assert not pieces(link)


def test_a_piece_whose_answer_was_lost_is_sent_again(clock: Clock, packed: bytes) -> None:
    link = PlayedLink(clock, [wanting(), {}, SILENT, {}, READY])
    assert create(link)["sandbox"]["state"] == "ready"
    assert [one["at"] for one in pieces(link)] == [0, 4, 4, 8]


def test_a_piece_that_is_refused_ends_it(clock: Clock, packed: bytes) -> None:
    link = PlayedLink(clock, [wanting(), {"failed": True, "msg": "fenced"}])
    assert create(link)["failed"]
    assert len(link.calls) == 2


def test_without_waiting_it_is_sent_all_the_same(clock: Clock, packed: bytes) -> None:
    link = PlayedLink(clock, [wanting(), {}, {}, MAKING])
    assert create(link, wait=False)["sandbox"]["state"] == "creating"
    assert [one["wait"] for one in pieces(link)] == [False] * 3


def test_a_source_that_can_not_be_packed_keeps_nobody_waiting(
    clock: Clock, packed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host is sent what it refuses, so that the making ends at once."""

    def fail(listing: Any, file: Any) -> None:
        file.write(b"0123456789")
        raise AnsibleActionFail("the source changed")

    monkeypatch.setattr(sandbox, "_pack", fail)
    link = PlayedLink(clock, [wanting(), READY])
    with pytest.raises(AnsibleActionFail, match="the source changed"):
        create(link)
    assert [(one["data"], one["last"]) for one in pieces(link)] == [("", True)]


@pytest.mark.parametrize(
    ("in_environment", "given", "wanted"),
    [
        (None, None, None),
        ("podman-compose", None, "podman-compose"),
        ("podman-compose", "other up", "other up"),
        ("podman-compose", "", None),  # the engine itself, whatever the environment says
        ("", None, None),
    ],
)
def test_which_compose_program(
    monkeypatch: pytest.MonkeyPatch,
    in_environment: str | None,
    given: str | None,
    wanted: str | None,
) -> None:
    monkeypatch.delenv("SANDBOXER_COMPOSE_CMD", raising=False)
    if in_environment is not None:
        monkeypatch.setenv("SANDBOXER_COMPOSE_CMD", in_environment)
    assert answers.compose_cmd(given) == wanted


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("a.yml\n\n  b, c.yml \n", ["a.yml", "b, c.yml"]),
        ("", []),
        (["a.yml", "b.yml"], ["a.yml", "b.yml"]),
    ],
)
@pytest.mark.parametrize("option", ["files", "env_files", "compose_profiles"])
def test_a_survey_gives_a_list_as_lines(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, option: str, given: Any, taken: list[str]
) -> None:
    asked: list[dict[str, Any]] = []

    def resolve(args: dict[str, Any]) -> tuple[dict[str, Any], None]:
        asked.append(args)
        return {"name": args["name"]}, None

    monkeypatch.setattr(sandbox, "_resolve", resolve)
    create(PlayedLink(clock, [FOUND]), check=True, **{option: given})
    assert [args[option] for args in asked] == [taken]


@pytest.mark.parametrize("state", ["absent", "stopped", "started", "restarted"])
def test_somebody_has_to_be_named(clock: Clock, state: str) -> None:
    task = Task()
    task.args = {"state": state, "owner": "me"}
    link = PlayedLink(clock, [])
    with pytest.raises(AnsibleActionFail, match="a name or an id is missing"):
        Action(task, link, None, None, None).run(task_vars={"inventory_hostname": "h"})
    assert link.calls == []
