"""The making: from a record and its document to a stack that answers. Runs as a job.

Each step looks first and does only what is missing, so that the same job makes a sandbox and
puts one right.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import compose_program, destroy, engines, fault, holdings, image, job, lease, maker, record
from .clock import now
from .engine import labels_of
from .errors import HostError
from .readiness import Readiness
from .record import Record
from .state import State, read_json, write_bytes

COMPOSE = "compose"  # in the job's folder: the compose program's own
_STARTABLE = ("created", "initialized", "running", "exited", "stopped")  # a paused one is not
SPEC = "spec.json"  # in the job's folder: what was asked for, the document included


class _DeadlinePassedError(Exception):
    pass


def run(state: State, sandbox_id: str, generation: int) -> None:
    """The whole of a making job. Ends with the record `ready`, or undone and `failed`."""
    spec = read_json(os.path.join(state.job(sandbox_id), SPEC))
    fault.point("job-started")
    current = record.update(
        state, sandbox_id, generation, job=job.myself("make", now().wall + spec["deadline"])
    )
    fault.point("job-entered")
    making = _Making(state, current, spec)
    try:
        with _deadline(spec["deadline"]):
            making.run()
    except _DeadlinePassedError:
        making.fail(making.deadline_error(spec["deadline"]))
    except HostError as error:
        if error.code != "fenced":
            making.fail(error)
    except Exception as error:
        making.fail(_named(error))
        raise


def _named(error: Exception) -> HostError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return HostError(
            "disk_full",
            f"no space left on the host: {error}",
            "free some space on the host and try again",
            retryable=True,
        )
    return HostError("internal", f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    def passed(*_: object) -> None:
        raise _DeadlinePassedError

    signal.signal(signal.SIGALRM, passed)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class _Making:
    def __init__(self, state: State, current: Record, spec: Mapping[str, Any]) -> None:
        self._state = state
        self._record = current
        self._spec = spec
        self._document = spec["document"]
        self._services: Mapping[str, Any] = self._document["services"]
        self._engine = engines.named(current.engine)
        self._log = job.Log(state.job(current.id))
        self._endpoints = current.reachability["endpoints"]
        self._labels = labels_of(current.id, current.generation)
        self._readiness = Readiness(self._engine, current.id, self._document, self._endpoints)
        self._images: dict[str, image.Image] = {}
        self._up: set[str] = set()  # the services that need no start
        self._phase = "start"
        self._doing = ""

    def run(self) -> None:
        if self._record.replaces:
            self._enter("remove", f"taking away {self._record.replaces}")
            gone = destroy.run(self._state, self._record.replaces)
            left = destroy.error_of(gone) if gone else None
            if left is not None:
                raise left
        self._enter("images", "")
        self._have_images()
        self._enter("networks", "")
        self._make_places()
        by = f" by {self._record.compose_cmd}" if self._record.compose_cmd else ""
        self._enter("containers", "making {}{}".format(", ".join(sorted(self._services)), by))
        self._make_containers()
        self._start()
        self._enter("ready", "waiting until it answers")
        self._readiness.wait(dict.fromkeys(self._services, "ready"))
        self._finish()

    def deadline_error(self, seconds: float) -> HostError:
        why = self._readiness.why() if self._phase in ("start", "ready") else ""
        if why:
            return HostError(
                "not_ready",
                f"not ready after {seconds:g} s: {why}",
                "a longer --deadline gives it more time",
            )
        at = f": it was {self._doing}" if self._doing else ""
        return HostError(
            "deadline",
            f"the making did not end within {seconds:g} s{at}",
            "a longer --deadline gives it more time",
            retryable=True,
        )

    def fail(self, error: HostError) -> None:
        """Undo what was made and say why in the record; a repair leaves it `stopped`."""
        error.stage = error.stage or self._phase
        with contextlib.suppress(OSError):  # a log that is full keeps nobody from undoing
            self._log.write("failed", str(error))
        with contextlib.suppress(HostError):  # fenced: the destroyer does the rest
            if self._record.state != "creating":
                self._change(state="stopped", error=error.as_dict())
                return
            self._record = destroy.undo(self._state, self._record, error)

    def _have_images(self) -> None:
        for name in sorted({service["image"] for service in self._services.values()}):
            fault.point("make-image")
            recipe = self._document["images"].get(name)
            found = image.ensure(self._state, self._engine, name, recipe, self._spec["deadline"])
            fault.point("made-image")
            self._images[name] = found
            if found.done:
                self._log.write(self._phase, f"{found.done} {name}")

    def _make_places(self) -> None:
        """Folder, network, volumes. Those that images ask for become planned holdings first."""
        self._volumes = {
            name: maker.service_volumes(
                self._record.id, name, service, self._images[service["image"]].volumes
            )
            for name, service in self._services.items()
        }
        wanted = sorted({volume for found in self._volumes.values() for volume in found.values()})
        planned = list(self._record.holdings)
        for volume in wanted:
            if {"kind": "volume", "key": volume} not in planned:
                planned.append({"kind": "volume", "key": volume})
        if len(planned) > len(self._record.holdings):
            self._change(holdings=tuple(planned))
        fault.point("make-dir")
        holdings.make_dir(self._state, self._record.id, self._state.remote_dir(self._record.id))
        fault.point("made-dir")
        fault.point("make-network")
        self._engine.create_network(maker.network_name(self._record.id), self._labels)
        fault.point("made-network")
        there = self._engine.find("volume", self._record.id) if wanted else []
        for volume in wanted:
            if volume not in there:
                fault.point("make-volume")
                self._engine.create_volume(volume, self._labels)
                fault.point("made-volume")

    def _make_containers(self) -> None:
        generation = str(self._record.generation)
        there = {item.name: item for item in self._engine.containers()}
        stale = [
            item
            for item in there.values()
            if item.owner_id == self._record.id
            and (item.generation != generation or item.state not in _STARTABLE)
        ]
        self._engine.remove_containers(stale)
        completed = maker.completed_services(self._services)
        wanted = []
        for name in self._services:
            item = there.get(maker.container_name(self._record.id, name))
            if item is None or item in stale:
                wanted.append(self._wanted(name))
            elif item.state == "running" or (
                name in completed and item.state == "exited" and item.exit_code == 0
            ):
                self._up.add(name)
        if self._record.compose_cmd is not None and wanted:
            fault.point("make-container")
            self._have_created(self._record.compose_cmd, wanted)
            fault.point("made-container")
            return
        for one in wanted:
            fault.point("make-container")
            self._create(one)
            fault.point("made-container")

    def _wanted(self, name: str) -> maker.Wanted:
        published = [
            {"target": item["port"], "protocol": item["protocol"], "host_port": item["host_port"]}
            for item in self._endpoints
            if item["service"] == name
        ]
        bind = "0.0.0.0" if self._document["publish"] == "host" else "127.0.0.1"  # noqa: S104
        return maker.Wanted(name, self._services[name], self._volumes[name], published, bind)

    def _have_created(self, command: str, wanted: Sequence[maker.Wanted]) -> None:
        """By the compose program."""
        folder = os.path.join(self._state.job(self._record.id), COMPOSE)
        here = (self._record.id, self._record.generation)
        compose_program.make(self._engine, command, folder, *here, wanted)

    def _create(self, one: maker.Wanted) -> None:
        by_name, by_file = maker.split_environment(one.spec["environment"])
        env_file = os.path.join(self._state.job(self._record.id), "env") if by_file else None
        if env_file is not None:
            lines = "".join("{}={}\n".format(*item) for item in by_file.items())
            write_bytes(env_file, lines.encode("utf-8"))
        here = (self._record.id, self._record.generation)
        argv = maker.create_argv(self._engine, *here, one, env_file)
        self._engine.run(argv, environment=by_name)
        if env_file is not None:
            os.unlink(env_file)

    def _start(self) -> None:
        for group in maker.start_order(self._services):
            needs = {
                needed: how["condition"]
                for name in group
                for needed, how in self._services[name]["depends_on"].items()
            }
            if needs:
                self._readiness.wait(needs)
            self._enter("start", "starting {}".format(", ".join(group)))
            names = [
                maker.container_name(self._record.id, name)
                for name in group
                if name not in self._up
            ]
            fault.point("make-start")
            if names:
                self._engine.run(["start", *names])
            fault.point("made-start")
            self._readiness.started(group)

    def _finish(self) -> None:
        at = now()
        changes: dict[str, Any] = {"state": "ready", "error": None}
        if self._record.state == "creating":
            changes["lease"] = lease.grant(self._spec["ttl"], self._spec["ttl"], at).as_dict()
            changes["instants"] = {**self._record.instants, "ready_at": at.wall}
        fault.point("make-ready")
        self._change(**changes)
        fault.point("made-ready")
        self._log.write("ready", "ready")

    def _enter(self, phase: str, text: str) -> None:
        self._phase, self._doing = phase, text
        if text:
            self._log.write(phase, text)

    def _change(self, **changes: Any) -> None:
        self._record = record.update(
            self._state, self._record.id, self._record.generation, **changes
        )
