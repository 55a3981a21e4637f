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
from ..compose.interpolation import Interpolation
from ..compose.load import LoadOptions, Project, load
from ..compose.notes import Note
from ..compose.rebuild import rebuild
from ..compose.stack import Stack
from ..compose.tree import plain
from ..errors import SandboxerError, Usage
from .load import load_profile
from .model import Probe, Profile, Publish, Setting
from .settings import apply_settings, as_text

_LONGEST_NAME = 39


@dataclass(frozen=True)
class ResolveRequest:
    """`settings` is what `--set` gave; `publish` is `loopback`, `host`, or the profile's.

    `files`, `env_files` and `compose_profiles` are what compose's own options say of the source.
    """

    profile: str
    source: Path | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
    publish: str | None = None
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    compose_profiles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resolved:
    """`request` is part -> digest, which is what a conflict names; `profile_hash` covers it.

    `notes` say where what runs differs from what the files say.
    """

    profile: str
    profile_hash: str
    extension: str
    source_digest: str | None
    request: dict[str, str]
    document: Document
    ttl_seconds: int
    default_name: str
    notes: tuple[Note, ...]


def resolve(request: ResolveRequest) -> Resolved:
    """Reads the profile and the source folder, and touches nothing.

    Raises Usage: `profile_unknown`, `setting_unknown`, `setting_invalid`, `publish_invalid`,
    `source_missing`, `source_unexpected`, and what compose files can be refused for.
    """
    profile = load_profile(request.profile)
    values = apply_settings(profile, request.settings)
    publish = _publish(request.publish or profile.publish)
    project = _project(profile, request, values)
    stack, notes = _stack(profile, request.source, project, values)
    _check_probes(profile, stack)

    parts = {
        "profile": digest(_definition(profile)),
        "publish": digest(publish),
        **{
            f"set.{key}": digest(value)
            for key, value in values.items()
            if key not in profile.parameters or value != profile.parameters[key].default
        },
        **_chosen(request),
    }
    contents = {file.name: digest(file.content) for file in project.files} if project else {}
    parts.update(contents)
    return Resolved(
        profile=profile.name,
        profile_hash=digest(parts),
        extension=profile.extension,
        source_digest=_source_digest(contents),
        request=parts,
        document=build_document(
            stack,
            images={
                name: image.model_dump(exclude_none=True) for name, image in profile.images.items()
            },
            probes=[_probe(probe) for probe in profile.probes],
            publish=publish,
        ),
        ttl_seconds=profile.ttl,
        default_name=folder_name(request.source) if request.source else profile.short_name,
        notes=notes,
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


def _project(
    profile: Profile, request: ResolveRequest, values: Mapping[str, Setting]
) -> Project | None:
    if profile.source is None:
        given = {
            "source": request.source,
            "file": request.files,
            "env-file": request.env_files,
            "compose-profile": request.compose_profiles,
        }
        unexpected = next((word for word, value in given.items() if value), None)
        if unexpected is not None:
            raise Usage(
                f"{profile.name} takes no {unexpected}",
                "profile.compose does",
                code="source_unexpected",
            )
        return None
    if request.source is None:
        raise Usage(
            f"{profile.name} needs a source",
            "give the folder that holds the compose file: --source DIR",
            code="source_missing",
        )
    options = LoadOptions(
        files=request.files,
        env_files=request.env_files,
        variables=_variables(values),
        profiles=request.compose_profiles,
    )
    return load(request.source, options)


def _stack(
    profile: Profile,
    source: Path | None,
    project: Project | None,
    values: Mapping[str, Setting],
) -> tuple[Stack, tuple[Note, ...]]:
    if project is not None:
        stack = rebuild(project.tree, source=source, variables=project.variables)
        return stack, (*project.notes, *stack.notes)
    assert profile.stack is not None  # noqa: S101
    variables = _variables(values)
    noted: dict[str, Note] = {}
    tree = Interpolation(variables, noted).tree(profile.stack)
    stack = rebuild(tree, variables=variables)
    return stack, (*noted.values(), *stack.notes)


def _variables(values: Mapping[str, Setting]) -> dict[str, str]:
    return {key: as_text(value) for key, value in values.items()}


def _chosen(request: ResolveRequest) -> dict[str, str]:
    """Which files in which order, and which services: another choice is another content."""
    chosen = {
        "files": request.files,
        "env_files": request.env_files,
        "compose_profiles": tuple(sorted(set(request.compose_profiles))),
    }
    return {part: digest(list(words)) for part, words in chosen.items() if words}


def _source_digest(contents: Mapping[str, str]) -> str | None:
    """That of the one file that was read, or of the digests of all."""
    if len(contents) == 1:
        return next(iter(contents.values()))
    return digest(dict(contents)) if contents else None


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
