"""The judge, by a table."""

from __future__ import annotations

from typing import Any

import pytest

from sandboxer_cli.errors import from_host
from sandboxer_cli.reporting.result import Counts, exit_code
from sandboxer_cli.validation.outcome import Facts, judge


def error(code: str) -> Any:
    return {"code": code, "message": "so"}


def step(exit_code: int | None = 0, timed_out: bool = False) -> dict[str, Any]:
    return {"name": "one", "exit_code": exit_code, "timed_out": timed_out}


def phase(name: str, status: str) -> dict[str, Any]:
    return {"name": name, "status": status, "reason": "so"}


TABLE: list[tuple[str, Facts, str, int]] = [
    ("all is well", Facts(steps=[step()]), "passed", 0),
    ("a step says no", Facts(steps=[step(), step(3)]), "failed", 9),
    ("the second attempt is what counts", Facts(steps=[step(3), step(0)]), "passed", 0),
    ("a step hangs", Facts(steps=[step(None, True)]), "timeout", 124),
    ("a report says no", Facts(steps=[step()], tests=Counts(failed=1)), "failed", 9),
    ("a report has errors", Facts(steps=[step()], tests=Counts(errors=2)), "failed", 9),
    ("skipped is no failure", Facts(steps=[step()], tests=Counts(5, 0, 0, 3)), "passed", 0),
    ("a report is no report", Facts(steps=[step()], unread=["a.xml"]), "failed", 9),
    ("nothing came back", Facts(steps=[step()], collected=False), "infra_error", 7),
    ("nothing came back of a failed one", Facts(steps=[step(1)], collected=False), "failed", 9),
    ("never healthy", Facts(phases=[phase("health", "failed")]), "unhealthy", 8),
    ("not healthy in time", Facts(phases=[phase("health", "timeout")]), "unhealthy", 8),
    ("not so from here", Facts(steps=[step(1)], unhealthy="so"), "unhealthy", 8),
    ("not from here, and gone", Facts(died="gone", unhealthy="so"), "infra_error", 7),
    ("died under the test", Facts(steps=[step(1)], died="gone"), "infra_error", 7),
    ("died while hanging", Facts(steps=[step(None, True)], died="gone"), "infra_error", 7),
    ("died in health", Facts(phases=[phase("health", "failed")], died="x"), "infra_error", 7),
    ("its job died", Facts(steps=[step()], error=error("job_died")), "infra_error", 7),
    ("the host is full", Facts(error=error("disk_full")), "infra_error", 6),
    ("no step ever ran", Facts(), "infra_error", 7),
    ("cancelled", Facts(cancelled=True, steps=[step(1)], died="gone"), "cancelled", 130),
    ("no image", Facts(provision=from_host(error("image_unavailable"))), "infra_error", 7),
    ("no room", Facts(provision=from_host(error("ports_exhausted"))), "infra_error", 6),
    ("too slow", Facts(provision=from_host(error("deadline"))), "infra_error", 7),
    ("ends at once", Facts(provision=from_host(error("service_exited"))), "unhealthy", 8),
    ("never ready", Facts(provision=from_host(error("not_ready"))), "unhealthy", 8),
    ("can't be right", Facts(provision=from_host(error("source_outside"))), "contract_error", 2),
    ("cancelled early", Facts(provision=from_host(error("cancelled"))), "cancelled", 130),
]


@pytest.mark.parametrize(
    ("facts", "outcome", "status"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_what_it_amounts_to(facts: Facts, outcome: str, status: int) -> None:
    verdict = judge(facts)
    assert verdict.outcome == outcome
    assert exit_code(verdict.outcome, "destroyed", verdict.cause) == status
    assert bool(verdict.reason) == (outcome != "passed")
