"""What a contract says of services, held against those that there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..compose.tree import ListNode, MapNode
from ..profiles.fault import Fault, dotted, place_of
from ..profiles.layers import catalog
from ..profiles.load import load
from ..profiles.nearest import nearest
from ..profiles.resolved import ResolveRequest
from .contract import Contract

HOST = "host"


def resolve_request(contract: Contract, repository: Path) -> ResolveRequest:
    """What the sandbox's document is made of. A profile with a stack of its own takes no source.

    Raises Usage: `profile_unknown`, `profile_untrusted`, `profile_invalid`.
    """
    sandbox = contract.sandbox
    takes_source = load(sandbox.profile, catalog(repository)).profile.source is not None
    return ResolveRequest(
        sandbox.profile,
        repository if takes_source else None,
        sandbox.settings,
        files=sandbox.files,
    )


def service_faults(contract: Contract, services: Mapping[str, Any]) -> list[Fault]:
    """`services` are those of the document that goes to the host. A probe asks a service, and
    through a port that it publishes; a step runs in one."""
    found = [*_of_health(contract, services), *_of_steps(contract, services)]
    return sorted(found, key=lambda fault: (fault.place.line, fault.place.column))


def _of_health(contract: Contract, services: Mapping[str, Any]) -> Iterator[Fault]:
    for number, probe in enumerate(contract.health):
        path: list[str | int] = ["health", number]
        if probe.service not in services:
            yield _unknown(contract, [*path, "service"], probe.service, services)
            continue
        ports = services[probe.service]["ports"]
        published = [port["target"] for port in ports if port["protocol"] == "tcp"]
        if probe.port is not None and probe.port not in published:
            what = f"port {probe.port} of {probe.service} isn't published"
            hint = f"write it below the service's ports: '{probe.port}'"
            yield Fault(dotted(path), what, place_of(contract.tree, path), hint)


def _of_steps(contract: Contract, services: Mapping[str, Any]) -> Iterator[Fault]:
    said: set[str] = set()
    for number, step in enumerate(contract.steps):
        if step.where == HOST or step.where in services:
            continue
        path = _where(contract.tree, number)
        if dotted(path) not in said:
            said.add(dotted(path))
            yield _unknown(contract, path, step.where, [HOST, *services])


def _where(tree: MapNode, number: int) -> list[str | int]:
    """Which `in` counts for a step: its own, or that of all."""
    steps = tree.get("steps")
    step = steps.items[number] if isinstance(steps, ListNode) else None
    own = isinstance(step, MapNode) and step.get("in") is not None
    return ["steps", number, "in"] if own else ["in"]


def _unknown(
    contract: Contract, path: Sequence[str | int], name: str, known: Iterable[str]
) -> Fault:
    names = list(known)
    what = f"there is no service {name}{nearest(name, names)}"
    return Fault(dotted(path), what, place_of(contract.tree, path), "there are " + ", ".join(names))
