"""Where a secret's value comes from, and that it is nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from sandboxer_cli.errors import SandboxerError, Usage
from sandboxer_cli.validation.secrets import VARIABLE, Secret, handed_over, read_secrets

CANARY = "canary-3f9b1c"


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)


def say(home: Path, text: str) -> Path:
    file = home / ".config/sandboxer/secrets.yml"
    file.write_text(text)
    file.chmod(0o600)
    return file


def value(shop: Path, name: str = "TOKEN") -> str:
    return read_secrets([name], shop)[name].value


def refused(shop: Path, code: str) -> SandboxerError:
    with pytest.raises(Usage) as caught:
        read_secrets(["TOKEN"], shop)
    assert caught.value.detail.code == code
    assert CANARY not in str(caught.value.detail)
    whole = traceback.TracebackException.from_exception(caught.value, capture_locals=False)
    assert CANARY not in "".join(whole.format())
    return caught.value


def test_without_a_row_it_is_the_variable_of_its_name(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", CANARY)
    assert value(shop) == CANARY


def test_all_that_are_missing_are_named(shop: Path) -> None:
    with pytest.raises(Usage, match="the secret TOKEN, the secret OTHER") as caught:
        read_secrets(["TOKEN", "OTHER"], shop)
    assert caught.value.detail.code == "secret_missing"
    assert caught.value.detail.hint.startswith("export TOKEN, or say in ")


def test_the_user_may_keep_the_environment_to_themselves(
    shop: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", CANARY)
    say(home, "others: none")
    refused(shop, "secret_missing")


@pytest.mark.parametrize(
    ("source", "content", "wanted"),
    [
        ("{environment: CI_TOKEN}", None, CANARY),
        ("{file: ~/token}", CANARY.encode() + b"\n", CANARY),
        ("{file: ~/token}", CANARY.encode() + b"\r\n", CANARY),
        ("{file: ~/token}", b"two\nlines\n\n", "two\nlines\n"),
        ("{command: [cat, token]}", CANARY.encode() + b"\n", CANARY),  # it starts in the home
        ("{command: [~/bin/pass, show, npm]}", None, f"{CANARY} show npm"),
    ],
)
def test_sources(
    shop: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    source: str,
    content: bytes | None,
    wanted: str,
) -> None:
    monkeypatch.setenv("CI_TOKEN", CANARY)
    monkeypatch.chdir(shop)
    if content is not None:
        (home / "token").write_bytes(content)
    (home / "bin").mkdir()
    (home / "bin/pass").write_text(f'#!/bin/sh\necho "{CANARY} $*"\n')
    (home / "bin/pass").chmod(0o700)
    say(home, f"secrets: {{TOKEN: {source}}}")
    assert value(shop) == wanted


def test_a_vault_is_opened_once(shop: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault, password = home / "vault.yml", home / "pass"
    vault.write_text(f"token: {CANARY}\nother: two\n")
    password.write_text("open\n")
    program = Path(sys.executable).with_name("ansible-vault")
    argv = [program, "encrypt", "--vault-password-file", password, vault]
    subprocess.run(argv, check=True, capture_output=True, cwd=home)
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda argv, **more: started.append(argv) or popen(argv, **more)
    )
    row = "{vault: ~/vault.yml, key: %s, password_file: ~/pass}"
    say(home, f"secrets: {{TOKEN: {row % 'token'}, OTHER: {row % 'other'}}}")
    found = read_secrets(["TOKEN", "OTHER"], shop)
    assert [one.value for one in found.values()] == [CANARY, "two"]
    assert len(started) == 1
    assert CANARY not in str(started)
    say(home, f"secrets: {{TOKEN: {row % 'nothing'}}}")
    refused(shop, "secret_unreadable")
    password.write_text("wrong\n")
    refused(shop, "secret_unreadable")


@pytest.mark.parametrize(
    "source",
    [
        "{file: ~/nothing}",
        "{file: ~/folder}",
        "{file: ~/empty}",
        "{file: ~/large}",
        "{file: ~/binary}",
        "{file: ~/nul}",
        f"{{command: [sh, -c, 'echo {CANARY}; echo {CANARY} >&2; exit 3']}}",
        "{command: [no-such-program]}",
        "{command: [~/not-executable]}",
    ],
)
def test_what_has_no_value(
    shop: Path, home: Path, source: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (home / "folder").mkdir()
    (home / "not-executable").touch()
    (home / "empty").write_bytes(b"\n")
    (home / "large").write_bytes(CANARY.encode() * 10_000)
    (home / "binary").write_bytes(CANARY.encode() + b"\xff")
    (home / "nul").write_bytes(CANARY.encode() + b"\0")
    say(home, f"secrets: {{TOKEN: {source}}}")
    refused(shop, "secret_unreadable")
    assert CANARY not in "".join(capfd.readouterr())


def test_a_command_that_hangs_is_ended(
    shop: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandboxer_cli.validation.secrets._SECONDS", 0.2)
    script = f"secrets: {{TOKEN: {{command: [sh, -c, 'echo {CANARY}; exec sleep 60']}}}}"
    say(home, script)
    assert "took longer" in refused(shop, "secret_unreadable").detail.message


@pytest.mark.parametrize(
    "text",
    [
        "secrets: {TOKEN: {}}",
        "secrets: {TOKEN: {file: /a, environment: B}}",
        "secrets: {TOKEN: {file: a}}",
        "secrets: {TOKEN: {file: ../a}}",
        "secrets: {TOKEN: {command: pass show x}}",
        "secrets: {TOKEN: {command: []}}",
        "secrets: {TOKEN: {command: ['']}}",
        "secrets: {TOKEN: {command: [./pass]}}",
        "secrets: {TOKEN: {command: [bin/pass]}}",
        "secrets: {TOKEN: {file: /a, key: b}}",
        "secrets: {TOKEN: {value: x}}",
        "secrets: {1TOKEN: {file: /a}}",
        "secret: {}",
        "others: all",
        "secrets: {TOKEN: {file: /a}, TOKEN: {file: /b}}",
        "a: [",
    ],
)
def test_files_that_say_nothing_clear(shop: Path, home: Path, text: str) -> None:
    file = say(home, text)
    assert f"{file}:1:" in refused(shop, "secrets_invalid").detail.message


def test_nobody_else_may_write_the_file(shop: Path, home: Path) -> None:
    file = say(home, "secrets: {TOKEN: {command: [echo, hello]}}")
    assert value(shop) == "hello"
    for mode in (0o620, 0o602):
        file.chmod(mode)
        assert refused(shop, "secrets_invalid").detail.hint == f"chmod go-w {file}"
    file.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(file, 4711, 4711)
        refused(shop, "secrets_invalid")


def test_a_repository_has_no_say(shop: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own folder of settings, and a program of a known name beside it, are not asked."""
    (shop / ".sandboxer").mkdir()
    (shop / ".sandboxer/secrets.yml").write_text("secrets: {TOKEN: {command: [echo, theirs]}}")
    (shop / "token").write_text("theirs")
    (home / "token").write_text("mine")
    monkeypatch.chdir(shop)
    say(home, "secrets: {TOKEN: {command: [cat, token]}}")
    assert value(shop) == "mine"


