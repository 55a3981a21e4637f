"""Files of the source folder, and nothing else: what is read, and which compose files there are."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import Path

from ..errors import Usage
from .refusal import invalid, shown
from .tree import Place

# The order in which compose itself looks.
FILE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_MOST_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class ComposeFile:
    """A file that was read, a compose file or one of variables: its path below the source."""

    name: str
    content: bytes


class SourceFolder:
    """Reads files below one folder, each once. `files` are those that were read, in that order.

    Raises Usage: `source_missing` where there is no such folder.
    """

    def __init__(self, source: Path) -> None:
        if not source.exists():
            raise Usage(
                f"there is no folder {source}",
                "give the folder that holds the compose file",
                code="source_missing",
            )
        if not source.is_dir():
            raise Usage(
                f"{source} is not a folder",
                f"give its folder, {source.parent}",
                code="source_missing",
            )
        self._shown = source
        self._root = source.resolve()
        self._files: dict[str, ComposeFile] = {}

    @property
    def name(self) -> str:
        return self._root.name

    @property
    def files(self) -> tuple[ComposeFile, ...]:
        return tuple(self._files.values())

    def compose_files(self) -> tuple[str, ...]:
        """What compose reads where it is told nothing: the file, and its override beside it.

        Raises Usage: `compose_missing`.
        """
        name = next((name for name in FILE_NAMES if (self._root / name).is_file()), None)
        if name is None:
            raise Usage(
                f"there is no compose file in {self._shown}",
                "it is called " + ", ".join(FILE_NAMES) + "; give another with --file",
                code="compose_missing",
            )
        override = next((name for name in OVERRIDE_NAMES if (self._root / name).is_file()), None)
        return (name, override) if override else (name,)

    def inside(self, path: str, place: Place | None = None) -> str:
        """A path of a file or folder as it is from this folder on, where it has to lie.

        Raises Usage: `source_outside`.
        """
        for root in (self._root, self._shown.absolute()):
            if posixpath.isabs(path) and Path(path).is_relative_to(root):
                path = Path(path).relative_to(root).as_posix()
        return self._checked(path, f", {place}" if place else "")

    def has(self, path: str) -> bool:
        """Whether there is such a file; `path` is one from `inside`."""
        return (self._root / path).is_file()

    def read(self, path: str, place: Place | None = None) -> ComposeFile:
        """The file at `path` below the folder; `place` is where a compose file names it.

        Raises Usage: `source_outside`, `source_file_missing`, `compose_invalid`.
        """
        named = f", {place}" if place else ""
        path = self._checked(path, named)
        if path not in self._files:
            self._files[path] = ComposeFile(path, self._content(path, named))
        return self._files[path]

    def _checked(self, path: str, named: str) -> str:
        """The path without `..`. No link may lead out of the folder, either."""
        clean = posixpath.normpath(path)
        if "\0" in path or posixpath.isabs(clean) or not self._holds(clean):
            raise Usage(
                f"{shown(path)} lies outside of the source {self._shown}{named}",
                "nothing outside of it is read: put it there, or give a folder that holds both",
                code="source_outside",
            )
        return clean

    def _holds(self, path: str) -> bool:
        if path.split("/")[0] == "..":
            return False
        return (self._root / path).resolve().is_relative_to(self._root)

    def _content(self, path: str, named: str) -> bytes:
        if (self._root / path).exists() and not self.has(path):  # a pipe would never end
            raise Usage(f"{shown(path)} is not a file{named}", code="source_file_missing")
        try:
            with (self._root / path).open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except FileNotFoundError as error:
            raise Usage(
                f"there is no file {shown(path)} in {self._shown}{named}",
                "it goes from the folder of the first compose file, or of the one that includes"
                if named
                else "it goes from the source folder, whatever the current one is",
                code="source_file_missing",
            ) from error
        except OSError as error:
            raise Usage(
                f"{shown(path)} can't be read: {error.strerror}{named}", code="source_file_missing"
            ) from error
        if len(content) > _MOST_BYTES:
            raise invalid("the file is larger than 10 MiB", path)
        return content
