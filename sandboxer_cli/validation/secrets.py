"""The values of secrets that a contract names, read on the controller.

A value is in no repr, no log and no error. Nothing here is taken from the repository, and no
program is found or started there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .. import handover
from ..compose.parse import parse
from ..compose.tree import ScalarNode
from ..errors import Usage
from .secret_sources import Source, Sources, path, read

VARIABLE = "SANDBOXER_SECRETS"
_MOST_BYTES = 64 * 1024
_SECONDS = 60


@dataclass(frozen=True)
class Secret:
    """`value` is what the test is given; whatever shows this object shows its name alone."""

    name: str
    value: str = field(repr=False)


@contextmanager
def handed_over(secrets: Mapping[str, Secret], repository: Path) -> Iterator[dict[str, str]]:
    """The variables by which `read_secrets` in a child process finds them, as long as this lasts.

    A command that asks for a passphrase does so once, here, where there is a terminal.
    """
    values = {name: secret.value for name, secret in secrets.items()}
    with handover.given(VARIABLE, {"for": str(repository.absolute()), "values": values}) as given:
        yield given


def read_secrets(names: Sequence[str], repository: Path) -> dict[str, Secret]:
    """The secrets of these names for a repository, in that order.

    Where each comes from is in the user's secrets.yml; without a row it is the variable of the
    environment that has its name. What was handed over is not read again.

    Raises Usage: `secret_missing` with all that have no value, `secret_unreadable`,
    `secrets_invalid`.
    """
    if not names:
        return {}
    match handover.taken(VARIABLE):
        case {"for": folder, "values": dict(values)}:
            if folder == str(repository.absolute()) and values.keys() == set(names):
                return {name: Secret(name, values[name]) for name in names}
    sources = read()
    reader = _Reader()
    values = {name: _value(name, sources, repository, reader) for name in names}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise Usage(
            "there is no value for " + ", ".join(f"the secret {name}" for name in missing),
            f"export {missing[0]}, or say in {path()} where it comes from",
            code="secret_missing",
        )
    return {name: Secret(name, value) for name, value in values.items() if value is not None}


def _value(name: str, sources: Sources, repository: Path, reader: _Reader) -> str | None:
    source = sources.secrets.get(name)
    if source is None:
        return _from_environment(name) if sources.others == "environment" else None
    if not source.is_for(repository):
        raise Usage(
            f"the secret {name} is not for {repository}",
            f"add the folder to its `only` in {path()}",
            code="secret_missing",
        )
    return reader.value(name, source)


class _Reader:
    """Opens each vault once."""

    def __init__(self) -> None:
        self._vaults: dict[tuple[str, str | None], bytes] = {}

    def value(self, name: str, source: Source) -> str | None:
        if source.environment is not None:
            return _from_environment(source.environment, name)
        if source.file is not None:
            return _text(name, _file(name, source.file))
        if source.command is not None:
            return _text(name, _output(name, source.command))
        return self._of_vault(name, source)

    def _of_vault(self, name: str, source: Source) -> str:
        assert source.vault is not None  # noqa: S101
        opened = (source.vault, source.password_file)
        if opened not in self._vaults:
            self._vaults[opened] = _output(name, _vault_argv(*opened), asks=False)
        content = self._vaults[opened]
        return _text(name, content) if source.key is None else _of_key(name, content, source)


def _from_environment(variable: str, name: str | None = None) -> str | None:
    value = os.environ.get(variable)
    return _text(name or variable, os.fsencode(value)) if value is not None else None


def _file(name: str, written: str) -> bytes:
    file = Path(written).expanduser()
    try:
        if file.exists() and not file.is_file():
            raise _unreadable(name, f"{written} is not a file")
        with file.open("rb") as opened:
            return opened.read(_MOST_BYTES + 2)
    except OSError as error:
        raise _unreadable(name, f"{written} can't be read: {error.strerror}") from error


def _output(name: str, command: Sequence[str], asks: bool = True) -> bytes:
    """What a command prints. It starts in the home: a repository's files are not beside it. With
    `asks` it has the terminal, as for a passphrase."""
    argv = [str(Path(command[0]).expanduser()), *command[1:]]
    program = Path(command[0]).name
    try:
        with subprocess.Popen(
            argv,
            cwd=Path.home(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it may hold anything
            start_new_session=not asks,
        ) as running:
            try:
                content, _ = running.communicate(timeout=_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()
                # not its cause: that carries what was printed
                raise _unreadable(name, f"{program} took longer than {_SECONDS} s") from None
    except OSError as error:
        raise _unreadable(name, f"{program} doesn't start: {error.strerror}") from error
    if running.returncode != 0:
        raise _unreadable(name, f"{program} ended with {running.returncode}")
    return content


def _vault_argv(vault: str, password_file: str | None) -> list[str]:
    argv = [str(Path(sys.executable).with_name("ansible-vault")), "decrypt", "--output", "-"]
    if password_file is not None:
        argv += ["--vault-password-file", str(Path(password_file).expanduser())]
    return [*argv, "--", str(Path(vault).expanduser())]


def _of_key(name: str, content: bytes, source: Source) -> str:
    assert source.vault is not None and source.key is not None  # noqa: S101
    try:
        node = parse(content, source.vault).get(source.key)
    except Usage:  # its message may hold a line of the vault
        raise _unreadable(name, f"{source.vault} is no mapping of keys and values") from None
    if not isinstance(node, ScalarNode) or node.is_null:
        raise _unreadable(name, f"{source.vault} has no text below {source.key}")
    return _text(name, node.text.encode(errors="surrogatepass"))


def _text(name: str, content: bytes) -> str:
    """One newline at the end isn't part of it: editors and programs put one there."""
    content = content.removesuffix(b"\n").removesuffix(b"\r")
    if not content:
        raise _unreadable(name, "its value is empty")
    if len(content) > _MOST_BYTES:
        raise _unreadable(name, "its value is larger than 64 KiB")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _unreadable(name, "its value is not UTF-8") from None
    if "\0" in text:
        raise _unreadable(name, "its value holds a character that no variable can hold")
    return text


def _unreadable(name: str, why: str) -> Usage:
    return Usage(
        f"the secret {name}: {why}",
        f"{path()} says where it comes from",
        code="secret_unreadable",
    )
