"""Each maker is the other's judge: of every shape what the engine's `inspect` says of its
containers, field by field, by whom they were made: the engine, or a compose program.

Images are one that is there, whatever a shape names or builds: it is about what is made of them.
"""

from __future__ import annotations

import base64
import io
import json
import re
import shlex
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import program
from sandboxer_cli.compose.emit import Document
from sandboxer_cli.compose.makers import DIFFERENCES, DOCKERS, FAILS, LEFT_OUT, REFUSED, Difference
from sandboxer_cli.profiles.resolve import ResolveRequest, resolve
from tests.corpus import judge
from tests.corpus.judge import AGREES, Files
from tests.lab.hosts import Host

Run = Callable[..., Any]  # a place's
SECONDS = 1800
DOCKER_COMPOSE, PODMAN_COMPOSE = "docker compose", "podman-compose"
IMAGE = "localhost/sandboxer-tests/judged:1"
ON_THE_HOST = Path(__file__).with_name("both_makers.py")
ASK = """
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
base64 -d | tar -x -C "$folder"
python3 -I "$folder/both_makers.py" "$folder" "$@"
"""
# what the engine numbers anew each time
ANEW = re.compile(
    r"(.*\.)?(Id|NetworkID|Created|SandboxKey|MacAddress|IPAddress|Pid|ConmonPid|StartedAt|FinishedAt"
    r"|lockNumber)"
    r"|GraphDriver\..*"
)


@dataclass(frozen=True)
class Dispute:
    """A field of a container of which the two say different things; None is nothing."""

    container: str
    field: str
    engines: Any
    programs: Any

    def __str__(self) -> str:
        said = [json.dumps(one)[:200] for one in (self.engines, self.programs)]
        return f"{self.container} {self.field}: {said[0]} by the engine, {said[1]} by the program"

    def rows(self, version: str) -> set[Difference]:
        """The table's, that say why."""
        return {row for row in (*DIFFERENCES, *DOCKERS) if row.explains(self.field, version)}


# of what is in them the order says nothing
UNORDERED = (
    *("Config.Env", "Config.CreateCommand", "HostConfig.ExtraHosts"),
    "HostConfig.Ulimits",
)


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each leaf of what `inspect` says that says something; a list that has no order by what is in
    it, and docker's two ways to ask for a mount in the words of one."""
    if isinstance(value, dict) and value:
        for key, one in value.items():
            yield from flat(one, f"{path}.{key}" if path else key)
    elif path == "Mounts" and isinstance(value, list):
        yield from flat({one["Destination"]: one for one in value}, path)
    elif path == "HostConfig.Binds" and isinstance(value, list):
        yield from flat({one.split(":")[1]: one for one in value}, path)
    elif path == "HostConfig.Mounts" and isinstance(value, list):
        yield from flat({one["Target"]: bind(one) for one in value}, "HostConfig.Binds")
    elif value is None or value in ([], {}):
        return
    elif path in UNORDERED or path.endswith(".Aliases"):
        yield path, sorted(value, key=json.dumps)
    elif not ANEW.fullmatch(path):
        yield path, value


def bind(mount: Mapping[str, Any]) -> str:
    """As `--volume` has it."""
    options = ["ro"] if mount.get("ReadOnly") else []
    options += ["nocopy"] if mount.get("VolumeOptions", {}).get("NoCopy") else []
    return ":".join([mount["Source"], mount["Target"], *([",".join(options)] if options else [])])


def by_field(listed: Sequence[Any]) -> dict[str, dict[str, Any]]:
    """Container -> field -> value, with ID in place of each container's id, and SUBNET of what a
    network got that came sooner or later than its neighbour."""
    ids = "|".join(part for one in listed for part in (one["Id"], one["Id"][:12]))
    text = re.sub(ids, "ID", json.dumps(listed))
    text = re.sub(r"\b(10\.89|172)\.\d+\.", "SUBNET.", text)
    return {one["Name"]: dict(flat(one)) for one in json.loads(text)}


def disputes(engines: Sequence[Any], programs: Sequence[Any]) -> list[Dispute]:
    """All that differs, with a reason or without."""
    ours, theirs = by_field(engines), by_field(programs)
    assert ours.keys() == theirs.keys()
    return [
        Dispute(name, field, one.get(field), theirs[name].get(field))
        for name, one in ours.items()
        for field in sorted({*one, *theirs[name]})
        if one.get(field) != theirs[name].get(field)
    ]


