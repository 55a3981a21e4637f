"""The result of one validation: the document of `--json`, of the playbook, and of each report.

A contract: docs/reference/result.schema.json is generated from it. A field may be added; one that
is there keeps its name, its type and its meaning. Instants are RFC 3339 in UTC, as
`2026-11-26T01:50:00Z`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from sandboxer_cli.errors import (
    CapacityExceeded,
    ConnectionRefused,
    HostUnreachable,
    ProvisioningFailed,
    ResidueLeft,
    SandboxerError,
    Usage,
)

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Outcome = Literal[
    "passed", "failed", "unhealthy", "timeout", "cancelled", "infra_error", "contract_error"
]
Cleanup = Literal["destroyed", "failed", "kept", "none"]

EXIT_CODES: dict[Outcome, int] = {
    "passed": 0,
    "failed": 9,
    "unhealthy": 8,
    "timeout": 124,
    "cancelled": 130,
    "infra_error": ProvisioningFailed.exit_status,
    "contract_error": Usage.exit_status,
}
MOST_FAILURES = 10
# the causes whose own status says more than that of infra_error
_OWN = (ConnectionRefused, CapacityExceeded, HostUnreachable)


def exit_code(outcome: Outcome, cleanup: Cleanup, cause: SandboxerError | None = None) -> int:
    """The exit status of a validation; `cause` is what an infra_error came of."""
    if outcome == "infra_error" and isinstance(cause, _OWN):
        return cause.exit_status
    if outcome == "passed" and cleanup == "failed":
        return ResidueLeft.exit_status
    return EXIT_CODES[outcome]


def _key(name: str) -> str:
    """A field's name in JSON: `in` is no name in Python."""
    return name.rstrip("_")


class _Described:
    """The texts below the fields are the descriptions in the schema."""

    __pydantic_config__ = {"use_attribute_docstrings": True, "alias_generator": _key}


@dataclass(frozen=True)
class Cause(_Described):
    """Why it is neither passed nor failed."""

    code: str
    """The exact cause"""
    message: str
    hint: str
    """What to do about it; may be empty"""


@dataclass(frozen=True)
class Phase(_Described):
    """A part of the run."""

    name: Literal["provision", "health", "test", "collect", "destroy"]
    started_at: str | None
    """Null for one that was skipped"""
    seconds: float
    status: Literal["done", "failed", "timeout", "skipped", "cancelled"]


@dataclass(frozen=True)
class Step(_Described):
    """One time that a step of the test ran."""

    name: str
    in_: str
    """`host`, or the name of a service"""
    exit_code: int | None
    """Null where it did not end by itself"""
    seconds: float
    timed_out: bool
    attempt: int
    """1 for the first, and one more for each time that it was tried again"""
    log: str | None
    """Path in the report folder"""
    tail: tuple[str, ...]
    """The last lines of its output"""


@dataclass(frozen=True)
class Counts(_Described):
    """What the fresh JUnit files of the repository say, added up."""

    passed: int = 0
    failed: int = 0
    errors: int = 0
    skipped: int = 0


@dataclass(frozen=True)
class Failure(_Described):
    """A test of those files that has not passed."""

    suite: str
    name: str
    message: str
    """The first of what it says"""


@dataclass(frozen=True)
class NotCounted(_Described):
    """A JUnit file of the repository whose tests are not among the counts."""

    path: str
    """Path in the repository"""
    why: str


@dataclass(frozen=True)
class Reports(_Described):
    """Files on the controller."""

    junit: str | None = None
    ctrf: str | None = None
    html: str | None = None
    json: str | None = None


@dataclass(frozen=True)
class Artifact(_Described):
    """A file that the test left."""

    path: str
    """Path in the report folder"""
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ReportedEvent(_Described):
    """The `e2e_result` of this run in the outbox."""

    id: str
    state: Literal["sent", "pending", "dead", "off"]
    """dead: the hub refused it for good; off: there is no hub"""
    hub: str | None
    """The hub's URL, without credentials"""


@dataclass(frozen=True, kw_only=True)
class RunResult(_Described):
    """What a validation answers."""

    schema_version: Literal[1] = 1
    run: str
    run_key: str
    repo: str
    commit: str
    """Empty where the folder is no checkout"""
    dirty: bool
    """The folder held changes that are in no commit"""
    host: str | None
    sandbox: str | None
    """Its id; null where none was begun"""
    started_at: str
    ended_at: str
    outcome: Outcome
    exit_code: int
    """The exit status of `validate run`, which `validate resume` repeats"""
    reason: str
    """One sentence, or empty"""
    error: Cause | None
    cleanup: Cleanup
    """none: nothing was made"""
    phases: tuple[Phase, ...] = ()
    steps: tuple[Step, ...] = ()
    tests: Counts = Counts()
    failures: tuple[Failure, ...] = ()
    """The first ten that have not passed"""
    not_counted: tuple[NotCounted, ...] = ()
    """JUnit files that are not of this run, or can't be read"""
    reports: Reports = Reports()
    artifacts: tuple[Artifact, ...] = ()
    event: ReportedEvent | None = None
    """Null until it is in the outbox"""

    @property
    def seconds(self) -> float:
        """How long it took, whole seconds."""
        begun, ended = map(datetime.fromisoformat, (self.started_at, self.ended_at))
        return (ended - begun).total_seconds()

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self, dict_factory=_as_json)

    def to_json(self) -> str:
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> RunResult:
        """Fields of a later version are left out.

        Raises:
            ValueError: it is no such document.
        """
        return _adapter().validate_json(text)


def json_schema() -> dict[str, Any]:
    return _adapter().json_schema()


def _as_json(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    return {
        _key(name): list(value) if isinstance(value, tuple) else value for name, value in fields
    }


def _adapter() -> TypeAdapter[RunResult]:
    from pydantic import TypeAdapter

    return TypeAdapter(RunResult)
