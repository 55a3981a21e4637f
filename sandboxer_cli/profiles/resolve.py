"""From a profile, its settings and a source folder to the document for the host.

Every door comes through here, so that each gives the same document and the same digests.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from ..compose.emit import Document, build_document, digest
from ..compose.load import LoadOptions, Project
from ..compose.load import load as load_project
from ..compose.notes import Note
from ..compose.rebuild import rebuild
from ..compose.stack import Bind, Stack
from ..compose.tree import plain
from ..errors import Usage
from ..source import Listing, leads_out, listing
from ..source import digest as source_digest
from .fault import refusal
from .layers import catalog
from .load import Loaded, load
from .model import Profile, Setting
from .resolved import Resolved, ResolveRequest
from .settings import apply_qualify, apply_settings, as_text, check_publish
from .stack import own_stack, probe_faults

_LONGEST_NAME = 39


def resolve(request: ResolveRequest) -> Resolved:
    """Reads the profile and the source folder, and touches nothing.

    Raises Usage: `profile_unknown`, `profile_invalid`, `profile_untrusted`, `setting_unknown`,
    `setting_invalid`, `publish_invalid`, `source_missing`, `source_unexpected`, `source_outside`,
    and what a source and its compose files can be refused for.
    """
    loaded = load(request.profile, catalog(request.source))
    profile = loaded.profile
    values = apply_settings(profile, request.settings)
    qualify = apply_qualify(profile, request.settings)
    publish = check_publish(request.publish or profile.publish)
    project = _project(loaded, request, values)
    stack, notes = _stack(loaded, request.source, project, values, qualify)
    if faults := probe_faults(loaded, stack):
        raise refusal(faults)

    parts = {
        "profile": profile_digest(profile),
        "publish": digest(publish),
        **{
            f"set.{key}": digest(value)
            for key, value in values.items()
            if key not in profile.parameters or value != profile.parameters[key].default
        },
        **({"set.qualify": digest(qualify)} if qualify != profile.qualify else {}),
        **_chosen(request),
    }
    found = None
    folder = request.source if project is not None else request.carry
    if folder is not None:
        found = listing(folder, also=stack.files)
        parts["source"] = source_digest(found)
    document = build_document(
        stack,
        images={
            name: image.model_dump(exclude_none=True) for name, image in profile.images.items()
        },
        probes=[probe.document() for probe in profile.probes],
        publish=publish,
    )
    if found is not None:
        _check_paths(document, found)
        notes = (*notes, *_stays_here(stack, found))
    if request.carry is not None:
        document["source"] = True
    if profile.source_owner is not None:
        document["source_owner"] = [int(word) for word in profile.source_owner.split(":")]
    return Resolved(
        profile=profile.name,
        profile_hash=digest(parts),
        extension=profile.extension,
        source_digest=parts.get("source"),
        request=parts,
        document=document,
        ttl_seconds=profile.ttl,
        default_name=folder_name(request.source)
        if request.source and project
        else profile.short_name,
        listing=found,
        host=profile.host,
        compose_cmd=profile.compose_cmd,
        secrets=tuple(profile.secrets),
        notes=notes,
    )


def folder_name(source: Path) -> str:
    """The folder's name, made to fit what a sandbox may be called."""
    words = re.sub(r"[^a-z0-9]+", "-", source.resolve().name.lower())
    return words.strip("-")[:_LONGEST_NAME].rstrip("-") or "compose"


def _project(
    loaded: Loaded, request: ResolveRequest, values: Mapping[str, Setting]
) -> Project | None:
    profile = loaded.profile
    if profile.source is None:
        given = {
            # a project's own profile is found in the source, which is not for it then
            "source": request.source if loaded.layer != "project" else None,
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
    said = profile.compose
    variables = {**said.variables, **values}
    options = LoadOptions(
        files=request.files or tuple(said.files),
        env_files=request.env_files or tuple(said.env_files),
        variables={name: as_text(value) for name, value in variables.items()},
        profiles=request.compose_profiles or tuple(said.profiles),
    )
    return load_project(request.source, options)


def _stack(
    loaded: Loaded,
    source: Path | None,
    project: Project | None,
    values: Mapping[str, Setting],
    qualify: str | None,
) -> tuple[Stack, tuple[Note, ...]]:
    if project is not None:
        stack = rebuild(project.tree, source=source, variables=project.variables, qualify=qualify)
        files = (*(file.name for file in project.files), *stack.files)
        # of a file of variables that services name too each says the same
        notes = tuple(dict.fromkeys((*project.notes, *stack.notes)))
        return replace(stack, files=files), notes
    return own_stack(loaded, values)


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


def _stays_here(stack: Stack, found: Listing) -> Iterator[Note]:
    """Folders that a service mounts, and of which git ignores all that is in them."""
    paths = [PurePosixPath(entry.path) for entry in found.entries]
    carried = {".git", *(str(one) for path in paths for one in (path, *path.parents))}
    for name, service in stack.services.items():
        for mount in service.volumes:
            if isinstance(mount, Bind) and _stays(found.root, mount.source, carried):
                text = f"git ignores what is in {mount.source}, which is empty in the sandbox"
                yield Note(f"services.{name}.volumes", mount.place, text, "left_out")


def _stays(root: Path, path: str, carried: set[str]) -> bool:
    """Whether it is a folder, wherever links lead, that has files, and nothing of it is carried.
    Of what nobody may look into nothing is known."""
    folder = (root / path).resolve()
    below = folder.relative_to(root.resolve()).as_posix()
    return below not in carried and any(files for _, _, files in os.walk(folder))


def _chosen(request: ResolveRequest) -> dict[str, str]:
    """Which files in which order, and which services: another choice is another content."""
    chosen = {
        "files": request.files,
        "env_files": request.env_files,
        "compose_profiles": tuple(sorted(set(request.compose_profiles))),
    }
    return {part: digest(list(words)) for part, words in chosen.items() if words}


def profile_digest(profile: Profile) -> str:
    """Of what makes the profile another one: not its summary, its ttl, what a request may give,
    where it has it from, or what only its tests are given. A key that nobody sets is not in it, so
    that a new one changes nothing."""
    aside = {"summary", "ttl", "publish", "stack", "extends", "host", "compose_cmd", "secrets"}
    definition = profile.model_dump(exclude=aside, exclude_defaults=True)
    return digest({**definition, "stack": plain(profile.stack) if profile.stack else None})
