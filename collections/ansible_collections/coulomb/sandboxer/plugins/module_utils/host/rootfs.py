"""The root file system of an image that is made on the host, as a tar."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from typing import Any, BinaryIO

from .errors import HostError


def write(file: BinaryIO, rootfs: Mapping[str, Any]) -> None:
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
