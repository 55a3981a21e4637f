"""A run is reported: all four files for each, and one of them where somebody wants it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from sandboxer_cli.cli import validate
from sandboxer_cli.client import Answer
from sandboxer_cli.reporting import report
from sandboxer_cli.reporting.result import Failure
from sandboxer_cli.validation import run
from sandboxer_cli.validation.returned import Returned
from tests.unit.reporting import sample

FILES = {"junit.xml", "ctrf.json", "index.html", "result.json"}
ROW = {"path": "files/a.xml", "bytes": 1, "sha256": "0", "kinds": ["junit"], "fresh": True}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.mark.parametrize("name", ["passed", "failed", "contract_error", "infra_error"])
def test_each_run_has_all_four(name: str, tmp_path: Path) -> None:
    found = run.report(sample.RUNS[name], Returned(tmp_path / "run"))
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert {Path(path).name for path in found.as_dict()["reports"].values()} == FILES
    assert found.event is not None


def test_what_failed_is_in_the_result(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    text = (
        "<testsuite name='s'><testcase name='t'><failure message='1 != 2'/></testcase></testsuite>"
    )
    (tmp_path / "files/a.xml").write_text(text)
    found = run.report(sample.RUNS["failed"], Returned(tmp_path, (ROW,)))
    assert found.failures == (Failure("s", "t", "1 != 2"),)


@pytest.mark.parametrize("error", [OSError("no space"), UnicodeEncodeError("utf-8", "", 0, 1, "")])
def test_a_report_costs_nobody_the_outcome(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(*_: Any) -> None:
        raise error

    monkeypatch.setattr(report, "write", write)
    found = run.report(sample.RUNS["passed"], Returned(tmp_path / "run"))
    assert (found.outcome, found.reports.json, found.event is not None) == ("passed", None, True)


def answer(folder: Path, *hosts: str) -> Answer:
    found = {}
    for host in hosts:
        (folder / host).mkdir()
        told = replace(sample.RUNS["passed"], host=host)
        found[host] = report.write(told, sample.TALLY, folder / host).as_dict()
    return Answer(found)


def test_junit_goes_where_somebody_wants_it(tmp_path: Path) -> None:
    wanted = tmp_path / "out/more/e2e.xml"
    validate._make_way(wanted)
    validate._copy_junit(answer(tmp_path, "h1"), wanted)
    assert wanted.read_bytes() == (tmp_path / "h1/junit.xml").read_bytes()
    validate._copy_junit(answer(tmp_path, "h2", "h3"), wanted)
    assert (wanted.parent / "e2e.h3.xml").read_bytes() == (tmp_path / "h3/junit.xml").read_bytes()


def test_an_older_file_is_not_taken_for_this_runs(tmp_path: Path) -> None:
    """Also where no run comes of it."""
    (tmp_path / "e2e.xml").write_text("<testsuite/>")
    validate._make_way(tmp_path / "e2e.xml")
    assert not (tmp_path / "e2e.xml").exists()


def test_where_nothing_can_be_written_is_said_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(typer.BadParameter):
        validate._make_way(tmp_path / "file/e2e.xml")
