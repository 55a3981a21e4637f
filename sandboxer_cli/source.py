"""What a source folder holds, its digest, and the one stream in which it travels to a host.

In a git repository it is what git would take: what is tracked and what is new, not what is
ignored; submodules too. Elsewhere it is all but `.git`. Folders are there because files are, so an
empty one isn't part of it. Of modes only the executable bit counts, as for git.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from . import git
from .errors import SandboxerError, TryAgain, Usage

MOST_FILES = 100_000
MOST_BYTES = 1024**3
_CHUNK = 1024 * 1024
_NAMED = 3  # of the greatest files, in a refusal


@dataclass(frozen=True)
class Entry:
    """A file, or a link with its `target`. Names that aren't UTF-8 hold surrogate escapes."""

    path: str  # below the source, with slashes
    executable: bool
    size: int
    target: str | None = None

    @property
    def mode(self) -> int:
        return 0o755 if self.executable else 0o644


@dataclass(frozen=True)
class Listing:
    """The entries of a source, in the order of their names' bytes."""

    root: Path
    entries: tuple[Entry, ...]


def listing(source: Path, also: Iterable[str] = ()) -> Listing:
    """What is in the folder `source`; `also` are files in it that count even if they are ignored.

    Raises Usage: `source_unreadable`, `source_special_file`, `source_too_large`, `git_missing`.
    """
    names = {*_names(source), *also}
    entries: list[Entry] = []
    links: set[str] = set()
    size = 0
    for name in sorted(names, key=os.fsencode):
        entry = _entry(source, name)
        if entry is None or _is_below(name, links):
            continue  # deleted, as far as git is concerned, and not yet in the index
        entries.append(entry)
        if entry.target is not None:
            links.add(name)
        size += entry.size
        if len(entries) > MOST_FILES:
            raise _too_large(source, f"more than {MOST_FILES} files", entries)
    if size > MOST_BYTES:
        raise _too_large(source, f"{size / 1024**2:.0f} MiB", entries)
    return Listing(source, tuple(entries))


def digest(found: Listing) -> str:
    """`sha256:<hex>` over names, executable bits, contents and what links say.

    The host computes the same from what it has unpacked.
    """
    whole = hashlib.sha256()
    for entry in found.entries:
        kind = b"link" if entry.target is not None else b"%o" % entry.mode
        content = hashlib.sha256()
        for chunk in _content(found.root, entry):
            content.update(chunk)
        whole.update(b"%s %s\0%s" % (kind, os.fsencode(entry.path), content.digest()))
    return "sha256:" + whole.hexdigest()


def archive(found: Listing, file: IO[bytes]) -> None:
    """Write it as a gzipped tar, the same bytes for the same content; a chunk at a time.

    Raises TryAgain, `source_changed`, where a file is no longer as long as it was listed.
    """
    packed = gzip.GzipFile("", "wb", 1, file, mtime=0)
    with (
        packed,
        tarfile.open(
            fileobj=packed,
            mode="w|",
            format=tarfile.GNU_FORMAT,
            encoding="utf-8",
            errors="surrogateescape",
        ) as tar,
    ):
        for entry in found.entries:
            info = tarfile.TarInfo(entry.path)
            info.mode = entry.mode
            if entry.target is not None:
                info.type, info.linkname = tarfile.SYMTYPE, entry.target
                tar.addfile(info)
                continue
            info.size = entry.size
            with _opened(found.root / entry.path) as content:
                try:
                    tar.addfile(info, content)
                except OSError as error:  # shorter than it was
                    raise _changed(entry.path) from error


def leads_out(found: Listing, path: str) -> str | None:
    """The link by which `path` (below the source) leads out of it; None where it stays inside."""
    targets = {entry.path: entry.target for entry in found.entries if entry.target is not None}
    waiting = path.split("/")[::-1]
    here: list[str] = []
    link = path
    for _step in range(1000):  # links that go in a circle are for the host to fail at
        if not waiting:
            return None
        part = waiting.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return link
            here.pop()
            continue
        here.append(part)
        target = targets.get("/".join(here))
        if target is not None:
            link = "/".join(here)
            if target.startswith("/"):
                return link
            here.pop()
            waiting += target.split("/")[::-1]
    return None


def _names(source: Path) -> Iterable[str]:
    known = _by_git(source)
    if known or _is_root(source):
        return known
    # a folder that its repository ignores as a whole: git has nothing to say about it
    return _walk(source)


