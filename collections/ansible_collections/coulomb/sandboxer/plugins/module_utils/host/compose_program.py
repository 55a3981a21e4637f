"""The other maker: a compose program of the host's own, given the same document.

It makes containers, no more: networks and volumes are there before, and the start is ours. Its
exit status means nothing (podman-compose 1.0.3 answers 0 to a failure); whoever calls it looks
afterwards what is there.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import json
import os
import re
import select
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

from . import maker, process
from .engine import Engine, labels_of, no_space, said
from .errors import HostError
from .maker import Mount, Wanted
from .state import write_bytes

FILE = "compose.json"
END_SECONDS = 5.0
LAST_LINES = 5
_KEPT = 64 * 1024  # bytes of what it says
_LONGEST_KEY = 1000  # YAML allows a key 1024 characters
# What stands there for a program of that kind would change what is made, or where.
_ITS_OWN = ("COMPOSE_", "PODMAN_COMPOSE_")
# YAML takes these for line breaks, or refuses them, where JSON writes them as they are. Nothing
# else is escaped: podman-compose 1.6 dies on an emoji that was.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_VALUE = re.compile(r" (?:-e|--env)[ =].*")


def split(command: str) -> list[str]:
    """The words of a compose command. No shell: nothing in it is expanded."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise HostError(
            "usage", f"the compose command {command!r} can't be split: {str(error).lower()}"
        ) from error
    if not words or "\0" in command:
        raise HostError("usage", f"{command!r} is not a compose command")
    if "/" in words[0] and not os.path.isabs(words[0]):
        raise HostError(
            "usage",
            f"the compose program {words[0]} is a relative path",
            "give its name, or its whole path on the host",
        )
    return words


def check(command: str, services: Mapping[str, Any]) -> None:
    """Refuse what no compose program would carry unchanged."""
    split(command)
    for name, service in services.items():
        for key in (*service["environment"], *service["labels"]):
            if "$" in key or len(key) > _LONGEST_KEY:
                raise HostError(
                    "usage",
                    f"service {name}: compose programs don't carry the name {key[:60]!r}",
                    "without a compose command the engine itself makes the containers",
                )


def refuse_missing(command: str) -> None:
    program = split(command)[0]
    if shutil.which(program) is None:
        raise HostError(
            "compose_program_missing",
            f"there is no compose program {program} on this host",
            "install it, or name another one: SANDBOXER_COMPOSE_CMD, sandboxer_compose_cmd, "
            "--compose-cmd; without any the engine itself makes the containers",
        )


def make(
    engine: Engine,
    command: str,
    folder: str,
    sandbox_id: str,
    generation: int,
    wanted: Sequence[Wanted],
) -> list[str]:
    """Have these containers made, and look: each is there, of this generation, and not started.
    Returns a sentence for each key that it has left out.

    `folder` is for its file and for nothing else: it would take a `.env` there for settings.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, FILE)
    written = as_yaml(document(engine, sandbox_id, generation, wanted))
    write_bytes(path, written.encode("utf-8"))
    refuse_missing(command)
    argv = up_argv(split(command), sandbox_id, path)
    secrets = [value for one in wanted for value in one.spec["environment"].values()]
    lines = _last_lines(_run(argv, folder, engine.environment), secrets)
    amiss = _amiss(engine, sandbox_id, generation, wanted)
    if amiss:
        raise no_space(lines) or HostError(
            "compose_failed",
            f"{argv[0]} did not make what it was told to: {amiss}"
            + ("; its last lines:\n" + "\n".join(lines) if lines else "; it said nothing"),
            f"try {argv[0]} on the host by hand; without a compose command the engine itself makes "
            "the containers",
        )
    return _left_out(engine, argv[0], sandbox_id, wanted)


def up_argv(words: Sequence[str], sandbox_id: str, path: str) -> list[str]:
    """`… up --no-start` of a file; the project is the sandbox, so that what it makes is found."""
    return [*words, "-p", sandbox_id, "-f", path, "up", "--no-start"]


def document(
    engine: Engine, sandbox_id: str, generation: int, wanted: Sequence[Wanted]
) -> dict[str, Any]:
    """A compose file of these services, in which nothing is left to decide.

    Without `depends_on` (1.3.0 makes `--requires` of it). Each container is a service of its own.
    """
    volumes = sorted(
        {mount.source for one in wanted for mount in one.mounts if mount.kind == "volume"}
    )
    networks = sorted({network for one in wanted for network in maker.joined(one.spec)})
    return {
        "services": {one.instance: _service(engine, sandbox_id, generation, one) for one in wanted},
        "networks": {
            network: _external(maker.network_name(sandbox_id, network)) for network in networks
        },
        "volumes": {name: _external(name) for name in volumes},
        "x-podman": {"in_pod": False},
    }


def as_yaml(value: Any) -> str:
    """JSON that is YAML too, for programs that read it as YAML."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _external(name: str) -> dict[str, Any]:
    return {"external": True, "name": name}


