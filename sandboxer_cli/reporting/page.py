"""A run as one HTML file: for a person, who sees in one glance what it came to, and why.

It needs no script and no network, and says so to the browser. All text is escaped, and plain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from sandboxer_cli import __version__
from sandboxer_cli.reporting import evidence
from sandboxer_cli.reporting.case import Case, Tally, last_attempts
from sandboxer_cli.reporting.plain import plain
from sandboxer_cli.reporting.result import Counts, Outcome, Phase, RunResult, Step
from sandboxer_cli.reporting.summary import CLEANUPS
from sandboxer_cli.result import span

MOST_RED = 200  # that are shown with all they say; JUnit has all of them
MOST_OTHERS = 2000
_LEAST_WIDTH = 0.6  # percent: a bar that is there is seen

_MARK: dict[Outcome, str] = {
    "passed": "✓",
    "failed": "✗",
    "unhealthy": "♥",
    "timeout": "⧖",
    "cancelled": "■",
    "infra_error": "!",
    "contract_error": "?",
}
_WORD: dict[Outcome, str] = {
    "passed": "Passed",
    "failed": "Failed",
    "unhealthy": "Unhealthy",
    "timeout": "Timed out",
    "cancelled": "Cancelled",
    "infra_error": "Infrastructure error",
    "contract_error": "Contract error",
}
_MEANS: dict[Outcome, str] = {
    "passed": "",
    "failed": "",
    "unhealthy": "The tests did not run: what they would test never came up.",
    "timeout": "What was tested may hang, or need more time than its contract gives.",
    "cancelled": "Nothing is said of what was tested.",
    "infra_error": "Nothing is said of what was tested: it was not its fault.",
    "contract_error": "Nothing was made: the repository has to be put right first.",
}


@dataclass(frozen=True)
class Bar:
    """A row of the time line. `left` and `width` are percent of the whole."""

    name: str
    status: str
    seconds: float
    left: float
    width: float
    inner: bool = False


@dataclass(frozen=True)
class Suite:
    """The tests of a suite that did not fail."""

    name: str
    passed: int
    skipped: int
    cases: Sequence[Case]


def render(found: RunResult, tests: Tally, folder: Path) -> str:
    """The page. Its links are relative to the folder, where the other files of the run lie."""
    environment = Environment(
        loader=PackageLoader("sandboxer_cli", "reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: plain(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        link=_link, sentence=sentence, seconds=_seconds, size=_size, when=_when
    )
    others = [one for one in tests.cases if not one.is_red][:MOST_OTHERS]
    counts, red = found.tests, tests.red[:MOST_RED]
    return environment.get_template("page.html.j2").render(
        run=found,
        version=__version__,
        mark=_MARK[found.outcome],
        word=_WORD[found.outcome],
        headline=headline(found),
        means=means(found),
        cleanup=CLEANUPS[found.cleanup],
        took=span(found.seconds),
        bars=bars(found),
        steps=[(one, one in tuple(last_attempts(found.steps))) for one in found.steps],
        red=red,
        more_red=counts.failed + counts.errors - len(red),
        suites=_suites(others),
        more_others=counts.passed + counts.skipped - len(others),
        not_counted=tests.not_counted,
        shares=_shares(counts),
        evidence=evidence.read(folder),
        service_logs=sorted((folder / "services").glob("*.log")),
        commands=tuple(commands(found)),
    )


def headline(found: RunResult) -> str:
    """Why it is what it is, in one sentence."""
    if found.reason or found.outcome != "passed":
        return sentence(found.reason)
    counts, steps = found.tests, len(tuple(last_attempts(found.steps)))
    passed = [_number(counts.passed, "test")] if counts.passed else []
    passed += [_number(steps, "step")] if steps else []
    skipped = f", {_number(counts.skipped, 'test')} skipped" if counts.skipped else ""
    return f"{' and '.join(passed)} passed{skipped}." if passed else ""


def means(found: RunResult) -> str:
    """What the outcome says of the tested thing, where that isn't plain."""
    counts = found.tests
    red = counts.failed + counts.errors
    if found.outcome == "failed" and red:
        return f"{red} of {_number(counts.passed + red + counts.skipped, 'test')} failed."
    again = [one for one in last_attempts(found.steps) if one.attempt > 1]
    if found.outcome == "passed" and again:
        return f"Not at the first attempt: {', '.join(one.name for one in again)}."
    return _MEANS[found.outcome]


