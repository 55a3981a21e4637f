"""A validation on one host, from its contract to its result.

Each step is written down on the host before the next one begins, so that whoever does this may
die anywhere: the next one with the same key, or with the run's id, goes on.
"""

from __future__ import annotations

import base64
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from ..errors import ProvisioningFailed, SandboxerError, Usage
from ..reporting.case import Tally
from ..reporting.result import Cleanup, RunResult
from . import outcome, run
from .resolve import Asked, Wanted, resolve
from .returned import Returned, again, report_folder, unpack
from .secrets import Secret, read_secrets


class Host(Protocol):
    """What a validation needs of whoever speaks to the host."""

    name: str

    def ask(self, verb: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """A verb's answer. Raises SandboxerError where the host says no."""

    def make_sandbox(self, options: Mapping[str, Any]) -> None:
        """To where it is ready. Raises SandboxerError."""

    def destroy_sandbox(self, sandbox: str) -> bool:
        """Whether there was one. Raises SandboxerError where something is left of it."""

    def unhealthy(self, sandbox: str, health: Sequence[Mapping[str, Any]], seconds: float) -> str:
        """Why what may be healthy on the host is not so from here within its time, where it is
        published for others; empty where it is. Raises SandboxerError."""

    def say(self, text: str) -> None:
        """Show progress."""

    def new_run_id(self) -> str:
        """Of a run that no host knows."""

    def cleanup_command(self, sandbox: str) -> str:
        """What a person types to take it away."""


@dataclass(frozen=True)
class Order:
    """What is wanted: a repository or a run's id; `owner` is whose it is, `options` go to the
    sandbox as they are, `reports` is a folder."""

    repository: Path | None
    run: str | None
    key: str | None
    profile: str | None
    keep: Any
    owner: str
    options: Mapping[str, Any]
    reports: Path | None
    check: bool


def validate(host: Host, order: Order) -> dict[str, Any]:
    """changed, and result: a RunResult as JSON has it; in a check what would come.

    Raises SandboxerError where there is no result: no host that could have one, or no such run.
    """
    if order.run is not None:
        return _Validation(host, order).go_on(host.ask("run-show", {"run": order.run}))
    if order.repository is None:
        raise Usage("there is neither a repository nor a run")
    started_at = run.now()
    asked = Asked(order.repository, order.profile, order.keep, order.key, host.name)
    try:
        wanted = resolve(asked)
        secrets = read_secrets(wanted.document["secrets"], order.repository)
    except Usage as error:
        if order.check:
            raise
        no = run.refused(error, host.new_run_id(), order.repository, order.key or "", started_at)
        told = run.report(no, Returned(report_folder(no.run, order.reports)))
        return {"changed": False, "result": told.as_dict()}
    request = {
        "key": wanted.document["run_key"],
        "owner": order.owner,
        "document": wanted.document,
        "check": order.check,
    }
    begun = host.ask("run-begin", request)
    if order.check:
        there = begun["run"]["id"] if begun["run"] else None
        shown = {"changed": begun["changed"], "run": there}
        return {"changed": begun["changed"], "result": shown}
    return _Validation(host, order, wanted, secrets).go_on(begun["run"])


class _Validation:
    def __init__(
        self,
        host: Host,
        order: Order,
        wanted: Wanted | None = None,
        secrets: Mapping[str, Secret] | None = None,
    ) -> None:
        self._host = host
        self._order = order
        self._wanted = wanted
        self._secrets = secrets or {}
        self._cursor = 0
        self._unhealthy = ""

    def go_on(self, begun: dict[str, Any]) -> dict[str, Any]:
        """From wherever a run is to its end."""
        host = self._host
        folder = report_folder(begun["id"], self._order.reports)
        if begun["state"] == "finished":
            host.say(f"{begun['id']} has finished already")
            # where another controller had it, it is fetched again
            there = again(folder) if folder.is_dir() else self._fetch(begun, folder)
            return self._answer(begun["result"], there, changed=False)
        host.say(f"{begun['id']} in {begun['sandbox']}")
        refusal = None
        if begun["state"] == "provisioning":
            begun, refusal = self._begin_test(begun)
        while begun["state"] == "testing":
            asked = {"run": begun["id"], "cursor": self._cursor}
            begun = self._shown(host.ask("run-follow", asked))
        if begun["state"] == "tested" and begun["error"] and not begun["cancelled"]:
            begun = self._collect(begun)
        back = self._fetch(begun, folder) if begun["state"] == "tested" else None
        facts = _facts(begun, refusal, back, self._unhealthy)
        verdict = outcome.judge(facts)
        kept = run.should_keep(verdict, begun["document"]["keep"])
        destroyed = self._destroy(begun["sandbox"], kept)
        found = run.result(begun, host.name, verdict, facts, destroyed, back)
        done = host.ask("run-finish", {"run": begun["id"], "result": found.as_dict()})
        # where another controller was quicker its word counts
        back = back or Returned(folder)
        return self._answer(done["run"]["result"], back, changed=True)

    def _answer(self, told: Mapping[str, Any], back: Returned, *, changed: bool) -> dict[str, Any]:
        found = run.report(RunResult.from_json(json.dumps(told)), back)
        return {"changed": changed, "result": found.as_dict()}

    def _begin_test(self, begun: dict[str, Any]) -> tuple[dict[str, Any], SandboxerError | None]:
        """The run whose test has begun, or why it has not."""
        wanted, order, host = self._wanted, self._order, self._host
        if wanted is None:
            lost = "who began it is gone, and its sandbox can't be made without its repository"
            return begun, ProvisioningFailed(lost, "run it again", code="job_died")
        try:
            host.say("making the sandbox")
            named = {"id": begun["sandbox"], "name": begun["id"], "owner": begun["owner"]}
            host.make_sandbox({**wanted.sandbox, **order.options, **named})
            self._unhealthy = self._look_from_here(begun)
            asked = {"run": begun["id"], "secrets": self._values()}
            return self._shown(host.ask("run-test", asked)), None
        except SandboxerError as error:
            # somebody may have cancelled it meanwhile, or been quicker
            there = host.ask("run-show", {"run": begun["id"]})
            return there, error if there["state"] == "provisioning" else None

    def _shown(self, done: Mapping[str, Any]) -> dict[str, Any]:
        for event in done["events"]:
            self._host.say(event["text"])
        self._cursor = done["cursor"]
        return dict(done["run"])

    def _look_from_here(self, begun: Mapping[str, Any]) -> str:
        """Before the test, which may do to its services what it likes. Where the host itself finds
        them unhealthy that counts."""
        document = begun["document"]
        if not document["health"]:
            return ""
        seconds = float(document["timeouts"]["health"])
        return self._host.unhealthy(begun["sandbox"], document["health"], seconds)

    def _collect(self, begun: dict[str, Any]) -> dict[str, Any]:
        """Evidence, where the job broke down before it had taken it."""
        asked = {"run": begun["id"], "secrets": self._values()}
        try:
            return dict(self._host.ask("run-collect", asked)["run"])
        except SandboxerError as error:
            self._host.say(f"nothing is collected: {error}")
            return begun

    def _values(self) -> dict[str, str]:
        return {name: secret.value for name, secret in self._secrets.items()}

    def _fetch(self, begun: Mapping[str, Any], folder: Path) -> Returned:
        """What the test has left, below the folder of its run."""
        with tempfile.TemporaryFile() as file:
            self._receive(begun, file)
            packed = file if file.tell() else None
            file.seek(0)
            try:
                return unpack(packed, folder)
            except SandboxerError as error:
                self._host.say(str(error))
                return unpack(None, folder)

    def _receive(self, begun: Mapping[str, Any], file: IO[bytes]) -> None:
        while True:
            piece = self._host.ask("run-piece", {"run": begun["id"], "at": file.tell()})
            data = base64.b64decode(piece["data"])
            file.write(data)
            if file.tell() >= piece["size"] or not data:
                return

    def _destroy(self, sandbox: str, keep: bool) -> run.Destroyed:
        host = self._host
        if keep:
            host.say(f"it stays: {host.cleanup_command(sandbox)}")
            return run.Destroyed("kept")
        host.say("taking the sandbox away")
        started_at, begun = run.now(), time.monotonic()
        try:
            cleanup: Cleanup = "destroyed" if host.destroy_sandbox(sandbox) else "none"
        except SandboxerError as error:
            host.say(str(error))
            cleanup = "failed"
        return run.Destroyed(cleanup, started_at, round(time.monotonic() - begun, 3))


def _facts(
    begun: Mapping[str, Any],
    refusal: SandboxerError | None,
    back: Returned | None,
    unhealthy: str,
) -> outcome.Facts:
    tests = back.tests if back else Tally()
    return outcome.Facts(
        provision=refusal,
        cancelled=begun["cancelled"],
        phases=begun["phases"],
        steps=begun["steps"],
        died=begun["died"],
        error=begun["error"],
        unhealthy=unhealthy,
        collected=bool(back and back.files),
        tests=tests.counts,
        unread=tests.unread,
    )