# keys that a compose file has under the same name, with the same value
_SAME = (
    *("cap_add", "cap_drop", "command", "cpu_shares", "cpus", "cpuset", "dns", "dns_opt"),
    *("dns_search", "entrypoint", "group_add", "oom_score_adj", "pids_limit", "platform"),
    *("read_only", "security_opt", "shm_size", "stdin_open", "stop_signal", "tty", "ulimits"),
    *("user", "working_dir"),
)
_RENAMED = {
    "memory": "mem_limit",
    "memory_reservation": "mem_reservation",
    "memory_swap": "memswap_limit",
}


def _service(engine: Engine, sandbox_id: str, generation: int, one: Wanted) -> dict[str, Any]:
    spec = one.spec
    made: dict[str, Any] = {
        "container_name": maker.container_name(sandbox_id, one.instance),
        "image": one.image,
        "pull_policy": "never",
        "environment": dict(spec["environment"]),
        "labels": {**spec["labels"], **labels_of(sandbox_id, generation)},
        "logging": {"driver": engine.log_driver, "options": {"max-size": maker.LOG_SIZE}},
        "healthcheck": {"test": ["NONE"]},  # we drive it
        "restart": spec["restart"],
        "stop_grace_period": f"{maker.stop_grace(spec)}s",
        "expose": ["{target}/{protocol}".format(**port) for port in spec["expose"]],
        "ports": maker.published(one),
        "volumes": [_mount(mount) for mount in one.mounts if mount.kind != "tmpfs"],
        "tmpfs": [maker.tmpfs(mount) for mount in one.mounts if mount.kind == "tmpfs"],
        "extra_hosts": maker.extra_hosts(one),
        # as lists: 1.0.3 takes no mapping
        "annotations": [f"{key}={text}" for key, text in spec.get("annotations", {}).items()],
        "sysctls": [f"{key}={text}" for key, text in spec.get("sysctls", {}).items()],
    }
    if spec["init"]:
        made["init"] = True  # without it the engine has a setting of its own
    for key in _SAME:
        if spec.get(key) is not None:
            made[key] = spec[key]
    for key, theirs in _RENAMED.items():
        if key in spec:
            made[theirs] = spec[key]
    for key in ("network_mode", "ipc", "pid"):
        if spec.get(key):
            made[key] = maker.namespace(sandbox_id, spec[key])
    if maker.joined(spec):
        made["networks"] = _networks(one)
    else:
        made.setdefault("network_mode", "none")
    made.update(maker.host_names(engine, one))
    literal: dict[str, Any] = _literal({key: value for key, value in made.items() if value != []})
    return literal


def _networks(one: Wanted) -> Any:
    """1.0.3 reads a mapping as "missing networks": so it is one only where there are aliases.
    Where nothing is said, all of them take the default network."""
    others = {
        network: [alias for alias in maker.aliases(one, network) if alias != one.instance]
        for network in maker.joined(one.spec)
    }
    if any(others.values()):
        return {network: {"aliases": names} for network, names in others.items()}
    return [] if list(others) == ["default"] else list(others)


def _mount(one: Mount) -> dict[str, Any]:
    made = {
        "type": one.kind,
        "source": one.source,
        "target": one.target,
        "read_only": one.read_only,
    }
    if one.kind == "bind":
        return {**made, "bind": {"create_host_path": False}}
    return {**made, "volume": {"nocopy": True}} if "nocopy" in one.options else made


