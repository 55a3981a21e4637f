# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `run`: a validation from its contract to its result.

Each step is written down on the host before the next one begins, so that this may die anywhere:
whoever comes with the same key or the run's id goes on.
"""

from __future__ import annotations

import base64
import json
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import ids, program
from ansible_collections.coulomb.sandboxer.plugins.modules.run import SPEC
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import answer as answers
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import installed, package

MODULE = "coulomb.sandboxer.run"
SANDBOX = "coulomb.sandboxer.sandbox"
SILENCE_SECONDS = 120.0
PASSED_ON = ("compose_cmd", "auth_file", "unreaped")  # to the sandbox


class _HostSaidNoError(Exception):
    """What a host answered instead: an error as in every answer."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.error = error


class ActionModule(ActionBase):
    """Runs the module a few times, and the one for sandboxes in between."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        self._host = self._variables["inventory_hostname"]
        args = self.validate_argument_spec(
            argument_spec=SPEC, required_one_of=[("repository", "run")]
        )[1]
        self._args = {**args, "owner": answers.owner(args["owner"])}
        with package.loading():
            from sandboxer_cli.errors import SandboxerError
        try:
            done = self._validate()
        except _HostSaidNoError as error:
            done = {"failed": True, "msg": str(error), "sandboxer_error": error.error}
        except SandboxerError as error:
            done = {"failed": True, "msg": str(error), "sandboxer_error": error.detail.as_dict()}
        if not done.get("failed"):
            done["ansible_stats"] = answers.stats(done["result"], self._variables)
        result.update(done)
        return result

    def _validate(self) -> dict[str, Any]:
        from sandboxer_cli.errors import SandboxerError
        from sandboxer_cli.validation import resolve
        from sandboxer_cli.validation import run as runs

        started_at = runs.now()
        wanted = None
        if self._args["run"]:
            run = self._ask("run-show", {"run": self._args["run"]})
        else:
            repository = Path(self._args["repository"])
            try:
                wanted = resolve.resolve(
                    resolve.Asked(
                        repository,
                        self._args["profile"],
                        self._args["keep"],
                        self._args["key"],
                        self._host,
                    )
                )
            except SandboxerError as error:
                if self._task.check_mode or not resolve.is_of_the_contract(error):
                    raise
                key = self._args["key"] or ""
                no = runs.refused(error, ids.new_run_id(), repository, key, started_at)
                return {"changed": False, "result": runs.report(no, None).as_dict()}
            document = wanted.document
            begun = self._ask(
                "run-begin",
                {
                    "key": document["run_key"],
                    "owner": self._args["owner"],
                    "document": document,
                    "check": self._task.check_mode,
                },
            )
            run = begun["run"]
            if self._task.check_mode:
                shown = {"changed": begun["changed"], "run": run["id"] if run else None}
                return {"changed": begun["changed"], "result": shown}
        return self._go_on(run, wanted)

    def _go_on(self, run: dict[str, Any], wanted: Any) -> dict[str, Any]:
        """From wherever a run is to its end."""
        from sandboxer_cli.reporting.result import RunResult
        from sandboxer_cli.validation import outcome, returned
        from sandboxer_cli.validation import run as runs

        base = Path(self._args["reports"]) if self._args["reports"] else None
        folder = returned.report_folder(run["id"], base)
        if run["state"] == "finished":
            self._say(f"{run['id']} has finished already")
            found = RunResult.from_json(json.dumps(run["result"]))
            return {"changed": False, "result": runs.report(found, folder).as_dict()}
        self._say(f"{run['id']} in {run['sandbox']}")
        refusal = None
        if run["state"] == "provisioning":
            refusal = self._provision(run, wanted)
            if refusal is None:
                run, refusal = self._begin_test(run, wanted)
        if run["state"] == "testing":
            run = self._follow(run)
        back = self._fetch(run, folder) if run["state"] == "tested" else None
        counts, unread = returned.count(back) if back else (None, [])
        facts = outcome.Facts(
            provision=refusal,
            cancelled=run["cancelled"],
            phases=run["phases"],
            steps=run["steps"],
            died=run["died"],
            error=run["error"],
            collected=bool(back and back.files),
            unread=unread,
            **({"tests": counts} if counts else {}),
        )
        verdict = outcome.judge(facts)
        destroyed = self._destroy(run, runs.should_keep(verdict, run["document"]["keep"]))
        found = runs.result(run, self._host, verdict, facts, destroyed, back)
        finished = self._ask("run-finish", {"run": run["id"], "result": found.as_dict()})
        if not finished["changed"]:  # another controller was quicker, and its word counts
            found = RunResult.from_json(json.dumps(finished["run"]["result"]))
        return {"changed": True, "result": runs.report(found, folder).as_dict()}

    def _provision(self, run: dict[str, Any], wanted: Any) -> Any:
        """Make the sandbox, or go on with its making. Why there is none, or None."""
        from sandboxer_cli.errors import ProvisioningFailed, from_host

        if wanted is None:
            lost = "who began it is gone, and only the repository's owner can make its sandbox"
            return ProvisioningFailed(lost, "run it again", code="job_died")
        self._say("making the sandbox")
        args = {
            **wanted.sandbox,
            **{key: self._args[key] for key in PASSED_ON if self._args[key] is not None},
            "id": run["sandbox"],
            "name": run["id"],
            "owner": run["owner"],
        }
        done = self._sandbox(args)
        return from_host(_error_of(done)) if done.get("failed") else None

    def _begin_test(self, run: dict[str, Any], wanted: Any) -> tuple[dict[str, Any], Any]:
        from sandboxer_cli.errors import SandboxerError, from_host
        from sandboxer_cli.validation.secrets import read_secrets

        request: dict[str, Any] = {"run": run["id"]}
        try:
            found = read_secrets(run["document"]["secrets"], Path(self._args["repository"]))
            request["secrets"] = {one.name: one.value for one in found.values()}
            done = self._ask("run-test", request)
        except _HostSaidNoError as error:
            return self._ask("run-show", {"run": run["id"]}), from_host(error.error)
        except SandboxerError as error:
            return run, error
        return self._shown(done), None

    def _follow(self, run: dict[str, Any]) -> dict[str, Any]:
        """Short calls until the test has ended."""
        while run["state"] == "testing":
            done = self._ask("run-follow", {"run": run["id"], "cursor": self._cursor})
            run = self._shown(done)
        return run

    _cursor = 0

    def _shown(self, done: dict[str, Any]) -> dict[str, Any]:
        for event in done["events"]:
            self._say(event["text"])
        self._cursor = done["cursor"]
        return dict(done["run"])

    def _fetch(self, run: dict[str, Any], folder: Path) -> Any:
        """What the test has left, below the folder of its run."""
        from sandboxer_cli.errors import SandboxerError
        from sandboxer_cli.validation import returned

        with tempfile.TemporaryFile() as file:
            self._receive(run, file)
            packed = file if file.tell() else None
            file.seek(0)
            try:
                return returned.unpack(packed, folder)
            except SandboxerError as error:
                self._say(str(error))
                return returned.unpack(None, folder)

    def _receive(self, run: dict[str, Any], file: IO[bytes]) -> None:
        while True:
            piece = self._ask("run-piece", {"run": run["id"], "at": file.tell()})
            data = base64.b64decode(piece["data"])
            file.write(data)
            if file.tell() >= piece["size"] or not data:
                return

    def _destroy(self, run: dict[str, Any], keep: bool) -> Any:
        from sandboxer_cli.validation import run as runs

        if keep:
            self._say(f"it stays: {answers.cleanup_command(run['sandbox'], self._host)}")
            return runs.Destroyed("kept")
        self._say("taking the sandbox away")
        started_at, begun = runs.now(), time.monotonic()
        done = self._sandbox({"state": "absent", "id": run["sandbox"]})
        seconds = round(time.monotonic() - begun, 3)
        if done.get("failed"):
            self._say(str(done["msg"]))
            return runs.Destroyed("failed", started_at, seconds)
        there = done.get("receipt") is not None
        return runs.Destroyed("destroyed" if there else "none", started_at, seconds)

    def _sandbox(self, args: dict[str, Any]) -> dict[str, Any]:
        """The other action plugin's result, with these options."""
        task = self._task.copy()
        task.args = args
        action = self._shared_loader_obj.action_loader.get(
            SANDBOX,
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        try:
            return dict(action.run(task_vars=self._variables))
        except AnsibleActionFail as error:
            return {"failed": True, "msg": str(error), **(error.result or {})}

    def _ask(self, verb: str, request: dict[str, Any]) -> dict[str, Any]:
        """One verb of the host, over a link that may be cut: each may be asked twice."""
        end = time.monotonic() + SILENCE_SECONDS
        while True:
            try:
                done = self._ask_once(verb, request)
                break
            except AnsibleConnectionFailure:
                if verb in ("run-begin", "run-show") or time.monotonic() >= end:
                    raise
                self._say("no answer; the test goes on there; asking again")
                time.sleep(1)  # nothing tells when a host is back
        if done.get("failed"):
            raise _HostSaidNoError(_error_of(done))
        return done

    def _ask_once(self, verb: str, request: dict[str, Any]) -> dict[str, Any]:
        """By the program of this very version, where it is installed; else by the module."""
        done = installed.ask(self, program.own_name(), verb, request, self._variables)
        if done is not None:
            return done
        asked = json.dumps({"verb": verb, "request": request}, ensure_ascii=False)
        return dict(
            self._execute_module(
                module_name=MODULE, module_args={"asked": asked}, task_vars=self._variables
            )
        )

    def _say(self, text: str) -> None:
        for line in text.splitlines():
            Display().display(f"sandboxer: {self._host}: {line}")


def _error_of(done: dict[str, Any]) -> dict[str, Any]:
    return dict(
        done.get("sandboxer_error")
        or {"code": "internal", "message": str(done.get("msg") or "the host gave no reason")}
    )
