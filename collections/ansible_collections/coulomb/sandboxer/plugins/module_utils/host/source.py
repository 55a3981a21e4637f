"""The source of a sandbox on its host: received in pieces, unpacked below its folder, proved.

Links are kept as what they say. Nothing is written through one, and what is used of the source is
looked up by `inside`, which follows none out of it.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import tarfile
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from . import fault
from .errors import HostError
from .state import State

FOLDER = "source"  # in the sandbox's own folder
ARCHIVE = "source.tgz"  # in the job's, until it is unpacked
SILENCE_SECONDS = 120.0
MOST_FILES = 100_000
MOST_BYTES = 1024**3
_SENDER = re.compile(r"[a-z0-9]{8}")
_CHUNK = 1024 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ANY = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def is_needed(document: Mapping[str, Any]) -> bool:
    """Whether something is read from the source: a build, a bind mount, whatever comes later."""
    return bool(document.get("source")) or any(
        service.get("build") or any(item.get("type") == "bind" for item in service["volumes"])
        for service in document["services"].values()
    )


def root(state: State, sandbox_id: str) -> str:
    return os.path.join(state.remote_dir(sandbox_id), FOLDER)


def is_awaited(state: State, sandbox_id: str) -> bool:
    """Whether a making that needs the source has yet to be sent it."""
    archive = os.path.join(state.job(sandbox_id), ARCHIVE)
    return not os.path.isdir(root(state, sandbox_id)) and not os.path.exists(archive)


def inside(state: State, sandbox_id: str, path: str, create: bool = False) -> str:
    """Where `path` of the source lies on this host; "." is the source itself. No link is in what
    is returned.

    `create` makes the folder where nothing is. Raises HostError `source_outside` where a link
    leads out of the tree, and `file_missing` where nothing is there.
    """
    top = os.path.realpath(root(state, sandbox_id))
    found = os.path.realpath(os.path.join(top, path))
    if found != top and not found.startswith(top + os.sep):
        raise _outside(path)
    parts = os.path.relpath(found, top).split(os.sep)
    try:
        with contextlib.ExitStack() as opened:
            folder = _open(opened, top, _FOLDER)
            # step by step: what was resolved above may be a link by now, which is not followed
            for number, part in enumerate(parts):
                if create:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=folder)
                        _give(part, *_owner(folder), folder)
                last = number == len(parts) - 1
                folder = _open(opened, part, _ANY if last else _FOLDER, folder)
            if stat.S_ISLNK(os.fstat(folder).st_mode):
                raise _outside(path)
    except FileNotFoundError as error:
        raise HostError(
            "file_missing",
            f"the source has no {path}, which a service is to have",
            "is it ignored by git, or made by a step that has not run?",
        ) from error
    except OSError as error:  # a link, or a file where a folder is wanted
        if error.errno not in (errno.ELOOP, errno.ENOTDIR):
            raise
        raise _outside(path) from error
    return found


def _open(opened: contextlib.ExitStack, path: str, flags: int, folder: int | None = None) -> int:
    descriptor = os.open(path, flags, dir_fd=folder)
    opened.callback(os.close, descriptor)
    return descriptor


def _owner(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_uid, found.st_gid


def _give(path: str, uid: int, gid: int, folder: int | None = None) -> None:
    """Only root may; what another account unpacks is its own, and in its containers root's."""
    if os.geteuid() == 0:
        os.chown(path, uid, gid, dir_fd=folder, follow_symlinks=False)


def _outside(path: str) -> HostError:
    return HostError(
        "source_outside",
        f"{path} leads out of the source",
        "containers see only what lies in the source; put a copy of it there",
    )


def receive(state: State, sandbox_id: str, piece: Mapping[str, Any]) -> None:
    """Write one piece of the archive: sender (of eight letters), at, data (base64), last.

    The same piece again is no harm, and who comes when another sender is done isn't needed.
    """
    if not is_awaited(state, sandbox_id):
        return
    if _SENDER.fullmatch(piece["sender"]) is None:
        raise HostError("usage", "{!r} is no sender".format(piece["sender"]))
    data, at = base64.b64decode(piece["data"], validate=True), int(piece["at"])
    folder = state.job(sandbox_id)
    path = os.path.join(folder, "source.{}.part".format(piece["sender"]))
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    fault.point("receive-source")
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        there = os.fstat(file.fileno()).st_size
        if not 0 <= at <= there or at + len(data) > MOST_BYTES:
            raise _broken(f"a piece at {at} of an archive of {there} bytes")
        file.seek(at)
        file.write(data)
        file.truncate()
    if piece["last"]:
        os.rename(path, os.path.join(folder, ARCHIVE))
    fault.point("received-source")


