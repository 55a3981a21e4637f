"""Asks Ansible how it would reach hosts. A program of its own: connection.py runs it as a child.

The program itself must not import `ansible.plugins`, and this file nothing of the program.
Standard input: {"inventories": [source], "pattern": "h1,web*", "ways": true}.
Standard output: {"all": [name], "unmatched": [term], "hosts": {name: way}}, or {"error": text}.
It judges nothing: options come back as [value, where it was set].
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

# The options of Ansible's ssh plugin that can decide whether host keys are checked.
SSH_OPTIONS = (
    "host_key_checking",
    "ssh_args",
    "ssh_common_args",
    "ssh_extra_args",
    "sftp_extra_args",
    "scp_extra_args",
)


def main() -> None:
    # Inventory scripts and Ansible's own words must not get between us and the reader.
    answer_to = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    request = json.load(sys.stdin)

    from ansible.errors import AnsibleError

    try:
        answer = look(request["inventories"], request["pattern"], request["ways"])
    except AnsibleError as exc:
        answer = {"error": str(exc)}
    with answer_to:
        json.dump(answer, answer_to)


def look(inventories: list[str], pattern: str, ways: bool) -> dict[str, Any]:
    from ansible import constants
    from ansible.cli import CLI
    from ansible.errors import AnsibleError
    from ansible.inventory.manager import InventoryManager, split_host_pattern
    from ansible.parsing.dataloader import DataLoader
    from ansible.plugins.loader import init_plugin_loader
    from ansible.template import Templar
    from ansible.vars.manager import VariableManager

    init_plugin_loader()
    loader = DataLoader()
    vaults = list(constants.DEFAULT_VAULT_IDENTITY_LIST)
    loader.set_vault_secrets(CLI.setup_vault_secrets(loader, vault_ids=vaults, auto_prompt=False))
    inventory = InventoryManager(loader=loader, sources=inventories)
    variables = VariableManager(loader=loader, inventory=inventory)

    def matched(term: str) -> list[Any]:
        # Ansible knows a localhost of its own, on which a play of all hosts would not play
        return [host for host in inventory.list_hosts(term) if not host.implicit]

    # Ansible passes over a term that matches nothing with no more than a warning.
    terms = [term for term in split_host_pattern(pattern) if term[0] not in "!&"]
    unmatched = [term for term in terms if term not in ("all", "*") and not matched(term)]
    hosts = {}
    for host in matched(pattern):
        values = variables.get_vars(host=host)
        try:
            found = way(values, Templar(loader=loader, variables=values)) if ways else {}
        except AnsibleError as exc:  # of this host alone
            found = {"error": str(exc)}
        hosts[host.name] = found
    return {"all": sorted(inventory.hosts), "unmatched": unmatched, "hosts": hosts}


def way(values: dict[str, Any], templar: Any) -> dict[str, Any]:
    """How a host with these variables is reached, as Ansible's own plugins see it."""
    from ansible import constants
    from ansible.playbook.play_context import PlayContext
    from ansible.plugins.loader import connection_loader

    kind = str(templar.template(values.get("ansible_connection", constants.DEFAULT_TRANSPORT)))
    kind = kind.removeprefix("ansible.builtin.").removeprefix("ansible.legacy.")
    kind = "ssh" if kind == "smart" else kind
    found: dict[str, Any] = {
        "kind": kind,
        "become": become(values, templar),
        "compose_cmd": text_of("sandboxer_compose_cmd", values, templar),
        "name": text_of("sandboxer_name", values, templar),
        "variables": sorted(name for name in values if name.startswith("sandboxer_")),
    }
    if kind == "ssh":
        plugin = connection_loader.get("ansible.builtin.ssh", PlayContext())
        plugin.set_options(var_options=plugin._resolve_option_variables(values, templar))
        plugin.host = plugin.get_option("host")
        argv = plugin._build_command(plugin.get_option("ssh_executable"), "ssh", plugin.host)
        found["argv"] = [word.decode() for word in argv]
        found["options"] = {name: plugin.get_option_and_origin(name) for name in SSH_OPTIONS}
    return found


def text_of(name: str, values: dict[str, Any], templar: Any) -> str | None:
    """What the host's variables say of this one; as a template where only a play can tell, by the
    host's facts."""
    from ansible.errors import AnsibleError

    given = values.get(name)
    try:
        return None if given is None else str(templar.template(given))
    except AnsibleError:
        return str(given)


def become(values: dict[str, Any], templar: Any) -> dict[str, str] | None:
    """The options of the become plugin that the host's variables or ansible.cfg switch on."""
    from ansible import constants
    from ansible.errors import AnsibleError
    from ansible.module_utils.parsing.convert_bool import boolean
    from ansible.plugins.loader import become_loader

    wanted = values.get("ansible_become")
    if not boolean(constants.DEFAULT_BECOME if wanted is None else templar.template(wanted)):
        return None
    method = values.get("ansible_become_method") or constants.DEFAULT_BECOME_METHOD
    method = str(templar.template(method))
    plugin = become_loader.get(method)
    if plugin is None:
        raise AnsibleError(f"there is no become plugin {method}")
    known = constants.config.get_plugin_vars("become", plugin._load_name)
    plugin.set_options(
        var_options={name: templar.template(values[name]) for name in known if name in values}
    )
    options = {name: plugin.get_option(f"become_{name}") or "" for name in ("user", "exe", "flags")}
    return {"method": plugin.name, **options}


if __name__ == "__main__":
    main()
