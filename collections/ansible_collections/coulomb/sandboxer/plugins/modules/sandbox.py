#!/usr/bin/python
# Copyright: the sand-boxer maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sandbox
short_description: A sandbox on this host, made or taken away
description:
  - Makes a sandbox from a profile, adopts the one that is there, puts right one that is half dead,
    or destroys one and proves that nothing is left.
  - A name is unique for each account and owner on a host. A second run with the same content
    changes nothing.
  - The slow part runs as a job on the host, which goes on when the controller dies; the lease ends
    the sandbox in any case.
version_added: 0.1.0
author: the sand-boxer maintainers (@sand-boxer)
extends_documentation_fragment:
  - coulomb.sandboxer.attributes
  - coulomb.sandboxer.attributes.group
attributes:
  check_mode:
    support: full
    details: Shows the plan without taking a lock or writing anything.
  diff_mode:
    support: full
    details: Shows what the sandbox holds before and after.
  idempotent:
    support: full
    details: V(replace=true) makes anew only what differs. O(state=restarted) restarts each time.
  action:
    support: full
    details:
      - Profile and compose file are resolved on the controller.
      - Where something is built or mounted from the source, what git would take of that folder is
        sent to the host.
options:
  state:
    description:
      - Whether the sandbox should be there, and run.
      - V(stopped), V(started) and V(restarted) are for one that is there. What it holds stays, and
        its lease runs on. V(started) puts right one that is half dead, too.
    type: str
    choices: [present, absent, stopped, started, restarted]
    default: present
  service:
    description: The service to restart. By default all of them.
    type: str
  name:
    description:
      - Name of the sandbox. Small letters, digits and dashes.
      - By default the profile's short name, or that of the folder O(source).
    type: str
  id:
    description: Id of the sandbox, as V(sbx-4f7kq2zd). With it O(owner) does not matter.
    type: str
  owner:
    description: Whose name it is. By default the login name on the controller.
    type: str
  profile:
    description: What to make.
    type: str
    default: profile.compose
  source:
    description: Folder on the controller that holds the compose file.
    type: str
  carry:
    description:
      - Folder on the controller that is sent to the host whether a service reads it or not, the
        same as O(source) or in the place of one.
    type: str
  settings:
    description:
      - Values for the profile's parameters. V(profile.compose) takes any variable of the compose
        file, before those of its C(.env).
    type: dict
    default: {}
  publish:
    description:
      - Where published ports listen. V(host) is the host's own addresses, with podman those of
        IPv4. By default as the profile says.
    type: str
    choices: [loopback, host]
  ttl:
    description: How long it lives once it is ready, as V(30m), V(1h30m) or V(45s).
    type: str
  deadline:
    description: How long the making or the start may take, as V(10m).
    type: str
    default: 10m
  files:
    description:
      - Compose files below O(source), each over those before it. Paths in them go from the folder
        of the first.
      - By default those that compose reads, a C(compose.override.yml) with them.
    type: list
    elements: str
    default: []
  env_files:
    description:
      - Files of variables below O(source), a later one over those before it. By default C(.env).
    type: list
    elements: str
    default: []
  compose_profiles:
    description:
      - Profiles of the compose file whose services run, too; V(*) for all.
      - By default those of C(COMPOSE_PROFILES) in C(.env).
    type: list
    elements: str
    default: []
  compose_cmd:
    description:
      - A compose program of the host, which makes the containers in the place of its engine, as
        V(podman-compose). Split into words; there is no shell.
      - By default E(SANDBOXER_COMPOSE_CMD) of the controller. Empty is none.
      - What there is already stays as it is, whoever made it.
    type: str
  auth_file:
    description:
      - Whole path of a file on the host with what its registries ask for, as C(podman login) writes
        it. Only its name goes there.
    type: str
  replace:
    description: Make it anew where what is there has another content.
    type: bool
    default: false
  unreaped:
    description: Make it even where this host's reaper has stopped.
    type: bool
    default: false
  wait:
    description: Wait until it is ready. Otherwise the state V(creating) is success.
    type: bool
    default: true
  resolved:
    description: What the action plugin has resolved, as JSON. Not for users.
    type: str
  follow:
    description: Id and cursor of a job to follow, as JSON. Not for users.
    type: str
  piece:
    description: A piece of the source for a job that waits for it, as JSON. Not for users.
    type: str
