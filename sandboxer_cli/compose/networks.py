"""Networks, how a service is on them, and the names that it is found by there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from .field import Field
from .stack import Attachment, Network

DEFAULT = "default"
NETWORK_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")
# Of the bridge's options those that say no more than keys that are left out, too.
_OPTIONS = {
    f"com.docker.network.{name}"
    for name in ("bridge.name", "bridge.host_binding_ipv4", "enable_ipv4", "enable_ipv6")
}
# It is looked up in the sandbox's DNS.
_ALIAS = re.compile(r"[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]{0,251}[a-zA-Z0-9_])?")


def read_network(field: Field) -> Network:
    if field.is_null:
        return Network()
    keys = field.keys("networks.*")
    if "driver" in keys and keys["driver"].text() not in ("bridge", "default", ""):
        raise keys["driver"].refused(keys["driver"].text())
    if "name" in keys:
        keys["name"].text()
        keys["name"].note()
    if "driver_opts" in keys and not keys["driver_opts"].asks_for_nothing:
        _read_options(keys["driver_opts"])
    return Network("internal" in keys and keys["internal"].boolean())


def _read_options(field: Field) -> None:
    for name in field.entries():
        if name not in _OPTIONS:
            raise field.refused(name)
    field.note()


def read_attachments(field: Field, declared: Collection[str]) -> dict[str, Attachment]:
    """The networks that a service is on; without a word it is `default`."""
    if field.is_null:
        return {DEFAULT: Attachment()}
    if field.is_list:
        names = [(item.text(), item) for item in field.items()]
        found = {name: Attachment() for name, _ in names}
    else:
        names = list(field.entries().items())
        found = {name: _attachment(entry) for name, entry in names}
    for name, where in names:
        if name != DEFAULT and name not in declared:
            raise where.invalid_key(
                f"the network {name} is not declared",
                f"add it to the networks of the file:  networks: {{{name}: }}",
            )
    return found or {DEFAULT: Attachment()}


def _attachment(field: Field) -> Attachment:
    keys = {} if field.is_null else field.keys("services.*.networks.*")
    aliases = keys["aliases"].items() if "aliases" in keys else []
    return Attachment(tuple(dict.fromkeys(read_alias(item, item.text()) for item in aliases)))


def read_alias(field: Field, name: str) -> str:
    if _ALIAS.fullmatch(name) is None:
        raise field.invalid(f"{name!r} is not a name on a network")
    return name


def read_container_name(field: Field) -> str:
    name = read_alias(field, field.text())
    field.note()
    return name


def read_network_mode(field: Field, services: Collection[str]) -> str | None:
    """`none`, `service:NAME`, or None for the sandbox's own networks."""
    mode = field.text()
    if mode == "none":
        return mode
    if mode in ("bridge", "default"):
        field.changed("the sandbox's own network stands for it, on which services have names")
        return None
    return read_shared(field, services)


def read_shared(field: Field, services: Collection[str]) -> str:
    """`service:NAME`: what is another service's is this one's too."""
    written = field.text()
    kind, _, name = written.partition(":")
    if kind != "service":
        raise field.refused(written)
    if name not in services:
        raise field.invalid(f"there is no service {name}", "there are " + ", ".join(services))
    return written


def read_links(field: Field, services: Collection[str]) -> list[tuple[str, str, Field]]:
    """(service, the name it gets) and where it is said."""
    found = []
    for item in field.items():
        name, colon, alias = item.text().partition(":")
        if name not in services:
            raise item.invalid(f"there is no service {name}", "there are " + ", ".join(services))
        item.note()
        found.append((name, read_alias(item, alias if colon else name), item))
    return found


def with_aliases(
    networks: Mapping[str, Attachment], aliases: Iterable[str], only: Collection[str] | None = None
) -> dict[str, Attachment]:
    """The same with more names, on all of them or on `only` some."""
    return {
        name: Attachment(tuple(dict.fromkeys([*attachment.aliases, *aliases])))
        if only is None or name in only
        else attachment
        for name, attachment in networks.items()
    }
