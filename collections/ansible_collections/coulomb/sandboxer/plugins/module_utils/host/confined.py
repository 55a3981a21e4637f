"""A command of somebody's repository on this host: as the run account, and dead when it ends.

It gets namespaces of its own for processes, mounts and IPC. Whatever it starts dies with the first
process there, in whichever session it is; of the folders of sandboxes it sees its own; what it
writes to /tmp goes with the sandbox; and no program gives it more rights than it has.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .errors import HostError
from .state import State

VERB = "confined"
PATH = "/usr/local/bin:/usr/bin:/bin"
_HOME = "home"  # in the sandbox's folder, as is:
_TEMPORARY = "tmp"
_NEWNS, _NEWIPC, _NEWPID = 0x00020000, 0x08000000, 0x20000000
_NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_PDEATHSIG, _NO_NEW_PRIVS = 1, 38
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_AS_IT_IS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PROCESSES = 4096
_FIRST_FREE = 3  # descriptors below are the standard streams
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


class Account(NamedTuple):
    """One of this host's."""

    name: str
    uid: int
    gid: int


class Place(NamedTuple):
    """Where a command runs: `program` is the whole path of ours, `remote` the folder of all
    sandboxes' folders."""

    program: str
    remote: str
    sandbox_id: str
    account: Account


def prepare(state: State, sandbox_id: str, account: Account, owner: int = 0) -> None:
    """Give a sandbox's source to the run account, with a home and a place for temporary files.

    Only what is ours is given away: what a service has written there stays its own. `owner` is the
    account that the source was unpacked for; if that isn't root it stays so, and the run account
    may as its group what the owner may.
    """
    folder, uid, gid = state.remote_dir(sandbox_id), account.uid, account.gid
    for name, mode in ((_HOME, 0o700), (_TEMPORARY, 0o1777)):
        path = os.path.join(folder, name)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, mode)
        finally:
            os.close(descriptor)
    for _path, folders, files, descriptor in os.fwalk(os.path.join(folder, "source")):
        _share(descriptor, account, owner)
        for name in files + folders:
            with contextlib.suppress(OSError):  # a link, or a service has taken it away
                found = os.open(name, _AS_IT_IS, dir_fd=descriptor)
                try:
                    _share(found, account, owner)
                finally:
                    os.close(found)


def _share(descriptor: int, account: Account, owner: int) -> None:
    found = os.fstat(descriptor)
    if found.st_uid == 0:
        os.fchown(descriptor, account.uid, account.gid)
    elif found.st_uid == owner:
        mode = stat.S_IMODE(found.st_mode)
        os.fchown(descriptor, -1, account.gid)
        os.fchmod(descriptor, mode | (mode & stat.S_IRWXU) >> 3)


def start(place: Place, words: Sequence[str], environment: Mapping[str, str]) -> Child:
    """Start one in `source`, with both of its outputs in one pipe.

    `environment` is all that it gets, but for what every account has; E2E_OUT is made where it
    is named.
    """
    read, write = os.pipe2(os.O_CLOEXEC)
    name = place.account.name
    asked = {
        "words": list(words),
        "environment": {
            "PATH": PATH,
            "HOME": os.path.join(place.remote, place.sandbox_id, _HOME),
            "USER": name,
            "LOGNAME": name,
            "SHELL": "/bin/sh",
            "LANG": "C.UTF-8",
            **environment,
        },
        "uid": place.account.uid,
        "gid": place.account.gid,
        "remote": place.remote,
        "id": place.sandbox_id,
        "job": os.getpid(),
        "report": write,
    }
    try:
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", place.program, VERB],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": PATH, "LANG": "C.UTF-8"},
            pass_fds=(write,),
        )
    finally:
        os.close(write)
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # it says why below
            child.stdin.write(json.dumps(asked).encode("utf-8"))
            child.stdin.close()
    return Child(child, read)