def _literal(value: Any) -> Any:
    """The same without anything that would be interpolated."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {key: _literal(one) for key, one in value.items()}
    return [_literal(one) for one in value] if isinstance(value, list) else value


def _environment() -> dict[str, str]:
    kept = {key: text for key, text in os.environ.items() if not key.startswith(_ITS_OWN)}
    # A Python in another locale could not read the file. One that buffers says last what came
    # before the engine's own error.
    return {**kept, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def _run(argv: Sequence[str], folder: str, environment: Mapping[str, str]) -> bytes:
    """The end of what it says. Nothing that it has started outlives it, nor this call."""
    try:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**_environment(), **environment},
            # a group in the job's own session: we find all of it, and so does who ends the job
            preexec_fn=os.setpgrp,
        )
    except OSError as error:
        raise HostError(
            "compose_failed",
            f"{argv[0]} can't be started: {error.strerror}",
            "try it on the host by hand",
        ) from error
    pipe: IO[bytes] = child.stdout  # type: ignore[assignment]
    kept = b""
    try:
        for chunk in _chunks(pipe.fileno(), lambda: _has_ended(child.pid)):
            kept = (kept + chunk)[-_KEPT:]
    finally:
        process.end_group(child.pid, END_SECONDS)
        pipe.close()
        child.wait()
    return kept


def _chunks(descriptor: int, ended: Callable[[], bool]) -> Iterator[bytes]:
    """What comes, until it is closed, or all that the ended one has left is read."""
    while True:
        last = ended()
        if select.select([descriptor], [], [], 0 if last else 0.1)[0]:
            chunk = os.read(descriptor, _KEPT)
            if not chunk:
                return
            yield chunk
        elif last:
            return


def _has_ended(pid: int) -> bool:
    """Without burying it: its pid, which is its group's, must stay its own."""
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return found is not None


def _last_lines(output: bytes, secrets: Sequence[str]) -> list[str]:
    """For a message; without values of the environment, which these programs print."""
    parts = {part for value in secrets for part in value.splitlines() if len(part.strip()) > 3}
    lines = []
    for line in said(output):
        for part in sorted(parts, key=len, reverse=True):
            line = line.replace(part.strip(), "…")
        lines.append(_VALUE.sub(" …", line)[:300])
    return lines[-LAST_LINES:]


def _amiss(engine: Engine, sandbox_id: str, generation: int, wanted: Sequence[Wanted]) -> str:
    """What of the wanted is not there as it should be; empty where all is."""
    there = {item.name: item for item in engine.containers() if item.owner_id == sandbox_id}
    found = []
    for one in wanted:
        name = maker.container_name(sandbox_id, one.instance)
        item = there.get(name)
        if item is None:
            found.append(f"{name} is missing")
        elif item.generation != str(generation):
            found.append(f"{name} does not carry our labels")
        elif not item.never_started:
            found.append(f"{name} is {item.state} before its time")
    return ", ".join(found)


# Keys that some of these programs leave out without a word, and the field of the engine's own
# answer that shows it.
_SHOWN = {
    "cpuset": "CpusetCpus",
    "dns": "Dns",
    "dns_opt": "DnsOptions",
    "dns_search": "DnsSearch",
    "group_add": "GroupAdd",
    "ipc": "IpcMode",
    "memory_swap": "MemorySwap",
    "oom_score_adj": "OomScoreAdj",
    "pid": "PidMode",
    "pids_limit": "PidsLimit",
}
_NEEDED = ("dns", "group_add")  # without them the service is another one


def _left_out(engine: Engine, program: str, sandbox_id: str, wanted: Sequence[Wanted]) -> list[str]:
    """A sentence for each key that did not arrive; HostError where it may not be left out."""
    asked = [one for one in wanted if _SHOWN.keys() & one.spec.keys()]
    if not asked:
        return []
    found = []
    names = [maker.container_name(sandbox_id, one.instance) for one in asked]
    for one, shown in zip(asked, engine.inspect(names)):
        for key in sorted(_SHOWN.keys() & one.spec.keys()):
            asked_for = one.spec[key]
            if _arrived(asked_for, shown["HostConfig"].get(_SHOWN[key])):
                continue
            told = f"{program} leaves out {key} of service {one.name}"
            if key in _NEEDED or _is_shared(asked_for):
                raise HostError(
                    "compose_failed",
                    told,
                    "without a compose command the engine itself makes the containers",
                )
            found.append(told)
    return found


def _arrived(asked: Any, shown: Any) -> bool:
    if _is_shared(asked):
        return str(shown).startswith("container:")  # by its id, not by its name
    return bool(asked == shown)


def _is_shared(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("service:")
