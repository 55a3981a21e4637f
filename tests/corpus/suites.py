"""Public projects with a test suite of their own, validated out of their repositories.

Of them nothing is kept here: `contracts/` has what their maintainers would commit. What their tests
need of Python is fetched by pip beside the contract, since sandboxes here have no way out.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.corpus.originals import clone_of
from tests.lab.doors import BIN, INVENTORY
from tests.lab.places import Place

CONTRACTS = Path(__file__).resolve().parent / "contracts"
# what the stand-ins have, whose image is called 3.12
PYTHON = "3.11"


@dataclass(frozen=True)
class Suite:
    """`passed`: so many tests of it do, at the least."""

    name: str
    source: str
    commit: str
    requirements: tuple[str, ...]
    passed: int


SUITES = (
    Suite(
        "sqlparse",
        "andialbrecht/sqlparse",
        "60cdc649726bf1bc4f1b336050560b336da715ec",
        ("pytest",),
        passed=500,
    ),
    # with a real PostgreSQL
    Suite(
        "peewee",
        "coleifer/peewee",
        "408aa4c130267ffd1e3ec5d09c0595e8d9a9bd98",
        ("pytest",),
        passed=1700,
    ),
)


@dataclass(frozen=True)
class Validation:
    good: bool
    said: str


def validate(place: Place, suite: Suite, clones: str) -> Validation | None:
    """None where there is no repository of it, or none with that commit.

    `clones` is a folder of them, or the address that OWNER/NAME is put behind.
    """
    if "://" in clones:
        repository: str | Path | None = f"{clones.rstrip('/')}/{suite.source}"
    else:
        repository = clone_of(Path(clones), suite.source)
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / suite.name
        if repository is None or not _check_out(str(repository), suite.commit, tree):
            return None
        shutil.copytree(CONTRACTS / suite.name, tree, dirs_exist_ok=True)
        _install(suite.requirements, tree / "e2e/packages")
        where = ("--host", place.host.name, "-i", str(INVENTORY)) if place.host else ()
        program = (str(BIN / "validate"), "run", str(tree))
        said = place.controller.run(*program, *where, "--json")
        if not said.out:
            return Validation(False, said.err)
        return _judge(suite, said.data)


def _check_out(repository: str, commit: str, tree: Path) -> bool:
    """A work tree with its history, so that the result names the commit."""
    return all(
        subprocess.run(["git", *words], check=False).returncode == 0
        for words in (
            ("clone", "--quiet", "--no-checkout", repository, str(tree)),
            ("-C", str(tree), "checkout", "--quiet", "--detach", commit),
        )
    )


def _install(requirements: tuple[str, ...], folder: Path) -> None:
    fetch = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    fetch += ["--no-compile", "--only-binary", ":all:", "--python-version", PYTHON]
    subprocess.run([*fetch, "--target", str(folder), *requirements], check=True)


def _judge(suite: Suite, result: Mapping[str, Any]) -> Validation:
    tests = result["tests"]
    good = (
        (result["outcome"], result["cleanup"]) == ("passed", "destroyed")
        and result["commit"] == suite.commit
        and tests["passed"] >= suite.passed
    )
    counts = ", ".join(f"{number} {how}" for how, number in tests.items() if number)
    seconds = sum(phase["seconds"] for phase in result["phases"])
    said = (
        f"{result['outcome']}: {counts or result['reason']}; {seconds:.0f} s, {result['cleanup']}"
    )
    failures = [f"{one['name']}: {one['message']}" for one in result.get("failures", ())]
    return Validation(good, "; ".join([said, *failures]))
