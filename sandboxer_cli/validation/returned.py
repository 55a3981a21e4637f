"""What came back from a host: unpacked below a folder of its own, and the tests in it counted."""

from __future__ import annotations

import functools
import json
import os
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..errors import SandboxerError
from ..reporting import junit_reader
from ..reporting.case import Tally
from ..reporting.result import Artifact, NotCounted
from ..xdg import state_folder

MANIFEST = "manifest.json"
MOST_BYTES = 256 * 1024 * 1024
MOST_FILES = 5000
_STALE = "it is not of this run"


@dataclass(frozen=True)
class Returned:
    """`files` are the manifest's rows: path, bytes, sha256, kinds, fresh, and where it isn't,
    stale: why."""

    folder: Path
    files: tuple[Mapping[str, Any], ...] = ()

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """What the test left."""
        return tuple(
            Artifact(one["path"], one["bytes"], one["sha256"])
            for one in self.files
            if {"junit", "artifact"} & set(one["kinds"])
        )

    @property
    def reports(self) -> list[str]:
        """Its JUnit files that are of this run."""
        return [one["path"] for one in self.files if "junit" in one["kinds"] and one["fresh"]]

    @functools.cached_property
    def tests(self) -> Tally:
        """What those files say, and which others were not counted."""
        stale = [
            NotCounted(
                one["path"].removeprefix("files/"), one.get("stale") or "it is not of this run"
            )
            for one in self.files
            if "junit" in one["kinds"] and not one["fresh"]
        ]
        return junit_reader.read(self.folder, self.reports, stale)


def report_folder(run: str, base: Path | None = None) -> Path:
    """Where the reports of a run lie here.

    Raises SandboxerError: `report_folder_missing`.
    """
    if base is None:
        state = state_folder()
        if state is None:
            raise SandboxerError(
                "there is no home for reports", "set XDG_STATE_HOME", code="report_folder_missing"
            )
        base = state / "runs"
    return base / run


def unpack(packed: IO[bytes] | None, folder: Path) -> Returned:
    """Plain files only, each below the folder, whoever packed it; an older content is replaced."""
    half = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(mode=0o700, parents=True)
    files: tuple[Mapping[str, Any], ...] = ()
    try:
        if packed is not None:
            _extract(packed, half)
            files = _manifest(half)
        shutil.rmtree(folder, ignore_errors=True)
        half.rename(folder)
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise SandboxerError(
            f"what the host has collected can't be right: {error}", code="not_collected"
        ) from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return Returned(folder, files)


def again(folder: Path) -> Returned:
    """What came back earlier. Nothing of it is an error."""
    try:
        return Returned(folder, _manifest(folder))
    except (OSError, ValueError, KeyError, TypeError):
        return Returned(folder)


def _extract(packed: IO[bytes], folder: Path) -> None:
    left = MOST_BYTES
    with tarfile.open(fileobj=packed, mode="r|") as tar:
        for number, member in enumerate(tar):
            if _leads_out(member.name) or not member.isreg():
                raise ValueError(f"{member.name!r} in it")
            left -= member.size
            if left < 0 or number >= MOST_FILES:
                raise ValueError("it is too large")
            content = tar.extractfile(member)
            path = folder / member.name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("xb") as file:
                if content is not None:
                    shutil.copyfileobj(content, file)


def _manifest(folder: Path) -> tuple[Mapping[str, Any], ...]:
    path = folder / MANIFEST
    if not path.exists():
        return ()
    rows = json.loads(path.read_text(encoding="utf-8"))["files"]
    return tuple(
        row for row in rows if not _leads_out(row["path"]) and (folder / row["path"]).is_file()
    )


def _leads_out(path: str) -> bool:
    return not set(path.split("/")).isdisjoint(("", ".", "..")) or "\0" in path
