"""The making: from a record and its document to a stack that answers. Runs as a job.

Each step looks first and does only what is missing, so that the same job makes a sandbox and
puts one right.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from . import (
    build,
    deadline,
    destroy,
    engines,
    fault,
    files,
    holdings,
    image,
    job,
    lease,
    limits,
    maker,
    ports,
    record,
    source,
    stopping,
)
from .clock import now
from .engine import Container, Engine, labels_of
from .errors import HostError
from .readiness import Readiness
from .record import Record
from .state import State, read_json, write_bytes

COMPOSE = "compose"  # in the job's folder: the compose program's own
FILES = "files"  # in the job's folder: secrets and configs
_PORT_TRIES = 4
_LONGEST_NEWS = 200  # characters
_STARTABLE = ("created", "initialized", "running", "exited", "stopped")  # a paused one is not
SPEC = job.SPEC


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
        with deadline.within(spec["deadline"]):
            making.run()
    except deadline.PassedError:
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


def _possible(
    engine: Engine,
    service: Mapping[str, Any],
    services: Mapping[str, Any],
    name: str,
    found: image.Image | None,
) -> Mapping[str, Any]:
    """The service as this host's engine makes it, of an image that it found."""
    changed: dict[str, Any] = {}
    if service["entrypoint"] == [] and not service["command"] and found is not None:
        changed["command"] = list(found.command)  # engines leave that out, too; compose doesn't
    if service.get("pid"):  # the first of its processes is another one's
        changed["init"] = False
    if service.get("ulimits"):
        within = limits.within(service["ulimits"], engine.starter())
        changed["ulimits"] = engine.ulimits(within)
    if service.get("cpus") and not limits.bounds_processors():
        changed["cpus"] = None
    if any(one.get("ipc") == f"service:{name}" for one in services.values()):
        changed["ipc"] = service.get("ipc", "shareable")  # docker's own choice is that it isn't
    return {**service, **changed}