def _is_root(folder: Path) -> bool:
    """Whether it is a repository, as far as its names tell; its `.git` may lead nowhere."""
    return os.path.lexists(folder / ".git")


def _by_git(source: Path, prefix: str = "") -> list[str]:
    """The paths that git names, of submodules too; none where it isn't a repository's folder."""
    if not any(_is_root(folder) for folder in (source, *source.resolve().parents)):
        return []
    try:
        done = git.ask(source, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    except FileNotFoundError as error:
        raise Usage(
            f"{source} is in a git repository, and there is no git here",
            "install git: what is ignored is not sent",
            code="git_missing",
        ) from error
    # of a submodule whose own can't be read the outer one names the folder alone
    if b"not a git repository" in done.stderr or done.stdout == b"./\0":
        # it names the place that a `.git` points to; a broken one it passes over
        if b"not a git repository: " not in done.stderr and not _is_root(source):
            return []
        raise Usage(
            f"the .git of {source} leads to no repository that git can read",
            "have that repository here too, or take the .git away: what is ignored is not sent",
            code="source_unreadable",
        )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Usage(
            f"git can't list {source}: {said[-1] if said else 'it said nothing'}",
            "try `git ls-files` in it",
            code="source_unreadable",
        )
    found = []
    for raw in done.stdout.split(b"\0")[:-1]:
        name = os.fsdecode(raw).rstrip("/")
        inner = source / name
        if not stat.S_ISDIR(_status(inner)):
            found.append(prefix + name)
        elif _is_root(inner):  # a submodule, or a repository in a repository
            found += _by_git(inner, f"{prefix}{name}/")
    return found


def _walk(source: Path) -> Iterator[str]:
    """All paths but those of `.git`, in whichever folder."""
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            inside = list(os.scandir(source / prefix))
        except OSError as error:
            raise _unreadable(source / prefix, error) from error
        for item in inside:
            if item.name == ".git":
                continue
            if item.is_dir(follow_symlinks=False):
                waiting.append(f"{prefix}{item.name}/")
            else:
                yield prefix + item.name


def _is_below(name: str, links: set[str]) -> bool:
    """Whether a folder on the way to it has become a link."""
    parts = name.split("/")
    return bool(links) and any("/".join(parts[:n]) in links for n in range(1, len(parts)))


def _status(path: Path) -> int:
    """The mode that lstat knows; 0 where nothing is."""
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _entry(source: Path, name: str) -> Entry | None:
    path = source / name
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            return Entry(name, executable=True, size=0, target=_target(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(found.st_mode):
        raise Usage(
            f"{path} is neither a file nor a link, so it can't be sent",
            "remove it, or have git ignore it",
            code="source_special_file",
        )
    return Entry(name, bool(found.st_mode & stat.S_IXUSR), found.st_size)


def _target(link: Path) -> str:
    return os.readlink(link)  # noqa: PTH115 # as it is written: a Path would tidy it


def _content(root: Path, entry: Entry) -> Iterator[bytes]:
    if entry.target is not None:
        yield os.fsencode(entry.target)
        return
    with _opened(root / entry.path) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _opened(path: Path) -> IO[bytes]:
    """A file as it was listed: a link that has come in its place is not followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(path, error) from error
    return os.fdopen(descriptor, "rb", buffering=0)


def _unreadable(path: Path, error: OSError) -> Usage:
    return Usage(
        f"{path} can't be read: {error.strerror}",
        "make it readable, or have git ignore it and no service mount it",
        code="source_unreadable",
    )


def _changed(path: str) -> SandboxerError:
    return TryAgain(
        f"the source changed while it was being sent: {path}",
        "the same again sends what is there then",
        code="source_changed",
    )


def _too_large(source: Path, what: str, entries: Iterable[Entry]) -> Usage:
    greatest = sorted(entries, key=lambda entry: -entry.size)[:_NAMED]
    named = ", ".join(f"{entry.path} ({entry.size / 1024**2:.0f} MiB)" for entry in greatest)
    return Usage(
        f"{source} is too large to be sent: {what}; the greatest are {named}",
        f"a source has at most {MOST_FILES} files and {MOST_BYTES // 1024**2} MiB; what git "
        "ignores is not sent",
        code="source_too_large",
    )