class Child:
    """One that was started. Its process is ours; those of the command are in there."""

    def __init__(self, process: subprocess.Popen[bytes], report: int) -> None:
        self.process = process
        self._report = report

    def end(self, grace: float) -> None:
        """TERM to all in there, and after the grace (seconds) KILL."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def check(self, timed_out: bool) -> None:
        """Once it has ended. Raises HostError `confinement_failed` where it never came so far,
        unless it was we who ended it."""
        with os.fdopen(self._report, "rb") as file:
            told = file.read().decode("utf-8", "replace")
        if told != "begun" and not (timed_out and not told):
            raise HostError(
                "confinement_failed",
                "the command can't be kept apart on this host: {}".format(told or "it was killed"),
                "a host that runs containers can do this; look at its limits",
            )


def main() -> int:
    """The process that waits outside. Its exit status is the command's."""
    asked = json.loads(sys.stdin.buffer.read())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.set_inheritable(asked["report"], False)
    try:
        _die_with_parent()
        if os.getppid() != asked["job"]:
            return 1  # it died before we could hear of it
        _call("unshare", _NEWNS | _NEWPID | _NEWIPC)
    except OSError as error:
        os.write(asked["report"], str(error).encode("utf-8"))
        return 1
    alive, ours = os.pipe()  # as long as we live
    child = os.fork()
    if child == 0:
        os.close(ours)
        os._exit(_first(asked, alive))
    os.close(asked["report"])
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    return _exit_status(os.waitpid(child, 0)[1])


def _first(asked: Mapping[str, Any], alive: int) -> int:
    """The first process in there: with it all others end."""
    try:
        _die_with_parent()
        os.set_blocking(alive, False)
        with contextlib.suppress(BlockingIOError):
            os.read(alive, 1)
            return 1  # the one outside is gone already
        _mount(asked["remote"], asked["id"])
    except OSError as error:
        os.write(asked["report"], str(error).encode("utf-8"))
        return 1
    os.write(asked["report"], b"begun")
    os.close(asked["report"])
    command = os.fork()
    if command == 0:
        os._exit(_become(asked))
    signal.signal(signal.SIGTERM, _tell_all)
    while True:
        ended, status = os.wait()  # of orphans, too
        if ended == command:
            return _exit_status(status)


def _tell_all(*_: object) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGTERM)


def _mount(remote: str, sandbox_id: str) -> None:
    """Processes, folders of sandboxes, places for temporary files: only our own."""
    _call("mount", b"none", b"/", None, _REC | _PRIVATE, None)
    _call("mount", b"proc", b"/proc", b"proc", _NOSUID | _NODEV | _NOEXEC, None)
    own = os.open(os.path.join(remote, sandbox_id), _FOLDER)
    temporary = os.open(_TEMPORARY, _FOLDER, dir_fd=own)
    _cover(remote, b"mode=0755")
    path = os.path.join(remote, sandbox_id)
    os.mkdir(path, 0o750)
    _bind(own, path)
    for place in ("/tmp", "/var/tmp"):  # noqa: S108
        if os.path.isdir(place) and not remote.startswith(place + "/"):
            _bind(temporary, place)
    for place in ("/dev/shm", "/run/lock"):  # noqa: S108
        if os.path.isdir(place):
            _cover(place, b"mode=1777")
    os.close(own)
    os.close(temporary)


def _become(asked: Mapping[str, Any]) -> int:
    """From here on it is the run account's."""
    environment = asked["environment"]
    try:
        os.setsid()
        os.umask(0o022)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        most = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        few = _PROCESSES if most == resource.RLIM_INFINITY else min(_PROCESSES, most)
        resource.setrlimit(resource.RLIMIT_NPROC, (few, few))
        os.closerange(_FIRST_FREE, 1024)
        _call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
        os.setgroups([])
        os.setresgid(asked["gid"], asked["gid"], asked["gid"])
        os.setresuid(asked["uid"], asked["uid"], asked["uid"])
        os.chdir(os.path.join(asked["remote"], asked["id"], "source"))
        if "E2E_OUT" in environment:
            os.makedirs(environment["E2E_OUT"], exist_ok=True)
        words = asked["words"]
        os.execvpe(words[0], words, environment)  # noqa: S606
    except (OSError, ValueError) as error:
        os.write(2, "sandboxer: {}: {}\n".format(asked["words"][0], error).encode("utf-8"))
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
    return _NOT_EXECUTABLE


def _cover(place: str, options: bytes) -> None:
    _call("mount", b"tmpfs", os.fsencode(place), b"tmpfs", _NOSUID | _NODEV, options)


def _bind(descriptor: int, place: str) -> None:
    source = f"/proc/self/fd/{descriptor}".encode("ascii")
    _call("mount", source, os.fsencode(place), None, _BIND, None)


def _die_with_parent() -> None:
    _call("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _call(name: str, *values: Any) -> None:
    """A call of the C library that Python has no word for."""
    library = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_ulong(one) if isinstance(one, int) else one for one in values]
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _exit_status(status: int) -> int:
    """As a shell has it: 128 and more where a signal ended it."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
