"""What leaves sand-boxer and what lies on a host, as models: the source of docs/reference/.

These are contracts: `make generate` writes their JSON Schemas, and a test compares. A field may
be added; one that is there keeps its name, its type and its meaning.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandboxer_cli.errors import SandboxerError
from sandboxer_cli.reporting import event, result

State = Literal["creating", "ready", "stopped", "failed", "destroying", "stuck"]
Id = Field(pattern=r"^sbx-[a-z0-9][a-z0-9-]{0,38}$")
Name = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,38}$")
Owner = Field(pattern=r"^[a-z0-9][a-z0-9._@-]{0,63}$")
Instant = Field(description="RFC 3339, in UTC", pattern=r"^[0-9-]{10}T[0-9:]{8}Z$")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ErrorDetail(_Model):
    """Why something failed."""

    code: str = Field(description="The exact cause; its exit status is in exit-codes.md")
    message: str
    hint: str = Field(description="What to do about it; may be empty")
    retryable: bool = Field(description="Whether the same again may well succeed")
    stage: str = Field(description="The phase of the making in which it happened; may be empty")


class ErrorAnswer(_Model):
    """What every verb prints with --json where it fails."""

    error: ErrorDetail


class Ssh(_Model):
    """How the host is reached. Port and user are null for a connection without."""

    host: str
    port: int | None
    user: str | None


class Endpoint(_Model):
    """One published port of a service."""

    service: str
    port: int = Field(description="The port inside")
    protocol: Literal["tcp", "udp"]
    host_port: int
    scope: Literal["loopback", "host"] = Field(
        description="loopback: on the host itself, and by `sandboxer forward`; host: on the host's "
        "own addresses, with podman those of IPv4"
    )
    url: str = Field(
        description="Where it answers: by loopback on the host itself, by scope host at the host's "
        "address as ssh reaches it. The scheme is that of its probe; tcp where none asks it"
    )


class Reachability(_Model):
    """Where its files and its services are."""

    ssh: Ssh
    remote_dir: str
    endpoints: list[Endpoint]


class Sandbox(_Model):
    """The object: the same from the program, the playbooks and the Python API."""

    schema_version: Literal[1]
    changed: bool
    id: str = Id
    name: str = Name
    owner: str = Owner
    profile: str
    profile_hash: str
    source_digest: str | None
    extension: str
    host: str
    engine: str
    maker: str
    compose_cmd: str | None
    state: State
    generation: int
    created_at: str = Instant
    ready_at: str | None = Instant
    expires_at: str = Instant
    max_expires_at: str = Instant
    reaper: Literal["ok", "late", "none"]
    reachability: Reachability
    error: ErrorDetail | None
    cleanup_command: str


class Holding(_Model):
    """A thing on the host that belongs to a sandbox."""

    kind: Literal[
        "container",
        "network",
        "volume",
        "image",
        "dir",
        "port",
        "pod",
        "interface",
        "netns",
        "names",
    ]
    key: str


class Receipt(_Model):
    """What a destroy answers."""

    schema_version: Literal[1]
    changed: bool
    host: str
    id: str = Id
    name: str = Name
    owner: str = Owner
    profile: str
    destroyed_at: str = Instant
    removed: list[Holding]
    remains: list[Holding]


class Lease(_Model):
    """Seconds: `*_at` since the epoch (UTC), `*_boot` since the boot `boot_id`."""

    ttl: float
    expires_at: float
    expires_boot: float
    max_expires_at: float
    max_expires_boot: float
    boot_id: str


class Record(BaseModel):
    """`record.json` on the host. A newer program's fields survive an older one's rewrite."""

    model_config = ConfigDict(extra="allow", strict=True)

    # JSON knows it as `schema`, which a model may not be asked for
    schema_: Literal[1] = Field(alias="schema")
    min_reader: int = Field(description="Programs of an older format leave this record alone")
    program: str = Field(description="The file below programs/ that can take it away")
    id: str = Id
    name: str = Name
    owner: str = Owner
    generation: int
    state: State
    wanted: Literal["present", "absent"]
    profile: str
    profile_hash: str
    request: dict[str, str]
    source_digest: str | None
    extension: str
    engine: str
    maker: str
    compose_cmd: str | None
    instants: dict[str, float]
    lease: Lease
    holdings: list[Holding]
    containers: dict[str, Literal["running", "completed"]]
    job: dict[str, Any]
    reachability: dict[str, Any]
    replaces: str
    error: ErrorDetail | None


SCHEMAS: dict[str, type[BaseModel]] = {
    "sandbox": Sandbox,
    "receipt": Receipt,
    "error": ErrorAnswer,
    "record": Record,
}


def documents() -> dict[str, str]:
    """File name below docs/reference/ -> its whole text."""
    found = {
        f"{name}.schema.json": json.dumps(model.model_json_schema(by_alias=True), indent=2) + "\n"
        for name, model in SCHEMAS.items()
    }
    for name, schema in (("result", result.json_schema()), ("e2e_result", event.json_schema())):
        found[f"{name}.schema.json"] = json.dumps(schema, indent=2) + "\n"
    return {**found, "exit-codes.md": _exit_codes()}


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


def _exit_codes() -> str:
    kinds: list[type[SandboxerError]] = [SandboxerError, *SandboxerError.__subclasses__()]
    kinds.sort(key=lambda kind: kind.exit_status)
    rows = [
        f"| {kind.exit_status} | `{kind.code}` | {'yes' if kind.retryable else ''} | "
        f"{(kind.__doc__ or '').strip()} |"
        for kind in kinds
    ]
    head = [
        "# Exit codes",
        "",
        "Generated from `sandboxer_cli/errors.py`. 0 is success.",
        "",
        "| status | code | worth a retry | |",
        "| --- | --- | --- | --- |",
    ]
    runs = [f"| {status} | `{outcome}` |" for outcome, status in result.EXIT_CODES.items()]
    of_runs = [
        "",
        "## A validation",
        "",
        "`infra_error` has the status of its cause where that is 3, 6 or 11; `passed` is 10 where",
        "the sandbox could not be taken away.",
        "",
        "| status | outcome |",
        "| --- | --- |",
    ]
    return "\n".join([*head, *rows, *of_runs, *runs]) + "\n"
