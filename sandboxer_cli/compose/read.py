"""From a folder to its compose file, read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import Usage
from .parse import parse
from .refusal import invalid
from .tree import MapNode

# The order in which compose itself looks.
FILE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_MOST_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class ComposeFile:
    """The file's name without its folder, its bytes, and the tree they make."""

    name: str
    content: bytes
    tree: MapNode


def read(source: Path) -> ComposeFile:
    """The compose file of the folder `source`.

    Raises Usage: `source_missing`, `compose_missing`, `compose_invalid`, `compose_unsupported`.
    """
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
    name = _find(source)
    content = _content(source / name)
    return ComposeFile(name, content, parse(content, name))


def _find(source: Path) -> str:
    override = next((name for name in _OVERRIDE_NAMES if (source / name).exists()), None)
    if override is not None:
        raise Usage(
            f"not supported yet: {override}, in {source}",
            "only one compose file is read: put both into one",
            code="compose_unsupported",
        )
    for name in FILE_NAMES:
        if (source / name).is_file():
            return name
    raise Usage(
        f"there is no compose file in {source}",
        "it is called " + ", ".join(FILE_NAMES),
        code="compose_missing",
    )


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise Usage(f"{path} can't be read: {error.strerror}", code="compose_missing") from error
    if len(content) > _MOST_BYTES:
        raise invalid("the file is larger than 10 MiB", path.name)
    return content
