"""The run document: what a host is told of a validation. No secret's value is ever in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..probe import Probe
from .contract import Contract, Keep, Step

SCHEMA = 1

_TIMES = (
    "initialDelaySeconds",
    "periodSeconds",
    "timeoutSeconds",
    "successThreshold",
    "failureThreshold",
)


def run_document(
    contract: Contract,
    *,
    run_key: str,
    repo: str,
    secrets: Sequence[str],
    commit: str = "",
    dirty: bool = False,
    keep: Keep | None = None,
) -> dict[str, Any]:
    """Plain JSON types; spans of time in seconds. `keep` is in the place of the contract's;
    `secrets` are the names of all that its steps have.

    A probe has only the times that are given: the others are as the host has them by default.
    """
    timeouts = contract.timeouts
    return {
        "schema": SCHEMA,
        "run_key": run_key,
        "repo": repo,
        "commit": commit,
        "dirty": dirty,
        "contract_digest": contract.digest,
        "health": [_probe(probe) for probe in contract.health],
        "steps": [_step(step) for step in contract.steps],
        "timeouts": {
            "health": timeouts.health,
            "test": timeouts.test,
            "collect": timeouts.collect,
        },
        "reports": {
            "junit": list(contract.reports.junit),
            "artifacts": list(contract.reports.artifacts),
        },
        "retries": contract.retries,
        "keep": keep or contract.keep,
        "secrets": list(secrets),
    }


def _probe(probe: Probe) -> dict[str, Any]:
    times = {name: getattr(probe, name) for name in _TIMES}
    given = {name: value for name, value in times.items() if value is not None}
    return {**probe.asked(), **given}


def _step(step: Step) -> dict[str, Any]:
    return {"name": step.name, "run": list(step.run), "in": step.where, "timeout": step.timeout}
