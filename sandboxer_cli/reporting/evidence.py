"""What ran, as the host has written it down: which host, engine, images and digests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MOST_BYTES = 16 * 1024 * 1024
_VERSIONS = {
    "engine_version": "engine",
    "kernel": "kernel",
    "python": "Python",
    "program": "sandboxer",
    "profile": "profile",
    "profile_hash": "hash of it",
    "source_digest": "source",
    "contract_digest": "contract",
}


@dataclass(frozen=True)
class Container:
    """`name` is that of its service."""

    name: str
    image: str
    digest: str
    state: str


@dataclass(frozen=True)
class Evidence:
    """`facts` are pairs of words."""

    facts: tuple[tuple[str, str], ...] = ()
    containers: tuple[Container, ...] = ()


def read(folder: Path) -> Evidence:
    """Of a run's report folder. What is not there, or not as it should be, is left out."""
    versions = _read(folder / "evidence/versions.json")
    inspected = _read(folder / "evidence/inspect.json")
    facts: dict[str, str] = {}
    if isinstance(versions, Mapping):
        facts = {word: str(versions[key]) for key, word in _VERSIONS.items() if versions.get(key)}
        if "engine" in facts:
            facts["engine"] = f"{versions.get('engine', '')} {facts['engine']}".strip()
    rows = inspected if isinstance(inspected, list) else []
    containers = [_container(one) for one in rows if isinstance(one, Mapping)]
    return Evidence(tuple(facts.items()), tuple(containers))


def _container(one: Mapping[str, Any]) -> Container:
    """As podman and docker say it, who differ in where the image's name is."""
    config, state = _mapping(one.get("Config")), _mapping(one.get("State"))
    named = one.get("ImageName") or config.get("Image") or ""
    return Container(
        name=str(one.get("Name") or "").rpartition(".")[2],
        image=str(named),
        digest=str(one.get("ImageDigest") or one.get("Image") or ""),
        state=str(state.get("Status") or ""),
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
