"""podman: its own command does the work and ends. So a killed one may leave what it had not yet
written down, and what runs below it is looked for as well."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from . import ports, runtime
from .engine import (
    LABEL_GENERATION,
    STOP_SECONDS,
    Container,
    Engine,
    label_options,
    owner_of,
)


@dataclass(frozen=True)
class Podman(Engine):
    program: str = "podman"

    log_driver: ClassVar[str] = "k8s-file"
    settings: ClassVar[Sequence[str]] = (
        "/etc/containers/containers.conf.d/*.conf",
        "/etc/containers/containers.conf",
        "/etc/containers/storage.conf",
    )

    takes_settings: ClassVar[bool] = True

    def version(self) -> str:
        return self.run(["version", "--format", "{{.Client.Version}}"]).decode().strip()

    def containers(self) -> list[Container]:
        """All of them, those that only the storage knows too."""
        found = []
        for item in self._json(["ps", "--all", "--external", "--format", "json"]):
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

    def find(self, kind: str, sandbox_id: str) -> list[str]:
        return sorted(_name(item) for item in self._owned(kind, sandbox_id))

    def networks(self, sandbox_id: str) -> dict[str, str]:
        return {
            _name(item): str(item.get("network_interface", ""))
            for item in self._owned("network", sandbox_id)
        }

    def _owned(self, kind: str, sandbox_id: str) -> list[dict[str, Any]]:
        return [
            item
            for item in self._json([kind, "ls", "--format", "json"])
            if owner_of(item.get("labels") or item.get("Labels") or {}, _name(item)) == sandbox_id
        ]

    def create_network(self, name: str, labels: Mapping[str, str]) -> None:
        # two networks of podman reach each other unless both are isolated
        argv = ["network", "create", "--opt", "isolate=true", *label_options(labels), name]
        self._create("network", name, argv)

    def remove_containers(self, containers: Sequence[Container]) -> None:
        if not containers:
            return
        runtime.end(one.id for one in containers if one.never_started)
        names = [one.name for one in containers]
        self.attempt(["rm", "--force", "--volumes", "--time", str(STOP_SECONDS), "--", *names])

    def _force(self, kind: str) -> Sequence[str]:
        # a pod goes with the containers in it
        return ("--force", *(("--time", str(STOP_SECONDS)) if kind == "pod" else ()))

    def settle(self) -> None:
        """A command that was killed works no more."""

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

    def _json(self, argv: Sequence[str]) -> list[dict[str, Any]]:
        return json.loads(self.run(argv) or b"[]") or []


def _name(item: Mapping[str, Any]) -> str:
    return str(item.get("name") or item.get("Name"))
