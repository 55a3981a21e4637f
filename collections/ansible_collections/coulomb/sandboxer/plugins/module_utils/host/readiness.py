"""When a service is started, healthy, completed, ready: judged by us, not by the engine."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any

from . import maker, probe
from .engine import Container, Engine, said
from .errors import HostError

SETTLE_SECONDS = 1.0  # a service that declares nothing must have stayed up for so long
RESTART_SECONDS = 5.0  # so long an engine may take to start again what has ended
POLL_SECONDS = 0.2
_ENDED = ("exited", "stopped", "dead")
_BY_HAND = "run it by hand in the same image to see why"


class Readiness:
    """Watches the services of one document while they come up.

    `published` are the endpoints of the record: service, port, host_port. Judgements are
    sentences: an empty one means yes.
    """

    def __init__(
        self,
        engine: Engine,
        sandbox_id: str,
        document: Mapping[str, Any],
        published: Sequence[Mapping[str, Any]],
    ) -> None:
        self._engine = engine
        self._id = sandbox_id
        self._services = document["services"]
        self._probes = document["probes"]
        self._published = published
        self._completed = maker.completed_services(self._services)
        self._started: dict[str, float] = {}
        self._passed: set[str] = set()
        self._containers: dict[str, Container] = {}
        self._seen: dict[str, tuple[tuple[str, int], float]] = {}
        self._restarted: set[str] = set()
        self._waiting = ("", "")  # a service and why it isn't ready

    def started(self, names: Sequence[str]) -> None:
        for name in names:
            self._started[name] = time.monotonic()

    def wait(self, conditions: Mapping[str, str]) -> None:
        """Wait until each service meets its condition.

        Conditions: service_started, service_healthy, service_completed_successfully, ready.
        Raises HostError `service_exited` at once where one ends that should not, `not_ready`
        where its health check has used up its retries. Has no deadline of its own.
        """
        pause = 0.02
        while True:
            self._look()
            # all of them: one that has ended may be why another one does not answer
            running = [(name, self._runs(name, wanted)) for name, wanted in conditions.items()]
            serving = ((name, self._serves(name, wanted)) for name, wanted in conditions.items())
            judged = itertools.chain(running, serving)
            self._waiting = next((one for one in judged if one[1]), ("", ""))
            if not self._waiting[1]:
                return
            time.sleep(pause)
            pause = min(pause * 2, POLL_SECONDS)

    def why(self) -> str:
        """Why it is not ready yet, with the last lines of the service; empty where it is."""
        name, reason = self._waiting
        return reason + self._last_lines(name) if reason else ""

    def _look(self) -> None:
        self._containers = {
            item.name: item for item in self._engine.containers() if item.owner_id == self._id
        }
        for item in self._containers.values():
            before = self._seen.get(item.name)
            seen = (item.state, item.started_at)
            if before is None or before[0] != seen:
                self._seen[item.name] = (seen, time.monotonic())
            if before is not None and before[0][1] not in (0, item.started_at):
                self._restarted.add(item.name)

    def _unchanged(self, container: Container) -> float:
        """The seconds for which it has been seen in its state, started when it was."""
        return time.monotonic() - self._seen[container.name][1]

    def _containers_of(self, name: str) -> list[Container]:
        found = []
        for wanted in maker.container_names(self._id, name, self._services[name]):
            container = self._containers.get(wanted)
            if container is None:
                raise HostError(
                    "service_exited",
                    f"the container of service {name} is gone",
                    "something else on the host took it away; try again",
                )
            found.append(container)
        return found

    def _runs(self, name: str, condition: str) -> str:
        """Whether it runs, or has ended where it is to end; each of its containers."""
        told = (self._one_runs(name, one, condition) for one in self._containers_of(name))
        return next((one for one in told if one), "")

    def _one_runs(self, name: str, container: Container, condition: str) -> str:
        ended = container.state in _ENDED
        if name in self._completed or condition == "service_completed_successfully":
            if condition == "service_started" or (ended and container.exit_code == 0):
                return ""
            if not ended:
                return f"service {name} is still {container.state}"
        if ended:
            return self._ended(name, container)
        return "" if container.state == "running" else f"service {name} is {container.state}"

    def _ended(self, name: str, container: Container) -> str:
        """Raises where it has ended for good: the engine may be about to start it again."""
        told = f"service {name} ended with exit code {container.exit_code}"
        restart = self._services[name]["restart"]
        if restart != "no" and self._unchanged(container) < RESTART_SECONDS:
            return told
        raise HostError("service_exited", told + self._lines_of(container.name), _BY_HAND)

    def _serves(self, name: str, condition: str) -> str:
        """Whether one that runs is healthy and answers, as far as that is asked."""
        if condition in ("service_started", "service_completed_successfully"):
            return ""
        if name in self._completed:
            return ""
        told = (self._healthy(name, one.name) for one in self._containers_of(name))
        sick = next((one for one in told if one), "")
        return sick or (self._answers(name) if condition == "ready" else "")

    def _healthy(self, name: str, container: str) -> str:
        check = self._services[name]["healthcheck"]
        if check is None or check["test"][0] == "NONE" or container in self._passed:
            return ""
        kind, *words = check["test"]
        argv = ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words
        try:
            done = self._engine.attempt(["exec", container, *argv], seconds=check["timeout"])
        except HostError as error:
            if error.code != "engine_failed":
                raise
            told = "no end within {:g} s".format(check["timeout"])
        else:
            if done.returncode == 0:
                self._passed.add(container)
                return ""
            lines = said(done.stdout + done.stderr)
            told = "exit {}{}".format(done.returncode, ": " + lines[-1][:300] if lines else "")
        reason = f"the health check of service {name} fails ({told})"
        # we ask more often than its interval, so its patience is counted in time
        patience = check["start_period"] + check["interval"] * check["retries"]
        if time.monotonic() - self._started.get(name, time.monotonic()) > patience:
            raise HostError("not_ready", reason + self._lines_of(container), _BY_HAND)
        return reason

    def _answers(self, name: str) -> str:
        """The profile's probes of a service; where nothing is declared, that it stays up."""
        mine = [item for item in self._probes if item["service"] == name]
        check = self._services[name]["healthcheck"]
        if not mine and (check is None or check["test"][0] == "NONE"):
            if name not in self._started:
                return ""
            young = [
                one for one in self._containers_of(name) if self._unchanged(one) < SETTLE_SECONDS
            ]
            if any(one.name in self._restarted for one in young):
                return f"service {name} ends again and again"
            return f"service {name} has only just started" if young else ""
        for item in mine:
            reason = ask(item, self._published)
            if reason:
                return f"service {name}: {reason}"
        return ""

    def _last_lines(self, name: str) -> str:
        names = maker.container_names(self._id, name, self._services[name])
        return next((lines for one in names if (lines := self._lines_of(one))), "")

    def _lines_of(self, container: str) -> str:
        lines = self._engine.last_lines(container)
        return "; its last lines:\n" + "\n".join(lines) if lines else ""


def ask(item: Mapping[str, Any], published: Sequence[Mapping[str, Any]]) -> str:
    """One probe of the document, asked at the published address; empty where it passes."""
    kind = "http" if "http" in item else "tcp"
    wanted = item[kind]
    for endpoint in published:
        if endpoint["service"] == item["service"] and endpoint["port"] == wanted["port"]:
            address = ("127.0.0.1", endpoint["host_port"])
            return probe.http(*address, wanted) if kind == "http" else probe.tcp(*address)
    return "port {} is not published".format(wanted["port"])