def sentence(text: str) -> str:
    """With a capital letter, unless it begins with a path or the like, and a full stop."""
    if text.partition(" ")[0].isalpha():
        text = text[0].upper() + text[1:]
    return text + ("." if text and text[-1] not in ".!?" else "")


def bars(found: RunResult) -> list[Bar]:
    """The time line: each phase where it was; below theirs the steps, one after another."""
    whole = max(found.seconds, sum(one.seconds for one in found.phases), 0.001)
    begun = datetime.fromisoformat(found.started_at)
    rows, end = [], 0.0
    for phase in found.phases:
        start = end
        if phase.started_at is not None:
            # instants are of whole seconds: a phase never begins before the last one ended
            at = (datetime.fromisoformat(phase.started_at) - begun).total_seconds()
            start = min(max(at, end), max(whole - phase.seconds, end))
        rows.append(_bar(phase, start, whole))
        end = start + phase.seconds
        if phase.name == "test" and len(found.steps) > 1:
            rows += _inner(found.steps, start, whole)
    return rows


def commands(found: RunResult) -> Iterator[tuple[str, str]]:
    """What a person may want to type next: why, and what."""
    host = f" --host {found.host}" if found.host else ""
    if found.cleanup == "kept":
        yield "Look inside", f"sandboxer exec {found.sandbox} SERVICE{host} -- sh"
        yield "Take it away", f"sandboxer destroy {found.sandbox}{host}"
    if found.cleanup == "failed":
        yield "Take away what is left", f"sandboxer destroy {found.sandbox}{host}"
    if found.outcome == "contract_error":
        yield "See all that is wrong, in its folder", "validate lint ."
    yield "Run it again, in its folder", f"validate run .{host}"
    if found.outcome != "passed" and found.cleanup == "destroyed":
        yield "… and keep the sandbox if it fails", f"validate run .{host} --keep on-failure"
    if found.sandbox:
        yield "This result, from any controller", f"validate resume {found.run}{host}"


def _bar(phase: Phase, start: float, whole: float) -> Bar:
    width = max(phase.seconds / whole * 100, _LEAST_WIDTH) if phase.status != "skipped" else 0.0
    left = min(start / whole * 100, 100 - width)
    return Bar(phase.name, phase.status, phase.seconds, round(left, 3), round(width, 3))


def _inner(steps: Sequence[Step], start: float, whole: float) -> Iterator[Bar]:
    for one in steps:
        status = "done" if one.exit_code == 0 else "timeout" if one.timed_out else "failed"
        again = f", attempt {one.attempt}" if one.attempt > 1 else ""
        width = max(one.seconds / whole * 100, _LEAST_WIDTH)
        left = min(start / whole * 100, 100 - width)
        yield Bar(one.name + again, status, one.seconds, round(left, 3), round(width, 3), True)
        start += one.seconds


def _suites(cases: Sequence[Case]) -> list[Suite]:
    found = []
    for name, group in groupby(sorted(cases, key=lambda one: one.suite), lambda one: one.suite):
        held = tuple(group)
        by_status = Counter(one.status for one in held)
        found.append(Suite(name, by_status["passed"], by_status["skipped"], held))
    return found


def _shares(counts: Counts) -> list[tuple[str, int, float]]:
    """Word, number, and percent of all."""
    red = counts.failed + counts.errors
    whole = counts.passed + red + counts.skipped
    rows = (("failed", red), ("passed", counts.passed), ("skipped", counts.skipped))
    return [(word, number, round(number / whole * 100, 3)) for word, number in rows if number]


def _link(path: str) -> str:
    """To a file of the folder, whatever its name."""
    return "./" + quote(path, errors="surrogatepass")


def _number(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _seconds(seconds: float) -> str:
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 90 else span(seconds)


def _size(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _when(instant: str) -> str:
    return f"{datetime.fromisoformat(instant):%-d %b %Y, %H:%M} UTC"
