"""When a service is started, healthy, completed, ready: judged by us, not by the engine."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from . import maker, probe
from .engine import Container, Engine
from .errors import HostError

SETTLE_SECONDS = 1.0  # a service that declares nothing must have stayed up for so long
POLL_SECONDS = 0.2
_ENDED = ("exited", "stopped", "dead")


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
        self.reason = ""

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
            self._containers = {
                item.name: item for item in self._engine.containers() if item.owner_id == self._id
            }
            judged = (self._judge(name, how) for name, how in conditions.items())
            reason = next((reason for reason in judged if reason), "")
            if not reason:
                return
            self.reason = reason  # the last one stands while the next is being found
            time.sleep(pause)
            pause = min(pause * 2, POLL_SECONDS)

    def _judge(self, name: str, condition: str) -> str:
        container = self._containers.get(maker.container_name(self._id, name))
        if container is None:
            raise HostError("service_exited", f"the container of service {name} is gone")
        ended = container.state in _ENDED
        if name in self._completed or condition == "service_completed_successfully":
            if condition == "service_started":
                return ""
            if not ended:
                return f"service {name} is still {container.state}"
            return "" if container.exit_code == 0 else self._raise_exited(name, container)
        if container.state != "running":
            if ended and self._services[name]["restart"] == "no":
                return self._raise_exited(name, container)
            return f"service {name} is {container.state}"
        if condition == "service_started":
            return ""
        return self._healthy(name) or (self._answers(name) if condition == "ready" else "")

    def _healthy(self, name: str) -> str:
        check = self._services[name]["healthcheck"]
        if check is None or check["test"][0] == "NONE" or name in self._passed:
            return ""
        kind, *words = check["test"]
        argv = ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words
        container = maker.container_name(self._id, name)
        try:
            done = self._engine.attempt(["exec", container, *argv], seconds=check["timeout"])
        except HostError as error:
            if error.code != "engine_failed":
                raise
            told = "no end within {:g} s".format(check["timeout"])
        else:
            if done.returncode == 0:
                self._passed.add(name)
                return ""
            lines = (done.stdout + done.stderr).decode("utf-8", "replace").strip().splitlines()
            told = "exit {}{}".format(done.returncode, ": " + lines[-1][:300] if lines else "")
        reason = f"the health check of service {name} fails ({told})"
        # we ask more often than its interval, so its patience is counted in time
        patience = check["start_period"] + check["interval"] * check["retries"]
        if time.monotonic() - self._started.get(name, time.monotonic()) > patience:
            raise HostError("not_ready", reason, "look at the service's own log")
        return reason

    def _answers(self, name: str) -> str:
        """The profile's probes of a service; where nothing is declared, that it stays up."""
        mine = [item for item in self._probes if item["service"] == name]
        check = self._services[name]["healthcheck"]
        if not mine and (check is None or check["test"][0] == "NONE"):
            up = time.monotonic() - self._started.get(name, float("-inf"))
            return "" if up >= SETTLE_SECONDS else f"service {name} has only just started"
        for item in mine:
            reason = ask(item, self._published)
            if reason:
                return f"service {name}: {reason}"
        return ""

    def _raise_exited(self, name: str, container: Container) -> str:
        lines = self._engine.last_lines(container.name)
        raise HostError(
            "service_exited",
            "service {} ended with exit code {}{}".format(
                name, container.exit_code, "; its last lines:\n" + "\n".join(lines) if lines else ""
            ),
            "run its command by hand in the same image to see why",
        )


def ask(item: Mapping[str, Any], published: Sequence[Mapping[str, Any]]) -> str:
    """One probe of the document, asked at the published address; empty where it passes."""
    kind = "http" if "http" in item else "tcp"
    wanted = item[kind]
    for endpoint in published:
        if endpoint["service"] == item["service"] and endpoint["port"] == wanted["port"]:
            address = ("127.0.0.1", endpoint["host_port"])
            return probe.http(*address, wanted) if kind == "http" else probe.tcp(*address)
    return "port {} is not published".format(wanted["port"])
