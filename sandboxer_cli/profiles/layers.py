"""Where profiles lie: in the package, in the user's home, in the project. The later is the nearer.

A profile is called as its file is: `profile.shop` stands in `shop.yml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from ..compose.parse import parse
from ..compose.tree import MapNode
from ..errors import Usage
from ..xdg import config_folder
from .fault import of_usage, refusal

Layer = Literal["built-in", "user", "project"]
LAYERS: tuple[Layer, ...] = get_args(Layer)
PROJECT_FOLDER = Path(".sandboxer/profiles")
_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9-]*\.yml")
_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class ProfileFile:
    """One profile's file; `label` is what places call it."""

    name: str
    layer: Layer
    path: Path
    label: str

    @cached_property
    def tree(self) -> MapNode:
        """What it says. Raises Usage: `profile_invalid`."""
        try:
            with self.path.open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise Usage(
                f"{self.label} can't be read: {error.strerror}", code="profile_invalid"
            ) from error
        if len(content) > _MOST_BYTES:
            raise Usage(f"{self.label} is larger than 1 MiB", code="profile_invalid")
        try:
            return parse(content, self.label)
        except Usage as error:
            raise refusal([of_usage(error, self.label)]) from error


@dataclass(frozen=True)
class Catalog:
    """The profiles that a request can name: layer -> name -> file."""

    files: Mapping[Layer, Mapping[str, ProfileFile]]

    def names(self) -> list[str]:
        """Each once, sorted."""
        return sorted({name for files in self.files.values() for name in files})

    def find(self, name: str) -> ProfileFile | None:
        """The nearest one of that name."""
        return self._nearest(name, LAYERS)

    def parent(self, child: ProfileFile, name: str) -> ProfileFile | None:
        """What `extends: name` means in a file: nothing nearer than itself, so that a project
        gets no word in the user's own profiles. Its own name is that of a layer below."""
        height = LAYERS.index(child.layer) + (child.name != name)
        return self._nearest(name, LAYERS[:height])

    def below(self, file: ProfileFile) -> ProfileFile | None:
        """The one that this file stands in front of."""
        return self._nearest(file.name, LAYERS[: LAYERS.index(file.layer)])

    def _nearest(self, name: str, layers: tuple[Layer, ...]) -> ProfileFile | None:
        found = [self.files[layer][name] for layer in layers if name in self.files[layer]]
        return found[-1] if found else None


@dataclass(frozen=True)
class Folder:
    """A folder of profiles; `label` is what places call it."""

    layer: Layer
    path: Path
    label: str

    def files(self) -> Iterator[ProfileFile]:
        for path in self._paths():
            if not self.why_none(path):
                name = f"profile.{path.stem}"
                yield ProfileFile(name, self.layer, path, f"{self.label}/{path.name}")

    def strays(self) -> Iterator[tuple[str, str]]:
        """What lies there as a profile would, and is none: its label, and why."""
        for path in self._paths():
            if path.suffix in (".yml", ".yaml") and (why := self.why_none(path)):
                yield f"{self.label}/{path.name}", why

    def why_none(self, path: Path) -> str:
        """Why a file is no profile; empty where it is one."""
        if _FILE_NAME.fullmatch(path.name) is None:
            return "a profile's file is called as in my-app.yml: small letters, digits, dashes"
        # a link may lead about in the project, not out of it
        if self.layer == "project" and not path.resolve().is_relative_to(self.path.parents[1]):
            return "a link that leads out of the project"
        return "" if path.is_file() else "not a file"

    def _paths(self) -> list[Path]:
        if not _is_folder(self.path):
            return []
        try:
            return sorted(self.path.iterdir())
        except OSError as error:
            raise Usage(
                f"{self.path} can't be read: {error.strerror}", code="profile_invalid"
            ) from error


_BUILT_IN = Folder("built-in", Path(__file__).with_name("builtin"), "built-in")


def folders(source: Path | None) -> list[Folder]:
    """Those of the package, of the user and of the project in `source`."""
    user, project = user_folder(), project_folder(source) if source is not None else None
    found = [_BUILT_IN]
    if user is not None:
        found.append(Folder("user", user, str(user)))
    if project is not None:
        found.append(Folder("project", project / PROJECT_FOLDER, str(PROJECT_FOLDER)))
    return found


def catalog(source: Path | None = None) -> Catalog:
    """The profiles that count for a source."""
    return _catalog(folders(source))


def built_in() -> Catalog:
    """Those of the package alone."""
    return _catalog([_BUILT_IN])


def _catalog(folders: list[Folder]) -> Catalog:
    files: dict[Layer, dict[str, ProfileFile]] = {layer: {} for layer in LAYERS}
    for folder in folders:
        files[folder.layer] = {file.name: file for file in folder.files()}
    return Catalog(files)


def user_folder() -> Path | None:
    config = config_folder()
    return None if config is None else config / "profiles"


def project_folder(source: Path) -> Path | None:
    """The folder of the project that has profiles: the source itself, or its repository's root.

    A root that belongs to somebody else is not asked: it may be anybody's /tmp/.git.
    """
    source = source.resolve()
    if _is_folder(source / PROJECT_FOLDER):
        return source
    root = next((one for one in (source, *source.parents) if (one / ".git").exists()), None)
    if root is None or not _is_folder(root / PROJECT_FOLDER):
        return None
    return root if root.stat().st_uid == source.stat().st_uid else None


def file_at(path: Path) -> ProfileFile:
    """A file that is named by its path. One that isn't the user's is held to be a project's."""
    user = user_folder()
    of_user = user is not None and path.parent.resolve() == user.resolve()
    layer: Layer = "user" if of_user else "project"
    return ProfileFile(f"profile.{path.stem}", layer, path, str(path))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # one that may not even be asked for: sudo keeps the home of another
        return False
