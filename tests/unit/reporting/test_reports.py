"""The reports of a run say what its result says: JUnit, CTRF, the page, the lines of a terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from junitparser import Error, Failure, JUnitXml, xunit2

from sandboxer_cli.reporting import ctrf, junit_reader, page, report, summary
from sandboxer_cli.reporting.case import Case, Tally, of_run
from sandboxer_cli.reporting.plain import plain
from sandboxer_cli.reporting.result import Counts, RunResult
from tests.unit.reporting.sample import HOSTILE_TALLY, RUNS, TALLY, run, step


def tally_of(name: str) -> Tally:
    return HOSTILE_TALLY if name == "hostile" else TALLY


def junit(found: RunResult, tally: Tally, folder: Path) -> list[tuple[str, str, list[Any]]]:
    """Suite, name, and what it ended with."""
    written = report.write(found, tally, folder)
    whole = JUnitXml.fromfile(str(written.reports.junit))
    return [(suite.name, case.name, case.result) for suite in whole for case in suite]


@pytest.mark.parametrize(
    ("name", "red"),
    [
        ("passed", []),
        ("at the second attempt", []),
        ("left behind", [("destroy", Error)]),
        ("failed", [("test: e2e", Failure)]),
        ("a report that can't be read", [("reports", Failure)]),
        ("unhealthy", [("health", Error)]),
        ("never came up", [("provision", Error)]),
        ("timeout", [("test: e2e", Error)]),
        ("cancelled", [("test", Error)]),
        ("infra_error", [("test: e2e", Error), ("destroy", Error)]),
        ("contract_error", [("validation", Error)]),
    ],
)
def test_junit_has_the_runs_own_phases(name: str, red: list[Any], tmp_path: Path) -> None:
    """Only where the tested thing has failed it is a failure."""
    cases = junit(RUNS[name], Tally(), tmp_path)
    assert {suite for suite, _, _ in cases} == {"sandboxer"}
    ended = [(case, type(one)) for _, case, result in cases for one in result]
    assert [one for one in ended if one[1] in (Failure, Error)] == red
    assert all(one.message for _, _, result in cases for one in result if type(one) is Failure)


def test_junit_has_what_was_tried_again_as_surefire_writes_it(tmp_path: Path) -> None:
    """Of ours and of the repository's own."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a.xml").write_text(
        "<testsuite name='shop'><testcase name='t1'><flakyFailure message='late' type='E'>"
        "<stackTrace>at</stackTrace></flakyFailure></testcase><testcase name='t2'>"
        "<failure message='no'/><rerunFailure message='no, too'/></testcase></testsuite>"
    )
    tally = junit_reader.read(tmp_path, ["files/a.xml"])
    written = report.write(RUNS["at the second attempt"], tally, tmp_path)
    cases = {
        case.name: case
        for suite in xunit2.JUnitXml.fromfile(written.reports.junit or "")
        for case in suite
    }
    [ours] = cases["test: e2e"].flaky_failures()
    assert (ours.type, ours.message) == ("failed", "attempt 1 ended with 1")
    assert str(ours.stack_trace).endswith("the last line")
    [theirs] = cases["t1"].flaky_failures()
    assert (theirs.type, theirs.message, cases["t1"].is_passed) == ("E", "late", True)
    assert [one.message for one in cases["t2"].rerun_failures()] == ["no, too"]
    assert not cases["t2"].is_flaky
    document = ctrf.document(RUNS["at the second attempt"], tally)
    assert document["results"]["summary"]["flaky"] == 2


def test_junit_holds_the_repositorys_own_suites(tmp_path: Path) -> None:
    cases = junit(RUNS["failed"], TALLY, tmp_path)
    assert [name for suite, name, _ in cases if suite == "shop"] == ["t1", "t2", "t3"]
    whole = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert (whole.tests, whole.failures, whole.errors, whole.skipped) == (8, 2, 0, 1)
    [failed] = [one for _, name, result in cases if name == "t2" for one in result]
    assert (failed.message, failed.type, failed.text) == ("1 != 2", "AssertionError", "trace")


# What the official schema demands (ctrf-io/ctrf, schema/ctrf.schema.json), with which the whole
# was compared by hand. No other field is there than those that it knows.
def strict(required: str, **fields: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required.split(),
        "properties": fields,
        "additionalProperties": False,
    }


