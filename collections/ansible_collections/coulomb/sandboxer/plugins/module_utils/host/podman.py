"""podman: its own command does the work and ends. So a killed one may leave what it had not yet
written down, and what runs below it is looked for as well.

One that dies in a build leaves more than an image: processes of the step that ran, a working
container that has no label, folders of scratch. So a build runs in a process namespace of its own,
which ends with it; and it is given an argument that no step asks for, by which its working
containers are known.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from . import ports, runtime
from .call import CALL_SECONDS
from .engine import (
    AT_ONCE,
    BUILD_MARK,
    KINDS,
    LABEL_GENERATION,
    QUERY_SECONDS,
    STOP_SECONDS,
    Container,
    Engine,
    Login,
    Owned,
    label_options,
    owner_of,
)
from .errors import HostError
from .limits import Limits

BOOT_ID = "/proc/sys/kernel/random/boot_id"
# A new /proc has the kernel's own boot id. A host that is a container shows another one, and to
# podman that would be a reboot.
_WITH_PROC = f'mount -t proc proc /proc && mount --bind "$0" {BOOT_ID} && exec "$@"'
_LIST_TRIES = 3
_WENT_MEANWHILE = ("container not known", "no such container")
_PS = ("ps", "--all", "--external", "--format", "json")
ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _WITH_PROC)


class Podman(Engine):
    name: ClassVar[str] = "podman"

    # `image rm --no-prune` and `--dns-option`; networks are isolated from 4.2 on, and have aliases
    # each from 4.0 on
    least: ClassVar[str] = "4.3"
    log_driver: ClassVar[str] = "k8s-file"
    storage: ClassVar[str] = "/var/lib/containers"
    pull_always: ClassVar[str] = "--pull-always"
    quietly: ClassVar[Sequence[str]] = ("--log-level", "error")
    settings: ClassVar[Sequence[str]] = (
        "/etc/containers/containers.conf.d/*.conf",
        "/etc/containers/containers.conf",
        "/etc/containers/storage.conf",
    )
    subnets: ClassVar[str] = "`default_subnet_pools` in /etc/containers/containers.conf"

    takes_settings: ClassVar[bool] = True
    removes_beside: ClassVar[bool] = True

    def version(self) -> str:
        return self.run(["version", "--format", "{{.Client.Version}}"]).decode().strip()

    def containers(self) -> list[Container]:
        """All of them, those that only the storage knows too."""
        return _containers(self._listed([_PS])[0])

    def owned(self, sandbox_id: str, kinds: Collection[str] = KINDS) -> Owned:
        asked = {"container": _PS, "network": _ls("network"), "volume": _ls("volume")}
        listed = dict(zip(kinds, self._listed([asked[kind] for kind in kinds])))
        containers = _containers(listed.get("container", []))
        return Owned(
            [one for one in containers if one.owner_id == sandbox_id],
            _interfaces(_owned(listed.get("network", []), sandbox_id)),
            sorted(_name(item) for item in _owned(listed.get("volume", []), sandbox_id)),
        )

    def start(self, containers: Sequence[str]) -> None:
        """One call starts one after the other."""
        batches = [containers[first::AT_ONCE] for first in range(AT_ONCE)]
        self._start_each([names for names in batches if names])

    def _not_started(
        self, containers: Sequence[str], done: subprocess.CompletedProcess[bytes]
    ) -> str:
        """It says whom it has started, and calls the others by their ids; the last of them last."""
        told = done.stderr.decode("utf-8", "replace")
        started = done.stdout.decode("utf-8", "replace").split()
        left = [name for name in containers if name not in started]
        if left and "unable to start container" in told:
            return left[-1]
        # it knows one of them no more, and has started none
        return next((name for name in left if f'"{name}"' in told), "")

    def find(self, kind: str, sandbox_id: str) -> list[str]:
        return sorted(_name(item) for item in self._owned(kind, sandbox_id))

    def networks(self, sandbox_id: str) -> dict[str, str]:
        return _interfaces(self._owned("network", sandbox_id))

    def _owned(self, kind: str, sandbox_id: str) -> list[dict[str, Any]]:
        return _owned(self._listed([_ls(kind)])[0], sandbox_id)

    def _new_network(self, name: str, labels: Mapping[str, str], internal: bool) -> list[str]:
        # two networks of podman reach each other unless both are isolated
        options = ["--opt", "isolate=true", *(["--internal"] if internal else [])]
        return ["network", "create", *options, *label_options(labels), name]

    def gateways(self, sandbox_id: str) -> dict[str, str]:
        return {
            _name(item): str(subnet["gateway"])
            for item in self._owned("network", sandbox_id)
            if not item.get("internal")
            for subnet in (item.get("subnets") or [])[:1]
            if "gateway" in subnet
        }

    def remove_containers(
        self, containers: Sequence[Container], graces: Mapping[str, int] | None = None
    ) -> None:
        if not containers:
            return
        runtime.end(one.id for one in containers if one.never_started)
        left = [one.name for one in containers]
        for _round in containers:
            needed = False
            for argv, seconds in _removals(left, graces):
                done = self.attempt(argv, seconds)
                needed = needed or b"dependent containers" in done.stderr
            if not needed:
                return
            # one goes only after those that live in its network or among its processes
            there = {one.name for one in self.containers()}
            left = [name for name in left if name in there]

    @contextlib.contextmanager
    def removing(
        self, names: Sequence[str], graces: Mapping[str, int] | None = None
    ) -> Iterator[list[str]]:
        gone: list[str] = []
        with contextlib.ExitStack() as stack:
            calls = [
                stack.enter_context(self.begin(argv, seconds))
                for argv, seconds in _removals(names, graces)
            ]
            yield gone
            for call in calls:
                gone += call.done().stdout.decode("utf-8", "replace").split()

    def _force(self, kind: str) -> Sequence[str]:
        # a pod goes with the containers in it
        return ("--force", *(("--time", str(STOP_SECONDS)) if kind == "pod" else ()))

    def settle(
        self, sandbox_id: str, graces: Mapping[str, int] | None = None, was: str = ""
    ) -> Sequence[Container]:
        """A command that was killed works no more."""
        return ()

    def monitors(self, sandbox_id: str) -> list[runtime.Monitor]:
        return runtime.monitors(sandbox_id + ".")

    def end(self, container_ids: Iterable[str]) -> None:
        runtime.end(container_ids)

    def held_ports(self, sandbox_id: str, numbers: Collection[int]) -> set[int]:
        """Monitors hold them. A stranger who listens there by now is not ours to count."""
        if not self.monitors(sandbox_id):
            return set()
        return {one for one in numbers if not ports.is_free(one)}

    def entrypoint(
        self, words: Sequence[str], command: Sequence[str]
    ) -> tuple[list[str], list[str]]:
        return ["--entrypoint", json.dumps(words) if words else ""], list(command)

    def network_options(self, joined: Mapping[str, Sequence[str]]) -> list[str]:
        argv = []
        for network, aliases in joined.items():
            names = ",".join("alias=" + alias for alias in aliases)
            argv += ["--network", f"{network}:{names}"]
        return argv

    def connect(self, container: str, joined: Mapping[str, Sequence[str]]) -> None:
        """Its `create` takes all of them."""

    def starter(self) -> int:
        return os.getpid()

    def ulimits(self, asked: Limits) -> Limits:
        """It raises those that aren't named to their greatest, which a host that is a container
        itself refuses: so they are the account's."""
        limits = {**asked}
        for name, which in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
            limits.setdefault(name, dict(zip(("soft", "hard"), resource.getrlimit(which))))
        return limits

    @contextlib.contextmanager
    def logged_in(self, auth_file: str | None) -> Iterator[Login]:
        yield Login(("--authfile", auth_file)) if auth_file else Login()

    def build(
        self,
        sandbox_id: str,
        argv: Sequence[str],
        scratch: str,
        seconds: float,
        tell: Callable[[str], None],
        environment: Mapping[str, str],
    ) -> tuple[int | None, list[str]]:
        command, *rest = argv
        # its own format has no HEALTHCHECK and no SHELL, and passes over them
        marked = [command, "--format", "docker", "--build-arg", BUILD_MARK, *rest]
        own = {**environment, BUILD_MARK: sandbox_id, "TMPDIR": scratch}
        boot_id = os.path.join(scratch, "boot_id")
        shutil.copyfile(BOOT_ID, boot_id)
        return self.watch(marked, seconds, tell, own, (*ALONE, boot_id))

    def working_containers(self, sandbox_id: str) -> list[Container]:
        strangers = [one for one in self.containers() if one.state == "storage"]
        if not strangers:
            return []
        storage = self.run(["info", "--format", "{{.Store.GraphRoot}}"]).decode().strip()
        return [
            one for one in strangers if _arguments(storage, one.id).get(BUILD_MARK) == sandbox_id
        ]

    def remove_working_containers(self, sandbox_id: str, scratch: Sequence[str]) -> None:
        names = [one.id for one in self.working_containers(sandbox_id)]
        if names:
            self.attempt(["rm", "--force", "--", *names])
        for name in scratch:
            runtime.forget("buildah-" + name)

    def _untag(self, name: str) -> None:
        self.attempt(["untag", name])

    def _listed(self, lists: Sequence[Sequence[str]]) -> list[list[dict[str, Any]]]:
        """What each of these says. Again where a container, anybody's, went while `ps` looked at
        it: that fails as a whole."""
        tries = _LIST_TRIES
        while True:
            tries -= 1
            try:
                said = self.run_all([(argv, {}) for argv in lists], QUERY_SECONDS)
                return [json.loads(one or b"[]") or [] for one in said]
            except HostError as error:
                if not tries or not any(words in str(error) for words in _WENT_MEANWHILE):
                    raise


