"""A test case, as JUnit, CTRF and the page show it: of the repository, or a phase of the run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal

from sandboxer_cli.reporting.result import Counts, NotCounted, Phase, RunResult, Step

Status = Literal["passed", "failed", "error", "skipped"]
OWN_SUITE = "sandboxer"

# what is nobody's test: a run that says nothing of the tested thing is no failure of it
_RED: dict[str, Status] = {"failed": "failed"}
# what an outcome is of, where no phase says so itself
_OF = {"failed": "reports", "timeout": "test", "unhealthy": "health"}


@dataclass(frozen=True)
class Attempt:
    """One that failed and was tried again."""

    kind: str
    message: str
    text: str = ""


@dataclass(frozen=True)
class Case:
    """`message` is a line or two, `text` the trace, `output` what it printed; all are bounded."""

    name: str
    suite: str
    status: Status
    seconds: float = 0.0
    classname: str = ""
    kind: str = ""
    """What a failure is called by the test's own tool"""
    message: str = ""
    text: str = ""
    output: str = ""
    earlier: tuple[Attempt, ...] = ()

    @property
    def is_flaky(self) -> bool:
        return self.status == "passed" and bool(self.earlier)

    @property
    def is_red(self) -> bool:
        return self.status in ("failed", "error")


@dataclass(frozen=True)
class Tally:
    """What a repository's fresh JUnit files hold. `counts` is of all; of many the most are not
    among `cases`. `not_counted` are the files that can't be read, or are not of this run."""

    counts: Counts = field(default_factory=Counts)
    cases: tuple[Case, ...] = ()
    not_counted: tuple[NotCounted, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def left_out(self) -> int:
        """Cases that are counted, and not listed."""
        counted = self.counts
        every = counted.passed + counted.failed + counted.errors + counted.skipped
        return max(every - len(self.cases), 0)

    @property
    def red(self) -> tuple[Case, ...]:
        return tuple(one for one in self.cases if one.is_red)


def of_run(found: RunResult) -> tuple[Case, ...]:
    """A run's phases and steps. Wherever it has not passed one is red, or a test of its own is."""
    cases = [case for phase in found.phases for case in _of_phase(found, phase)]
    told = found.outcome == "failed" and found.tests.failed + found.tests.errors > 0
    if found.outcome != "passed" and not told and not any(one.is_red for one in cases):
        name = _OF.get(found.outcome, "validation")
        cases = [one for one in cases if one.name != name or one.status != "skipped"]
        cases.append(_case(found, name, _RED.get(found.outcome, "error"), 0.0))
    return tuple(cases)


def last_attempts(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Each step as it ended in the end."""
    return (attempts[-1] for attempts in _attempts(steps))


def _attempts(steps: tuple[Step, ...]) -> Iterator[list[Step]]:
    for _, attempts in groupby(steps, lambda one: one.name):
        yield list(attempts)


def _of_phase(found: RunResult, phase: Phase) -> Iterator[Case]:
    if phase.name == "test" and found.steps:
        for attempts in _attempts(found.steps):
            yield _of_step(found, attempts)
    elif phase.status == "done":
        yield Case(phase.name, OWN_SUITE, "passed", phase.seconds)
    elif phase.status == "skipped":
        yield Case(phase.name, OWN_SUITE, "skipped")
    elif phase.name == "destroy":
        said = "something of the sandbox is left"
        yield Case(phase.name, OWN_SUITE, "error", phase.seconds, kind="cleanup", message=said)
    else:
        yield _case(found, phase.name, _RED.get(found.outcome, "error"), phase.seconds)


def _of_step(found: RunResult, attempts: list[Step]) -> Case:
    *before, step = attempts
    name, earlier = f"test: {step.name}", tuple(_attempt(one) for one in before)
    if step.exit_code == 0:
        return Case(name, OWN_SUITE, "passed", step.seconds, earlier=earlier)
    case = _case(found, name, _RED.get(found.outcome, "error"), step.seconds)
    return replace(case, text="\n".join(step.tail), earlier=earlier)


def _attempt(step: Step) -> Attempt:
    how = "took longer than it may" if step.timed_out else f"ended with {step.exit_code}"
    kind = "timeout" if step.timed_out else "failed"
    return Attempt(kind, f"attempt {step.attempt} {how}", "\n".join(step.tail))


def _case(found: RunResult, name: str, status: Status, seconds: float) -> Case:
    hint = found.error.hint if found.error else ""
    return Case(
        name,
        OWN_SUITE,
        status,
        seconds,
        kind=found.error.code if found.error else found.outcome,
        message=found.reason or found.outcome,
        text=hint,
    )
