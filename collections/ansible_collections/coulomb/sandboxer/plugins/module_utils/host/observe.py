"""What a record says, held against what the engine shows just now."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from . import engines
from .clock import boot_id
from .engine import Container
from .errors import HostError
from .maker import container_names
from .readiness import questions
from .record import MAY_END, Record


def containers(names: Collection[str]) -> dict[str, list[Container]]:
    """Engine -> all its containers. One that can't be asked is not among them: of what it has
    nobody knows."""
    found: dict[str, list[Container]] = {}
    for name in names:
        with contextlib.suppress(HostError):
            found[name] = engines.named(name).containers()
    return found


def drift(record: Record, there: Sequence[Container]) -> str:
    """Why a ready sandbox is not what it should be: a wanted container missing, of another
    generation, or not running; or none of them runs. Empty where it is."""
    mine = {item.name: item for item in there if item.owner_id == record.id}
    # what a reboot has ended is no job that is done
    same_boot = (record.job or {}).get("boot_id") == boot_id()
    ends = ("completed", MAY_END) if same_boot else ("completed",)
    runs = False
    for name, wanted in record.containers.items():
        item = mine.get(name)
        if item is None:
            return f"{name} is missing"
        if item.generation != str(record.generation):
            return f"{name} is of another generation"
        done = item.state == "exited" and item.exit_code == 0 and wanted in ends
        if item.state != "running" and not done:
            return f"{name} is {item.state}"
        runs = runs or item.state == "running"
    return "" if runs or not record.containers else "nothing of it runs"


def state_of(record: Record, there: Mapping[str, Sequence[Container]]) -> str:
    """The state as it is: `ready` only where all that should run runs, as far as its engine can be
    asked. `there` is as `containers` has it."""
    seen = there.get(record.engine)
    if record.state == "ready" and seen is not None and drift(record, seen):
        return "stopped"
    return record.state


def unanswered(record: Record, document: Mapping[str, Any]) -> str:
    """The first of the document's probes that does not pass just now, if any."""
    for item in document["probes"]:
        name = item["service"]
        containers = container_names(record.id, name, document["services"][name])
        published = record.reachability["endpoints"]
        for _container, ask in questions(item, published, engines.named(record.engine), containers):
            reason = ask()
            if reason:
                return reason
    return ""
