#!/usr/bin/python
# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lease
short_description: Let a sandbox live longer
description:
  - Moves the end of a sandbox's lease to O(ttl) from now. It never moves it nearer, and never past
    the maximum that the sandbox was given when it was made.
version_added: 0.1.0
author: the sand-boxer maintainers (@sand-boxer)
extends_documentation_fragment:
  - coulomb.sandboxer.attributes
  - coulomb.sandboxer.attributes.group
attributes:
  check_mode:
    support: full
    details: Says whether the lease can be extended.
  diff_mode:
    support: none
    details: The only difference is an instant.
  idempotent:
    support: none
    details: Each run counts from its own now.
  action:
    support: full
    details: The time is read on the controller.
options:
  name:
    description: Name of the sandbox.
    type: str
  id:
    description: Id of the sandbox.
    type: str
  owner:
    description: Whose name it is. By default the login name on the controller.
    type: str
  ttl:
    description: How long it lives from now on, as V(30m), V(1h30m) or V(45s).
    type: str
    required: true
  seconds:
    description: What the action plugin has read from O(ttl). Not for users.
    type: float
seealso:
  - module: coulomb.sandboxer.sandbox
"""

EXAMPLES = r"""
- name: Another hour
  coulomb.sandboxer.lease:
    name: one
    ttl: 1h
"""

RETURN = r"""
sandbox:
  description: The sandbox with its new lease.
  returned: success
  type: dict
  sample:
    id: sbx-4f7kq2zd
    expires_at: 1795527608.6
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import verbs
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

SPEC = {
    "name": {"type": "str"},
    "id": {"type": "str"},
    "owner": {"type": "str"},
    "ttl": {"type": "str", "required": True},
    "seconds": {"type": "float"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec=SPEC,
        required_one_of=[("name", "id")],
        supports_check_mode=True,
    )
    params = module.params
    request = {
        "ref": params["id"] or params["name"],
        "owner": params["owner"],
        "ttl": params["seconds"],
        "check": module.check_mode,
    }
    try:
        found = verbs.run(State.of_account(), "extend", request)
    except HostError as error:
        module.fail_json(msg=str(error), sandboxer_error=error.as_dict())
    module.exit_json(changed=True, sandbox=found)


if __name__ == "__main__":
    main()
