# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task's arguments mean on the controller, refused as a task is."""

from __future__ import annotations

from ansible.errors import AnsibleActionFail

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import answer


def owner(given: str | None) -> str:
    """As `answer.owner`. Raises AnsibleActionFail with `sandboxer_error`."""
    try:
        return answer.owner(given)
    except HostError as error:
        raise AnsibleActionFail(
            f"{error}; {error.hint}", result={"sandboxer_error": error.as_dict()}
        ) from None
