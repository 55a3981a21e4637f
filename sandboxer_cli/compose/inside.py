"""Paths of the source: nothing outside of it is read, neither by `..` nor by a link."""

from __future__ import annotations

import os
from pathlib import Path

from .field import Field

_MOST_BYTES = 1024 * 1024
_OUTSIDE = "it lies outside of the source, which is all that is read"


def inside(field: Field, written: str, base: str = ".") -> str:
    """The path below the source that `written` means, seen from its folder `base`; `.` is the root.

    Raises Usage: `compose_unsupported` where it leads out, `compose_invalid` where no path can.
    """
    source = field.reading.source
    if not written or not written.isprintable():
        raise field.invalid(f"{written!r} is not a path")
    if written.startswith("~"):
        raise field.refused(written, _OUTSIDE, hint="put it into the source, or into a volume")
    if source is None:
        raise field.invalid(f"{written!r} is a file, and there is no folder that it could be in")
    root = source.resolve()
    path = Path(os.path.normpath(source.absolute() / base / written))
    if path.is_relative_to(source.absolute()):
        below = path.relative_to(source.absolute())
    elif path.is_relative_to(root):
        below = path.relative_to(root)
    else:
        raise field.refused(written, _OUTSIDE, hint=_way_out(field, path))
    if not (root / below).resolve().is_relative_to(root):
        raise field.refused(
            f"{written} is a link that leads out", _OUTSIDE, hint="put what it leads to there"
        )
    return below.as_posix()


def _way_out(field: Field, path: Path) -> str:
    """What a path that leads out needs: a folder above as the source, where that holds it."""
    source = field.reading.source
    assert source is not None  # noqa: S101
    here = source.absolute()
    above = next((folder for folder in here.parents if path.is_relative_to(folder)), None)
    if above is None or above == Path(above.anchor):
        return "put it into the source, or into a volume"
    file = (here / field.node.place.file).relative_to(above)
    return (
        f"give the folder above as the source: sandboxer create {os.path.relpath(above)}"
        f" --file {file}"
    )


def is_there(field: Field, below: str) -> bool:
    """Whether there is anything at a path that `inside` gave."""
    return _path(field, below).exists()


def as_files(field: Field, below: str) -> list[str]:
    """The file that a path means, and where a link leads, its target; nothing for anything else."""
    root = _path(field, ".").resolve()
    try:
        target = (root / below).resolve()
        found = [below, target.relative_to(root).as_posix()] if target.is_file() else []
    except OSError:  # below a folder that nobody may enter, or too long
        return []
    return [one for one in dict.fromkeys(found) if not one.startswith(".git/")]


def is_folder(field: Field, below: str) -> bool:
    return _path(field, below).is_dir()


def read_file(field: Field, written: str) -> bytes | None:
    """A file's bytes, or None where there is none. At most 1 MiB.

    Raises Usage: `compose_invalid`, and as `inside` does.
    """
    below = inside(field, written)
    path = _path(field, below)
    if not path.exists():
        return None
    field.reading.files.append(below)
    if not path.is_file():
        raise field.invalid(f"{written} is not a file")
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise field.invalid(f"{written} can't be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise field.invalid(f"{written} is larger than 1 MiB")
    return content


def _path(field: Field, below: str) -> Path:
    source = field.reading.source
    assert source is not None  # noqa: S101
    return source / below
