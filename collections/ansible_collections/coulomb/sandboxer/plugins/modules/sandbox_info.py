#!/usr/bin/python
# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sandbox_info
short_description: The sandboxes of this host
description:
  - Lists what this account's state says of its sandboxes, held against what the engine shows.
version_added: 0.1.0
author: the sand-boxer maintainers (@sand-boxer)
extends_documentation_fragment:
  - coulomb.sandboxer.attributes
  - coulomb.sandboxer.attributes.group
attributes:
  check_mode:
    support: full
    details: Reads only.
  diff_mode:
    support: none
    details: Reads only.
  idempotent:
    support: full
    details: Reads only.
  action:
    support: full
    details: Adds how the host is reached.
options:
  owner:
    description: Whose sandboxes. All owners' where it is left out.
    type: str
seealso:
  - module: coulomb.sandboxer.sandbox
"""

EXAMPLES = r"""
- name: Everything on this host
  coulomb.sandboxer.sandbox_info:
  register: found
"""

RETURN = r"""
sandboxes:
  description: One object for each sandbox.
  returned: always
  type: list
  elements: dict
  sample:
    - id: sbx-4f7kq2zd
      name: one
      owner: me
      state: ready
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import verbs
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State


def main() -> None:
    module = AnsibleModule(argument_spec={"owner": {"type": "str"}}, supports_check_mode=True)
    try:
        found = verbs.run(State.of_account(), "list", {"owner": module.params["owner"]})
    except HostError as error:
        module.fail_json(msg=str(error), sandboxer_error=error.as_dict())
    module.exit_json(changed=False, sandboxes=found)


if __name__ == "__main__":
    main()
