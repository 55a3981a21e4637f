"""A validation's flow, with a host that is played: where it begins, goes on, and what it leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.errors import SandboxerError, Usage, from_host
from sandboxer_cli.reporting.outbox import Outbox
from sandboxer_cli.validation.flow import Order, validate

CONTRACT = "version: 1\ntest_command: ./e2e/run.sh\nin: {where}\nkeep: {keep}\n"
RUN = "run-4f7kq2zdab"


class Host:
    """Answers as one does on which all goes well, and writes down what it is asked."""

    name = "h1"

    def __init__(self, state: str = "provisioning", exit_code: int = 0) -> None:
        self.state = state
        self.asked: list[str] = []
        self.made: dict[str, Any] = {}
        self.secrets: dict[str, str] = {}
        self.refusal: SandboxerError | None = None
        self.residue: SandboxerError | None = None
        self.phases: list[dict[str, Any]] = []
        self.from_here = ""
        self.error: dict[str, Any] | None = None
        self.late: SandboxerError | None = None
        self.document: dict[str, Any] = {}
        self.result: Any = None
        self.step = {
            "name": "test",
            "in": "host",
            "attempt": 1,
            "seconds": 1.0,
            "timed_out": False,
            "exit_code": exit_code,
            "log": "steps/01-test.log",
            "tail": [],
        }

    def run(self) -> dict[str, Any]:
        ended = self.state in ("tested", "finished")
        return {
            "id": RUN,
            "key": "k",
            "owner": "me",
            "sandbox": "sbx-4f7kq2zdab",
            "state": self.state,
            "document": self.document,
            "died": "",
            "error": self.error if ended else None,
            "begun_at": "2026-11-26T02:00:00Z",
            "provision_seconds": 1.0,
            "cancelled": False,
            "phases": self.phases,
            "steps": [self.step] if ended else [],
            "result": self.result,
        }

    def ask(self, verb: str, request: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(verb)
        match verb:
            case "run-begin":
                self.document = request["document"]
                return {"changed": self.state == "provisioning", "run": self.run()}
            case "run-test":
                self.secrets = request["secrets"]
                self.state = "testing"
                if self.late is not None:
                    raise self.late
            case "run-follow":
                self.state = "tested"
            case "run-piece":
                return {"data": "", "size": 0}
            case "run-finish":
                self.state, self.result = "finished", request["result"]
                return {"changed": True, "run": self.run()}
            case "run-collect":
                self.secrets = request["secrets"]
                return {"run": self.run()}
            case "run-show":
                return self.run()
        return {"events": [], "cursor": 0, "working": False, "run": self.run()}

    def make_sandbox(self, options: Mapping[str, Any]) -> None:
        self.asked.append("make")
        self.made = dict(options)
        if self.refusal is not None:
            raise self.refusal

    def destroy_sandbox(self, sandbox: str) -> bool:
        self.asked.append("destroy")
        if self.residue is not None:
            raise self.residue
        return True

    def unhealthy(self, sandbox: str, health: Sequence[Mapping[str, Any]], seconds: float) -> str:
        self.asked.append("unhealthy")
        return self.from_here

    def say(self, text: str) -> None:
        pass

    def new_run_id(self) -> str:
        return "run-aaaaaaaaaa"

    def cleanup_command(self, sandbox: str) -> str:
        return f"sandboxer destroy {sandbox}"


def order(repository: Path | None, **changes: Any) -> Order:
    values: dict[str, Any] = {
        "repository": repository,
        "run": None,
        "key": None,
        "profile": None,
        "keep": None,
        "owner": "me",
        "options": {},
        "reports": None,
        "check": False,
    }
    return Order(**{**values, **changes})


def contract(shop: Path, where: str = "host", keep: str = "never", more: str = "") -> Path:
    (shop / "e2e/e2e.yml").write_text(CONTRACT.format(where=where, keep=keep) + more)
    return shop


WHOLE = ["run-begin", "make", "run-test", "run-follow", "run-piece", "destroy", "run-finish"]


def test_all_of_it_in_its_order(shop: Path) -> None:
    host = Host(exit_code=3)
    done = validate(host, order(contract(shop), options={"unreaped": True}))
    assert host.asked == WHOLE
    assert (done["changed"], done["result"]["outcome"]) == (True, "failed")
    assert (done["result"]["cleanup"], done["result"]["host"]) == ("destroyed", "h1")
    named = {"id": "sbx-4f7kq2zdab", "name": RUN, "owner": "me", "unreaped": True}
    assert named.items() <= host.made.items()
    assert host.made["source"] == host.made["carry"] == str(shop)
    with Outbox.at() as outbox:
        assert [one.run for one in outbox.runs(9)] == [RUN]


def test_the_source_goes_only_where_somebody_needs_it(shop: Path) -> None:
    host = Host()
    validate(host, order(contract(shop, where="web")))
    assert "carry" not in host.made


@pytest.mark.parametrize(
    ("state", "asked"),
    [
        ("testing", ["run-show", "run-follow", "run-piece", "destroy", "run-finish"]),
        ("tested", ["run-show", "run-piece", "destroy", "run-finish"]),
        ("provisioning", ["run-show", "destroy", "run-finish"]),
    ],
)
def test_gone_on_with_from_where_it_is(shop: Path, state: str, asked: list[str]) -> None:
    host = Host()
    validate(host, order(contract(shop)))
    before, host.asked, host.state = host.result["outcome"], [], state
    done = validate(host, order(None, run=RUN))
    assert host.asked == asked
    assert before == "infra_error"  # nothing came back of it
    assert done["result"]["outcome"] == "infra_error"


def test_a_finished_one_is_told_again_and_not_repeated(shop: Path) -> None:
    host = Host(exit_code=3)
    first = validate(host, order(contract(shop)))
    host.asked = []
    again = validate(host, order(shop))
    assert (host.asked, again["changed"]) == (["run-begin"], False)
    assert again["result"] == first["result"]
    with Outbox.at() as outbox:
        assert len(outbox.runs(9)) == 1


def test_what_another_controller_had_is_fetched_again(shop: Path, tmp_path: Path) -> None:
    host = Host()
    validate(host, order(contract(shop)))
    host.asked = []
    again = validate(host, order(None, run=RUN, reports=tmp_path / "elsewhere"))
    assert host.asked == ["run-show", "run-piece"]
    assert Path(again["result"]["reports"]["junit"]) == tmp_path / "elsewhere" / RUN / "junit.xml"


def test_the_key_is_of_source_contract_and_host(shop: Path) -> None:
    def key(**changes: Any) -> str:
        host = Host()
        host.name = changes.pop("name", "h1")
        validate(host, order(shop, **changes))
        return str(host.document["run_key"])

    first = key_of = key() if contract(shop) else ""
    assert key() == key_of
    assert key(name="h2") != first
    assert key(key="mine") == "mine"
    contract(shop, more="retries: 1\n")
    second = key()
    assert second != first
    (shop / "file").write_text("new")
    assert key() != second


def test_a_contract_that_can_not_be_right_asks_no_host(shop: Path) -> None:
    host = Host()
    done = validate(host, order(contract(shop, where="nowhere")))
    found = done["result"]
    assert (host.asked, found["outcome"], found["exit_code"]) == ([], "contract_error", 2)
    assert (found["cleanup"], found["host"]) == ("none", None)


@pytest.mark.parametrize(
    ("code", "outcome", "status"),
    [
        ("engine_failed", "infra_error", 7),
        ("disk_full", "infra_error", 6),
        ("usage", "contract_error", 2),
    ],
)
def test_no_sandbox_is_no_failed_test(shop: Path, code: str, outcome: str, status: int) -> None:
    host = Host()
    host.refusal = from_host({"code": code, "message": "so"})
    found = validate(host, order(contract(shop)))["result"]
    assert (found["outcome"], found["exit_code"], found["error"]["code"]) == (outcome, status, code)
    assert host.asked == ["run-begin", "make", "run-show", "destroy", "run-finish"]


def test_what_a_dead_job_left_is_taken_before_the_sandbox_goes(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the secrets that are to be masked in it, where they are known."""
    monkeypatch.setenv("TOKEN", "s3cret-canary")
    host = Host()
    host.error = {"code": "job_died", "message": "so"}
    done = validate(host, order(contract(shop, more="sandbox: {secrets: [TOKEN]}\n")))
    assert host.asked == [*WHOLE[:4], "run-collect", *WHOLE[4:]]
    assert (done["result"]["outcome"], host.secrets) == ("infra_error", {"TOKEN": "s3cret-canary"})
    host.asked, host.state = [], "tested"
    validate(host, order(None, run=RUN))
    assert host.asked == ["run-show", "run-collect", "run-piece", "destroy", "run-finish"]
    assert host.secrets == {}


