# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `sandbox_info`: completes the objects."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import answer as answers


class ActionModule(ActionBase):
    """Runs the module once."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        done = self._execute_module(task_vars=variables)
        if not done.get("failed"):
            host = variables["inventory_hostname"]
            done["sandboxes"] = [
                answers.complete(found, host, answers.ssh(self._connection), False)
                for found in done["sandboxes"]
            ]
            done["ansible_stats"] = answers.stats(done["sandboxes"], variables)
        result.update(done)
        return result
