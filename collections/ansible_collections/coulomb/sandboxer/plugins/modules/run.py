#!/usr/bin/python
# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: run
short_description: A repository tested in a sandbox, as its contract says
description:
  - Reads C(e2e/e2e.yml) of a repository, makes a sandbox, waits until it is healthy, runs the test,
    brings back what it reports, takes the sandbox away, and tells of the outcome.
  - The test runs as a job on the host, which goes on when the controller dies. O(run) goes on with
    it from any controller.
  - A run that has finished is found by its key for 30 days, and is not repeated.
version_added: 0.1.0
author: the sand-boxer maintainers (@sand-boxer)
extends_documentation_fragment:
  - coulomb.sandboxer.attributes
  - coulomb.sandboxer.attributes.group
attributes:
  check_mode:
    support: full
    details: Says whether there is a run of that key. Writes nothing.
  diff_mode:
    support: none
    details: A run leaves nothing on the host but its record.
  idempotent:
    support: full
    details: The same source, contract and host have the same key, and so one run.
  action:
    support: full
    details: Reads the repository, makes the sandbox, follows the test, judges and tells.
options:
  repository:
    description: Folder of the repository, on the controller. Not needed with O(run).
    type: str
  run:
    description: Id of a run to go on with, as V(run-4f7kq2zdab).
    type: str
  key:
    description:
      - Its key. A run of that key that has finished is the answer.
      - By default a digest of source, contract and host.
    type: str
  profile:
    description: What to make, in the place of what the contract says.
    type: str
  keep:
    description: When the sandbox stays, in the place of what the contract says.
    type: str
    choices: [never, on-failure, always]
  owner:
    description: Whose run and sandbox it is. By default the login name on the controller.
    type: str
  compose_cmd:
    description: A compose program of the host, which makes the containers.
    type: str
  auth_file:
    description: Whole path of a file on the host with what its registries ask for.
    type: str
  unreaped:
    description: Run it even where the host's reaper has stopped.
    type: bool
    default: false
  reports:
    description:
      - Folder on the controller below which each run gets one of its own.
      - By default it is in the user's state folder.
    type: str
  asked:
    description: What the action plugin asks of the host. Not for users.
    type: str
  asked_in:
    description: A file with the same, which is removed. Not for users.
    type: path
seealso:
  - module: coulomb.sandboxer.sandbox
"""

EXAMPLES = r"""
- name: The repository is tested
  coulomb.sandboxer.run:
    repository: /home/me/shop
  register: validation

- name: Go on with a run whose controller is gone
  coulomb.sandboxer.run:
    run: run-4f7kq2zdab
"""

RETURN = r"""
result:
  description: The result. Its outcome fails no task.
  returned: always
  type: dict
  sample:
    run: run-4f7kq2zdab
    outcome: passed
    exit_code: 0
    cleanup: destroyed
sandboxer_error:
  description: Why there is no result.
  returned: on failure
  type: dict
  sample:
    code: not_found
    message: there is no run run-4f7kq2zdab
    hint: runs are kept for 30 days, each on its host
    retryable: false
    stage: ""
"""

import json
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

SPEC = {
    "repository": {"type": "str"},  # a path would have its $ expanded
    "run": {"type": "str"},
    "key": {"type": "str", "no_log": False},
    "profile": {"type": "str"},
    "keep": {"type": "str", "choices": ["never", "on-failure", "always"]},
    "owner": {"type": "str"},
    "compose_cmd": {"type": "str"},
    "auth_file": {"type": "str"},
    "unreaped": {"type": "bool", "default": False},
    "reports": {"type": "str"},
    # one string, so that nothing in it is taken for a secret by itself, and all of it is one
    "asked": {"type": "str", "no_log": True},
    "asked_in": {"type": "path"},
}


def main() -> None:
    # the action plugin imports this file, and should not pay for the whole of the host library
    from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import verbs

    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        asked = json.loads(_asked(module.params))
        module.exit_json(**verbs.run(State.of_account(), asked["verb"], asked["request"]))
    except HostError as error:
        module.fail_json(msg=str(error), sandboxer_error=error.as_dict())


def _asked(params: dict[str, Any]) -> str:
    if params["asked_in"]:
        path = Path(params["asked_in"])
        try:
            return path.read_text(encoding="utf-8")
        finally:
            path.unlink()
    if params["asked"]:
        return str(params["asked"])
    raise HostError("usage", "this module works only together with its action plugin")


if __name__ == "__main__":
    main()
