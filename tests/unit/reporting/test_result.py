"""The result document: what it holds, how it is read again, and the exit status of each outcome."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import jsonschema
import pytest

from sandboxer_cli import errors
from sandboxer_cli.reporting.result import Cleanup, Outcome, RunResult, exit_code

SCHEMA = Path(__file__).resolve().parents[3] / "docs/reference/result.schema.json"


def document() -> dict[str, object]:
    return {
        "schema_version": 1,
        "run": "run-4f7kq2zd01",
        "run_key": "one",
        "repo": "shop",
        "commit": "",
        "dirty": False,
        "host": "h1",
        "sandbox": "sbx-4f7kq2zd01",
        "started_at": "2026-11-26T01:50:00Z",
        "ended_at": "2026-11-26T01:50:09Z",
        "outcome": "timeout",
        "exit_code": 124,
        "reason": "the step test took longer than 5 s",
        "error": {"code": "deadline", "message": "m", "hint": ""},
        "cleanup": "destroyed",
        "phases": [
            {
                "name": "provision",
                "started_at": "2026-11-26T01:50:00Z",
                "seconds": 2.5,
                "status": "done",
            },
            {"name": "collect", "started_at": None, "seconds": 0.0, "status": "skipped"},
        ],
        "steps": [
            {
                "name": "test",
                "in": "host",
                "exit_code": None,
                "seconds": 5.0,
                "timed_out": True,
                "attempt": 1,
                "log": "test.log",
                "tail": ["grüße", "end"],
            }
        ],
        "tests": {"passed": 3, "failed": 0, "errors": 0, "skipped": 1},
        "failures": [{"suite": "shop", "name": "t", "message": "1 != 2"}],
        "not_counted": [{"path": "e2e/out/old.xml", "why": "it is older than the test"}],
        "reports": {"junit": "junit.xml", "ctrf": None, "html": None, "json": None},
        "artifacts": [{"path": "out/a.png", "bytes": 3, "sha256": "00"}],
        "event": {"id": "4c8cb7dd-3448-51de-8768-eec704e2829b", "state": "pending", "hub": None},
    }


def test_it_is_read_as_it_was_written() -> None:
    found = RunResult.from_json(json.dumps(document()))
    assert found.as_dict() == document()
    assert RunResult.from_json(found.to_json()) == found
    assert list(json.loads(found.to_json())) == list(document())
    jsonschema.validate(found.as_dict(), json.loads(SCHEMA.read_text()))


def test_a_later_version_may_have_more_fields() -> None:
    found = RunResult.from_json(json.dumps({**document(), "weather": "fine"}))
    assert found.as_dict() == document()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        json.dumps({**document(), "outcome": "fine"}),
        json.dumps({**document(), "schema_version": 2}),
        json.dumps({key: value for key, value in document().items() if key != "run"}),
    ],
)
def test_what_is_no_result(text: str) -> None:
    with pytest.raises(ValueError):
        RunResult.from_json(text)


@pytest.mark.parametrize(
    ("outcome", "cleanup", "cause", "status"),
    [
        ("passed", "destroyed", None, 0),
        ("passed", "kept", None, 0),
        ("passed", "failed", None, 10),
        ("failed", "destroyed", None, 9),
        ("failed", "failed", None, 9),
        ("unhealthy", "destroyed", None, 8),
        ("timeout", "destroyed", errors.DeadlineExceeded("m"), 124),
        ("cancelled", "destroyed", errors.Cancelled("m"), 130),
        ("infra_error", "none", None, 7),
        ("infra_error", "none", errors.ConnectionRefused("m", code="host_key_changed"), 3),
        ("infra_error", "none", errors.CapacityExceeded("m"), 6),
        ("infra_error", "none", errors.HostUnreachable("m"), 11),
        ("infra_error", "none", errors.ProvisioningFailed("m"), 7),
        ("infra_error", "none", errors.SandboxerError("m"), 7),
        ("infra_error", "failed", errors.ResidueLeft("m"), 7),
        ("contract_error", "none", errors.Usage("m"), 2),
    ],
)
def test_exit_codes_are_the_contract(
    outcome: Outcome, cleanup: Cleanup, cause: errors.SandboxerError | None, status: int
) -> None:
    assert exit_code(outcome, cleanup, cause) == status


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_every_outcome_has_its_exit_code(outcome: Outcome) -> None:
    assert exit_code(outcome, "none") >= 0
