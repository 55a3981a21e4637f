"""The table of projects: where each shape is from, and what is to become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent
TABLE = FOLDER / "projects.yml"


@dataclass(frozen=True)
class Page:
    """A page of a service of the sandbox."""

    service: str
    port: int
    path: str


@dataclass(frozen=True)
class Project:
    """`original` and `shape` are outcomes: comes_up, renders, or `refused: CODE KEY`.

    The original's source is its repository where `original_root`, else the file's own folder.
    """

    name: str
    source: str
    path: str
    commit: str
    licence: str
    special: str
    original: str
    shape: str
    files: tuple[str, ...] = ()
    original_files: tuple[str, ...] = ()
    original_root: bool = False
    put: Page | None = None
    get: Page | None = None
    edited: str | None = None

    @property
    def renders(self) -> bool:
        return not self.shape.startswith("refused")

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def options(self) -> tuple[str, ...]:
        return tuple(word for file in self.files for word in ("--file", file))


def projects() -> list[Project]:
    return [_project(row) for row in yaml.safe_load(TABLE.read_text())]


def _project(row: Mapping[str, Any]) -> Project:
    rest = {key: value for key, value in row.items() if key not in ("with", "speaks")}
    chosen = row.get("with", {})
    speech = row.get("speaks", {})
    return Project(
        **rest,
        files=tuple(chosen.get("shape", ())),
        original_files=tuple(chosen.get("original", ())),
        original_root=chosen.get("root", False),
        **{verb: Page(**page) for verb, page in speech.items()},
    )
