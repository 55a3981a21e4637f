"""The container engine's own command, podman, as typed calls. What it owns it finds by label.

Things are named `<id>.<rest>`: an id has no dot, so the name tells whose a thing is even where a
killed engine has left one without labels.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import errno
import json
import os
import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import ids, process, runtime
from .errors import HostError

LABEL_ID = "io.sandboxer.id"
LABEL_GENERATION = "io.sandboxer.generation"
LABEL_RECIPE = "io.sandboxer.recipe"
# not the id itself: whatever somebody makes of an image inherits its labels
LABEL_BUILD = "io.sandboxer.build"
KINDS = ("container", "network", "volume")
BUILT = "localhost"  # the registry of images that are built here; the next part is the id
# labels by which compose programs mark what they make; their project is called like the sandbox
_LABELS_PROJECT = ("com.docker.compose.project", "io.podman.compose.project")
CALL_SECONDS = 120.0
QUERY_SECONDS = 30.0  # for what only asks: an engine that takes longer has stopped answering
STOP_SECONDS = 2
END_SECONDS = 5.0
NEWS_SECONDS = 1.0
_KEPT = 64 * 1024  # bytes of what a watched call says
_NEVER_STARTED = ("created", "configured")
_OUR_NAME = re.compile(r"(?:pod_)?(sbx-[a-z0-9][a-z0-9-]{0,38})(?:[._].*)?", re.DOTALL)
_LONGEST_NEWS = 200
_ARCHITECTURES = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "i686": "386",
    "armv6l": "arm",
    "armv7l": "arm",
}
_OWN_LOG = re.compile(r'time="[^"]*" level=(?:debug|info|warning) ')


@dataclass(frozen=True)
class Container:
    id: str
    name: str
    state: str  # podman's words: created, running, exited, paused, stopping, unknown …
    exit_code: int
    started_at: int  # epoch; another one means that the engine has started it again
    owner_id: str  # the sandbox whose it is, or ""
    generation: str

    @property
    def never_started(self) -> bool:
        return self.state in _NEVER_STARTED


@dataclass(frozen=True)
class Engine:
    """One engine on this host. Errors are HostError `engine_missing` and `engine_failed`."""

    program: str = "podman"

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
        child = self._start([self.program, *argv], stdin, subprocess.PIPE, environment)
        try:
            out, err = child.communicate(timeout=max(seconds, 0.1))
        except subprocess.TimeoutExpired as error:
            child.terminate()
            _await_end(child)
            raise HostError(
                "engine_failed",
                f"`{self.program} {argv[0]}` did not end in {seconds:.0f} s",
                retryable=True,
            ) from error
        except BaseException:
            _await_end(child)
            raise
        return subprocess.CompletedProcess(child.args, child.returncode, out, err)

    def watch(
        self,
        argv: Sequence[str],
        seconds: float,
        tell: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
        within: Sequence[str] = (),
    ) -> tuple[int, list[str]]:
        """One slow call, whose news (its latest line, once a second at most) `tell` is given.

        `within` is a command that runs it. Exit status and last lines, of both of its outputs. A
        call that outlives `seconds` raises.
        """
        whole = [*within, self.program, *argv]
        child = self._start(whole, subprocess.DEVNULL, subprocess.STDOUT, environment)
        output = None
        try:
            output = _read_news(child, time.monotonic() + seconds, tell)
        finally:
            if output is None:
                # nobody passes a TERM on to what runs within another
                child.send_signal(signal.SIGKILL if within else signal.SIGTERM)
                _await_end(child)
        if output is None:
            raise HostError(
                "engine_failed",
                f"`{self.program} {argv[0]}` did not end in {seconds:.0f} s",
                retryable=True,
            )
        return child.wait(), said(output)

    def _start(
        self, argv: Sequence[str], stdin: Any, stderr: int, environment: Mapping[str, str] | None
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **(environment or {}), "PATH": process.search_path()},
            )
        except FileNotFoundError as error:
            raise self.missing("run `sandboxer host prepare HOST`") from error

    def is_here(self) -> bool:
        return shutil.which(self.program, path=process.search_path()) is not None

    def missing(self, hint: str) -> HostError:
        """It may lie in a folder that only its owner's own shell searches: so say where it isn't.
        The reaper's timer would not find it there either."""
        return HostError(
            "engine_missing",
            f"there is no {self.program} in {process.search_path()}",
            f"{hint}; one that lies elsewhere needs a link in /usr/local/bin",
        )

    def version(self) -> str:
        return self.run(["version", "--format", "{{.Client.Version}}"]).decode().strip()

    def containers(self) -> list[Container]:
        """All of them, those that only the storage knows too."""
        found = []
        for item in self._json(["ps", "--all", "--external", "--format", "json"]):
            labels = item.get("Labels") or {}
            name = (item.get("Names") or [item.get("Id", "")])[0]
            found.append(
                Container(
                    id=str(item.get("Id", "")),
                    name=name,
                    state=str(item.get("State", "unknown")).lower(),
                    exit_code=int(item.get("ExitCode") or 0),
                    started_at=int(item.get("StartedAt") or 0),
                    owner_id=_owner_id(labels, name),
                    generation=labels.get(LABEL_GENERATION, ""),
                )
            )
        return found

    def ended_at(self, container: str) -> str | None:
        """When a container last ended, to the nanosecond; None where there is none. What it writes
        after that belongs to its next run, whose start the engine may note later."""
        done = self.attempt(["inspect", "--format", "{{json .State.FinishedAt}}", container])
        return str(json.loads(done.stdout)) if done.returncode == 0 else None

    def find(self, kind: str, sandbox_id: str) -> list[str]:
        """Names of the networks, volumes or pods that belong to a sandbox."""
        return sorted(_name(item) for item in self._owned(kind, sandbox_id))

    def networks(self, sandbox_id: str) -> dict[str, str]:
        """A sandbox's networks: name -> the bridge's interface."""
        return {
            _name(item): str(item.get("network_interface", ""))
            for item in self._owned("network", sandbox_id)
        }

    def _owned(self, kind: str, sandbox_id: str) -> list[dict[str, Any]]:
        return [
            item
            for item in self._json([kind, "ls", "--format", "json"])
            if _owner_id(item.get("labels") or item.get("Labels") or {}, _name(item)) == sandbox_id
        ]

    def remove(self, kind: str, names: Sequence[str]) -> None:
        """Remove things by name. What isn't there is no error; whether it worked, ask `find`."""
        if not names:
            return
        self.attempt([kind, "rm", "--force", "--", *names])

    def remove_pods(self, names: Sequence[str]) -> None:
        """As `remove`, with the containers in them."""
        if names:
            self.attempt(["pod", "rm", "--force", "--time", str(STOP_SECONDS), "--", *names])

    def remove_containers(
        self, containers: Sequence[Container], graces: Mapping[str, int] | None = None
    ) -> None:
        """As `remove`. `graces`: name -> seconds to end by itself, where those are not ours.
        Raises `residue` where one runs of which the engine doesn't know so."""
        if not containers:
            return
        runtime.end(one.id for one in containers if one.never_started)
        left = {one.name: (graces or {}).get(one.name, STOP_SECONDS) for one in containers}
        for _round in containers:
            needed = False
            for seconds in sorted(set(left.values())):
                names = [name for name, grace in left.items() if grace == seconds]
                argv = ["rm", "--force", "--volumes", "--time", str(seconds), "--", *names]
                done = self.attempt(argv, seconds=CALL_SECONDS + seconds)
                needed = needed or b"dependent containers" in done.stderr
            if not needed:
                return
            # one goes only after those that live in its network or among its processes
            there = {one.name for one in self.containers()}
            left = {name: seconds for name, seconds in left.items() if name in there}

    def create_network(self, name: str, labels: Mapping[str, str], internal: bool = False) -> None:
        # two networks of podman reach each other unless both are isolated
        argv = ["network", "create", "--opt", "isolate=true", *_labels(labels), name]
        if internal:
            argv.insert(2, "--internal")
        self._create("network", name, argv)

    def gateways(self, sandbox_id: str) -> dict[str, str]:
        """A sandbox's networks that lead to this host: name -> this host's address there."""
        return {
            _name(item): str(subnet["gateway"])
            for item in self._owned("network", sandbox_id)
            if not item.get("internal")
            for subnet in (item.get("subnets") or [])[:1]
            if "gateway" in subnet
        }

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        self._create("volume", name, ["volume", "create", *_labels(labels), name])

    def image(self, name: str) -> dict[str, Any] | None:
        """What the engine says of an image that it has here, or None."""
        done = self.attempt(["image", "inspect", "--format", "json", name])
        if done.returncode != 0:
            if b"no such image" in done.stderr or b"not known" in done.stderr:
                return None
            raise self._failed(["image", "inspect"], done.stderr)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found[0] if found else None

    def inspect(self, containers: Sequence[str]) -> list[dict[str, Any]]:
        """All that the engine says of these containers, in this order."""
        return self._json(["container", "inspect", *containers])

    def built_images(self, sandbox_id: str) -> list[str]:
        """Names of the images that were built for a sandbox. By name: a label is inherited by
        whatever somebody makes of them."""
        done = self.run(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"])
        start = f"{BUILT}/{sandbox_id}/"
        names = (line.strip() for line in done.decode("utf-8", "replace").splitlines())
        return sorted(name.rpartition(":")[0] for name in names if name.startswith(start))

    @property
    def storage(self) -> str:
        """The folder in which it keeps images, where nobody has moved it."""
        return "/var/lib/containers"

    def remove_images(self, names: Sequence[str]) -> None:
        """As `remove`. One of which a stranger has made a container stays his, without our name.
        The layers with which the next build begins stay, too."""
        if names:
            self.attempt(["image", "rm", "--no-prune", "--", *names])
            for name in names:
                if self.image(name) is not None:
                    self.attempt(["untag", name])

    def architecture(self) -> str:
        """This machine's, as images name it."""
        machine = os.uname().machine
        return _ARCHITECTURES.get(machine, machine)

    def last_lines(self, container: str, count: int = 5) -> list[str]:
        """The last lines that a container wrote, for a message; never an error."""
        # all of it, which is bounded: podman's --tail loses a line that came in pieces
        done = self.attempt(["logs", container], seconds=10)
        text = (done.stdout + done.stderr).decode("utf-8", "replace")
        return [line[:300] for line in text.splitlines() if line.strip()][-count:]

    def _create(self, kind: str, name: str, argv: Sequence[str]) -> None:
        done = self.attempt(argv)
        if done.returncode != 0 and b"already exists" not in done.stderr:
            raise self._failed([kind, "create"], done.stderr)

    def _json(self, argv: Sequence[str]) -> list[dict[str, Any]]:
        return json.loads(self.run(argv, seconds=QUERY_SECONDS) or b"[]") or []

    def _failed(self, argv: Sequence[str], stderr: bytes) -> HostError:
        lines = said(stderr)
        last = lines[-1] if lines else "no message"
        return no_space(lines[-1:]) or HostError(
            "engine_failed",
            "`{} {}` failed: {}".format(self.program, " ".join(argv[:2]), last),
            f"these are {self.program}'s own words; try the same on the host by hand",
        )


def _read_news(
    child: subprocess.Popen[bytes], end: float, tell: Callable[[str], None]
) -> bytes | None:
    """The end of all that a child says, or None where it goes on after `end` (monotonic)."""
    pipe: Any = child.stdout
    kept, news, told = b"", b"", 0.0
    while True:
        now = time.monotonic()
        if now >= end:
            return None
        wait = min(end - now, max(told + NEWS_SECONDS - now, 0) if news else NEWS_SECONDS)
        if select.select([pipe], [], [], wait)[0]:
            chunk = os.read(pipe.fileno(), _KEPT)
            if not chunk:
                return kept
            kept = (kept + chunk)[-_KEPT:]
            news = kept
        now = time.monotonic()
        if news and now >= told + NEWS_SECONDS:
            lines = said(news)
            if lines:
                tell(lines[-1][:_LONGEST_NEWS])
                told = now
            news = b""


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


def _await_end(child: subprocess.Popen[bytes]) -> None:
    """Let a command finish what it has begun: one that is killed in the middle of it leaves
    behind what it had not yet written down (a network namespace, for one)."""
    try:
        child.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()


def said(output: bytes) -> list[str]:
    """The lines of a command's output, without what the engine itself logs on the way."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines()]
    return [line for line in lines if line and not _OWN_LOG.match(line)]


def labels_of(sandbox_id: str, generation: int) -> dict[str, str]:
    return {LABEL_ID: sandbox_id, LABEL_GENERATION: str(generation)}


def _labels(labels: Mapping[str, str]) -> list[str]:
    return [word for key, value in labels.items() for word in ("--label", f"{key}={value}")]


def _name(item: Mapping[str, Any]) -> str:
    return str(item.get("name") or item.get("Name"))


def _owner_id(labels: Mapping[str, str], name: str) -> str:
    if labels.get(LABEL_ID):
        return labels[LABEL_ID]
    # what is called so: our own names, and what compose programs make of a project's
    found = _OUR_NAME.fullmatch(name)
    projects = (labels.get(label, "") for label in _LABELS_PROJECT)
    return found[1] if found else next((one for one in projects if ids.is_id(one)), "")