def test_a_secret_is_for_the_folders_that_are_named(
    shop: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", CANARY)
    say(home, f"secrets: {{TOKEN: {{environment: TOKEN, only: [{tmp_path}/other]}}}}")
    assert "is not for" in refused(shop, "secret_missing").detail.message
    (tmp_path / "other").mkdir()
    (tmp_path / "other/shop").symlink_to(shop)  # a link elsewhere is not the folder
    refused(tmp_path / "other/shop", "secret_missing")
    say(home, f"secrets: {{TOKEN: {{environment: TOKEN, only: [{tmp_path}]}}}}")
    assert value(shop) == CANARY


def test_a_value_is_shown_nowhere() -> None:
    secret = Secret("TOKEN", CANARY)
    assert CANARY not in f"{secret} {secret!r} {[secret]} { ({'TOKEN': secret}) }"


def test_a_broken_vault_is_not_shown(
    shop: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = f"token: {CANARY}\n{CANARY}: [\n".encode()
    monkeypatch.setattr("sandboxer_cli.validation.secrets._output", lambda *_, **__: broken)
    say(home, "secrets: {TOKEN: {vault: ~/vault.yml, key: token}}")
    refused(shop, "secret_unreadable")


def test_a_child_takes_what_was_read(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For that repository and just these names; no value is in its environment."""
    with handed_over({"TOKEN": Secret("TOKEN", CANARY)}, shop) as environment:
        assert CANARY not in str(environment)
        monkeypatch.setenv(VARIABLE, environment[VARIABLE])
        monkeypatch.chdir(shop)
        assert value(Path()) == CANARY
        refused(shop.parent, "secret_missing")
        with pytest.raises(Usage, match="the secret TOKEN, the secret OTHER"):
            read_secrets(["TOKEN", "OTHER"], shop)
    refused(shop, "secret_missing")
