"""docker: a daemon does the work, whatever becomes of the command that has asked for it. What it
works on yet nobody can find, so before anybody looks it has to have ended."""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import calendar
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from . import process
from .call import CALL_SECONDS
from .engine import (
    LABEL_GENERATION,
    LABEL_ID,
    LABELS_PROJECT,
    QUERY_SECONDS,
    STOP_SECONDS,
    Container,
    Engine,
    Login,
    label_options,
    owner_of,
)
from .errors import HostError
from .limits import Limits
from .runtime import Monitor

SOCKET = "/var/run/docker.sock"
PID_FILE = "/var/run/docker.pid"
SETTLE_SECONDS = 30.0
_SAYS_WHY = "Error response from daemon: "
_NOT_STARTED = re.compile(r"failed to start containers: ([^,\s]+)")
# `--format json` writes all labels as one text, in which a comma may be anybody's
_LABELS = (LABEL_ID, LABEL_GENERATION, *LABELS_PROJECT)
_ASKED_LABELS = ",".join(f'{{{{json (.Label "{label}")}}}}' for label in _LABELS)


class Docker(Engine):
    name: ClassVar[str] = "docker"

    least: ClassVar[str] = "20.10"  # `create --pull`
    log_driver: ClassVar[str] = "json-file"
    storage: ClassVar[str] = "/var/lib/docker"
    has_domainname: ClassVar[bool] = True
    carries_ipv6: ClassVar[bool] = True
    has_proxy: ClassVar[bool] = True
    pull_always: ClassVar[str] = "--pull"
    settings: ClassVar[Sequence[str]] = ("/etc/docker/daemon.json",)
    subnets: ClassVar[str] = "`default-address-pools` in /etc/docker/daemon.json"
    # this host's own daemon, whichever the account's shell or a context of its own names
    environment: ClassVar[Mapping[str, str]] = {
        "DOCKER_HOST": "unix://" + SOCKET,
        "DOCKER_TLS_VERIFY": "",
    }

    def is_here(self) -> bool:
        """A command alone may be there for another machine's daemon."""
        return super().is_here() and _daemon() is not None

    def version(self) -> str:
        return self.run(["version", "--format", "{{.Server.Version}}"]).decode().strip()

    def binary(self) -> str | None:
        return _daemon()

    def containers(self) -> list[Container]:
        """Exit code and start of a stranger's are not asked for."""
        asked = "[{{json .ID}},{{json .Names}},{{json .State}}," + _ASKED_LABELS + "]"
        listed = []
        for line in self._lines(["ps", "--all", "--no-trunc", "--format", asked]):
            container_id, names, state, *values = line
            name = next(one for one in names.split(",") if "/" not in one)  # others' links to it
            labels = _set_labels(values)
            listed.append((container_id, name, state, labels, owner_of(labels, name)))
        more = self._inspected([one[0] for one in listed if one[4]])
        return [
            Container(
                container_id,
                name,
                state,
                *more.get(container_id, (0, 0)),
                owner_id=owner_id,
                generation=labels.get(LABEL_GENERATION, ""),
            )
            for container_id, name, state, labels, owner_id in listed
        ]

    def _inspected(self, container_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Exit code and start of each that is still there."""
        if not container_ids:
            return {}
        asked = "[{{json .Id}},{{json .State.ExitCode}},{{json .State.StartedAt}}]"
        argv = ["container", "inspect", "--format", asked, *container_ids]
        done = self.attempt(argv, QUERY_SECONDS)
        if done.returncode != 0 and b"No such container" not in done.stderr:
            raise self._failed(argv, done.stderr)
        lines = map(json.loads, done.stdout.splitlines())
        return {found: (exit_code, _epoch(started)) for found, exit_code, started in lines}

    def find(self, kind: str, sandbox_id: str) -> list[str]:
        if kind == "pod":
            return []
        asked = "[{{json .Name}}," + _ASKED_LABELS + "]"
        lines = self._lines([kind, "ls", "--format", asked])
        names = [
            name for name, *values in lines if owner_of(_set_labels(values), name) == sandbox_id
        ]
        return sorted(names)

    def networks(self, sandbox_id: str) -> dict[str, str]:
        """The daemon makes a bridge with its network, and takes it away with it."""
        return dict.fromkeys(self.find("network", sandbox_id), "")

    def _new_network(self, name: str, labels: Mapping[str, str], internal: bool) -> list[str]:
        # it keeps its bridges apart by itself
        options = ["--internal"] if internal else []
        return ["network", "create", *options, *label_options(labels), name]

    def gateways(self, sandbox_id: str) -> dict[str, str]:
        names = self.find("network", sandbox_id)
        if not names:
            return {}
        asked = "[{{json .Name}},{{json .Internal}},{{json .IPAM.Config}}]"
        found = self._lines(["network", "inspect", "--format", asked, *names])
        return {
            name: str(subnet["Gateway"]).partition("/")[0]
            for name, internal, subnets in found
            if not internal
            for subnet in (subnets or [])[:1]
            if "Gateway" in subnet
        }

    def remove_containers(
        self, containers: Sequence[Container], graces: Mapping[str, int] | None = None
    ) -> None:
        by_grace: dict[int, list[str]] = {}
        for one in containers:
            if one.state in ("running", "restarting"):
                seconds = (graces or {}).get(one.name, STOP_SECONDS)
                by_grace.setdefault(seconds, []).append(one.name)
        for seconds, names in sorted(by_grace.items()):
            self.attempt(["stop", "-t", str(seconds), "--", *names], CALL_SECONDS + seconds)
        if containers:
            names = [one.name for one in containers]
            self.attempt(["rm", "--force", "--volumes", "--", *names])

    def _force(self, kind: str) -> Sequence[str]:
        # Debian 12's knows no other
        return ("--force",) if kind == "volume" else ()

    def settle(
        self, sandbox_id: str, graces: Mapping[str, int] | None = None, was: str = ""
    ) -> Sequence[Container]:
        end = time.monotonic() + SETTLE_SECONDS
        left = _deserted()
        inside: list[Container] | None = None
        while left:
            if time.monotonic() >= end and was == "stuck":
                break
            if time.monotonic() >= end:
                raise HostError(
                    "residue",
                    "docker is still at work for a command that was killed",
                    "what it makes can't be found yet; the reaper tries again each minute",
                    retryable=True,
                )
            _collect_garbage()
            time.sleep(0.05)
            left &= _deserted()
            if left and was == "ready" and inside is not None:
                break
            if left and inside is None:
                # what was asked for inside a container is answered until it ends, with that
                inside = [one for one in self.containers() if one.owner_id == sandbox_id]
                self.remove_containers(inside, graces)
        return inside or ()

    def monitors(self, sandbox_id: str) -> list[Monitor]:
        """None that its daemon does not know: that finds them again when it starts."""
        return []

    def end(self, container_ids: Iterable[str]) -> None:
        """There is none."""

    def held_ports(self, sandbox_id: str, numbers: Collection[int]) -> set[int]:
        """By processes of the daemon's, one for each published port."""
        found = set()
        for pid in process.all_pids():
            argv = [word.decode("utf-8", "replace") for word in process.argv(pid)]
            if argv and os.path.basename(argv[0]) == "docker-proxy" and process.is_outside(pid):
                found.add(dict(zip(argv[1:], argv[2:])).get("-host-port", ""))
        return {one for one in numbers if str(one) in found}

    def entrypoint(
        self, words: Sequence[str], command: Sequence[str]
    ) -> tuple[list[str], list[str]]:
        """Its option takes one word: the others stand before the command."""
        return ["--entrypoint", words[0] if words else ""], [*words[1:], *command]

    def network_options(self, joined: Mapping[str, Sequence[str]]) -> list[str]:
        """The first of them: before 25 its `create` takes no more."""
        name, aliases = next(iter(joined.items()))
        argv = ["--network", name]
        for alias in aliases:
            argv += ["--network-alias", alias]
        return argv

    def connect(self, container: str, joined: Mapping[str, Sequence[str]]) -> None:
        for name, aliases in list(joined.items())[1:]:
            argv = ["network", "connect"]
            for alias in aliases:
                argv += ["--alias", alias]
            done = self.attempt([*argv, name, container])
            if done.returncode != 0 and b"already exists in network" not in done.stderr:
                raise self._failed(argv, done.stderr)

    def starter(self) -> int:
        with open(PID_FILE, encoding="ascii") as file:
            return int(file.read())

    def ulimits(self, asked: Limits) -> Limits:
        return asked

    @contextlib.contextmanager
    def logged_in(self, auth_file: str | None) -> Iterator[Login]:
        """It takes a folder, with a file of a name that is given."""
        if not auth_file:
            yield Login()
            return
        with tempfile.TemporaryDirectory(prefix="sandboxer-") as folder:
            os.symlink(auth_file, os.path.join(folder, "config.json"))
            yield Login(environment={"DOCKER_CONFIG": folder})

    def build(
        self,
        sandbox_id: str,
        argv: Sequence[str],
        scratch: str,
        seconds: float,
        tell: Callable[[str], None],
        environment: Mapping[str, str],
    ) -> tuple[int | None, list[str]]:
        """The daemon gives up one whose command is gone: `settle` waits for that."""
        command, *rest = argv
        return self.watch([command, "--force-rm", *rest], seconds, tell, environment)

    def working_containers(self, sandbox_id: str) -> list[Container]:
        """The daemon removes them with their build."""
        return []

    def remove_working_containers(self, sandbox_id: str, scratch: Sequence[str]) -> None:
        """There is none."""

    def _untag(self, name: str) -> None:
        # by force it takes the name alone from one that runs; one that is stopped keeps its layers
        self.attempt(["image", "rm", "--force", "--no-prune", "--", name])

    def _lines(self, argv: Sequence[str]) -> list[Any]:
        return [json.loads(line) for line in self.run(argv, QUERY_SECONDS).splitlines()]

    def _not_started(
        self, containers: Sequence[str], done: subprocess.CompletedProcess[bytes]
    ) -> str:
        found = _NOT_STARTED.search(done.stderr.decode("utf-8", "replace"))
        return found[1] if found and found[1] in containers else ""

    def _told(self, lines: Sequence[str]) -> str:
        # `docker start` ends with a line that only says that it has failed
        why = next((one for one in lines if one.startswith(_SAYS_WHY)), "")
        return why[len(_SAYS_WHY) :] or super()._told(lines)


def _daemon() -> str | None:
    return shutil.which("dockerd", path=process.search_path())


def _set_labels(values: Sequence[str]) -> dict[str, str]:
    return {label: value for label, value in zip(_LABELS, values) if value}


def _epoch(instant: str) -> int:
    """Of an RFC 3339 instant in UTC; 0 for the year 1, by which it says never."""
    return max(calendar.timegm(time.strptime(instant[:19], "%Y-%m-%dT%H:%M:%S")), 0)


def _collect_garbage() -> None:
    """The daemon never closes a connection by which something ran inside a container: it leaves
    each to its garbage collector, which comes every two minutes, or when it is asked to."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(5)
        asking.connect(SOCKET)
        asking.sendall(b"GET /debug/pprof/heap?gc=1 HTTP/1.0\r\nHost: docker\r\n\r\n")
        while asking.recv(64 * 1024):
            pass


def _deserted() -> set[str]:
    """The daemon's ends of connections whose other end is gone: it closes one only when it has
    answered, even where nobody is there to hear."""
    argv = ["ss", "--unix", "--numeric", "--no-header"]
    path = process.search_path()
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "PATH": path},
            timeout=SETTLE_SECONDS,
            check=True,
        )
    except FileNotFoundError:
        raise HostError(
            "packages_missing",
            "not installed: iproute2, without which nobody can tell what docker is at work on",
            "run `sandboxer host prepare HOST`; the reaper tries again each minute",
        ) from None
    except subprocess.SubprocessError as error:
        raise HostError(
            "engine_failed",
            f"nobody can tell what docker is at work on: {error}",
            "try the same on the host by hand; the reaper tries again each minute",
            retryable=True,
        ) from error
    found = set()
    bound = (SOCKET, os.path.realpath(SOCKET))  # not that of somebody's rootless one
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        # kind, state, two queues, then each end's path and number; no number is no other end
        words = line.split()
        if len(words) > 5 and words[4] in bound and words[-1] == "0":
            found.add(words[5])
    return found
