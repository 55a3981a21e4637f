# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host program that a module has installed, asked without a module. The program uses this too.

A module has to be packed, sent and compiled each time; what is installed there only has to be
started. Nothing stands behind its answers, so they are checked here.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

MISSING = 66  # the exit status where it is not installed
_NO_PYTHON = 127

# Whose state, and which Python. Nothing is put into this text: verb, file name and Python are its
# arguments.
_START = """
state=/var/lib/sandboxer verb=$1
[ "$(id -u)" = 0 ] || state=$HOME/.local/state/sandboxer
[ -z "$SANDBOXER_STATE" ] || state=$SANDBOXER_STATE/state
program=$state/programs/$2
[ -e "$program" ] || exit 66
python=${3:-/usr/bin/python3}
[ -x "$python" ] || python=python3
shift 3
exec "$python" -I -S "$program" "$verb" "$@"
"""


def argv(verb: str, name: str, python: str = "", *words: str) -> list[str]:
    """The command that answers one verb: its request on standard input, JSON on both sides.

    `name` is a file below `programs/`; `words` are for the verbs that take them. The status is 0,
    1 with an error, or MISSING.
    """
    return ["/bin/sh", "-c", _START, "sh", verb, name, python, *words]


def ask(
    action: Any, name: str, verb: str, request: Mapping[str, Any], variables: Mapping[str, Any]
) -> dict[str, Any] | None:
    """A task's result, over the connection of the action plugin and as the user that it becomes.

    None where only a module can do it: that program is not there, or no input goes along with a
    command (`pipelining` is off, or the connection or the become plugin can't).
    """
    if not action._is_pipelining_enabled("new"):
        return None
    words = shlex.join(argv(verb, name, _interpreter(action, variables)))
    done = action._low_level_execute_command(
        f"{action._compute_environment_string()} {words}".strip(),
        in_data=json.dumps(request, ensure_ascii=False).encode("utf-8"),
    )
    if done["rc"] in (MISSING, _NO_PYTHON):
        return None
    return _result(done)


def answered(said: str) -> Any:
    """The object or list in what came on standard output: its last line that is one, for a login
    shell may have said something first. None where there is none."""
    for line in reversed(said.split("\n")):  # other ends of lines may stand in a JSON text
        if line.startswith(("{", "[")):
            try:
                return json.loads(line)
            except ValueError:
                continue
    return None


def _interpreter(action: Any, variables: Mapping[str, Any]) -> str:
    """The Python that somebody has chosen for this host; empty where it is for us to choose."""
    chosen = str(action._templar.template(variables.get("ansible_python_interpreter") or ""))
    return chosen if chosen.startswith("/") else ""


def _result(done: Mapping[str, Any]) -> dict[str, Any]:
    answer = answered(done["stdout"])
    if isinstance(answer, dict) and done["rc"] == 0:
        return answer
    if isinstance(answer, dict) and isinstance(error := answer.get("error"), dict):
        return {"failed": True, "msg": str(error.get("message")), "sandboxer_error": error}
    said = str(done["stderr"] or done["stdout"]).strip().splitlines()
    return {
        "failed": True,
        "msg": "the host program failed: {}".format(said[-1] if said else "it said nothing"),
        "rc": done["rc"],
        "module_stdout": done["stdout"],
        "module_stderr": done["stderr"],
    }
