"""The words of `validate`: what it prints where, and how it ends. No host is needed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandboxer_cli.cli.validate import app
from sandboxer_cli.contract import ErrorAnswer

from .conftest import Write

BIN = Path(sys.executable).parent
NAMES = (["validate"], ["wise-validator"], ["sandboxer", "validate"])
VERBS = ("lint", "init", "migrate", "schema")


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / words[0], *words[1:]],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ,
        check=False,
    )


@pytest.mark.parametrize("name", NAMES, ids=" ".join)
def test_one_program_by_three_names(name: list[str], write: Write) -> None:
    repository = write("version: 1\ntest_command: a\n")
    said = run(*name, "lint", cwd=repository)
    assert (said.returncode, said.stdout) == (0, "e2e/e2e.yml: nothing is wrong\n")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_two_examples_and_they_parse(verb: str) -> None:
    here = CliRunner()
    said = here.invoke(app, [verb, "--help"])
    examples = re.findall(r"^\s*(?:Examples:)?\s*validate (.+)$", said.stdout, re.M)
    assert len(examples) == 2, said.stdout
    for example in examples:
        words = example.partition(" > ")[0].split()
        assert here.invoke(app, [*words, "--help"]).exit_code == 0, example


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["frobnicate"], 2, "usage"),
        (["lint", "--frobnicate"], 2, "usage"),
        (["lint", ""], 2, "usage"),
        (["lint", "/nowhere"], 2, "contract_missing"),
        (["init", "/nowhere"], 2, "source_missing"),
        (["migrate"], 2, "usage"),
        (["migrate", "/nowhere"], 2, "contract_missing"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_refusals(words: list[str], status: int, code: str) -> None:
    said = run("validate", *words)
    assert (said.returncode, said.stdout) == (status, "")
    assert said.stderr.startswith("validate: ")
    assert f"[{code}]" in said.stderr
    said = run("validate", *words, "--json")
    assert said.returncode == status
    assert ErrorAnswer.model_validate_json(said.stdout).error.code == code


def test_a_secret_without_a_value_is_a_result(write: Write) -> None:
    repository = write("version: 1\ntest_command: a\nin: web\nsandbox: {secrets: [NO_TOKEN]}\n")
    said = run("validate", "run", str(repository), "--json")
    found = json.loads(said.stdout)
    assert (said.returncode, found["outcome"], found["cleanup"]) == (2, "contract_error", "none")
    assert (found["error"]["code"], found["host"]) == ("secret_missing", None)


def test_all_that_is_wrong_at_once(write: Write) -> None:
    repository = write("version: 1\ntest_command: a\nretires: 1\nkeep: no\n")
    said = run("validate", "lint", str(repository))
    assert (said.returncode, said.stderr) == (2, "")
    assert [line for line in said.stdout.splitlines() if not line.startswith(" ")] == [
        "e2e/e2e.yml:3:1: retires: there is no such key: did you mean retries?",
        "e2e/e2e.yml:4:1: keep: wants 'never', 'on-failure' or 'always'",
    ]
    found = json.loads(run("validate", "lint", str(repository), "--json").stdout)
    assert [(one["line"], one["column"]) for one in found["faults"]] == [(3, 1), (4, 1)]


def test_from_nothing_to_a_contract(shop: Path) -> None:
    said = run("validate", "init", cwd=shop)
    assert said.stdout == "e2e/e2e.yml is written\ne2e/e2e.schema.json is written\n"
    assert run("validate", "lint", cwd=shop).returncode == 0
    assert run("validate", "init", cwd=shop).returncode == 5
    assert run("validate", "schema").stdout == (shop / "e2e/e2e.schema.json").read_text()


def test_an_older_file_is_printed_or_written(write: Write) -> None:
    repository = write("command: ./run\n")
    said = run("validate", "migrate", "e2e/e2e.yml", cwd=repository)
    assert said.returncode == 0
    assert said.stdout.endswith("version: 1\ntest_command: ./run\n")
    assert (repository / "e2e/e2e.yml").read_text() == "command: ./run\n"
    said = run("validate", "migrate", "e2e/e2e.yml", "--write", cwd=repository)
    assert said.stdout == "e2e/e2e.yml is written; what it was is e2e/e2e.yml.bak\n"
    assert run("validate", "lint", cwd=repository).returncode == 0
    said = run("validate", "migrate", "e2e/e2e.yml", "--write", cwd=repository)
    assert (said.returncode, said.stdout) == (0, "e2e/e2e.yml is of version 1 already\n")
    said = run("validate", "migrate", "compose.yml", "--json", cwd=repository)
    assert said.returncode == 2  # there is no test in it
    assert json.loads(said.stdout)["faults"]


def test_the_version_is_said_without_what_takes_long_to_load() -> None:
    code = (
        "import sys; sys.argv = ['validate', '--version']\n"
        "from sandboxer_cli.cli.validate import main\n"
        "try:\n    main()\n"
        "finally:\n"
        "    assert not {'ansible', 'ansible_runner', 'yaml', 'rich'} & set(sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "validate 0.1.0\n"), said.stderr