seealso:
  - module: coulomb.sandboxer.sandbox_info
"""

EXAMPLES = r"""
- name: A web server out of the host's own busybox
  coulomb.sandboxer.sandbox:
    profile: profile.hello
    name: one
    ttl: 20m

- name: The services of a compose file
  coulomb.sandboxer.sandbox:
    source: /home/me/shop

- name: The same with a second file, a variable and the services of a profile
  coulomb.sandboxer.sandbox:
    source: /home/me/shop
    files: [compose.yml, compose.test.yml]
    settings: {TAG: "1.4"}
    compose_profiles: [debug]

- name: It runs no more, and goes on later
  coulomb.sandboxer.sandbox:
    name: one
    state: stopped

- name: Nothing is left of it
  coulomb.sandboxer.sandbox:
    name: one
    state: absent
"""

RETURN = r"""
sandbox:
  description: The sandbox as it is now. Empty after O(state=absent).
  returned: always
  type: dict
  sample:
    id: sbx-4f7kq2zd
    name: one
    owner: me
    state: ready
    expires_at: 1795527608.6
    reachability:
      remote_dir: /srv/sandboxer/sbx-4f7kq2zd
      endpoints:
        - service: web
          port: 80
          host_port: 20000
          scope: loopback
          url: http://127.0.0.1:20000
receipt:
  description: What a destroy removed, and what remains.
  returned: when O(state=absent) and there was something to destroy
  type: dict
  sample:
    id: sbx-4f7kq2zd
    removed:
      - kind: container
        key: sbx-4f7kq2zd.web
    remains: []
sandboxer_error:
  description: Why it failed.
  returned: on failure
  type: dict
  sample:
    code: service_exited
    message: service web ended with exit code 1
    hint: run its command by hand in the same image to see why
    retryable: false
    stage: ready
"""

import json

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

SPEC = {
    "state": {
        "type": "str",
        "choices": ["present", "absent", "stopped", "started", "restarted"],
        "default": "present",
    },
    "service": {"type": "str"},
    "name": {"type": "str"},
    "id": {"type": "str"},
    "owner": {"type": "str"},
    "profile": {"type": "str", "default": "profile.compose"},
    "source": {"type": "str"},  # a path would have its $ expanded
    "carry": {"type": "str"},
    "settings": {"type": "dict", "default": {}},
    "publish": {"type": "str", "choices": ["loopback", "host"]},
    "ttl": {"type": "str"},
    "deadline": {"type": "str", "default": "10m"},
    "files": {"type": "list", "elements": "str", "default": []},
    "env_files": {"type": "list", "elements": "str", "default": []},
    "compose_profiles": {"type": "list", "elements": "str", "default": []},
    "compose_cmd": {"type": "str"},
    "auth_file": {"type": "str"},
    "replace": {"type": "bool", "default": False},
    "unreaped": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    # one string each, so that nothing in it is taken for a secret by itself
    "resolved": {"type": "str", "no_log": True},
    "follow": {"type": "str"},
    "piece": {"type": "str", "no_log": True},
}


RUNNING = {"stopped": "stop", "started": "start", "restarted": "restart"}  # state -> verb


def question(params: dict, check_mode: bool) -> tuple[str, dict]:
    """The verb of the host library that these parameters mean, and its request."""
    if params["follow"]:
        return "follow", json.loads(params["follow"])
    if params["piece"]:
        return "source", json.loads(params["piece"])
    if params["state"] == "absent":
        reference = params["id"] or params["name"]
        return "absent", {"ref": reference, "owner": params["owner"], "check": check_mode}
    if not params["resolved"]:
        raise HostError("usage", "this module works only together with its action plugin")
    request = json.loads(params["resolved"])
    if params["state"] in RUNNING:
        request["ref"] = params["id"] or params["name"]
        request.update({key: params[key] for key in ("owner", "service", "wait")})
        request["check"] = check_mode
        return RUNNING[params["state"]], request
    return "present", {**request, "wait": params["wait"], "check": check_mode}


def main() -> None:
    # the action plugin imports this file, and should not pay for the whole of the host library
    from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import verbs

    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    try:
        verb, request = question(module.params, module.check_mode)
        module.exit_json(**verbs.run(State.of_account(), verb, request))
    except HostError as error:
        module.fail_json(msg=str(error), sandboxer_error=error.as_dict())


if __name__ == "__main__":
    main()
