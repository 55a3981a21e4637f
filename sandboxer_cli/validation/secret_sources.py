"""Where secrets come from: the user's ~/.config/sandboxer/secrets.yml, and nothing else.

secrets:
  API_TOKEN: {environment: CI_API_TOKEN}
  DB_PASSWORD: {file: ~/.secrets/shop-db}
  NPM_TOKEN: {command: [pass, show, npm/token]}
  STRIPE_KEY: {vault: ~/vault.yml, key: stripe_key, password_file: ~/.vault-pass, only: [~/src]}
others: none      # by default a name without a row is a variable of the environment
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from ..compose.parse import parse
from ..compose.tree import plain
from ..errors import Usage
from ..profiles.fault import Fault, of_pydantic, of_usage
from ..profiles.layers import user_folder
from ..strict import Strict

_MOST_BYTES = 1024 * 1024
_WAYS = ("environment", "file", "command", "vault")


def _absolute(path: str) -> str:
    if not path.startswith(("/", "~/")) or "\0" in path:
        raise ValueError("wants a path that begins with / or ~/")
    return path


def _argv(words: list[str]) -> list[str]:
    if not words[0] or any("\0" in word for word in words):
        raise ValueError("is no command")
    if "/" in words[0]:
        _absolute(words[0])
    return words


Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
FilePath = Annotated[str, AfterValidator(_absolute)]


class Source(Strict):
    """One of environment, file, command and vault."""

    environment: Name | None = None
    file: FilePath | None = None
    command: Annotated[list[str], Field(min_length=1), AfterValidator(_argv)] | None = None
    vault: FilePath | None = None
    key: str | None = None
    password_file: FilePath | None = None
    only: list[FilePath] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Source:
        if sum(getattr(self, way) is not None for way in _WAYS) != 1:
            raise ValueError("a secret is from one of " + ", ".join(_WAYS))
        if self.vault is None and (self.key is not None or self.password_file is not None):
            raise ValueError("key and password_file are about a vault")
        return self

    def is_for(self, repository: Path) -> bool:
        """Whether the repository lies in one of the folders that `only` names."""
        if self.only is None:
            return True
        folders = [Path(folder).expanduser().resolve() for folder in self.only]
        return any(repository.resolve().is_relative_to(folder) for folder in folders)


class Sources(Strict):
    """What the user says of secrets."""

    secrets: dict[Name, Source] = {}
    others: Literal["environment", "none"] = "environment"


def path() -> Path | None:
    """Beside the user's profiles; None for somebody without a home."""
    folder = user_folder()
    return folder.parent / "secrets.yml" if folder else None


def read() -> Sources:
    """What the user's file says; where there is none, each secret is from the environment.

    Raises Usage: `secrets_invalid`, also where others may write the file: it names commands.
    """
    file = path()
    try:
        if file is None or not file.exists():
            return Sources()
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            content = opened.read(_MOST_BYTES)
    except OSError as error:
        raise Usage(f"{file} can't be read: {error.strerror}", code="secrets_invalid") from error
    if status.st_uid not in (os.geteuid(), 0) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Usage(
            f"{file} names commands that run, and others may write it",
            f"chmod go-w {file}",
            code="secrets_invalid",
        )
    try:
        tree = parse(content, str(file))
    except Usage as error:
        raise _invalid([of_usage(error, str(file))]) from error
    try:
        return Sources.model_validate(plain(tree))
    except ValidationError as error:
        raise _invalid(of_pydantic(error, tree, Sources.model_json_schema())) from error


def _invalid(faults: list[Fault]) -> Usage:
    return Usage("\n".join(map(str, faults)), faults[0].hint, code="secrets_invalid")