@dataclass(frozen=True)
class Stack:
    """A document, and the source that it is of."""

    name: str
    document: Mapping[str, Any]
    folder: Path

    @classmethod
    def of(cls, shape: Files) -> Stack:
        return cls(shape.name, document(shape), shape.folder)


def verdicts(run: Run, command: str, shapes: Sequence[Files]) -> dict[str, str]:
    """Shape -> `agrees`, or what differs and no table says why."""
    version = version_of(run, command)
    found = {}
    stacks = [Stack.of(one) for one in shapes]
    for one, said in zip(stacks, ask(run, command, stacks), strict=True):
        if isinstance(said, str):
            found[one.name] = AGREES if cannot(version, one.document) else said
            continue
        left = [str(dispute) for dispute in said if not dispute.rows(version)]
        found[one.name] = "; ".join(left) or AGREES
    return found


def cannot(version: str, made: Mapping[str, Any]) -> bool:
    """Whether a table says that this program makes nothing of a document."""
    return any(
        row.is_of(version) and row.then in (FAILS, REFUSED) and _asks(service, key)
        for row in LEFT_OUT
        for key in row.key.split(", ")
        for service in made["services"].values()
    )


def _asks(service: Mapping[str, Any], key: str) -> bool:
    if key == "aliases":
        return any(one.get("aliases") for one in service["networks"].values())
    name, _colon, value = key.partition(": ")
    if value:
        return bool(str(service.get(name, "")).startswith(value))
    return service.get(name) not in (None, 1)


def ask(run: Run, command: str, stacks: Sequence[Stack]) -> Iterator[list[Dispute] | str]:
    """Of each what differs, or why the program made nothing; all in one trip."""
    argv = ["sh", "-c", ASK, "sh", engine_of(command), command]
    said = run(argv, stdin=packed(stacks), timeout=SECONDS).stdout
    for one, line in zip(stacks, said.splitlines(), strict=True):
        name, engines, programs = json.loads(line)
        assert name == one.name and not isinstance(engines, str), (name, engines)
        yield programs if isinstance(programs, str) else disputes(engines, programs)


def packed(stacks: Sequence[Stack]) -> str:
    """The folder that ON_THE_HOST wants, and itself: a tar in base64."""
    files = {
        "both_makers.py": ON_THE_HOST.read_bytes(),
        "host.pyz": program.build(program.sources()),
        "documents.json": json.dumps({one.name: one.document for one in stacks}).encode(),
    }
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for one in stacks:
            tar.add(one.folder, f"sources/{one.name}")
    return base64.b64encode(whole.getvalue()).decode()


def document(shape: Files) -> Document:
    """Ours, of one image only."""
    request = ResolveRequest("profile.compose", shape.folder, files=shape.files)
    made = resolve(request).document
    services = {}
    for name, service in made["services"].items():
        kept = {k: one for k, one in service.items() if k not in ("build", "built_by", "pull")}
        services[name] = {**kept, "image": IMAGE}
    busybox = {"path": "/bin/busybox", "source": "/bin/busybox", "mode": 0o755}
    image = {"rootfs": {"files": [busybox], "links": {}, "command": ["/bin/busybox", "true"]}}
    return {**made, "images": {IMAGE: image}, "services": services, "probes": []}


def program_of(host: Host) -> str:
    """The compose program that it came with."""
    return DOCKER_COMPOSE if host == judge.HOST else PODMAN_COMPOSE


def engine_of(command: str) -> str:
    """Whose containers a compose program makes."""
    return "docker" if Path(shlex.split(command)[0]).name.startswith("docker") else "podman"


def version_of(run: Run, command: str) -> str:
    """Its project's own: without what a distribution puts behind it."""
    words = shlex.split(command)
    if engine_of(command) == "docker":
        found = re.match(r"v?(\d+\.\d+\.\d+)", run([*words, "version", "--short"]).stdout)
    else:
        found = re.search(r"podman-compose\w* version\s+(\S+)", run([*words, "--version"]).stdout)
    assert found, command
    return found[1]
