"""One JUnit file of a run: its own phases as a suite, and the suites of the repository's files.

What is not the fault of the tested thing is an `error` there, a test that failed a `failure`. An
attempt that was tried again is a `flakyFailure` where a later one has passed, else a
`rerunFailure`, as Surefire writes them.
"""

from __future__ import annotations

from pathlib import Path

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite
from junitparser.xunit2 import FlakyFailure, RerunFailure

from sandboxer_cli.reporting.case import Case, Tally, of_run
from sandboxer_cli.reporting.plain import plain
from sandboxer_cli.reporting.result import RunResult


def write(found: RunResult, tests: Tally, path: Path) -> None:
    """Raises OSError."""
    by_suite: dict[str, TestSuite] = {}
    for case in (*of_run(found), *tests.cases):
        suite = by_suite.get(case.suite)
        if suite is None:
            suite = by_suite[case.suite] = _suite(found, case.suite)
        suite.append(_testcase(found, case))
    whole = JUnitXml(plain(found.repo))
    for suite in by_suite.values():
        suite.update_statistics()
        whole.append(suite)
    whole.update_statistics()
    whole.write(str(path))


def _suite(found: RunResult, name: str) -> TestSuite:
    suite = TestSuite(plain(name))
    suite.timestamp = found.started_at
    suite.hostname = plain(found.host or "")
    suite.add_property("run", found.run)
    return suite


def _testcase(found: RunResult, case: Case) -> TestCase:
    written = TestCase(plain(case.name), plain(case.classname or case.suite), case.seconds)
    match case.status:
        case "failed":
            written.append(_ended(Failure, case))
        case "error":
            written.append(_ended(Error, case))
        case "skipped":
            written.append(_ended(Skipped, case))
    for one in case.earlier:
        attempt = (FlakyFailure if case.is_flaky else RerunFailure)(
            plain(one.message), plain(one.kind)
        )
        attempt.stack_trace = plain(one.text)
        written.append(attempt)
    if case.output:
        written.system_out = plain(case.output)
    return written


def _ended(
    kind: type[Failure] | type[Error] | type[Skipped], case: Case
) -> Failure | Error | Skipped:
    end = kind(plain(case.message), plain(case.kind))
    end.text = plain(case.text)
    return end
