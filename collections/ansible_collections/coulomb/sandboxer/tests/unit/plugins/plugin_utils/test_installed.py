"""Asking the installed host program: where it is, what it is handed, and what is believed of it."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import installed

ECHO = (
    "import json, sys; print(json.dumps([sys.argv[1:], json.load(sys.stdin), sys.flags.isolated]))"
)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """In the place of the host program: it says what it was given."""
    path = tmp_path / "state/programs/1-a.pyz"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__main__.py", ECHO)
    return path


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": os.environ["PATH"], "SANDBOXER_STATE": str(tmp_path)}
    return subprocess.run(
        installed.argv(*words), input=b"{}", env=environment, capture_output=True, check=False
    )


def test_the_verb_is_data(tmp_path: Path, program: Path) -> None:
    verb = "$(touch here); `id`"
    assert json.loads(run(tmp_path, verb, program.name).stdout) == [[verb], {}, 1]


def test_a_program_that_is_not_there(tmp_path: Path, program: Path) -> None:
    assert run(tmp_path, "list", "2-b.pyz").returncode == installed.MISSING


def test_the_python_that_was_chosen(tmp_path: Path, program: Path) -> None:
    chosen = tmp_path / "python"
    chosen.write_text("#!/bin/sh\necho chosen\n")
    chosen.chmod(0o755)
    assert run(tmp_path, "list", program.name, str(chosen)).stdout == b"chosen\n"
    assert run(tmp_path, "list", program.name, str(tmp_path / "none")).returncode == 0


class PlayedAction:
    """An action plugin whose host answers as it is told."""

    _templar = SimpleNamespace(template=lambda value: value)

    def __init__(self, pipelining: bool = True, **done: Any) -> None:
        self.commands: list[tuple[str, bytes]] = []
        self._done = {"rc": 0, "stdout": "{}", "stderr": "", **done}
        self._pipelining = pipelining

    def _is_pipelining_enabled(self, style: str) -> bool:
        return self._pipelining

    def _compute_environment_string(self) -> str:
        return "A=b"

    def _low_level_execute_command(self, command: str, in_data: bytes) -> dict[str, Any]:
        self.commands.append((command, in_data))
        return self._done


def ask(action: PlayedAction, **variables: Any) -> dict[str, Any] | None:
    return installed.ask(action, "1-a.pyz", "present", {"message": "geheim ä"}, variables)


@pytest.mark.parametrize(
    "action",
    [PlayedAction(pipelining=False), PlayedAction(rc=66), PlayedAction(rc=127)],
    ids=["no input", "no program", "no python"],
)
def test_what_only_a_module_can_do(action: PlayedAction) -> None:
    assert ask(action) is None


def test_the_request_goes_in_by_standard_input_alone() -> None:
    action = PlayedAction(stdout='{"changed": true}')
    assert ask(action, ansible_python_interpreter="/opt/python") == {"changed": True}
    [(command, given)] = action.commands
    assert command.startswith("A=b /bin/sh -c ")
    assert command.endswith(" sh present 1-a.pyz /opt/python")
    assert "geheim" not in command
    assert json.loads(given) == {"message": "geheim ä"}


def test_a_python_that_is_to_be_found_is_not_chosen() -> None:
    action = PlayedAction()
    ask(action, ansible_python_interpreter="auto_silent")
    assert action.commands[0][0].endswith(" 1-a.pyz ''")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ('{"a": 1}\n', {"a": 1}),
        ("[]\n", []),
        ('Welcome!\n[info] ready\n{"a": 1}\n', {"a": 1}),
        ('{"a": 0}\n{"a": 1}\nGood bye!\n', {"a": 1}),
        ('{"a": "\u2028\x85"}\n', {"a": "\u2028\x85"}),
        ("Welcome!\n", None),
        ("", None),
    ],
)
def test_an_answer_is_found_among_what_a_login_shell_says(said: str, answer: Any) -> None:
    assert installed.answered(said) == answer


def test_a_login_shell_that_says_something() -> None:
    assert ask(PlayedAction(stdout='Welcome!\n{"changed": true}\n')) == {"changed": True}


def test_its_error_is_ours() -> None:
    error = {"code": "conflict", "message": "no"}
    done = ask(PlayedAction(rc=1, stdout=json.dumps({"error": error})))
    assert done == {"failed": True, "msg": "no", "sandboxer_error": error}


@pytest.mark.parametrize(
    "done",
    [
        {"stdout": "Welcome!"},
        {"stdout": "[1]"},
        {"rc": 1, "stdout": "", "stderr": "Traceback:\nWelcome!\n"},
        {"rc": 1, "stdout": "", "stderr": ""},
    ],
)
def test_what_is_no_answer_is_a_failure(done: dict[str, Any]) -> None:
    found = ask(PlayedAction(**done))
    assert found is not None
    assert found["failed"] is True
    assert found["msg"].startswith("the host program failed: ")


def test_an_answer_of_one_that_failed_is_no_success() -> None:
    found = ask(PlayedAction(rc=1, stdout='{"changed": true}'))
    assert found is not None
    assert found["failed"] is True