class _Making:
    def __init__(self, state: State, current: Record, spec: Mapping[str, Any]) -> None:
        self._state = state
        self._record = current
        self._spec = spec
        self._document = spec["document"]
        self._services = image.with_names(current.id, self._document["services"])
        self._engine = engines.named(current.engine)
        self._log = job.Log(state.job(current.id))
        self._endpoints = current.reachability["endpoints"]
        self._labels = labels_of(current.id, current.generation)
        self._readiness = Readiness(self._engine, current.id, self._document, self._endpoints)
        self._images: dict[str, image.Image] = {}
        self._needed: set[str] = set()  # images of which a container is to be made
        self._wanted: dict[str, maker.Wanted] = {}
        self._again = set(spec.get("again") or ())  # services to be started once more
        self._up: set[str] = set()  # the containers that need no start
        self._phase = "start"
        self._doing = ""

    def run(self) -> None:
        if self._record.replaces:
            self._enter("remove", f"taking away {self._record.replaces}")
            gone = destroy.run(self._state, self._record.replaces)
            there = record.read(self._state, self._record.replaces)
            left = destroy.error_of(gone, there) if gone else None
            if left is not None:
                raise left
        self._enter("check", "")
        with self._creating_networks():
            missing = self._look_at_images()
        self._enter("pull", "")
        self._fetch_images(missing)
        fault.point("make-dir")
        holdings.make_dir(self._state, self._record.id, self._state.remote_dir(self._record.id))
        fault.point("made-dir")
        self._have_source()
        self._enter("build", "")
        self._build_images()
        if any(found.done for found in self._images.values()):
            # that took long enough for somebody to have removed all networks that nobody uses
            with self._creating_networks():
                pass
        by = f" by {self._record.compose_cmd}" if self._record.compose_cmd else ""
        self._enter("make", "")
        self._make_places()
        self._enter("make", "making {}{}".format(", ".join(sorted(self._services)), by))
        found = self._there()
        self._make_containers(self._missing(found))
        self._stop_cut_off(found)
        self._start()
        self._enter("ready", "waiting until it answers")
        self._wait({"": [(name, "ready") for name in self._services]})
        self._readiness.refuse_idle()
        self._finish()

    def _wait(self, wishes: Mapping[str, Collection[tuple[str, str]]]) -> list[str]:
        """Until somebody has what he wishes: who has."""
        before = set(self._readiness.forgiven)
        met = self._readiness.wait_for_any(wishes, maker.optional_services(self._services))
        for name, reason in self._readiness.forgiven.items():
            if name not in before:
                self._log.write(
                    self._phase, f"going on without {name}, which is optional: {reason}"
                )
        return met

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

    @contextlib.contextmanager
    def _creating_networks(self) -> Iterator[None]:
        """While images are looked at: neither needs the other."""
        wanted = {
            maker.network_name(self._record.id, name): bool(keys.get("internal"))
            for name, keys in maker.networks(self._document).items()
        }
        fault.point("make-network")
        with self._engine.creating_networks(wanted, self._labels):
            fault.point("making-network")
            yield
        fault.point("made-network")

    def _look_at_images(self) -> list[image.Wanted]:
        """What is here already; where something has to come, there must be room for it. For a
        container that is there nothing has to."""
        to_make = set(self._to_make(self._there()).values())
        self._needed = {self._services[name]["image"] for name in to_make}
        asked = image.wanted(self._only(to_make))
        others = image.wanted(self._only(self._services.keys() - to_make))
        missing = [one for one in asked if one.comes_anew]
        looked_at = [one for one in asked if not one.comes_anew]
        looked_at += [one for one in others if one.name not in self._needed]
        for one, there in zip(looked_at, image.here(self._engine, looked_at)):
            if there is not None:
                self._images[one.name] = there
            elif one in asked:
                missing.append(one)
        if missing or (to_make and source.is_needed(self._document)):
            for folder in (self._engine.storage, self._state.root, self._state.remote):
                image.check_space(folder)
        return missing

    def _only(self, names: Collection[str]) -> dict[str, Any]:
        """The document with these services."""
        services = self._document["services"].items()
        return {
            **self._document,
            "services": {name: one for name, one in services if name in names},
        }

    def _fetch_images(self, missing: Sequence[image.Wanted]) -> None:
        for one in missing:
            self._enter("pull", "" if one.recipe else f"pulling {one.name}")
            fault.point("make-image")
            found = image.fetch(self._state, self._engine, one, self._call())
            fault.point("made-image")
            self._images[one.name] = found
            if found.done:
                self._log.write(self._phase, f"{found.done} {one.name}")

    def _have_source(self) -> None:
        """Last of what a build needs: it is on its way while images are being pulled."""
        if not source.is_needed(self._document):
            return
        self._enter("source", "")
        source.wait(self._state, self._record.id)
        digest = self._record.source_digest or ""
        source.unpack(self._state, self._record.id, digest, self._document.get("source_owner"))

    def _build_images(self) -> None:
        for name, service in self._services.items():
            if not service.get("build"):
                continue
            if service["image"] not in self._needed and not self._engine.image(service["image"]):
                continue
            self._doing = f"building the image of {name}"
            platform = service.get("platform", "")
            found = build.ensure(
                *(self._state, self._engine, self._record.id, name),
                *(service["build"], platform, self._call()),
            )
            self._images[service["image"]] = found
            if found.done:
                self._log.write(self._phase, f"built the image of {name}")

    def _call(self) -> image.Call:
        return image.Call(
            self._spec["deadline"],
            self._spec.get("auth_file"),
            lambda line: self._log.write(self._phase, line[:_LONGEST_NEWS]),
        )

    def _make_places(self) -> None:
        """Volumes and files. Volumes that images ask for become planned holdings first."""
        self._plan_containers()
        wanted = sorted(
            {
                mount.source
                for one in self._wanted.values()
                for mount in one.mounts
                if mount.kind == "volume"
            }
        )
        self._readiness.knows(self._own_checks(), self._beginning())
        planned = list(self._record.holdings)
        for volume in wanted:
            if {"kind": "volume", "key": volume} not in planned:
                planned.append({"kind": "volume", "key": volume})
        if len(planned) > len(self._record.holdings):
            self._change(holdings=tuple(planned))
        there = self._engine.find("volume", self._record.id) if wanted else []
        for volume in wanted:
            if volume not in there:
                fault.point("make-volume")
                self._engine.create_volume(volume, self._labels)
                fault.point("made-volume")

    def _own_checks(self) -> dict[str, Mapping[str, Any] | None]:
        """The health checks of images, of services that are made of them now: others' containers
        may be of what was called so before."""
        return {
            name: self._images[one["image"]].healthcheck
            for name, one in self._services.items()
            if one["image"] in self._needed
        }

    def _beginning(self) -> set[str]:
        """The services that find nothing yet on a volume of theirs."""
        if self._record.state != "creating":
            return set()
        wanted = self._wanted.values()
        return {one.name for one in wanted if any(m.kind == "volume" for m in one.mounts)}

    def _plan_containers(self) -> None:
        """What each container is. Reads and writes the files that it will see."""
        written = files.write_all(
            os.path.join(self._state.job(self._record.id), FILES), self._document
        )
        bind = ports.addresses(self._document["publish"], self._engine.carries_ipv6)
        for name, asked in self._services.items():
            found = self._images.get(asked["image"])
            service = _possible(self._engine, asked, self._services, name, found)
            self._say_lowered(name, asked, service)
            sources = {
                item["source"]: source.inside(
                    self._state, self._record.id, item["source"], bool(item.get("create"))
                )
                for item in service["volumes"]
                if item.get("type") == "bind"
            }
            for number, instance in enumerate(maker.instances(name, service)):
                self._wanted[instance] = maker.Wanted(
                    name,
                    instance,
                    service,
                    service["image"],
                    maker.service_mounts(
                        *(self._record.id, instance, service),
                        *(self._volumes_of(service["image"]), sources, written[name]),
                    ),
                    self._published(name, number),
                    bind,
                )

    def _volumes_of(self, name: str) -> tuple[str, ...]:
        """That an image asks for; one that is not here is that of containers that have theirs."""
        found = self._images.get(name)
        return found.volumes if found is not None else ()

    def _say_lowered(self, name: str, asked: Mapping[str, Any], service: Mapping[str, Any]) -> None:
        limits_asked = asked.get("ulimits", {})
        lowered = [key for key, limit in limits_asked.items() if service["ulimits"][key] != limit]
        if lowered:
            self._log.write(
                self._phase,
                f"service {name} asks for more {', '.join(sorted(lowered))} than root has here: "
                "it gets what there is",
            )
        if asked.get("cpus") and not service["cpus"]:
            self._log.write(
                self._phase, f"service {name} has all processors: nothing bounds them here"
            )

    def _published(self, name: str, number: int) -> list[dict[str, Any]]:
        """The ports of one container of a service: the record has them one container after the
        other."""
        mine = [item for item in self._endpoints if item["service"] == name]
        count = len(self._services[name]["ports"])
        return [
            {"target": item["port"], "protocol": item["protocol"], "host_port": item["host_port"]}
            for item in mine[number * count : (number + 1) * count]
        ]

    def _make_containers(self, wanted: Sequence[maker.Wanted]) -> None:
        if any("extra_hosts" in one.spec for one in wanted):
            gateways = self._engine.gateways(self._record.id)
            wanted = [one._replace(gateway=self._gateway(one, gateways)) for one in wanted]
        for group in maker.make_order(self._services):
            now_due = [one for one in wanted if one.name in group]
            if self._record.compose_cmd is not None and now_due:
                fault.point("make-container")
                self._have_created(self._record.compose_cmd, now_due)
                fault.point("made-container")
                continue
            if now_due:
                fault.point("make-container")
                self._create(now_due)
                fault.point("made-container")

    def _there(self) -> dict[str, Container]:
        """Its containers by name, strangers with its label too."""
        if self._record.state == "creating":
            return {}  # of one that is being made there is none
        found = self._engine.containers()
        return {item.name: item for item in found if item.owner_id == self._record.id}

    def _to_make(self, there: Mapping[str, Container]) -> dict[str, str]:
        """The containers that are to be made, each with its service."""
        generation = str(self._record.generation)
        found: dict[str, str] = {}
        for group in maker.make_order(self._services):
            made = set(found.values())
            for name in group:
                # who lives in another one's network has none any more when that one is made anew
                again = bool(maker.shared_with(self._services[name]) & made)
                for container in self._containers(name):
                    item = there.get(container)
                    usable = item is not None and item.generation == generation
                    if again or not item or not usable or item.state not in _STARTABLE:
                        found[container] = name
        return found

    def _containers(self, name: str) -> list[str]:
        return maker.container_names(self._record.id, name, self._services[name])

    def _missing(self, there: Mapping[str, Container]) -> list[maker.Wanted]:
        """The containers that are to be made; those that are of no use go first."""
        to_make = self._to_make(there)
        ours = {container for name in self._services for container in self._containers(name)}
        strangers = [
            item
            for name, item in there.items()
            if name not in ours and item.generation != str(self._record.generation)
        ]
        stale = [there[name] for name in to_make if name in there]
        for name in self._services:
            for container in self._containers(name):
                if container not in to_make and self._is_up(name, there[container]):
                    self._up.add(container)
        graces = maker.stop_graces(self._record.id, self._services)
        self._engine.remove_containers([*stale, *strangers], graces)
        return [
            one
            for one in self._wanted.values()
            if maker.container_name(self._record.id, one.instance) in to_make
        ]

    def _stop_cut_off(self, there: Mapping[str, Container]) -> None:
        """Those that run, but in what belongs to one that is to be started: that gets a new one,
        and they would stay in the old one. Those too that ask to be started after another one."""
        stopped = []
        for group in maker.start_order(self._services):
            for name in group:
                before = maker.restarted_by(self._services[name]) & self._services.keys()
                down = {one for other in before for one in self._containers(other)} - self._up
                mine = self._up.intersection(self._containers(name)) if down else set()
                runs = {one for one in mine if there[one].state == "running"}
                if runs:
                    self._up -= runs
                    stopped.append(name)
        if stopped:
            names = ", ".join(stopped)
            self._enter("start", f"stopping {names}, to be started after what is started now")
            stopping.stop(self._engine, self._record.id, self._services, stopped)

    def _is_up(self, name: str, item: Container) -> bool:
        # with all of it a job runs again: its end may have been that of the sandbox's stop
        if self._again:
            ending = maker.ending_services(self._document) - self._again
        else:
            ending = maker.completed_services(self._services)
        return item.state == "running" or (
            name in ending and item.state == "exited" and item.exit_code == 0
        )

    def _gateway(self, one: maker.Wanted, gateways: Mapping[str, str]) -> str:
        names = (maker.network_name(self._record.id, network) for network in maker.joined(one.spec))
        return next((gateways[name] for name in names if name in gateways), "")

    def _have_created(self, command: str, wanted: Sequence[maker.Wanted]) -> None:
        """By the compose program."""
        from . import compose_program

        folder = os.path.join(self._state.job(self._record.id), COMPOSE)
        here = (self._record.id, self._record.generation)
        for text in compose_program.make(self._engine, command, folder, *here, wanted):
            self._log.write(self._phase, text)

    def _create(self, wanted: Sequence[maker.Wanted]) -> None:
        """By the engine."""
        here = (self._record.id, self._record.generation)
        calls = []
        with contextlib.ExitStack() as read:
            for number, one in enumerate(wanted):
                by_name, by_file = maker.split_environment(one.spec["environment"])
                env_file = None
                if by_file:
                    env_file = os.path.join(self._state.job(self._record.id), f"env-{number}")
                    lines = "".join("{}={}\n".format(*item) for item in by_file.items())
                    write_bytes(env_file, lines.encode("utf-8"))
                    read.callback(os.unlink, env_file)
                calls.append((maker.create_argv(self._engine, *here, one, env_file), by_name))
            self._engine.run_all(calls)

    def _start(self) -> None:
        """Each as soon as what it waits for is as it should be."""
        self._connect()
        after = {name: maker.start_after(name, self._services) for name in self._services}
        while after:
            next_ones = maker.free(after)
            wishes = {name: maker.start_conditions(name, self._services) for name in next_ones}
            due = [name for name, wish in wishes.items() if not wish] or self._wait(wishes)
            self._start_services(due)
            after = {name: needed for name, needed in after.items() if name not in due}

    def _start_services(self, due: Sequence[str]) -> None:
        self._enter("start", "starting {}".format(", ".join(due)))
        names = [
            container
            for name in due
            for container in maker.container_names(self._record.id, name, self._services[name])
            if container not in self._up
        ]
        fault.point("make-start")
        if names:
            self._start_containers(due, names)
        fault.point("made-start")
        self._readiness.started(due)

    def _start_containers(self, group: Sequence[str], names: Sequence[str]) -> None:
        """Again with other ports, where a stranger has taken one since it was chosen."""
        for left in reversed(range(_PORT_TRIES)):
            try:
                self._engine.start(names)
                return
            except HostError as error:
                if not left or not ports.was_taken(error) or not self._move_ports(group):
                    raise
                self._connect()

    def _connect(self) -> None:
        """All that are to start: a job that was killed may have left one on its first network
        only."""
        if self._record.compose_cmd is not None:
            return
        for one in self._wanted.values():
            container = maker.container_name(self._record.id, one.instance)
            joined = maker.joined_as(self._record.id, one)
            if container not in self._up and joined:
                self._engine.connect(container, joined)

    def _move_ports(self, group: Sequence[str]) -> bool:
        there = self._engine.containers()
        runs = {one.name for one in there if one.state == "running"}
        down = {
            name: maker.container_names(self._record.id, name, self._services[name])
            for name in group
        }
        down = {name: ours for name, ours in down.items() if not runs.issuperset(ours)}
        with self._state.host_lock():
            moved = ports.move(self._state, self._record, set(down))
            if moved is None:
                return False
            self._change(holdings=moved.holdings, reachability=moved.reachability)
        self._endpoints[:] = moved.reachability["endpoints"]
        self._log.write(self._phase, "a port was taken by somebody else; with another one")
        self._plan_containers()
        for group in maker.make_order(self._services):  # and who lives in one that is made anew
            for name in group:
                if maker.shared_with(self._services[name]) & down.keys():
                    down[name] = maker.container_names(self._record.id, name, self._services[name])
        ours = {one for names in down.values() for one in names}
        self._engine.remove_containers([one for one in there if one.name in ours])
        self._make_containers([one for one in self._wanted.values() if one.name in down])
        return True

    def _finish(self) -> None:
        at = now()
        changes: dict[str, Any] = {"state": "ready", "error": None}
        missed = {
            one
            for name in self._readiness.forgiven
            for one in maker.container_names(self._record.id, name, self._services[name])
        }
        if missed:
            must = self._record.containers.items()
            changes["containers"] = {name: how for name, how in must if name not in missed}
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
