#!/usr/bin/python
# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host
short_description: This machine as a host of sandboxes
description:
  - Has everything there that sandboxes need besides packages, which role
    P(coulomb.sandboxer.host#role) installs. The folders of the state, an unprivileged run account,
    a range of ports, and the reaper under a timer of systemd, or in C(/etc/cron.d) where there is
    no systemd.
  - Has the reaper pass once by the timer's own command, and fails where no beat comes of it.
  - Proves the engine by a trial container that it takes away again. That is repeated only where
    engine, kernel or engine settings are others than those that were proved.
version_added: 0.1.0
author: the sand-boxer maintainers (@sand-boxer)
extends_documentation_fragment: coulomb.sandboxer.attributes
attributes:
  check_mode:
    support: full
    details: Shows the plan. There is no trial container, since that would write.
  diff_mode:
    support: full
    details: What there is before and after, and each file outside of our folders.
  idempotent:
    support: full
    details: The pass of the reaper takes away what is due, as it does each minute.
  action:
    support: full
    details: Shows what was written, and puts the answer where the other doors read it.
options:
  state:
    description:
      - V(prepared) makes it ready.
      - V(supported) changes nothing. It fails where the machine can't be a host, and otherwise says
        which packages are missing.
    type: str
    choices: [prepared, supported]
    default: prepared
  packages:
    description: Whether Debian's packages have to be there. Without, any engine that works will do.
    type: bool
    default: true
  apt_said:
    description: Why the packages could not be installed, for the message that says so.
    type: str
  ports_first:
    description: First port of the account's range. By default as it is, at first 20000.
    type: int
  ports_last:
    description:
      - Last port of the account's range. By default as it is, at first 29999.
      - The range must not meet C(net.ipv4.ip_local_port_range).
    type: int
  run_account:
    description: The unprivileged account that tests run as. Made where it isn't there.
    type: str
    default: sandboxer-run
  fix_engine:
    description:
      - Where the trial container fails, try it once more with engine settings of ours in
        C(/etc/containers/containers.conf.d/90-sandboxer.conf). They stay if that works.
    type: bool
    default: false
seealso:
  - module: coulomb.sandboxer.sandbox
"""

EXAMPLES = r"""
- name: This machine is ready for sandboxes
  coulomb.sandboxer.host:

- name: What would it take?
  coulomb.sandboxer.host:
  check_mode: true
  diff: true
"""

RETURN = r"""
missing:
  description: Debian packages that are not installed.
  returned: when O(state=supported)
  type: list
  elements: str
  sample: [podman]
uuid:
  description: Tells hosts apart, whatever inventories call them. V(new) where a check has none yet.
  returned: when O(state=prepared)
  type: str
  sample: 0d0b7a0e-9d5c-4b36-8f4e-1f0a52c4b1a5
reaper:
  description: What starts the reaper, V(systemd) or V(cron). With V(none) no lease ends.
  returned: when O(state=prepared)
  type: str
  sample: systemd
ports:
  description: First and last port of the account's range.
  returned: when O(state=prepared)
  type: list
  elements: int
  sample: [20000, 29999]
run_account:
  description: The unprivileged account that tests run as.
  returned: when O(state=prepared)
  type: str
  sample: sandboxer-run
engine:
  description: The engine's command.
  returned: when O(state=prepared)
  type: str
  sample: podman
engine_version:
  description: Its version. Empty where a check found none.
  returned: when O(state=prepared)
  type: str
  sample: 5.4.2
wrote:
  description: Files outside of our folders that this run has written or removed, and what for.
  returned: when O(state=prepared)
  type: list
  elements: str
  sample: ["/etc/systemd/system/sandboxer-reap.timer: the reaper, each minute"]
sandboxer_error:
  description: Why it failed.
  returned: on failure
  type: dict
  sample:
    code: host_unsupported
    message: sandboxes need Debian 12 or 13, and this host runs fedora 42
    hint: choose another host
    retryable: false
    stage: ""
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import verbs
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

SPEC = {
    "state": {"type": "str", "choices": ["prepared", "supported"], "default": "prepared"},
    "packages": {"type": "bool", "default": True},
    "apt_said": {"type": "str"},
    "ports_first": {"type": "int"},
    "ports_last": {"type": "int"},
    "run_account": {"type": "str", "default": "sandboxer-run"},
    "fix_engine": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    request = {
        **module.params,
        "only_look": module.params["state"] == "supported",
        "check": module.check_mode,
    }
    try:
        module.exit_json(**verbs.run(State.of_account(), "prepare", request))
    except HostError as error:
        module.fail_json(msg=str(error), sandboxer_error=error.as_dict())


if __name__ == "__main__":
    main()
