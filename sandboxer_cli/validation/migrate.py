"""What an older file of e2e settings comes to as a contract of version 1.

Nothing is known of the older format but that its keys were flat: those that mean one thing only are
taken over, whatever else it says is named, and kept below `x-`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..compose.load import LoadOptions
from ..compose.load import load as load_project
from ..compose.parse import parse
from ..compose.rebuild import rebuild
from ..compose.stack import Service
from ..compose.tree import plain
from ..errors import Usage
from ..profiles.fault import Fault, of_usage
from ..profiles.schema import EDITOR_LINE
from .init import SCHEMA_FILE
from .load import read_text
from .text import as_yaml
from .trust import FOR_OTHERS

_MOST_BYTES = 1024 * 1024
_UNKNOWN_SERVICE = "CHANGE-ME"
_ORDER = (
    *("version", "sandbox", "health", "test_command", "steps", "in"),
    *("timeouts", "reports", "retries", "keep"),
)

# older key -> where it stands now
_MOVED: dict[str, tuple[str, ...]] = {
    "command": ("test_command",),
    "test": ("test_command",),
    "test_cmd": ("test_command",),
    "script": ("test_command",),
    "test_command": ("test_command",),
    "steps": ("steps",),
    "in": ("in",),
    "timeout": ("timeouts", "test"),
    "test_timeout": ("timeouts", "test"),
    "health_timeout": ("timeouts", "health"),
    "provision_timeout": ("timeouts", "provision"),
    "profile": ("sandbox", "profile"),
    "compose": ("sandbox", "compose"),
    "compose_file": ("sandbox", "compose"),
    "ttl": ("sandbox", "ttl"),
    "env": ("sandbox", "environment"),
    "environment": ("sandbox", "environment"),
    "secrets": ("sandbox", "secrets"),
    "junit": ("reports", "junit"),
    "artifacts": ("reports", "artifacts"),
    "retries": ("retries",),
    "keep": ("keep",),
    "keep_on_failure": ("keep",),
}
_HEALTH_URLS = ("health_url", "health_check", "healthcheck_url")
# they keep their shape
_NESTED = ("sandbox", "health", "timeouts", "reports")
_GONE = {
    "reachability": "how it is reached is the sandbox's own: SANDBOXER_REMOTE_DIR and"
    " SANDBOXER_ENDPOINT_… tell the test",
    "remote_dir": "the test finds it in SANDBOXER_REMOTE_DIR",
    "version": "",
    "health_service": "",
}


@dataclass
class Migrated:
    """The new file, and what a person should look at: `changed` is false for one that is new."""

    text: str
    changed: bool
    notes: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def migrate(file: Path) -> Migrated:
    """Reads the file, writes nothing.

    Raises Usage: `contract_missing`, `contract_error` where it is no mapping in YAML.
    """
    content = _content(file)
    try:
        old = plain(parse(content, str(file)))
    except Usage as error:
        fault = of_usage(error, str(file))
        raise Usage(str(fault), fault.hint, code="contract_error") from error
    if _is_new(old):
        return Migrated(content.decode("utf-8-sig"), False)
    migration = _Migration(file)
    new = migration.new(old)
    text = "\n".join(
        [
            f"{EDITOR_LINE}{Path(SCHEMA_FILE).name}",
            *(f"# {note}" for note in migration.notes),
            *(line for key, value in new.items() for line in as_yaml({key: value})),
            "",
        ]
    )
    found = read_text(text.encode())
    return Migrated(text, True, migration.notes, found if isinstance(found, list) else [])


def write(file: Path, text: str) -> Path:
    """Put the text in the file's place; the path of the backup, which overwrites nothing.

    Raises Usage, `contract_error`, where nothing can be written there.
    """
    try:
        return _replace(file, text)
    except OSError as error:
        raise Usage(f"{file} can't be written: {error.strerror}", code="contract_error") from error


def _replace(file: Path, text: str) -> Path:
    backup = _backup(file)
    file = file.resolve()  # what a link leads to is written, not the link
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as new:
            new.write(text)
        Path(name).chmod(file.stat().st_mode & 0o777)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return backup


def _backup(file: Path) -> Path:
    """A copy beside it."""
    for number in range(1, 1000):
        backup = file.with_name(f"{file.name}.bak{number if number > 1 else ''}")
        try:
            with backup.open("xb") as copy:
                copy.write(file.read_bytes())
        except FileExistsError:
            continue
        return backup
    raise Usage(f"there are too many backups of {file}", "remove some", code="contract_error")


def _content(file: Path) -> bytes:
    if not file.is_file():
        raise Usage(f"there is no file {file}", code="contract_missing")
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise Usage(f"{file} can't be read: {error.strerror}", code="contract_error") from error
    if len(content) > _MOST_BYTES:
        raise Usage(f"{file} is larger than 1 MiB", code="contract_error")
    return content


def _is_new(old: dict[str, Any]) -> bool:
    """Version 1, and no key that only older files have."""
    names = {*_MOVED, *_GONE, *_HEALTH_URLS} - {*_ORDER, "profile"}
    return old.get("version") == 1 and not names & {*old}


class _Migration:
    def __init__(self, file: Path) -> None:
        self._file = file
        self.notes: list[str] = []

    def new(self, old: dict[str, Any]) -> dict[str, Any]:
        new: dict[str, Any] = {"version": 1}
        for key, value in old.items():
            if key in FOR_OTHERS:
                self.notes.append(f"{key} is not the repository's to say: {FOR_OTHERS[key]}")
            elif key in _HEALTH_URLS or (key == "health" and isinstance(value, str)):
                new["health"] = [self._health(str(value), old)]
            elif key in _GONE:
                self.notes += [f"{key} is left out: {_GONE[key]}"] if _GONE[key] else []
            elif key in _MOVED:
                self._move(new, key, value)
            elif key in _NESTED or key.startswith("x-"):
                new[key] = value
            else:
                self.notes.append(f"nothing is known of {key}: it is kept as x-{key}")
                new[f"x-{key}"] = value
        if "test_command" not in new and "steps" not in new:
            self.notes.append("TODO: no test was found: write test_command")
        known = {key: new[key] for key in _ORDER if key in new}
        return {**known, **new}

    def _move(self, new: dict[str, Any], key: str, value: Any) -> None:
        *above, last = _MOVED[key]
        level = new
        for part in above:
            if not isinstance(level.get(part), dict):
                level[part] = {}
            level = level[part]
        level[last] = _SHAPED.get(key, _as_it_is)(value)
        if key == "secrets" and isinstance(value, dict):
            self.notes.append("secrets are names only: where they come from is the user's to say")

    def _health(self, url: str, old: dict[str, Any]) -> dict[str, Any]:
        """A probe in the place of a URL that was asked from outside."""
        found = urlsplit(url if "//" in url else f"//{url}")
        try:
            port = found.port or (443 if found.scheme == "https" else 80)
        except ValueError:
            port = 80
        service, inner = self._service(port, found.hostname or "", old.get("health_service"))
        if service == _UNKNOWN_SERVICE:
            self.notes.append(
                f"TODO: which service answers at {url}, and at which port of its own?"
            )
        path = (found.path or "/") + (f"?{found.query}" if found.query else "")
        get: dict[str, Any] = {"port": inner, "path": path}
        if found.scheme == "https":
            get["scheme"] = "HTTPS"
        return {"service": service, "http": get}

    def _service(self, port: int, host: str, named: object) -> tuple[str, int]:
        """Who is behind a port of the host, and at which of its own."""
        services = self._ports()
        if isinstance(named, str):
            return named, services.get(named, {}).get(port, port)
        if host in services:
            return host, port
        for name, ports in services.items():
            if port in ports:
                return name, ports[port]
        return _UNKNOWN_SERVICE, port

    def _ports(self) -> dict[str, dict[int, int]]:
        """Service -> published port -> its own, of the compose file beside or above the file."""
        for folder in (self._file.absolute().parent, self._file.absolute().parent.parent):
            try:
                project = load_project(folder, LoadOptions())
                stack = rebuild(project.tree, source=folder, variables=project.variables)
            except Usage:
                continue
            return {name: _published(service) for name, service in stack.services.items()}
        return {}


def _published(service: Service) -> dict[int, int]:
    tcp = [port for port in service.ports if port.protocol == "tcp"]
    ports = [(port.published or "", port.target) for port in tcp]
    return {int(said) if said.isdecimal() else target: target for said, target in ports}


def _as_it_is(value: Any) -> Any:
    return value


def _span(value: Any) -> Any:
    """Bare numbers were seconds."""
    return f"{value}s" if type(value) is int else value


def _profile(value: Any) -> Any:
    prefixed = not isinstance(value, str) or value.startswith("profile.")
    return value if prefixed else f"profile.{value}"


def _keep(value: Any) -> Any:
    return {True: "always", False: "never"}.get(value, value) if type(value) is bool else value


def _list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_SHAPED: dict[str, Callable[[Any], Any]] = {
    "timeout": _span,
    "test_timeout": _span,
    "health_timeout": _span,
    "provision_timeout": _span,
    "ttl": _span,
    "profile": _profile,
    "keep": _keep,
    "keep_on_failure": lambda value: "on-failure" if value is True else "never",
    "junit": _list,
    "artifacts": _list,
    "secrets": lambda value: list(value) if isinstance(value, dict) else _list(value),
}
