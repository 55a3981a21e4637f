# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `run`: the way to the host for a validation. It decides nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import ids, program
from ansible_collections.coulomb.sandboxer.plugins.modules.run import SPEC
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import answer as answers
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import installed, package, task

MODULE = "coulomb.sandboxer.run"
SANDBOX = "coulomb.sandboxer.sandbox"
SILENCE_SECONDS = 120.0
OF_THE_SANDBOX = ("compose_cmd", "auth_file", "unreaped")


class ActionModule(ActionBase):
    """Runs the module a few times, and the one for sandboxes in between."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        args = self.validate_argument_spec(
            argument_spec=SPEC, required_one_of=[("repository", "run")]
        )[1]
        with package.loading():
            from sandboxer_cli.errors import SandboxerError
            from sandboxer_cli.validation.flow import Order, validate
        order = Order(
            repository=answers.folder(args["repository"]),
            run=args["run"],
            key=args["key"],
            profile=args["profile"],
            keep=args["keep"],
            owner=task.owner(args["owner"]),
            options={key: args[key] for key in OF_THE_SANDBOX if args[key] is not None},
            reports=answers.folder(args["reports"]),
            check=bool(self._task.check_mode),
        )
        try:
            done = validate(_Host(self, variables), order)
            done["ansible_stats"] = answers.stats(done["result"], variables)
        except SandboxerError as error:
            done = {"failed": True, "msg": str(error), "sandboxer_error": error.detail.as_dict()}
        result.update(done)
        return result


class _Host:
    """The host of a task, as a validation speaks to it."""

    def __init__(self, action: ActionModule, variables: dict[str, Any]) -> None:
        self.name = variables["inventory_hostname"]
        self._action = action
        self._variables = variables
        self._was_heard = False
        self._made: dict[str, Any] | None = None

    def ask(self, verb: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Over a link that may be cut: nothing comes of it that a verb is asked twice."""
        end = time.monotonic() + SILENCE_SECONDS
        said = "no answer; what was begun goes on there; asking again"
        while True:
            try:
                done = self._ask(verb, request)
                self._was_heard = True
                return _checked(done)
            except AnsibleConnectionFailure:
                if not self._was_heard or time.monotonic() >= end:
                    raise
                self.say(said)
                said = ""  # once is enough
                time.sleep(1)  # nothing tells when a host is back

    def make_sandbox(self, options: Mapping[str, Any]) -> None:
        self._made = _checked(self._sandbox(dict(options)))["sandbox"]

    def destroy_sandbox(self, sandbox: str) -> bool:
        done = _checked(self._sandbox({"state": "absent", "id": sandbox}))
        return done.get("receipt") is not None

    def unhealthy(self, sandbox: str, health: Sequence[Mapping[str, Any]], seconds: float) -> str:
        link = self._action._connection
        made = self._made
        if made is None:
            found = self.ask("show", {"ref": sandbox, "owner": ""})
            made = answers.complete(found, self.name, answers.ssh(link), changed=False)
        if not answers.is_public(made) or not answers.is_direct(link):
            return ""
        return answers.unhealthy(made, health, seconds)

    def say(self, text: str) -> None:
        for line in text.splitlines():
            Display().display(f"sandboxer: {self.name}: {line}")

    def new_run_id(self) -> str:
        return ids.new_run_id()

    def cleanup_command(self, sandbox: str) -> str:
        return answers.cleanup_command(sandbox, self.name)

    def _ask(self, verb: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """By the program of this very version, where it is installed; else by the module."""
        action, name = self._action, program.own_name()
        done = installed.ask(action, name, verb, request, self._variables)
        if done is not None:
            return done
        asked = json.dumps({"verb": verb, "request": request}, ensure_ascii=False)
        args = {"asked_in": self._sent(asked)} if request.get("secrets") else {"asked": asked}
        done = action._execute_module(
            module_name=MODULE, module_args=args, task_vars=self._variables
        )
        return dict(done)

    def _sent(self, text: str) -> str:
        """A file in the task's own folder there, which the module reads and removes. Arguments of
        a module are shown where Ansible debugs itself, whatever the module says of them."""
        action = self._action
        shell = action._connection._shell
        folder = shell.tmpdir or action._make_tmp_path()
        path = str(shell.join_path(folder, "asked"))
        action._transfer_data(path, text)
        action._fixup_perms2((folder, path), execute=False)
        return path

    def _sandbox(self, options: dict[str, Any]) -> dict[str, Any]:
        """What the other action plugin answers to these options."""
        mine = self._action
        task = mine._task.copy()
        task.args = options
        action = mine._shared_loader_obj.action_loader.get(
            SANDBOX,
            task=task,
            connection=mine._connection,
            play_context=mine._play_context,
            loader=mine._loader,
            templar=mine._templar,
            shared_loader_obj=mine._shared_loader_obj,
        )
        try:
            return dict(action.run(task_vars=self._variables))
        except AnsibleActionFail as error:
            return {"failed": True, "msg": str(error), **(error.result or {})}


def _checked(done: dict[str, Any]) -> dict[str, Any]:
    """An answer, or the error that it is."""
    if not done.get("failed"):
        return done
    with package.loading():
        from sandboxer_cli.errors import from_host
    unknown = {"code": "internal", "message": str(done.get("msg") or "the host gave no reason")}
    raise from_host(dict(done.get("sandboxer_error") or unknown))
