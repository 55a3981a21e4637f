"""The facts of a run as events: CloudEvents 1.0 whose data is, or holds, a CDEvent 0.5.1.

The same run gives the same events with the same ids, whoever makes them and however often: an id
is a UUIDv5 of the run and the event's kind.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sandboxer_cli.reporting import result
from sandboxer_cli.reporting.result import Outcome, Phase, RunResult

Kind = Literal["e2e_result", "environment.created", "environment.deleted"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_NAMESPACE = uuid.UUID("4f9a7c1e-6f0b-5d2a-9c41-0b7f3a6d58e2")  # any, and for ever this one
# CloudEvents tell events apart by source and id. Two controllers that report one run agree in both.
_SOURCE = "/sandboxer"
_E2E_RESULT = "io.sandboxer.e2e_result.v1"
_CDEVENTS = "0.5.1"
_CDEVENT = "dev.cdevents.{}.0.3.0"

# CDEvents know of error what OpenTelemetry does: it was not the tested thing that failed.
_CDEVENT_OUTCOME: dict[Outcome, str] = {
    "passed": "success",
    "failed": "failure",
    "unhealthy": "failure",
    "timeout": "error",
    "cancelled": "cancel",
    "infra_error": "error",
    "contract_error": "error",
}
# what stays at home: files of this controller, and what a test printed
_NOT_TOLD = ("failures", "not_counted", "reports", "artifacts", "event")
_NOT_TOLD_OF_A_STEP = ("log", "tail")


@dataclass(frozen=True)
class Event:
    """A CloudEvent. `time` is that of the fact; `data` is JSON."""

    id: str
    run: str
    kind: Kind
    type: str
    subject: str
    time: str
    data: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The CloudEvent in its JSON format."""
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": _SOURCE,
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "datacontenttype": "application/json",
            "data": self.data,
        }


def event_id(run: str, kind: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{run}/{kind}"))


def events_of(found: RunResult) -> tuple[Event, ...]:
    """All that a finished run has to say, in the order in which it happened."""
    said = []
    made, gone = _phase(found, "provision"), _phase(found, "destroy")
    if found.sandbox and made and made.status == "done":
        said.append(_environment("environment.created", found, _end_of(made)))
        if gone and found.cleanup == "destroyed":
            said.append(_environment("environment.deleted", found, _end_of(gone)))
    return (*said, e2e_result(found))


def e2e_result(found: RunResult) -> Event:
    """The outcome of a run. Its data are the result's fields and, as `cdevent`, the
    `testsuiterun.finished` of the same fact."""
    told = {key: value for key, value in found.as_dict().items() if key not in _NOT_TOLD}
    told["reason"] = _sentence(found.reason)
    if told["error"]:
        told["error"] = {**told["error"], "message": _sentence(told["error"]["message"])}
    told["steps"] = [
        {key: value for key, value in step.items() if key not in _NOT_TOLD_OF_A_STEP}
        for step in told["steps"]
    ]
    content = {
        "outcome": _CDEVENT_OUTCOME[found.outcome],
        "reason": told["reason"] or found.outcome,
        # a run that made none has to name one all the same
        "environment": {"id": found.sandbox or "none", "source": _SOURCE},
        "testSuite": {"id": found.repo, "name": found.repo, "version": found.commit},
    }
    cdevent = _cdevent("e2e_result", "testsuiterun.finished", found, found.run, found.ended_at)
    cdevent["subject"]["content"] = content
    return Event(
        id=event_id(found.run, "e2e_result"),
        run=found.run,
        kind="e2e_result",
        type=_E2E_RESULT,
        subject=found.run,
        time=found.ended_at,
        data={**told, "cdevent": cdevent},
    )


def _sentence(text: str) -> str:
    """Without the lines of a log, which may come after it: they stay at home."""
    return text.partition("\n")[0]


def json_schema() -> dict[str, Any]:
    """Of the data of an `e2e_result`."""
    whole = result.json_schema()
    step = whole["$defs"]["Step"]
    for described, left_out in ((whole, _NOT_TOLD), (step, _NOT_TOLD_OF_A_STEP)):
        for key in left_out:
            del described["properties"][key]
        described["required"] = [key for key in described["required"] if key not in left_out]
    for name in ("Artifact", "Failure", "NotCounted", "ReportedEvent", "Reports"):
        del whole["$defs"][name]
    whole["properties"]["cdevent"] = {
        "description": f"CDEvents {_CDEVENTS}: {_CDEVENT.format('testsuiterun.finished')}",
        "type": "object",
    }
    whole["required"].append("cdevent")
    return {**whole, "title": _E2E_RESULT, "description": "The data of an e2e_result."}


def _environment(kind: Kind, found: RunResult, time: str) -> Event:
    """A sandbox is what CDEvents call an environment."""
    sandbox = str(found.sandbox)
    cdevent = _cdevent(kind, kind, found, sandbox, time)
    cdevent["subject"]["content"] = {"name": sandbox}
    cdevent["customData"] = {"run": found.run, "repo": found.repo, "host": found.host}
    return Event(
        id=event_id(found.run, kind),
        run=found.run,
        kind=kind,
        type=_CDEVENT.format(kind),
        subject=sandbox,
        time=time,
        data=cdevent,
    )


def _cdevent(kind: Kind, type_: str, found: RunResult, subject: str, time: str) -> dict[str, Any]:
    return {
        "context": {
            "specversion": _CDEVENTS,
            "id": event_id(found.run, kind),
            "chainId": event_id(found.run, "chain"),
            "source": _SOURCE,
            "type": _CDEVENT.format(type_),
            "timestamp": time,
        },
        "subject": {"id": subject, "source": _SOURCE, "content": {}},
    }


def _phase(found: RunResult, name: str) -> Phase | None:
    return next((one for one in found.phases if one.name == name), None)


def _end_of(phase: Phase) -> str:
    begun = datetime.fromisoformat(str(phase.started_at))
    return f"{begun + timedelta(seconds=phase.seconds):%Y-%m-%dT%H:%M:%SZ}"
