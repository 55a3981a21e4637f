"""Images: there already, pulled by their full name, or made from files of this host."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from .engine import LABEL_RECIPE, Engine
from .errors import HostError
from .state import State

PULL_SECONDS = 600.0


@dataclass(frozen=True)
class Image:
    """An image of this host. `done` is how it came: '' (it was there) | made | pulled;
    `volumes` are the folders for which it asks to have a volume."""

    done: str
    volumes: tuple[str, ...]


def ensure(
    state: State, engine: Engine, name: str, recipe: Mapping[str, Any] | None, seconds: float
) -> Image:
    """Have an image on this host."""
    digest = recipe_digest(recipe) if recipe is not None else ""
    found = _find(engine, name, digest)
    if found is not None:
        return Image("", _volumes(found))
    with state.image_lock(name, seconds):
        found = _find(engine, name, digest)
        if found is not None:
            return Image("", _volumes(found))  # somebody else was at it
        if recipe is not None:
            _import_rootfs(engine, name, recipe["rootfs"], digest, seconds)
            done = "made"
        else:
            _pull(engine, name, seconds)
            done = "pulled"
    return Image(done, _volumes(engine.image(name) or {}))


def _find(engine: Engine, name: str, recipe: str) -> dict[str, Any] | None:
    """What the engine says of it, where it has it, and made of that recipe if one is named."""
    found = engine.image(name)
    labels = ((found or {}).get("Config") or {}).get("Labels") or {}
    return found if not recipe or labels.get(LABEL_RECIPE) == recipe else None


def _volumes(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted((found.get("Config") or {}).get("Volumes") or {}))


def _pull(engine: Engine, name: str, seconds: float) -> None:
    try:
        engine.run(["pull", "--quiet", "--", name], seconds=min(seconds, PULL_SECONDS))
    except HostError as error:
        if error.code != "engine_failed":
            raise
        raise HostError(
            "image_unavailable",
            f"the image {name} can't be had: {error}",
            "check its name, and that the host reaches the registry; or load it there by hand",
        ) from error


def recipe_digest(recipe: Mapping[str, Any]) -> str:
    text = json.dumps(recipe, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _import_rootfs(
    engine: Engine, name: str, rootfs: Mapping[str, Any], digest: str, seconds: float
) -> None:
    with tempfile.TemporaryFile() as file:
        _write_rootfs(file, rootfs)
        file.seek(0)
        changes = ["CMD " + json.dumps(rootfs["command"])]
        changes.append(f"LABEL {LABEL_RECIPE}={digest}")
        engine.import_image(name, changes, file, seconds)


def _write_rootfs(file: BinaryIO, rootfs: Mapping[str, Any]) -> None:
    """The files, links and parent folders of a recipe as a tar, the same bytes each time."""
    with tarfile.open(fileobj=file, mode="w") as tar:
        folders: set[str] = set()
        for item in rootfs["files"]:
            data = _content(item)
            _add_parents(tar, item["path"], folders)
            info = tarfile.TarInfo(item["path"].lstrip("/"))
            info.size, info.mode = len(data), item["mode"]
            tar.addfile(info, io.BytesIO(data))
        for path, target in sorted(rootfs["links"].items()):
            _add_parents(tar, path, folders)
            info = tarfile.TarInfo(path.lstrip("/"))
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)


def _add_parents(tar: tarfile.TarFile, path: str, done: set[str]) -> None:
    parts = os.path.dirname(path).strip("/").split("/")
    for count in range(1, len(parts) + 1):
        folder = "/".join(parts[:count])
        if folder and folder not in done:
            done.add(folder)
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)


def _content(item: Mapping[str, Any]) -> bytes:
    if "content" in item:
        return str(item["content"]).encode("utf-8")
    source = item["source"]
    try:
        with open(source, "rb") as file:
            data = file.read()
    except FileNotFoundError as error:
        raise HostError(
            "file_missing",
            f"an image is made from {source}, which this host does not have",
            "run `sandboxer host prepare HOST` (on Debian: apt-get install busybox-static)",
        ) from error
    if _wants_interpreter(data):
        raise HostError(
            "file_missing",
            f"{source} is linked to libraries, so it can't run alone in an image",
            "install the static one (on Debian: apt-get install busybox-static)",
        )
    return data


def _wants_interpreter(data: bytes) -> bool:
    """Whether a 64-bit little-endian ELF file names a dynamic loader (PT_INTERP, type 3)."""
    if data[:6] != b"\x7fELF\x02\x01":
        return False
    start = int.from_bytes(data[32:40], "little")
    size = int.from_bytes(data[54:56], "little")
    count = int.from_bytes(data[56:58], "little")
    return any(data[start + n * size : start + n * size + 4] == b"\x03\0\0\0" for n in range(count))
