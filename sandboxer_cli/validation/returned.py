"""What came back from a host: unpacked below a folder of its own, and the tests in it counted."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from xml.parsers import expat

from ..errors import SandboxerError
from ..reporting.result import Artifact, Counts
from ..xdg import state_folder

MANIFEST = "manifest.json"
MOST_BYTES = 256 * 1024 * 1024
MOST_FILES = 5000
MOST_REPORT_BYTES = 16 * 1024 * 1024
_BY_ELEMENT = {"failure": "failed", "error": "errors", "skipped": "skipped"}


@dataclass(frozen=True)
class Returned:
    """`files` are the manifest's rows: path, bytes, sha256, kinds, fresh."""

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


def count(returned: Returned) -> tuple[Counts, list[str]]:
    """The tests of all fresh JUnit files together, and the files that can't be read."""
    found = dict.fromkeys(("passed", "failed", "errors", "skipped"), 0)
    unread = []
    for path in returned.reports:
        try:
            for name, number in _counted(returned.folder / path).items():
                found[name] += number
        except (expat.ExpatError, ValueError, OSError):
            unread.append(path.removeprefix("files/"))
    return Counts(**found), unread


def _counted(path: Path) -> dict[str, int]:
    """By a parser that keeps nothing. Raises ValueError, ExpatError."""
    if path.stat().st_size > MOST_REPORT_BYTES:
        raise ValueError("too large")
    found = dict.fromkeys(("passed", *_BY_ELEMENT.values()), 0)
    ended: list[str] = []  # how the test case that is being read has ended, once that is known

    def start(name: str, _attributes: Mapping[str, str]) -> None:
        if name == "testcase":
            ended[:] = ["passed"]
        elif ended and name in _BY_ELEMENT:
            ended[:] = [_BY_ELEMENT[name]]

    def end(name: str) -> None:
        if name == "testcase" and ended:
            found[ended.pop()] += 1

    def doctype(*_: object) -> None:
        raise ValueError("a document type")  # by which a small file grows without end

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = doctype
    with path.open("rb") as file:
        parser.ParseFile(file)
    return found


def _extract(packed: IO[bytes], folder: Path) -> None:
    left = MOST_BYTES
    with tarfile.open(fileobj=packed, mode="r|") as tar:
        for number, member in enumerate(tar):
            parts = member.name.split("/")
            bad = not set(parts).isdisjoint(("", ".", "..")) or "\0" in member.name
            if bad or not member.isreg():
                raise ValueError(f"{member.name!r} in it")
            left -= member.size
            if left < 0 or number >= MOST_FILES:
                raise ValueError("it is too large")
            content = tar.extractfile(member)
            path = folder.joinpath(*parts)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("xb") as file:
                if content is not None:
                    shutil.copyfileobj(content, file)


def _manifest(folder: Path) -> tuple[Mapping[str, Any], ...]:
    path = folder / MANIFEST
    if not path.exists():
        return ()
    rows = json.loads(path.read_text(encoding="utf-8"))["files"]
    return tuple(row for row in rows if (folder / row["path"]).is_file())
