"""A run as CTRF, the Common Test Report Format: https://ctrf.io.

Each test that has not passed is `failed` there, whoever's fault it was, so that no reader takes a
run for green that is not; `rawStatus` says which it was.
"""

from __future__ import annotations

import uuid
from collections import Counter
from datetime import datetime
from typing import Any

from sandboxer_cli import __version__
from sandboxer_cli.reporting.case import OWN_SUITE, Case, Status, Tally, of_run
from sandboxer_cli.reporting.event import event_id
from sandboxer_cli.reporting.result import RunResult

_STATUS: dict[Status, str] = {
    "passed": "passed",
    "failed": "failed",
    "error": "failed",
    "skipped": "skipped",
}


def document(found: RunResult, tests: Tally) -> dict[str, Any]:
    """As JSON has it. The counts are of the tests that it lists: times are milliseconds."""
    cases = (*of_run(found), *tests.cases)
    start, stop = _milliseconds(found.started_at), _milliseconds(found.ended_at)
    by_status = Counter(_STATUS[one.status] for one in cases)
    return {
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "reportId": str(uuid.UUID(event_id(found.run, "ctrf"))),
        "timestamp": found.ended_at,
        "generatedBy": f"sand-boxer {__version__}",
        "results": {
            "tool": {"name": "sand-boxer", "version": __version__},
            "summary": {
                "tests": len(cases),
                "passed": by_status["passed"],
                "failed": by_status["failed"],
                "skipped": by_status["skipped"],
                "pending": 0,
                "other": 0,
                "flaky": sum(one.is_flaky for one in cases),
                "suites": len({one.suite for one in cases}),
                "start": start,
                "stop": stop,
                "duration": stop - start,
                "extra": {"outcome": found.outcome, "leftOut": tests.left_out},
            },
            "tests": [_test(one) for one in cases],
            "environment": {
                "reportName": f"{found.repo}: {found.outcome}",
                "appName": found.repo,
                "buildId": found.run,
                "repositoryName": found.repo,
                **({"commit": found.commit} if found.commit else {}),
                "testEnvironment": found.host or "none",
                "healthy": found.outcome in ("passed", "failed"),
                "extra": {"sandbox": found.sandbox, "reason": found.reason},
            },
        },
    }


def _test(case: Case) -> dict[str, Any]:
    red = case.message or case.text
    return {
        "name": case.name,
        "status": _STATUS[case.status],
        "duration": round(case.seconds * 1000),
        "suite": [case.suite, *([case.classname] if case.classname else [])],
        "rawStatus": case.status,
        "type": "e2e" if case.suite != OWN_SUITE else "run",
        **({"message": case.message} if red else {}),
        **({"trace": case.text} if case.text else {}),
        **({"stdout": case.output.splitlines()} if case.output else {}),
        **({"retries": len(case.earlier)} if case.earlier else {}),
        **({"flaky": True} if case.is_flaky else {}),
    }


def _milliseconds(instant: str) -> int:
    return round(datetime.fromisoformat(instant).timestamp() * 1000)
