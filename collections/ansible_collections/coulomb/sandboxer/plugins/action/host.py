# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's half of `host`: says aloud what was written, and that nothing reaps."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import answer as answers

_SHOWN = (
    "changed",
    "uuid",
    "reaper",
    "ports",
    "run_account",
    "engine",
    "engine_version",
    "wrote",
)


class ActionModule(ActionBase):
    """Runs the module once."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        done = self._execute_module(task_vars=variables)
        if not done.get("failed") and "reaper" in done:
            host = variables["inventory_hostname"]
            self._say(host, done)
            shown = {"host": host, **{key: done[key] for key in _SHOWN}}
            done["ansible_stats"] = answers.stats(shown, variables)
        result.update(done)
        return result

    def _say(self, host: str, done: dict[str, Any]) -> None:
        verb = "would write" if self._task.check_mode else "wrote"
        for line in done["wrote"]:
            Display().display(f"sandboxer: {host}: {verb} {line}")
        if done["reaper"] == "none":
            Display().display(
                f"sandboxer: {host}: neither systemd nor cron runs here, so nothing ends a lease"
                " (reaper: none)"
            )