@pytest.mark.parametrize("said", ["", "web:80 is healthy on h1, and not from here: so"])
def test_what_is_healthy_there_is_asked_from_here_once(shop: Path, said: str) -> None:
    host = Host()
    host.from_here = said
    host.phases = [{"name": "health", "status": "done", "started_at": None, "seconds": 1.0}]
    health = "health: [{service: web, tcp: {port: 80}}]\n"
    found = validate(host, order(contract(shop, more=health)))["result"]
    assert host.asked == [*WHOLE[:2], "unhealthy", *WHOLE[2:]]
    health = next(one for one in found["phases"] if one["name"] == "health")
    if said:
        assert (found["outcome"], found["reason"]) == ("unhealthy", said)
        assert health["status"] == "failed"
    else:
        assert health["status"] == "done"


def test_who_is_too_late_to_begin_the_test_follows_it(shop: Path) -> None:
    host = Host(exit_code=3)
    host.late = from_host({"code": "busy", "message": "so"})
    found = validate(host, order(contract(shop)))["result"]
    assert (found["outcome"], found["error"]) == ("failed", None)
    assert host.asked == [*WHOLE[:3], "run-show", *WHOLE[3:]]


@pytest.mark.parametrize(
    ("keep", "exit_code", "cleanup"),
    [("never", 3, "destroyed"), ("on-failure", 3, "kept"), ("always", 3, "kept")],
)
def test_what_stays(shop: Path, keep: str, exit_code: int, cleanup: str) -> None:
    host = Host(exit_code=exit_code)
    found = validate(host, order(contract(shop, keep=keep)))["result"]
    assert found["cleanup"] == cleanup
    assert ("destroy" in host.asked) == (cleanup == "destroyed")


