"""From a profile, its settings and a source folder to the document for the host.

Every door comes through here, so that each gives the same document and the same digests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..compose.emit import Document, build_document, digest
from ..compose.read import ComposeFile, read
from ..compose.rebuild import rebuild
from ..compose.stack import Stack
from ..compose.tree import plain
from ..errors import SandboxerError, Usage
from ..source import Listing, leads_out, listing
from ..source import digest as source_digest
from .load import load_profile
from .model import Probe, Profile, Publish, Setting
from .settings import apply_settings, as_text

_LONGEST_NAME = 39


@dataclass(frozen=True)
class ResolveRequest:
    """`settings` is what `--set` gave; `publish` is `loopback`, `host`, or the profile's."""

    profile: str
    source: Path | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
    publish: str | None = None


@dataclass(frozen=True)
class Resolved:
    """`request` is part -> digest, which is what a conflict names; `profile_hash` covers it.

    `listing` is what the source holds, for who sends it.
    """

    profile: str
    profile_hash: str
    extension: str
    source_digest: str | None
    request: dict[str, str]
    document: Document
    ttl_seconds: int
    default_name: str
    listing: Listing | None


def resolve(request: ResolveRequest) -> Resolved:
    """Reads the profile and the source folder, and touches nothing.

    Raises Usage: `profile_unknown`, `setting_unknown`, `setting_invalid`, `publish_invalid`,
    `source_missing`, `source_unexpected`, `source_outside`, and what a source and a compose file
    can be refused for.
    """
    profile = load_profile(request.profile)
    values = apply_settings(profile, request.settings)
    publish = _publish(request.publish or profile.publish)
    file = _source(profile, request.source)
    stack = _stack(profile, file, values)
    _check_probes(profile, stack)

    parts = {
        "profile": digest(_definition(profile)),
        "publish": digest(publish),
        **{
            f"set.{key}": digest(value)
            for key, value in values.items()
            if value != profile.parameters[key].default
        },
    }
    found = None
    if request.source is not None and file is not None:
        found = listing(request.source, also=[file.name])
        parts["source"] = source_digest(found)
    document = build_document(
        stack,
        images={
            name: image.model_dump(exclude_none=True) for name, image in profile.images.items()
        },
        probes=[_probe(probe) for probe in profile.probes],
        publish=publish,
    )
    if found is not None:
        _check_paths(document, found)
    return Resolved(
        profile=profile.name,
        profile_hash=digest(parts),
        extension=profile.extension,
        source_digest=parts.get("source"),
        request=parts,
        document=document,
        ttl_seconds=profile.ttl,
        default_name=folder_name(request.source) if request.source else profile.short_name,
        listing=found,
    )


def folder_name(source: Path) -> str:
    """The folder's name, made to fit what a sandbox may be called."""
    words = re.sub(r"[^a-z0-9]+", "-", source.resolve().name.lower())
    return words.strip("-")[:_LONGEST_NAME].rstrip("-") or "compose"


def _publish(publish: str) -> Publish:
    match publish:
        case "loopback" | "host":
            return publish
    raise Usage(
        f"publish is loopback or host, not {publish!r}",
        "loopback: only the host itself and sandboxer forward reach it",
        code="publish_invalid",
    )


def _source(profile: Profile, source: Path | None) -> ComposeFile | None:
    if profile.source is None:
        if source is not None:
            raise Usage(
                f"{profile.name} takes no source",
                "profile.compose does",
                code="source_unexpected",
            )
        return None
    if source is None:
        raise Usage(
            f"{profile.name} needs a source",
            "give the folder that holds the compose file: --source DIR",
            code="source_missing",
        )
    return read(source)


def _stack(profile: Profile, file: ComposeFile | None, values: Mapping[str, Setting]) -> Stack:
    if file is not None:
        return rebuild(file.tree)
    assert profile.stack is not None  # noqa: S101
    return rebuild(profile.stack, {key: as_text(value) for key, value in values.items()})


def _check_paths(document: Document, found: Listing) -> None:
    """What services read of the source has to lie in it, also where a link is on the way."""
    for name, service in document["services"].items():
        paths = [item["source"] for item in service["volumes"] if item.get("type") == "bind"]
        if build := service.get("build"):
            paths.append(build["context"])
            if "dockerfile" in build:
                paths.append(f"{build['context']}/{build['dockerfile']}")
        for path in paths:
            link = leads_out(found, path)
            if link is not None:
                raise Usage(
                    f"service {name} uses {path}, and {link} leads out of the source",
                    "only what lies in the source folder is there on the host",
                    code="source_outside",
                )


def _check_probes(profile: Profile, stack: Stack) -> None:
    """A probe goes through a published port, so there has to be one."""
    for probe in profile.probes:
        service = stack.services.get(probe.service)
        ports = [port.target for port in service.ports if port.protocol == "tcp"] if service else []
        if probe.port not in ports:
            raise SandboxerError(
                f"{profile.name}: its probe wants port {probe.port} of {probe.service}, "
                "which isn't published"
            )


def _definition(profile: Profile) -> dict[str, Any]:
    """What makes the profile another one: not its summary, its ttl, or what a request may give."""
    return {
        **profile.model_dump(exclude={"summary", "ttl", "publish", "stack"}),
        "stack": plain(profile.stack) if profile.stack else None,
    }


def _probe(probe: Probe) -> dict[str, Any]:
    dumped = probe.model_dump()
    return {key: value for key, value in dumped.items() if value is not None}
