"""A container engine's own command as typed calls: what podman and docker have in common. What an
engine owns it finds by label.

Things are named `<id>.<rest>`: an id has no dot, so the name tells whose a thing is even where a
killed engine has left one without labels.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import select
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, NamedTuple

from . import ids, process
from .call import CALL_SECONDS, END_SECONDS, Call, await_end
from .errors import HostError
from .limits import Limits
from .runtime import Monitor

LABEL_ID = "io.sandboxer.id"
LABEL_GENERATION = "io.sandboxer.generation"
LABEL_RECIPE = "io.sandboxer.recipe"
# not the id itself: whatever somebody makes of an image inherits its labels
LABEL_BUILD = "io.sandboxer.build"
AT_ONCE = 4
KINDS = ("container", "network", "volume")
BUILD_MARK = "SBX_BUILD_OF"  # a build argument of ours, where an engine needs one
BUILT = "localhost"  # the registry of images that are built here; the next part is the id
# labels by which compose programs mark what they make; their project is called like the sandbox
LABELS_PROJECT = ("com.docker.compose.project", "io.podman.compose.project")
QUERY_SECONDS = 30.0  # for what only asks: an engine that takes longer has stopped answering
STOP_SECONDS = 2
NEWS_SECONDS = 1.0
_KEPT = 64 * 1024  # bytes of what a watched call says
_NEVER_STARTED = ("created", "configured")
_OUR_NAME = re.compile(r"(?:pod_)?(sbx-[a-z0-9][a-z0-9-]{0,38})(?:[._].*)?", re.DOTALL)
_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "i686": "386",
    "armv6l": "arm",
    "armv7l": "arm",
}
_NO_SUBNET = (
    "non-overlapping IPv4 address pool",  # docker before 28
    "fully subnetted",
    "could not find free subnet",  # podman
)
_OWN_LOG = re.compile(r'time="[^"]*" level=(?:debug|info|warning) |See \'docker ')


class Container(NamedTuple):
    id: str
    name: str
    state: str  # the engine's words: created, running, exited, paused, restarting, unknown …
    exit_code: int
    started_at: int  # epoch; another one means that the engine has started it again
    owner_id: str  # the sandbox whose it is, or ""
    generation: str

    @property
    def never_started(self) -> bool:
        return self.state in _NEVER_STARTED


class Owned(NamedTuple):
    """`networks` is as `Engine.networks` has it."""

    containers: Sequence[Container]
    networks: Mapping[str, str]
    volumes: Sequence[str]


class Login(NamedTuple):
    """What a command that pulls is given besides: options, and its environment."""

    options: Sequence[str] = ()
    environment: Mapping[str, str] = {}


class Engine(ABC):
    """One engine on this host. Errors are HostError `engine_missing` and `engine_failed`."""

    name: ClassVar[str]  # that of its command
    least: ClassVar[str]  # the oldest version that has all that it is asked for here
    log_driver: ClassVar[str]  # one whose logs are files that it bounds by `max-size`
    storage: ClassVar[str]  # the folder in which it keeps images, where nobody has moved it
    settings: ClassVar[Sequence[str]]  # patterns of the files that say how it works
    subnets: ClassVar[str]  # the setting from which it takes those of its networks
    takes_settings: ClassVar[bool] = False  # whether ours could mend it
    quietly: ClassVar[Sequence[str]] = ()  # its warnings are no words of a command inside
    environment: ClassVar[Mapping[str, str]] = {}  # what each of its commands has to have
    removes_beside: ClassVar[bool] = False  # whether `removing` does
    has_domainname: ClassVar[bool] = False  # whether a container's is apart from its host name
    # whether it carries what comes by IPv6 to containers whose networks have none
    carries_ipv6: ClassVar[bool] = False
    # whether what it publishes is accepted by a process of its own
    has_proxy: ClassVar[bool] = False
    pull_always: ClassVar[str]  # the option by which a build pulls what it begins with

    def __init__(self, program: str = "") -> None:
        """`program` is its command where that is another one."""
        self.program = program or self.name

    def run(
        self,
        argv: Sequence[str],
        seconds: float = CALL_SECONDS,
        stdin: Any = subprocess.DEVNULL,
        environment: Mapping[str, str] | None = None,
    ) -> bytes:
        """Standard output of one call. A call that fails or outlives `seconds` raises."""
        done = self.attempt(argv, seconds, stdin, environment)
        if done.returncode != 0:
            raise self._failed(argv, done.stderr)
        return done.stdout

    def attempt(
        self,
        argv: Sequence[str],
        seconds: float = CALL_SECONDS,
        stdin: Any = subprocess.DEVNULL,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """One call and its exit status, whatever that is."""
        with self.begin(argv, seconds, stdin, environment) as call:
            return call.done()

    def begin(
        self,
        argv: Sequence[str],
        seconds: float = CALL_SECONDS,
        stdin: Any = subprocess.DEVNULL,
        environment: Mapping[str, str] | None = None,
    ) -> Call:
        """One call that runs beside others."""
        whole = [self.program, *argv]
        return Call(whole, self._start(whole, stdin, subprocess.PIPE, environment), seconds)

    def run_all(
        self,
        calls: Sequence[tuple[Sequence[str], Mapping[str, str]]],
        seconds: float = CALL_SECONDS,
    ) -> list[bytes]:
        """As `run`, each with its environment, some at once. None is left at work where one
        fails."""
        said = []
        for argv, done in self._ended(calls, seconds):
            if done.returncode != 0:
                raise self._failed(argv, done.stderr)
            said.append(done.stdout)
        return said

    def _ended(
        self,
        calls: Sequence[tuple[Sequence[str], Mapping[str, str]]],
        seconds: float = CALL_SECONDS,
    ) -> Iterator[tuple[Sequence[str], subprocess.CompletedProcess[bytes]]]:
        """Each call, with what came of it; some are at work at once."""
        for first in range(0, len(calls), AT_ONCE):
            begun: list[tuple[Sequence[str], Call]] = []
            try:
                for argv, environment in calls[first : first + AT_ONCE]:
                    begun.append((argv, self.begin(argv, seconds, environment=environment)))
                ended = [(argv, call.done()) for argv, call in begun]
            finally:
                _leave([call for _argv, call in begun])
            yield from ended

    def watch(
        self,
        argv: Sequence[str],
        seconds: float,
        tell: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
    ) -> tuple[int | None, list[str]]:
        """One slow call, whose news (its latest whole line, once a second at most) `tell` is given.

        `within` is a command that runs it. Exit status and last lines, of both of its outputs. One
        that outlives `seconds` is ended, and has no status.
        """
        whole = [*within, self.program, *argv]
        child = self._start(whole, subprocess.DEVNULL, subprocess.STDOUT, environment)
        output, ended = b"", False
        try:
            output, ended = _read_news(child, time.monotonic() + seconds, tell)
        finally:
            if not ended:
                # nobody passes a TERM on to what runs within another
                child.send_signal(signal.SIGKILL if within else signal.SIGTERM)
                await_end(child)
        return child.wait() if ended else None, said(output)

    def surroundings(self, environment: Mapping[str, str] | None = None) -> dict[str, str]:
        """What its commands find in their environment: ours, this, and what they have to have."""
        own = {**self.environment, "PATH": process.search_path()}
        return {**os.environ, **(environment or {}), **own}

    def _start(
        self, argv: Sequence[str], stdin: Any, stderr: int, environment: Mapping[str, str] | None
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=self.surroundings(environment),
            )
        except FileNotFoundError as error:
            raise self.missing("run `sandboxer host prepare HOST`") from error

    def is_here(self) -> bool:
        return shutil.which(self.program, path=process.search_path()) is not None

    def missing(self, hint: str) -> HostError:
        """It may lie in a folder that only its owner's own shell searches: so say where it isn't.
        The reaper's timer would not find it there either."""
        return missing(f"no {self.program}", hint)

    @abstractmethod
    def version(self) -> str:
        """The version of what does the work."""

    def binary(self) -> str | None:
        """The file of what does the work."""
        return shutil.which(self.program, path=process.search_path())

    @abstractmethod
    def containers(self) -> list[Container]:
        """All of them, strangers' too."""

    def ended_at(self, container: str) -> str | None:
        """When a container last ended, to the nanosecond; None where there is none. What it writes
        after that belongs to its next run, whose start the engine may note later."""
        asked = ["container", "inspect", "--format", "{{json .State.FinishedAt}}", container]
        done = self.attempt(asked, QUERY_SECONDS)
        return str(json.loads(done.stdout)) if done.returncode == 0 else None

    def inspect(self, containers: Sequence[str]) -> list[dict[str, Any]]:
        """All that the engine says of these containers, in this order."""
        said = self.run(["container", "inspect", *containers], QUERY_SECONDS)
        found: list[dict[str, Any]] = json.loads(said)
        return found

    @abstractmethod
    def networks(self, sandbox_id: str) -> dict[str, str]:
        """A sandbox's networks: name -> the bridge's interface, where that may outlive the
        containers and has to be looked after; else an empty word."""

    @abstractmethod
    def find(self, kind: str, sandbox_id: str) -> list[str]:
        """Names of the networks, volumes or pods that belong to a sandbox."""

    @contextlib.contextmanager
    def creating_networks(
        self, wanted: Mapping[str, bool], labels: Mapping[str, str]
    ) -> Iterator[None]:
        """Networks that no other network reaches: name -> whether it leads nowhere else, either.

        They are there when this ends; while it lasts something else can be done.
        """
        argvs = [self._new_network(name, labels, internal) for name, internal in wanted.items()]
        calls: list[Call] = []
        try:
            for argv in argvs[:AT_ONCE]:
                calls.append(self.begin(argv))
            yield
            done = [call.done() for call in calls]
        finally:
            _leave(calls)
        for one in done:
            self._refuse_failed("network", one)
        for _argv, one in self._ended([(argv, {}) for argv in argvs[AT_ONCE:]]):
            self._refuse_failed("network", one)

    @abstractmethod
    def _new_network(self, name: str, labels: Mapping[str, str], internal: bool) -> list[str]:
        """The command that makes one."""

    @abstractmethod
    def gateways(self, sandbox_id: str) -> dict[str, str]:
        """A sandbox's networks that lead to this host: name -> this host's address there."""

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        argv = ["volume", "create", *label_options(labels), name]
        self._refuse_failed("volume", self.attempt(argv))

    def start(self, containers: Sequence[str]) -> None:
        """Start what was created, or has ended. The error names a service that can't be."""
        self._start_each([containers])

    def _start_each(self, batches: Sequence[Sequence[str]]) -> None:
        """Some at once; each of these calls goes on after one that it can't start."""
        for argv, done in self._ended([(["start", *names], {}) for names in batches]):
            if done.returncode != 0:
                names = argv[1:]
                name = names[0] if len(names) == 1 else self._not_started(names, done)
                service = name.partition(".")[2]
                what = f"service {service} can't be started" if service else ""
                raise self._failed(argv, done.stderr, what)

    @abstractmethod
    def _not_started(
        self, containers: Sequence[str], done: subprocess.CompletedProcess[bytes]
    ) -> str:
        """Of which of them a failed `start` tells in the line that `_told` has; or ""."""

    def owned(self, sandbox_id: str, kinds: Collection[str] = KINDS) -> Owned:
        """A sandbox's things of these kinds, which have labels."""
        there = self.containers() if "container" in kinds else ()
        return Owned(
            [one for one in there if one.owner_id == sandbox_id],
            self.networks(sandbox_id) if "network" in kinds else {},
            self.find("volume", sandbox_id) if "volume" in kinds else [],
        )

    @abstractmethod
    def remove_containers(
        self, containers: Sequence[Container], graces: Mapping[str, int] | None = None
    ) -> None:
        """As `remove`, with their anonymous volumes, after a short grace. `graces`: name -> seconds
        to end by itself, where those are not ours. Raises `residue` where one runs of which the
        engine doesn't know so."""

    def removing(
        self, names: Sequence[str], graces: Mapping[str, int] | None = None
    ) -> AbstractContextManager[list[str]]:
        """As `remove_containers`, of such as have run, while something else is done. The names of
        those that went are there once it has ended: none, where an engine can't."""
        return contextlib.nullcontext([])

    def remove(self, kind: str, names: Sequence[str]) -> None:
        """Remove things by name. What isn't there is no error; whether it worked, ask `find`."""
        if names:
            self.attempt([kind, "rm", *self._force(kind), "--", *names])

    def _force(self, kind: str) -> Sequence[str]:
        return ("--force",)

    @abstractmethod
    def settle(
        self, sandbox_id: str, graces: Mapping[str, int] | None = None, was: str = ""
    ) -> Sequence[Container]:
        """Wait until the engine is at work for no command any more that was killed: what it is
        making yet nobody can find. Returns the sandbox's containers that had to be removed for
        that. Raises `residue` where it takes too long.

        `was` is the state that it was in. For one that was ready nothing can be under way; and one
        that is stuck has been waited for before. What the engine is at work on after that is a
        stranger's."""

    @abstractmethod
    def monitors(self, sandbox_id: str) -> list[Monitor]:
        """What runs of a sandbox's containers, whatever the engine knows of that."""

    @abstractmethod
    def end(self, container_ids: Iterable[str]) -> None:
        """End containers that the engine doesn't know. Raises `residue` where one outlives it."""

    @abstractmethod
    def held_ports(self, sandbox_id: str, numbers: Collection[int]) -> set[int]:
        """Those of a sandbox's ports that are still held for it."""

    @abstractmethod
    def entrypoint(
        self, words: Sequence[str], command: Sequence[str]
    ) -> tuple[list[str], list[str]]:
        """An entrypoint with its command, for `create`: (options, words after the image)."""

    @abstractmethod
    def network_options(self, joined: Mapping[str, Sequence[str]]) -> list[str]:
        """Networks, each with a container's aliases there, for `create`. There is at least one."""

    @abstractmethod
    def connect(self, container: str, joined: Mapping[str, Sequence[str]]) -> None:
        """Put one that is not started on those networks that its `create` did not take."""

    @abstractmethod
    def starter(self) -> int:
        """The process that starts its containers, by whose limits theirs are bound."""

    @abstractmethod
    def ulimits(self, asked: Limits) -> Limits:
        """A container's limits, with those that have to be named beside them."""

    @abstractmethod
    def logged_in(self, auth_file: str | None) -> AbstractContextManager[Login]:
        """What a pull or a build needs to take its logins from that file, while it lasts."""

    @abstractmethod
    def build(
        self,
        sandbox_id: str,
        argv: Sequence[str],
        scratch: str,
        seconds: float,
        tell: Callable[[str], None],
        environment: Mapping[str, str],
    ) -> tuple[int | None, list[str]]:
        """As `watch`, so that what a killed build leaves is found by the sandbox and by its folder
        for scratch, or ends by itself."""

    @abstractmethod
    def working_containers(self, sandbox_id: str) -> list[Container]:
        """What a killed build of this sandbox's has left in the engine's storage."""

    @abstractmethod
    def remove_working_containers(self, sandbox_id: str, scratch: Sequence[str]) -> None:
        """As `remove`, with what the runtime knows of them; `scratch` is what lies in the build's
        folder."""

    def built_images(self, sandbox_id: str) -> list[str]:
        """Names of the images that were built for a sandbox. By name: a label is inherited by
        whatever somebody makes of them."""
        done = self.run(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"])
        start = f"{BUILT}/{sandbox_id}/"
        names = (line.strip() for line in done.decode("utf-8", "replace").splitlines())
        return sorted(name.rpartition(":")[0] for name in names if name.startswith(start))

    def remove_images(self, names: Sequence[str]) -> None:
        """As `remove`. One of which a stranger has made a container stays his, without our name.
        The layers with which the next build begins stay, too."""
        if names:
            self.attempt(["image", "rm", "--no-prune", "--", *names])
            for name in names:
                if self.image(name) is not None:
                    self._untag(name)

    @abstractmethod
    def _untag(self, name: str) -> None:
        """Take a name from an image that is in use."""

    def architecture(self) -> str:
        """This machine's, as images name it."""
        machine = os.uname().machine
        return _ARCHITECTURES.get(machine, machine)

    def import_image(self, name: str, changes: Sequence[str], file: Any, seconds: float) -> None:
        """An image out of a tar of its files."""
        argv = ["import"]
        for change in changes:
            argv += ["--change", change]
        self.run([*argv, "-", name], seconds=seconds, stdin=file)

    def image(self, name: str) -> dict[str, Any] | None:
        """What the engine says of an image that it has here, or None."""
        return self.images([name])[name]

    def images(self, names: Iterable[str]) -> dict[str, dict[str, Any] | None]:
        """What it says of each; some are asked for at once."""
        # podman waits for its storage, for as long as anybody unpacks a big layer into it
        asked = self._ended([(["image", "inspect", name], {}) for name in names])
        return {argv[-1]: self._image(argv, done) for argv, done in asked}

    def _image(
        self, argv: Sequence[str], done: subprocess.CompletedProcess[bytes]
    ) -> dict[str, Any] | None:
        if done.returncode != 0:
            if b"no such image" in done.stderr.lower() or b"not known" in done.stderr:
                return None
            raise self._failed(argv, done.stderr)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found[0] if found else None

    def last_lines(self, container: str, count: int = 5) -> list[str]:
        """The last lines that a container wrote, for a message; never an error."""
        # all of it, which is bounded: podman's --tail loses a line that came in pieces
        try:
            done = self.attempt(["logs", container], seconds=10)
        except HostError:
            return []
        if done.returncode != 0:
            return []  # these would be the engine's own words
        text = (done.stdout + done.stderr).decode("utf-8", "replace")
        return [line[:300] for line in text.splitlines() if line.strip()][-count:]

    def _refuse_failed(self, kind: str, done: subprocess.CompletedProcess[bytes]) -> None:
        if done.returncode != 0 and b"already exists" not in done.stderr:
            raise self._failed([kind, "create"], done.stderr)

    def _failed(self, argv: Sequence[str], stderr: bytes, what: str = "") -> HostError:
        told = self._told(said(stderr))
        what = what or "`{} {}` failed".format(self.program, " ".join(argv[:2]))
        if any(words in told for words in _NO_SUBNET):
            return HostError(
                "networks_exhausted",
                f"{self.program} has no subnet left for a network: {told}",
                f"destroy a sandbox, or widen {self.subnets}",
                retryable=True,
            )
        return no_space([told]) or HostError(
            "engine_failed",
            f"{what}: {told or 'no message'}",
            f"these are {self.program}'s own words; try the same on the host by hand",
        )

    def _told(self, lines: Sequence[str]) -> str:
        """The line of a failed command that tells why."""
        return lines[-1] if lines else ""


def _leave(calls: Sequence[Call]) -> None:
    """Have all of them end, in the time that one has for it."""
    until = time.monotonic() + END_SECONDS
    for call in calls:
        call.leave(until)


def _read_news(
    child: subprocess.Popen[bytes], end: float, tell: Callable[[str], None]
) -> tuple[bytes, bool]:
    """The end of all that a child says, and whether that is all: else it goes on after `end`
    (monotonic)."""
    pipe: Any = child.stdout
    kept, news, told = b"", b"", 0.0
    while True:
        now = time.monotonic()
        if now >= end:
            return kept, False
        wait = min(end - now, max(told + NEWS_SECONDS - now, 0) if news else NEWS_SECONDS)
        if select.select([pipe], [], [], wait)[0]:
            chunk = os.read(pipe.fileno(), _KEPT)
            if not chunk:
                return kept, True
            kept = (kept + chunk)[-_KEPT:]
            if b"\n" in chunk or b"\r" in chunk:
                news = _whole_lines(kept)
        now = time.monotonic()
        if news and now >= told + NEWS_SECONDS:
            lines = said(news)
            if lines:
                tell(lines[-1])
                told = now
            news = b""


def _whole_lines(output: bytes) -> bytes:
    """In half a line nobody finds a value that is to be masked."""
    return output[: max(output.rfind(b"\n"), output.rfind(b"\r")) + 1]


def missing(what: str, hint: str) -> HostError:
    return HostError(
        "engine_missing",
        f"there is {what} in {process.search_path()}",
        f"{hint}; one that lies elsewhere needs a link in /usr/local/bin",
    )


def no_space(lines: Sequence[str]) -> HostError | None:
    """The error that a command's last lines amount to, where they say that the disk is full."""
    for line in lines:
        if os.strerror(errno.ENOSPC).lower() in line.lower():
            return HostError(
                "disk_full",
                f"no space left on the host: {line}",
                "free some space on the host and try again",
                retryable=True,
            )
    return None


def said(output: bytes) -> list[str]:
    """The lines of a command's output, without what the engine itself logs on the way."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines()]
    return [line for line in lines if line and not _OWN_LOG.match(line)]


def labels_of(sandbox_id: str, generation: int) -> dict[str, str]:
    return {LABEL_ID: sandbox_id, LABEL_GENERATION: str(generation)}


def label_options(labels: Mapping[str, str]) -> list[str]:
    return [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]


def owner_of(labels: Mapping[str, str], name: str) -> str:
    if labels.get(LABEL_ID):
        return labels[LABEL_ID]
    # what is called so: our own names, and what compose programs make of a project's
    found = _OUR_NAME.fullmatch(name)
    projects = (labels.get(label, "") for label in LABELS_PROJECT)
    return found[1] if found else next((one for one in projects if ids.is_id(one)), "")