def wait(state: State, sandbox_id: str) -> None:
    """Until the archive is there, or its sender has been silent for too long."""
    folder = state.job(sandbox_id)
    begun = time.time()
    while is_awaited(state, sandbox_id):
        parts = [os.path.join(folder, name) for name in os.listdir(folder) if _is_part(name)]
        heard = begun
        for path in parts:
            with contextlib.suppress(FileNotFoundError):  # it has just become the whole
                heard = max(heard, os.stat(path).st_mtime)
        if time.time() - heard > SILENCE_SECONDS:
            raise HostError(
                "source_not_sent",
                f"the source did not come: nothing was heard for {SILENCE_SECONDS:g} s",
                "the same again sends it",
                retryable=True,
            )
        time.sleep(0.02)


def unpack(state: State, sandbox_id: str, digest: str, owner: Sequence[int] | None = None) -> None:
    """From the archive to the folder, all of it or nothing. The sandbox's own folder is there.
    `owner` is the account of containers, uid and gid, whose all of it is; else it is ours.

    HostError `source_broken` for what no controller of ours sends, `source_changed` for another
    content than was announced.
    """
    target = root(state, sandbox_id)
    if os.path.isdir(target):
        return
    archive = os.path.join(state.job(sandbox_id), ARCHIVE)
    half = target + ".new"
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(half)  # of one that was killed
    fault.point("unpack-source")
    os.mkdir(half, 0o755)
    os.chmod(half, 0o755)  # noqa: S103 # whatever the umask; the folder around it is closed
    try:
        with tarfile.open(archive, "r|gz", encoding="utf-8", errors="surrogateescape") as tar:
            _extract(tar, half)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise _broken(str(error)) from error
    if digest_of(half) != digest:
        raise HostError(
            "source_changed",
            "the source changed while it was being sent",
            "the same again sends what is there then",
            retryable=True,
        )
    if owner:
        uid, gid = owner
        for folder, _folders, names in os.walk(half):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                _give(path, uid, gid)
    os.rename(half, target)
    fault.point("unpacked-source")
    os.unlink(archive)


def digest_of(folder: str) -> str:
    """The digest of a folder's content, as the controller computes it of a source."""
    whole = hashlib.sha256()
    for path in sorted(_files(folder), key=os.fsencode):
        full = os.path.join(folder, path)
        found = os.lstat(full)
        content = hashlib.sha256()
        if stat.S_ISLNK(found.st_mode):
            kind = b"link"
            content.update(os.fsencode(os.readlink(full)))
        else:
            kind = b"%o" % stat.S_IMODE(found.st_mode)
            with open(full, "rb") as file:
                while chunk := file.read(_CHUNK):
                    content.update(chunk)
        whole.update(b"%s %s\0%s" % (kind, os.fsencode(path), content.digest()))
    return "sha256:" + whole.hexdigest()


def _is_part(name: str) -> bool:
    return name.startswith("source.") and name.endswith(".part")


def _extract(tar: tarfile.TarFile, folder: str) -> None:
    """Files and links, each in folders that were made here: none is written through a link."""
    folders = {""}
    count = size = 0
    for member in tar:
        count, size = count + 1, size + member.size
        if count > MOST_FILES or size > MOST_BYTES:
            raise _broken(f"it holds more than {MOST_FILES} files or {MOST_BYTES} bytes")
        parts = member.name.split("/")
        if not set(parts).isdisjoint(("", ".", "..")):
            raise _broken(f"the name {member.name!r}")
        try:
            _make_parents(folder, parts[:-1], folders)
            path = os.path.join(folder, member.name)
            if member.issym():
                os.symlink(member.linkname, path)
            elif member.isreg():
                content: Any = tar.extractfile(member)
                _write(path, content, 0o755 if member.mode & stat.S_IXUSR else 0o644)
            else:
                raise _broken(f"{member.name!r} is neither a file nor a link")
        except (FileExistsError, NotADirectoryError) as error:
            raise _broken(f"{member.name!r} comes where something else is") from error


def _make_parents(folder: str, parts: list[str], made: set[str]) -> None:
    for count in range(1, len(parts) + 1):
        name = "/".join(parts[:count])
        if name not in made:
            path = os.path.join(folder, name)
            os.mkdir(path, 0o755)
            os.chmod(path, 0o755)  # noqa: S103
            made.add(name)


def _write(path: str, content: BinaryIO, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        shutil.copyfileobj(content, file, _CHUNK)
        os.fchmod(file.fileno(), mode)


def _files(folder: str, prefix: str = "") -> Iterator[str]:
    for item in os.scandir(os.path.join(folder, prefix)):
        if item.is_dir(follow_symlinks=False):
            yield from _files(folder, f"{prefix}{item.name}/")
        else:
            yield prefix + item.name


def _broken(what: str) -> HostError:
    return HostError(
        "source_broken", f"what came as the source can't be right: {what}", "create it again"
    )