STRING = {"type": "string"}
STRINGS = {"type": "array", "items": STRING}
NAME = {"type": "string", "minLength": 1}
INTEGER = {"type": "integer"}
BOOLEAN = {"type": "boolean"}
EXTRA = {"type": "object"}
COUNTS = "tests passed failed skipped pending other start stop"
CTRF = strict(
    "results reportFormat specVersion",
    reportFormat={"const": "CTRF"},
    specVersion={"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
    reportId={"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
    timestamp={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
    generatedBy=STRING,
    results=strict(
        "tool summary tests",
        tool=strict("name", name=NAME, version=STRING),
        summary=strict(
            COUNTS,
            **dict.fromkeys(f"{COUNTS} flaky suites duration".split(), INTEGER),
            extra=EXTRA,
        ),
        tests={
            "type": "array",
            "items": strict(
                "name status duration",
                name=NAME,
                status={"enum": ["passed", "failed", "skipped", "pending", "other"]},
                duration=INTEGER,
                suite={**STRINGS, "minItems": 1},
                message=STRING,
                trace=STRING,
                rawStatus=STRING,
                type=STRING,
                stdout=STRINGS,
                retries=INTEGER,
                flaky=BOOLEAN,
            ),
        },
        environment=strict(
            "",
            reportName=STRING,
            appName=STRING,
            buildId=STRING,
            repositoryName=STRING,
            commit=STRING,
            testEnvironment=STRING,
            healthy=BOOLEAN,
            extra=EXTRA,
        ),
    ),
)


@pytest.mark.parametrize("name", RUNS)
def test_ctrf_is_what_its_schema_demands(name: str) -> None:
    document = ctrf.document(RUNS[name], tally_of(name))
    jsonschema.validate(document, CTRF)
    counts = document["results"]["summary"]
    statuses = [one["status"] for one in document["results"]["tests"]]
    assert (
        counts["tests"]
        == len(statuses)
        == sum(counts[key] for key in ("passed", "failed", "skipped", "pending", "other"))
    )
    assert counts["failed"] == statuses.count("failed")
    assert counts["stop"] - counts["start"] == counts["duration"] == 6000


def test_a_test_that_failed_is_red_once(tmp_path: Path) -> None:
    found = run(outcome="failed", exit_code=9, reason="1 test did not pass", tests=TALLY.counts)
    cases = junit(found, TALLY, tmp_path)
    assert [name for _, name, result in cases for one in result if type(one) is Failure] == ["t2"]


def test_ctrf_knows_what_was_flaky() -> None:
    document = ctrf.document(RUNS["at the second attempt"], Tally())
    [flaky] = [one for one in document["results"]["tests"] if one.get("flaky")]
    assert (flaky["name"], flaky["retries"]) == ("test: e2e", 1)
    assert document["results"]["summary"]["flaky"] == 1


@pytest.mark.parametrize("name", RUNS)
def test_no_reader_takes_a_run_for_green_that_is_not(name: str) -> None:
    found = RUNS[name]
    is_red = any(one.is_red for one in of_run(found))
    assert is_red == (found.outcome != "passed" or found.cleanup == "failed")
    failed = ctrf.document(found, Tally())["results"]["summary"]["failed"]
    assert (failed > 0) == is_red


class Page(HTMLParser):
    """What a browser makes of it: elements, attributes, text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(key, value or "") for key, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", RUNS)
def test_the_page_is_one_file_without_script_or_network(name: str, tmp_path: Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services/<b>web.log").write_text("x")
    html = page.render(RUNS[name], tally_of(name), tmp_path)
    read = Page(html)
    assert not {"script", "img", "iframe", "link", "object", "form", "b-"} & set(read.elements)
    assert "default-src 'none'" in html
    assert "@import" not in html and "url(" not in html
    for key, value in read.attributes:
        assert not key.startswith("on"), key
        assert key not in ("src", "action")
        assert key != "href" or value.startswith("./"), value
    assert read.elements.count("html") == 1
    if name == "hostile":
        assert "<script>alert(1)</script>" in read.text
        assert "\x1b" not in html and "\x00" not in html


def test_the_page_says_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    versions = {"engine": "podman", "engine_version": "4.3.1", "source_digest": "sha256:abc"}
    (tmp_path / "evidence/versions.json").write_text(json.dumps(versions))
    container = {"Name": "sbx-1.web", "ImageName": "nginx:1", "ImageDigest": "sha256:def"}
    (tmp_path / "evidence/inspect.json").write_text(json.dumps([container, None, "no"]))
    found = replace(RUNS["failed"], tests=TALLY.counts, cleanup="kept")
    text = Page(page.render(found, TALLY, tmp_path)).text
    for said in (
        "✗ shop: failed",
        "Step e2e ended with 1.",
        "1 of 3 tests failed.",
        "t2",
        "1 != 2",
        "trace",
        "printed",
        "e2e/out/old.xml is not counted: it is older than the test.",
        "the last line",
        "podman 4.3.1",
        "sha256:abc",
        "nginx:1",
        "sandboxer exec sbx-4f7kq2zd01 SERVICE --host h1 -- sh",
        "sandboxer destroy sbx-4f7kq2zd01 --host h1",
        "validate run . --host h1",
    ):
        assert said in text, said


@pytest.mark.parametrize("text", ["", "[", "[]", "{}", "null", "[" * 100_000, '{"engine": {}}'])
def test_evidence_that_is_none_is_left_out(text: str, tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    for name in ("versions.json", "inspect.json"):
        (tmp_path / "evidence" / name).write_text(text)
    assert "What ran" not in page.render(RUNS["passed"], Tally(), tmp_path)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (RUNS["passed"], "2 tests and 1 step passed, 1 test skipped."),
        (RUNS["at the second attempt"], "1 step passed."),
        (RUNS["failed"], "Step e2e ended with 1."),
        (RUNS["contract_error"], "e2e/e2e.yml:5:23: no."),
        (run(steps=()), ""),
    ],
)
def test_why_in_one_sentence(found: RunResult, said: str) -> None:
    assert page.headline(found) == said


def test_what_was_flaky_is_said() -> None:
    assert page.means(RUNS["at the second attempt"]) == "Not at the first attempt: e2e."


@pytest.mark.parametrize("name", RUNS)
def test_no_bar_leaves_the_time_line_or_lies_on_another(name: str) -> None:
    rows = page.bars(RUNS[name])
    end = 0.0
    for bar in rows:
        assert bar.left >= 0 and bar.left + bar.width <= 100.001, bar
        if not bar.inner and bar.width:
            assert bar.left >= end - 0.7, bar
            end = bar.left + bar.width


def test_many_tests_are_shown_in_part(tmp_path: Path) -> None:
    cases = [Case(f"bad{n}", "s", "failed") for n in range(300)]
    cases += [Case(f"good{n}", "s", "passed") for n in range(3000)]
    tally = Tally(Counts(5000, 400), tuple(cases))
    text = Page(page.render(run(tests=tally.counts), tally, tmp_path)).text.replace("0 ms", "")
    assert "bad199" in text and "bad200" not in text
    assert "200 more that failed are in junit.xml" in text
    assert "good1999" in text and "good2000" not in text
    assert "3000 more are not listed here." in text


def test_all_four_are_written(tmp_path: Path) -> None:
    found = report.write(RUNS["failed"], TALLY, tmp_path / "a/run")
    assert (tmp_path / "a/run").stat().st_mode & 0o777 == 0o700
    names = {path.name for path in (tmp_path / "a/run").iterdir()}
    assert names == {"junit.xml", "ctrf.json", "index.html", "result.json"}
    assert RunResult.from_json((tmp_path / "a/run/result.json").read_text()) == found
    assert [(one.name, one.message) for one in found.failures] == [("t2", "1 != 2")]
    assert found.not_counted == TALLY.not_counted


@pytest.mark.parametrize("name", RUNS)
def test_hostile_words_break_no_report(name: str, tmp_path: Path) -> None:
    found = report.write(RUNS[name], tally_of(name), tmp_path)
    assert JUnitXml.fromfile(str(found.reports.junit)).tests > 0
    json.loads(Path(str(found.reports.ctrf)).read_text())


def test_the_lines_of_a_terminal(tmp_path: Path) -> None:
    tally = replace(TALLY, counts=Counts(1, 14), cases=TALLY.cases * 12)
    failed = replace(RUNS["failed"], tests=tally.counts)
    found = report.write(failed, tally, tmp_path)
    lines = summary.lines(found.as_dict())
    assert lines[:3] == [
        "run-4f7kq2zd01  shop  failed on h1",
        "  step e2e ended with 1",
        "  phases   provision 1.0 s, health 1.0 s, test 1.0 s (failed), "
        "collect 1.0 s, destroy 1.0 s",
    ]
    assert lines.count("    shop  t2: 1 != 2") == 10
    assert "    and 4 more" in lines
    assert "  e2e/out/old.xml is not counted: it is older than the test" in lines
    assert lines[-1] == f"  reports  {tmp_path}"


def test_of_attempts_the_last_one_has_its_output_in_the_terminal() -> None:
    steps = (step(1, tail=("not yet",)), step(1, attempt=2, tail=("nor now",)))
    lines = summary.lines(run(outcome="failed", steps=steps).as_dict())
    assert "    nor now" in lines
    assert "    not yet" not in lines


def test_a_reason_may_end_with_what_a_service_said() -> None:
    said = "service web ended with exit code 3; its last lines:\nno database"
    lines = summary.lines(replace(RUNS["unhealthy"], reason=said).as_dict())
    assert lines[1:3] == ["  service web ended with exit code 3; its last lines:", "  no database"]


@pytest.mark.parametrize("name", RUNS)
def test_each_outcome_has_its_lines(name: str) -> None:
    found = RUNS[name]
    assert found.outcome in summary.lines(found.as_dict())[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\x1b[1;31mb\x1b[0mc", "abc"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x1b\\", "link"),
        ("a\tb\r\nc", "a\tb\r\nc"),
        ("\x00\x08\x1b\x7f\x9b\ud800\ufffe", "�������"),
        ("grün 🦊", "grün 🦊"),
    ],
)
def test_plain_text(text: str, said: str) -> None:
    assert plain(text) == said


def test_a_step_in_the_end() -> None:
    cases = of_run(run(steps=(step(1), step(0, attempt=2), step(0, name="two"))))
    assert [(one.name, one.status, one.is_flaky) for one in cases[2:4]] == [
        ("test: e2e", "passed", True),
        ("test: two", "passed", False),
    ]
