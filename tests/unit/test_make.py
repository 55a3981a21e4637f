"""`make test` runs every test that there is."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_no_file_of_faults_is_left_out() -> None:
    made = (ROOT / "Makefile").read_text()
    for path in (ROOT / "tests/faults").glob("test_*.py"):
        assert f"tests/faults/{path.name}" in made
