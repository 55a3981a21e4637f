# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `lease`: reads the time, completes the object."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.coulomb.sandboxer.plugins.modules.lease import SPEC
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import answer as answers
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import package, task


class ActionModule(ActionBase):
    """Runs the module once."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        args = self.validate_argument_spec(argument_spec=SPEC, required_one_of=[("name", "id")])[1]
        with package.loading():
            from sandboxer_cli.errors import SandboxerError
            from sandboxer_cli.ttl import parse_ttl
        args["owner"] = task.owner(args["owner"])
        try:
            args["seconds"] = parse_ttl(args["ttl"])
        except SandboxerError as error:
            raise AnsibleActionFail(
                str(error), result={"sandboxer_error": error.detail.as_dict()}
            ) from None
        given = {key: value for key, value in args.items() if value is not None}
        done = self._execute_module(
            module_name="coulomb.sandboxer.lease", module_args=given, task_vars=variables
        )
        if not done.get("failed"):
            host = variables["inventory_hostname"]
            done["sandbox"] = answers.complete(
                done["sandbox"], host, answers.ssh(self._connection), True
            )
            done["ansible_stats"] = answers.stats(done["sandbox"], variables)
        result.update(done)
        return result
