"""The table of projects: where each shape is from, and what is to become of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
class First:
    """What a project has people do before the first start: file -> its copy, file -> lines added
    to it. `files` are the compose files that there are then, where it isn't the same."""

    copy: Mapping[str, str] = field(default_factory=dict)
    add: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    @property
    def names(self) -> set[str]:
        """Of the files that there are then."""
        return {*self.copy.values(), *self.add}


@dataclass(frozen=True)
class Project:
    """`original`, `prepared` and `shape` are outcomes: comes_up, renders, or `refused: CODE KEY`.

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
    own_files: tuple[str, ...] = ()
    original_root: bool = False
    first: First = First()
    prepared: str = ""
    why: str = ""
    original_put: Page | None = None
    original_get: Page | None = None
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

    @property
    def original_files(self) -> tuple[str, ...]:
        """Below the original's source."""
        return self.own_files or (self.path if self.original_root else Path(self.path).name,)

    @property
    def prepared_files(self) -> tuple[str, ...]:
        return self.first.files or self.original_files

    @property
    def original_ends(self) -> str:
        """What becomes of the original in the end: as it is, or with what was done first."""
        return self.prepared or self.original


def projects() -> list[Project]:
    return [_project(row) for row in yaml.safe_load(TABLE.read_text())]


def _project(row: Mapping[str, Any]) -> Project:
    apart = ("with", "speaks", "first", "original_speaks")
    rest = {key: value for key, value in row.items() if key not in apart}
    chosen, first = row.get("with", {}), row.get("first", {})
    pages = {verb: Page(**page) for verb, page in row.get("speaks", {}).items()}
    theirs = row.get("original_speaks", {})
    return Project(
        **rest,
        files=tuple(chosen.get("shape", ())),
        own_files=tuple(chosen.get("original", ())),
        original_root=chosen.get("root", False),
        first=First(first.get("copy", {}), first.get("add", {}), tuple(first.get("with", ()))),
        **{f"original_{verb}": Page(**page) for verb, page in theirs.items()},
        **pages,
    )