def _ls(kind: str) -> list[str]:
    return [kind, "ls", "--format", "json"]


def _removals(
    names: Sequence[str], graces: Mapping[str, int] | None
) -> Iterator[tuple[list[str], float]]:
    """Calls that remove containers, each with the seconds that it may take."""
    by_grace: dict[int, list[str]] = {}
    for name in names:
        by_grace.setdefault((graces or {}).get(name, STOP_SECONDS), []).append(name)
    for grace, those in sorted(by_grace.items()):
        options = ("--force", "--volumes", "--time", str(grace))
        yield ["rm", *options, "--", *those], CALL_SECONDS + grace


def _containers(listed: Iterable[Mapping[str, Any]]) -> list[Container]:
    found = []
    for item in listed:
        labels = item.get("Labels") or {}
        name = (item.get("Names") or [item.get("Id", "")])[0]
        found.append(
            Container(
                id=str(item.get("Id", "")),
                name=name,
                state=str(item.get("State", "unknown")).lower(),
                exit_code=int(item.get("ExitCode") or 0),
                started_at=int(item.get("StartedAt") or 0),
                owner_id=owner_of(labels, name),
                generation=labels.get(LABEL_GENERATION, ""),
            )
        )
    return found


def _owned(listed: Iterable[dict[str, Any]], sandbox_id: str) -> list[dict[str, Any]]:
    return [
        item
        for item in listed
        if owner_of(item.get("labels") or item.get("Labels") or {}, _name(item)) == sandbox_id
    ]


def _interfaces(networks: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {_name(item): str(item.get("network_interface", "")) for item in networks}


def _name(item: Mapping[str, Any]) -> str:
    return str(item.get("name") or item.get("Name"))


def _arguments(storage: str, container_id: str) -> Mapping[str, Any]:
    """The arguments of the build for which a working container was made."""
    pattern = os.path.join(glob.escape(storage), "*-containers", container_id, "*", "buildah.json")
    for path in glob.glob(pattern):
        with contextlib.suppress(OSError, ValueError), open(path, encoding="utf-8") as file:
            found: Mapping[str, Any] = json.load(file).get("Args") or {}
            return found
    return {}
