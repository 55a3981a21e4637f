"""What is said of tests that ansible-test has not run."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import sanity

FOUND = {"3.9": Path("/opt/python3.9"), "3.13": Path("/opt/python3.13")}


def gone(version: str) -> str:
    return (
        f'WARNING: Skipping sanity test "import" on Python {version}'
        " because it could not be found.\n"
    )


@pytest.mark.parametrize(
    ("line", "missing", "avoidable"),
    [
        (gone("3.14"), ["3.14"], 0),
        (gone("3.9"), [], 1),  # it is here: ansible-test has only not been led to it
        ("WARNING: Skipping unit tests on Python 3.10 because it could not be found.", ["3.10"], 0),
        ("WARNING: Required program `shellcheck` not found.", [], 1),
        ("WARNING: Skipping sanity test 'shellcheck' because of something.", [], 1),
        ("SKIPPED [1] tests/unit/test_x.py:3: no reason", [], 1),
        ("WARNING: Using locale C.UTF-8 instead of en_US.UTF-8.", [], 0),
        ("Skipping is what pytest calls it", [], 0),
    ],
)
def test_what_was_not_run_is_named(line: str, missing: list[str], avoidable: int) -> None:
    verdict = sanity.judge([line, line], FOUND)
    assert verdict.missing == missing
    assert len(verdict.avoidable) == avoidable


@pytest.mark.parametrize(("ci", "status"), [("true", 1), ("", 0)])
def test_in_ci_what_can_be_run_has_to_be_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ci: str, status: int
) -> None:
    def run(words: list[str], path: str, lines: list[str]) -> int:
        lines.append(gone("3.9"))
        return 0

    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(sanity, "interpreters", lambda: FOUND)
    monkeypatch.setattr(sanity, "_prepare_home", lambda: None)
    monkeypatch.setattr(sanity, "_run", run)
    assert sanity.main() == status
    assert "SKIPPED: WARNING: Skipping sanity test" in capsys.readouterr().out


def test_a_shim_is_no_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers to every version's name, and to most with `command not found`."""
    for version in sanity.VERSIONS:
        shim = tmp_path / f"python{version}"
        shim.write_text("#!/bin/sh\nexit 127\n")
        shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tmp_path not in {python.parent for python in sanity.interpreters().values()}
