"""The files below a folder that somebody else may write to meanwhile: no link is followed."""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from typing import NamedTuple

MOST_ENTRIES = 200_000  # that are looked at
DEEPEST = 40
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Entry(NamedTuple):
    """What is no folder. `path` is below the root; `folder` is open until the next one comes."""

    path: str
    folder: int
    name: str
    found: os.stat_result


class TooManyError(Exception):
    """There are more than MOST_ENTRIES."""


def entries(root: str, patterns: Sequence[str]) -> Iterator[Entry]:
    """All that one of these globs may mean. Raises TooManyError."""
    waiting, seen = beginnings(patterns), 0
    while waiting:
        prefix = waiting.pop()
        try:
            folder = _open_below(root, prefix)
        except OSError:
            continue  # it has become a link, or is gone
        try:
            for name in sorted(os.listdir(folder)):
                seen += 1
                if seen > MOST_ENTRIES:
                    raise TooManyError
                path = prefix + name
                try:
                    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if not stat.S_ISDIR(found.st_mode):
                    yield Entry(path, folder, name, found)
                elif path.count("/") < DEEPEST:
                    waiting.append(path + "/")
        finally:
            os.close(folder)


def open_file(entry: Entry) -> int:
    """A descriptor that does not wait. Raises OSError, of a link too."""
    return os.open(entry.name, _FILE, dir_fd=entry.folder)


def beginnings(patterns: Sequence[str]) -> list[str]:
    """The folders below which all lies that globs may mean: "a/" for `a/*.xml`, "" for all."""
    found: list[str] = []
    for pattern in sorted(patterns, key=len):
        folders = [part for part in pattern.split("/")[:-1] if part not in ("", ".")]
        plain = [number for number, part in enumerate(folders) if set(part) & set("*?")]
        prefix = "".join(part + "/" for part in folders[: plain[0] if plain else None])
        if not any(prefix.startswith(one) for one in found):
            found = [one for one in found if not one.startswith(prefix)] + [prefix]
    return found


def _open_below(root: str, prefix: str) -> int:
    """A folder below the root, step by step: no link is followed on the way."""
    folder = os.open(root, _FOLDER)
    for part in prefix.split("/")[:-1]:
        try:
            inner = os.open(part, _FOLDER, dir_fd=folder)
        finally:
            os.close(folder)
        folder = inner
    return folder
