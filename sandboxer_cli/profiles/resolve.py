"""From a profile, its settings and a source folder to the document for the host.

Every door comes through here, so that each gives the same document and the same digests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..compose.emit import Document, build_document, digest
from ..compose.read import ComposeFile, read
from ..compose.rebuild import rebuild
from ..compose.tree import plain
from ..errors import Usage
from .fault import refusal
from .layers import catalog
from .load import Loaded, load
from .model import Profile, Setting
from .settings import apply_settings, check_publish
from .stack import own_stack, probe_faults

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

    `host` and `compose_cmd` are what the user's own profile says where nobody else does.
    """

    profile: str
    profile_hash: str
    extension: str
    source_digest: str | None
    request: dict[str, str]
    document: Document
    ttl_seconds: int
    default_name: str
    host: str | None = None
    compose_cmd: str | None = None


def resolve(request: ResolveRequest) -> Resolved:
    """Reads the profile and the source folder, and touches nothing.

    Raises Usage: `profile_unknown`, `profile_invalid`, `profile_untrusted`, `setting_unknown`,
    `setting_invalid`, `publish_invalid`, `source_missing`, `source_unexpected`, and what a compose
    file can be refused for.
    """
    loaded = load(request.profile, catalog(request.source))
    profile = loaded.profile
    values = apply_settings(profile, request.settings)
    publish = check_publish(request.publish or profile.publish)
    file = _source(loaded, request.source)
    stack = rebuild(file.tree) if file is not None else own_stack(loaded, values)
    if faults := probe_faults(loaded, stack):
        raise refusal(faults)

    parts = {
        "profile": profile_digest(profile),
        "publish": digest(publish),
        **{
            f"set.{key}": digest(value)
            for key, value in values.items()
            if value != profile.parameters[key].default
        },
    }
    if file is not None:
        parts[file.name] = digest(file.content)
    return Resolved(
        profile=profile.name,
        profile_hash=digest(parts),
        extension=profile.extension,
        source_digest=parts[file.name] if file else None,
        request=parts,
        document=build_document(
            stack,
            images={
                name: image.model_dump(exclude_none=True) for name, image in profile.images.items()
            },
            probes=[probe.document() for probe in profile.probes],
            publish=publish,
        ),
        ttl_seconds=profile.ttl,
        default_name=folder_name(request.source) if request.source and file else profile.short_name,
        host=profile.host,
        compose_cmd=profile.compose_cmd,
    )


def folder_name(source: Path) -> str:
    """The folder's name, made to fit what a sandbox may be called."""
    words = re.sub(r"[^a-z0-9]+", "-", source.resolve().name.lower())
    return words.strip("-")[:_LONGEST_NAME].rstrip("-") or "compose"


def _source(loaded: Loaded, source: Path | None) -> ComposeFile | None:
    profile = loaded.profile
    if profile.source is None:
        # a project's own profile is found in the source, which is not for it then
        if source is not None and loaded.layer != "project":
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


def profile_digest(profile: Profile) -> str:
    """Of what makes the profile another one: not its summary, its ttl, what a request may give, or
    where it has it from. A key that nobody sets is not in it, so that a new one changes nothing."""
    aside = {"summary", "ttl", "publish", "stack", "extends", "host", "compose_cmd"}
    definition = profile.model_dump(exclude=aside, exclude_defaults=True)
    return digest({**definition, "stack": plain(profile.stack) if profile.stack else None})
