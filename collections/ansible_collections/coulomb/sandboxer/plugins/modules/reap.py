#!/usr/bin/python
# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: reap
short_description: One pass of this host's reaper
description:
  - Destroys every sandbox of this account whose lease has ended or whose maker is dead, as the
    host's own timer does each minute.
version_added: 0.1.0
author: the sand-boxer maintainers (@sand-boxer)
extends_documentation_fragment: coulomb.sandboxer.attributes
attributes:
  check_mode:
    support: full
    details: Names what is due.
  diff_mode:
    support: none
    details: The answer is the difference.
  idempotent:
    support: full
    details: What is not due stays.
  action:
    support: full
    details: Puts the answer where the other doors read it.
seealso:
  - module: coulomb.sandboxer.sandbox
"""

EXAMPLES = r"""
- name: Take away what is due
  coulomb.sandboxer.reap:
"""

RETURN = r"""
destroyed:
  description: Ids that were due and are gone. In check mode those that are due.
  returned: always
  type: list
  elements: str
  sample: [sbx-4f7kq2zd]
kept:
  description: Ids that are not due.
  returned: always
  type: list
  elements: str
  sample: []
left:
  description: Ids that were due and are still there.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import verbs
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        answer = verbs.run(State.of_account(), "reap", {"check": module.check_mode})
    except HostError as error:
        module.fail_json(msg=str(error), sandboxer_error=error.as_dict())
    if answer["left"]:
        error = HostError(
            "residue",
            "something was left behind of {}".format(", ".join(answer["left"])),
            "see `sandboxer list --all`; the reaper tries again each minute",
            retryable=True,
        )
        module.fail_json(msg=str(error), sandboxer_error=error.as_dict(), **answer)
    module.exit_json(changed=bool(answer["destroyed"]), **answer)


if __name__ == "__main__":
    main()
