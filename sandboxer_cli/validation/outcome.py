"""What a run amounts to. The only judge: a pure function of the facts, tested by a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import ProvisioningFailed, SandboxerError, from_host
from ..reporting.result import Counts, Outcome

# of a making: what was made did not come up, which is the repository's own
_NOT_UP = ("not_ready", "service_exited")


@dataclass(frozen=True)
class Facts:
    """What is known when nothing more comes.

    `provision` is why there was no sandbox to test, or None. The others are the host's own:
    phases and steps as its record has them, `died` why the sandbox was not what it had been when
    a step had failed, `error` what kept the host from testing. `unhealthy` is why the controller
    finds unhealthy what the host does not. `collected` says whether what the
    test left came here; `unread` are the reports of it that can't be read.
    """

    provision: SandboxerError | None = None
    cancelled: bool = False
    phases: Sequence[Mapping[str, Any]] = ()
    steps: Sequence[Mapping[str, Any]] = ()
    died: str = ""
    error: Mapping[str, Any] | None = None
    unhealthy: str = ""
    collected: bool = True
    tests: Counts = field(default_factory=Counts)
    unread: Sequence[str] = ()


@dataclass(frozen=True)
class Verdict:
    """`cause` is what an outcome that is neither passed nor failed came of."""

    outcome: Outcome
    reason: str = ""
    cause: SandboxerError | None = None


def judge(facts: Facts) -> Verdict:
    """Whoever broke off or broke down comes first: then nothing is said of what was tested."""
    if facts.cancelled:
        return Verdict("cancelled", "somebody asked for it to stop")
    if facts.provision is not None:
        return _of_provision(facts.provision)
    if facts.died:
        cause = from_host({"code": "sandbox_died", "message": facts.died, "retryable": True})
        return Verdict("infra_error", f"the sandbox died under the test: {facts.died}", cause)
    if facts.error is not None:
        cause = from_host(dict(facts.error))
        return Verdict("infra_error", str(cause), cause)
    health = _phase(facts, "health")
    if health.get("status") in ("failed", "timeout"):
        return Verdict("unhealthy", str(health.get("reason", "")))
    if facts.unhealthy:
        return Verdict("unhealthy", facts.unhealthy)
    last = facts.steps[-1] if facts.steps else None
    if last is None:
        cause = ProvisioningFailed("no step of the test ever ran", code="job_died")
        return Verdict("infra_error", str(cause), cause)
    if last["timed_out"]:
        return Verdict("timeout", f"step {last['name']} took longer than it may")
    if last["exit_code"] != 0:
        return Verdict("failed", f"step {last['name']} ended with {last['exit_code']}")
    return _of_reports(facts)


def _of_provision(error: SandboxerError) -> Verdict:
    if error.exit_status == 2:
        return Verdict("contract_error", str(error), error)
    if error.detail.code in _NOT_UP:
        return Verdict("unhealthy", str(error), error)
    if error.detail.code == "cancelled":
        return Verdict("cancelled", str(error))
    return Verdict("infra_error", str(error), error)


def _of_reports(facts: Facts) -> Verdict:
    """All steps have passed; what the test has reported may say otherwise."""
    if not facts.collected:
        why = str(_phase(facts, "collect").get("reason") or "it did not come here")
        cause = ProvisioningFailed(
            f"the steps passed, and what they reported is not known: {why}", code="not_collected"
        )
        return Verdict("infra_error", str(cause), cause)
    if facts.unread:
        return Verdict("failed", f"a report of the test can't be read: {', '.join(facts.unread)}")
    if bad := facts.tests.failed + facts.tests.errors:
        whose = "test of its report" if bad == 1 else "tests of its reports"
        return Verdict("failed", f"the steps passed, and {bad} {whose} did not")
    return Verdict("passed")


def _phase(facts: Facts, name: str) -> Mapping[str, Any]:
    return next((one for one in facts.phases if one["name"] == name), {})
