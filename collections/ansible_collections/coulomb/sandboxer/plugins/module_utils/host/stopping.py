"""Services of a sandbox are stopped, each with its own grace."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from . import maker
from .call import CALL_SECONDS
from .engine import Container, Engine
from .errors import HostError

_RUNS = ("running", "paused", "stopping", "restarting")
_TRIES = 3


def stop(
    engine: Engine, sandbox_id: str, services: Mapping[str, Any], chosen: Collection[str]
) -> None:
    """Stop these services, those that depend on others first. Raises where one runs on."""
    for group in reversed(maker.start_order(services)):
        graces: dict[int, list[str]] = {}
        for name in group:
            if name in chosen:
                grace = maker.stop_grace(services[name])
                names = maker.container_names(sandbox_id, name, services[name])
                graces.setdefault(grace, []).extend(names)
        for grace, names in graces.items():
            _stop_containers(engine, sandbox_id, grace, names)


def _stop_containers(engine: Engine, sandbox_id: str, grace: int, names: Sequence[str]) -> None:
    # the engine may just be about to start one again, so it is looked at once more
    for _try in range(_TRIES):
        runs = [one for one in running(sandbox_id, engine.containers()) if one in names]
        if not runs:
            return
        words = ["stop", "-t", str(grace), *runs]
        done = engine.attempt(words, seconds=grace * len(runs) + CALL_SECONDS)
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    raise HostError(
        "engine_failed",
        "{} can't be stopped: {}".format(", ".join(runs), said[-1] if said else "no message"),
        retryable=True,
    )


def running(sandbox_id: str, there: Sequence[Container]) -> list[str]:
    return [one.name for one in there if one.owner_id == sandbox_id and one.state in _RUNS]
