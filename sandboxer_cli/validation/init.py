"""A first contract, written from the compose file of a repository."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..compose.load import LoadOptions, Project
from ..compose.load import load as load_project
from ..compose.rebuild import rebuild
from ..compose.stack import Healthcheck, Service
from ..compose.tree import ListNode, MapNode, Node, ScalarNode
from ..errors import Conflict, Usage
from ..profiles.schema import EDITOR_LINE
from .load import FILE, leads_out
from .schema import document
from .text import as_yaml

SCHEMA_FILE = "e2e/e2e.schema.json"

# Ports of which it is all but sure that no HTTP is spoken there.
_NOT_HTTP = frozenset(
    {21, 22, 25, 53, 110, 143, 389, 587, 636, 1433, 1521, 1883, 2181, 3306, 4222, 5432, 5672}
    | {6379, 6380, 8883, 9042, 9092, 11211, 26379, 27017, 33060}
)
_TODO = """test_command: "echo 'write the test into e2e/e2e.yml' >&2; exit 1\""""


def init(repository: Path) -> list[str]:
    """Write e2e/e2e.yml, and beside it the schema for editors where there is none; the paths of
    what was written.

    Raises Conflict, `contract_exists`; Usage, `contract_error` where e2e leads out of the
    repository, and what a compose file can be refused for.
    """
    text = contract_text(repository)
    folder = (repository / FILE).parent
    if leads_out(folder, repository):
        raise Usage(f"{folder} is a link that leads out of the repository", code="contract_error")
    try:
        folder.mkdir(exist_ok=True)
        _write_new(repository / FILE, text)
    except FileExistsError as error:
        raise Conflict(
            f"{error.filename} is there already",
            "`validate lint` says what is wrong with it",
            code="contract_exists",
        ) from error
    except OSError as error:
        raise Usage(
            f"{folder} can't be written: {error.strerror}", code="contract_error"
        ) from error
    try:
        _write_new(repository / SCHEMA_FILE, document())
    except FileExistsError:
        return [FILE]
    return [FILE, SCHEMA_FILE]


def contract_text(repository: Path) -> str:
    """What such a file says. Raises Usage: what a compose file can be refused for."""
    project = load_project(repository, LoadOptions())
    stack = rebuild(project.tree, source=repository, variables=project.variables)
    health = [line for name, one in stack.services.items() for line in _health(name, one, project)]
    return "\n".join(
        [
            f"{EDITOR_LINE}{Path(SCHEMA_FILE).name}",
            "version: 1",
            "",
            "# The sandbox is made of " + _file_names(project),
            "",
            *(["# What has to answer before the test begins."] if health else []),
            *([*_head(health), *health, ""] if health else []),
            "# It runs beside the services, on their host; 0 is passed. The address of a service",
            "# is in SANDBOXER_ENDPOINT_<SERVICE>_<PORT>, and files go into $E2E_OUT.",
            _TODO,
            "",
            "timeouts: {test: 10m}",
            "reports:",
            '  junit: ["e2e/out/*.xml"]',
            '  artifacts: ["e2e/out/**"]',
            "",
        ]
    )


def _head(health: list[str]) -> list[str]:
    only_comments = all(line.lstrip().startswith("#") for line in health)
    return [] if only_comments else ["health:"]


def _file_names(project: Project) -> str:
    names = [file.name for file in project.files]
    return ", ".join(name for name in names if name.endswith((".yml", ".yaml")))


def _health(name: str, service: Service, project: Project) -> Iterator[str]:
    """A check of the service's own where it has one, else whether a published port answers."""
    if service.healthcheck is not None and service.healthcheck.test not in ((), ("NONE",)):
        if _is_made_of_variables(project.tree, name):
            yield f"  # {name}: its health check in the compose file counts; it holds variables"
        else:
            probe = {"service": name, "exec": {"command": _argv(service.healthcheck)}}
            yield from as_yaml([probe], "  ")
        return
    ports = [port.target for port in service.ports if port.protocol == "tcp"]
    for port in ports[:1]:
        if port in _NOT_HTTP:
            yield from as_yaml([{"service": name, "tcp": {"port": port}}], "  ")
        else:
            probe = {"service": name, "http": {"port": port, "path": "/"}}
            yield from as_yaml([probe], "  ")


def _argv(check: Healthcheck) -> list[str]:
    kind, *words = check.test
    return ["sh", "-c", *words] if kind == "CMD-SHELL" else words


def _is_made_of_variables(tree: MapNode, service: str) -> bool:
    """What a variable says may be a password, and this file is for all to read."""
    node: Node | None = tree
    for key in ("services", service, "healthcheck", "test"):
        node = node.get(key) if isinstance(node, MapNode) else None
    items = node.items if isinstance(node, ListNode) else (node,)
    return any(not isinstance(item, ScalarNode) or item.interpolated for item in items)


def _write_new(path: Path, text: str) -> None:
    """A file that wasn't there; never through a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, 0o644), "w", encoding="utf-8") as file:
        file.write(text)
