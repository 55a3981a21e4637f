# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `reap`: puts the answer where the other doors read it."""

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
            shown = {key: done[key] for key in ("changed", "destroyed", "left", "kept")}
            done["ansible_stats"] = answers.stats(shown, variables)
        result.update(done)
        return result
