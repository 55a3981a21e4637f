"""The old entries: the same words, the same exit status, one warning. No host is needed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from e2e_framework import shim
from sandboxer_cli.cli import validate

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
WRONG = "version: 1\ntest_command: a\nretires: 1\n"
GAPS = (ROOT / "docs/migration-gaps.md").read_text()


@pytest.mark.parametrize(
    ("old", "told"),
    [
        ([], ["run"]),
        (["repo"], ["run", "repo"]),
        (["repo", "--json", "--host", "h1"], ["run", "repo", "--json", "--host", "h1"]),
        (["--repo", "a b"], ["run", "a b"]),
        (["--repo=a=b", "--keep", "always"], ["run", "a=b", "--keep", "always"]),
        (["--repo"], ["run", ""]),  # an empty word is refused, the current folder is not taken
        (["--repo", "--json"], ["run", "./--json"]),
        (["--json", "--", "--repo"], ["run", "--json", "--", "--repo"]),
        (["--frobnicate"], ["run", "--frobnicate"]),
        (["--help"], ["run", "--help"]),
        (["--version"], ["--version"]),
        (["run", "repo"], ["run", "repo"]),
        (["resume", "run-4f7kq2zdab"], ["resume", "run-4f7kq2zdab"]),
        (["lint", "repo"], ["lint", "repo"]),
        (["./lint"], ["run", "./lint"]),
    ],
)
def test_what_the_program_is_told(old: list[str], told: list[str]) -> None:
    assert shim.translated(old) == told


def test_it_knows_every_verb() -> None:
    named = {
        one.name or getattr(one.callback, "__name__", "")
        for one in validate.app.registered_commands
    }
    assert set(shim.VERBS) == named


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "a shop"
    (folder / "e2e").mkdir(parents=True)
    (folder / "e2e/e2e.yml").write_text(WRONG)
    return folder


def run(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    given = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(cwd), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env=given,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def shape(text: str) -> str:
    """Ids, keys and times differ from run to run."""
    text = re.sub(r"\b(run-[a-z0-9]{10}|key-[a-z0-9]{20})\b", "ID", text)
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID", text)
    return re.sub(r"\b[0-9-]{10}T[0-9:.]+Z", "INSTANT", text)


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (["lint", "."], ["lint", "."], 2),
        (["."], ["run", "."], 2),
        (["--repo", ".", "--json"], ["run", ".", "--json"], 2),
        ([".", "--frobnicate"], ["run", ".", "--frobnicate"], 2),
        (["--repo"], ["run", ""], 2),
        (["schema"], ["schema"], 0),
        (["--help"], ["run", "--help"], 0),
    ],
)
def test_it_ends_as_the_program_does(
    shop: Path, old: list[str], new: list[str], status: int
) -> None:
    today = run(BIN / "validate", *new, cwd=shop)
    before = run(sys.executable, "-m", "e2e_framework", *old, cwd=shop)
    warning, _, rest = before.stderr.partition("\n")
    assert (before.returncode, today.returncode) == (status, status)
    assert (shape(before.stdout), rest) == (shape(today.stdout), today.stderr)
    words = " ".join(new) if all(new) else "run ''"
    assert warning == f"e2e_framework is deprecated; type this instead: validate {words}"


def test_an_unknown_option_has_a_hint(shop: Path) -> None:
    said = run(sys.executable, "-m", "e2e_framework", ".", "--frobnicate", cwd=shop)
    assert "see `validate --help`" in said.stderr


@pytest.mark.parametrize("name", ["typer", "shlex", "sandboxer_cli"])
def test_nothing_of_the_repository_runs_here(shop: Path, name: str) -> None:
    """`python -m` would take the current folder's modules first."""
    (shop / f"{name}.py").write_text("raise SystemExit(77)\n")
    assert run(sys.executable, "-m", "e2e_framework", "lint", cwd=shop).returncode == 2


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    """The project's Makefile with a program that only says what it is told, and ends with 9."""
    folder = tmp_path / "project"
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / "scripts").mkdir()
    (folder / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    for name, text in (
        ("scripts/setup.sh", "exit 0"),
        (".venv/bin/validate", 'printf "[%s]" "$@"; exit 9'),
    ):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (["REPO=a b"], "[run][--][a b]"),
        (['REPO=\'; echo "x" #'], '[run][--][\'; echo "x" #]'),
        (["REPO=-x", "HOST=h1 h2"], "[run][--host][h1 h2][--][-x]"),
        (
            ["REPO=.", "KEEP=always", "PROFILE=profile.x", "INVENTORY=a.yml", "HOST="],
            "[run][--inventory][a.yml][--keep][always][--profile][profile.x][--][.]",
        ),
    ],
)
def test_make_passes_words_on(entry: Path, variables: list[str], told: str) -> None:
    said = run("make", "e2e", *variables, cwd=entry)
    assert (said.returncode, said.stdout) == (2, told)
    assert said.stderr.splitlines()[-1].endswith("e2e] Error 9")


def test_make_wants_a_repository(entry: Path) -> None:
    said = run("make", "e2e", cwd=entry)
    assert (said.returncode, said.stdout) == (2, "")
    assert "say which: REPO=path" in said.stderr


def test_it_is_in_the_wheel() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert "e2e_framework" in built["only-include"]


def test_the_runbook_points_at_both() -> None:
    page = ROOT / "e2e_framework/RUNBOOK.md"
    targets = re.findall(r"\]\(([^)]+)\)", page.read_text())
    assert {Path(one).name for one in targets} >= {"run-sandboxes.md", "run-validations.md"}
    assert all((page.parent / one).exists() for one in targets)


def test_each_row_of_the_gaps_has_its_test() -> None:
    rows = [row for row in GAPS.splitlines() if row.startswith("| ")]
    rows = [row for row in rows if not re.match(r"\| (legacy|---)", row)]
    assert len(rows) > 10
    for row in rows:
        named = re.findall(r"`((?:tests|collections)/\S+\.py)::(\w+)`", row)
        assert named, f"no test: {row}"
        for file, test in named:
            assert re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.MULTILINE), row
