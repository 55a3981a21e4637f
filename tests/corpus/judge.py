"""The independent judge: what `docker compose config` makes of the same files, field by field.

What it says is put into the words of our document. A key that it has and we don't is there under
compose's own name, so that none is passed over.
"""

from __future__ import annotations

import base64
import io
import json
import re
import shlex
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandboxer_cli.compose.differences import DIFFERENCES, Difference
from sandboxer_cli.compose.emit import Document
from sandboxer_cli.compose.keys import KEYS, Key
from sandboxer_cli.profiles.resolve import ResolveRequest, resolve
from tests.corpus.in_our_words import Values, in_our_words
from tests.corpus.projects import FOLDER, Project
from tests.lab.hosts import H3 as HOST

AGREES = "agrees"
# three lines of each: its folder there, its document, what was said beside that
ASK = r"""
set -u
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
base64 -d | tar -x -C "$root"
config() {
    cd "$root/$1" && echo "$root/$1"
    shift
    docker compose "$@" config --format json 2>"$root/why" | tr -d '\n'
    echo
    tr '\n' ' ' <"$root/why"
    echo
}
"""
Names = tuple[str, ...]


@dataclass(frozen=True)
class Files:
    """Compose files of a folder: those that are named, or those that compose finds."""

    name: str
    folder: Path
    files: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, project: Project) -> Files:
        return cls(project.name, project.folder, project.files)


# of no project
EVERY_KEY = Files("every_key", FOLDER / "every_key")


@dataclass(frozen=True)
class Config:
    """What `docker compose config` says, and the folder in which it was asked."""

    root: str
    config: Values


@dataclass(frozen=True)
class Dispute:
    """A field of which the two say different things; None is nothing."""

    path: Names
    theirs: Any
    ours: Any

    def __str__(self) -> str:
        said = [json.dumps(one, ensure_ascii=False)[:200] for one in (self.theirs, self.ours)]
        return f"{'.'.join(self.path)}: docker compose says {said[0]}, we say {said[1]}"


def verdicts(judged: Sequence[Files]) -> dict[str, str]:
    """Name -> `agrees`, or what differs and no table says why."""
    found = {}
    for one, said in ask(judged).items():
        if isinstance(said, str):
            found[one.name] = f"docker compose refuses it: {said}"
            continue
        left = [dispute for dispute in disputes(one, said) if reason(dispute) is None]
        found[one.name] = "; ".join(map(str, left)) or AGREES
    return found


def ask(judged: Sequence[Files]) -> dict[Files, Config | str]:
    """What it makes of each, or why it makes nothing; all in one trip."""
    script = ASK
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for one in judged:
            tar.add(one.folder, one.name)
            options = [word for file in one.files for word in ("--file", file)]
            script += shlex.join(["config", one.name, *options]) + "\n"
    said = HOST.run(["sh", "-c", script], stdin=base64.b64encode(packed.getvalue()).decode())
    lines = iter(said.stdout.split("\n"))
    return {
        one: Config(root, json.loads(config)) if config else why
        for one, root, config, why in zip(judged, lines, lines, lines, strict=False)
    }


def disputes(one: Files, said: Config) -> list[Dispute]:
    """All fields that differ, those with a reason too."""
    request = ResolveRequest("profile.compose", one.folder, one.settings, files=one.files)
    both = (in_our_words(said.config, said.root, one.folder), _by_name(resolve(request).document))
    if registry := one.settings.get("qualify"):
        for made in both:
            _make_names_full(made, registry)
    theirs, ours = (dict(_leaves(made)) for made in both)
    return [
        Dispute(path, theirs.get(path), ours.get(path))
        for path in dict.fromkeys([*theirs, *ours])
        if theirs.get(path) != ours.get(path)
    ]


def _make_names_full(made: Values, registry: str) -> None:
    """As `qualify` does. It does so in Dockerfiles, too, which are therefore not compared."""
    for service in made["services"].values():
        if service.get("image"):
            service["image"] = full_name(service["image"], registry)
        for key in ("dockerfile", "dockerfile_inline"):
            service.get("build", {}).pop(key, None)


def full_name(image: str, registry: str) -> str:
    """As docker reads a short name, of this registry."""
    first, slash, rest = image.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        image = f"{registry}/{'' if slash else 'library/'}{image}"
    elif first == "docker.io" and "/" not in rest:
        image = f"{first}/library/{rest}"
    return image if re.search(r"[:@][^/]*$", image) else f"{image}:latest"


def reason(dispute: Dispute) -> str | None:
    """Why it is so, by the table of keys or by that of differences; None where neither says it."""
    key = _key(dispute.path)
    if key and key.fate in ("left_out", "changed") and dispute.ours is None:
        return key.text
    row = difference(dispute)
    return row.reason if row else None


def difference(dispute: Dispute) -> Difference | None:
    explained = (dispute.path, dispute.theirs, dispute.ours)
    return next((row for row in DIFFERENCES if row.explains(*explained)), None)


def _key(path: Names) -> Key | None:
    """Its row in the table of keys, of the deepest level that has one."""
    found = []
    for level, keys in KEYS.items():
        words = [word for word in level.replace("[]", ".*").split(".") if word]
        above, rest = path[: len(words)], path[len(words) :]
        matches = all(word in ("*", one) for word, one in zip(words, above, strict=False))
        if rest and rest[0] in keys and matches:
            found.append((len(words), keys[rest[0]]))
    return max(found, key=lambda one: one[0])[1] if found else None


def _by_name(document: Document) -> Values:
    """Ours, with what is told apart by a target under it, as in theirs."""
    services = {}
    for name, service in document["services"].items():
        services[name] = {
            **service,
            "ports": {f"{one['target']}/{one['protocol']}": one for one in service["ports"]},
            "expose": sorted(f"{one['target']}/{one['protocol']}" for one in service["expose"]),
            "depends_on": {
                other: {**one, "optional": not one.get("required", True)}
                for other, one in service["depends_on"].items()
            },
            **{
                key: {one["target"]: one for one in service.get(key, [])}
                for key in ("volumes", "secrets", "configs")
            },
        }
    shared = ("networks", "volumes", "secrets", "configs")
    return {"services": services, **{key: document.get(key, {}) for key in shared}}


def _leaves(value: Any, path: Names = ()) -> Iterator[tuple[Names, Any]]:
    """Path -> value, of all that says something; what has a name is there, whatever is said."""
    if len(path) == 2 or (len(path) == 4 and path[2] == "networks"):
        yield path, True
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _leaves(one, (*path, name))
    elif value is not None and value is not False and value != []:
        yield path, value