def test_what_is_left_behind_is_said(shop: Path) -> None:
    host = Host(exit_code=3)
    host.residue = from_host({"code": "residue", "message": "so"})
    found = validate(host, order(contract(shop)))["result"]
    assert (found["cleanup"], found["outcome"]) == ("failed", "failed")


def test_secrets_go_to_the_test_alone(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret-canary")
    host = Host()
    done = validate(host, order(contract(shop, more="sandbox: {secrets: [TOKEN]}\n")))
    assert host.secrets == {"TOKEN": "s3cret-canary"}
    told = json.dumps([host.document, host.made, done["result"], host.result])
    assert "canary" not in told


def test_the_users_profile_names_secrets_too(
    shop: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They count in the key, as those of the contract do, and not in what is made."""
    monkeypatch.setenv("TOKEN", "one")
    monkeypatch.setenv("MORE", "two")
    profile = home / ".config/sandboxer/profiles/mine.yml"
    profile.parent.mkdir()
    profile.write_text("extends: profile.compose\nsummary: Mine.\n")
    contract(shop, more="sandbox: {secrets: [TOKEN], profile: profile.mine}\n")
    before, after = Host(), Host()
    validate(before, order(shop))
    profile.write_text(f"{profile.read_text()}secrets: [MORE, TOKEN]\n")
    validate(after, order(shop))
    assert (before.secrets, after.secrets) == ({"TOKEN": "one"}, {"TOKEN": "one", "MORE": "two"})
    assert after.document["secrets"] == ["TOKEN", "MORE"]
    assert before.document["run_key"] != after.document["run_key"]
    assert before.made == after.made


def test_a_secret_without_a_value_asks_no_host(shop: Path) -> None:
    host = Host()
    found = validate(host, order(contract(shop, more="sandbox: {secrets: [TOKEN]}\n")))["result"]
    assert (found["outcome"], found["error"]["code"]) == ("contract_error", "secret_missing")
    assert (host.asked, found["cleanup"], found["exit_code"]) == ([], "none", 2)
    with pytest.raises(Usage, match="no value for the secret TOKEN"):
        validate(host, order(shop, check=True))


def test_a_check_asks_and_no_more(shop: Path) -> None:
    host = Host()
    done = validate(host, order(contract(shop), check=True))
    assert (host.asked, done["changed"]) == (["run-begin"], True)
