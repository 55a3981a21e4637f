"""Names and addresses that a container is given: DNS and extra hosts."""

from __future__ import annotations

import ipaddress
import re

from .field import Field

_GATEWAY = "host-gateway"
_HOST_NAME = re.compile(r"[a-zA-Z0-9_](?:[a-zA-Z0-9_.-]{0,251}[a-zA-Z0-9_])?")
_OPTION = re.compile(r"[a-z0-9-]+(?::[0-9]+)?")


def read_host_name(field: Field) -> str:
    name = field.text()
    if _HOST_NAME.fullmatch(name) is None:
        raise field.invalid(f"{name!r} is not a host's name")
    return name


def read_dns(field: Field) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_address(item, item.text()) for item in field.texts()))


def read_dns_search(field: Field) -> tuple[str, ...]:
    return tuple("." if item.text() == "." else read_host_name(item) for item in field.texts())


def read_dns_opt(field: Field) -> tuple[str, ...]:
    for item in field.items():
        if _OPTION.fullmatch(item.text()) is None:
            raise item.invalid(f"{item.text()!r} is not an option of DNS")
    return tuple(item.text() for item in field.items())


def read_extra_hosts(field: Field) -> dict[str, tuple[str, ...]]:
    """Name -> its addresses, from `name: address` or a list of `name=address` or `name:address`."""
    found: dict[str, list[str]] = {}
    if field.is_list:
        for item in field.items():
            name, sign, address = _split(item.text())
            if not sign:
                raise item.invalid(f"{item.text()!r} gives no address", 'write "name:address"')
            found.setdefault(_name(item, name), []).append(_address(item, address, gateway=True))
    else:
        for name, entry in field.entries().items():
            found[_name(entry, name)] = [
                _address(item, item.text(), gateway=True) for item in entry.texts()
            ]
    return {name: tuple(dict.fromkeys(addresses)) for name, addresses in found.items()}


def _split(written: str) -> tuple[str, str, str]:
    """By the first `=`; where there is none, by the first colon: IPv6 has more of them."""
    return written.partition("=" if "=" in written else ":")


def _name(field: Field, name: str) -> str:
    if _HOST_NAME.fullmatch(name) is None:
        raise field.invalid_key(f"{name!r} is not a host's name")
    return name


def _address(field: Field, written: str, gateway: bool = False) -> str:
    if gateway and written == _GATEWAY:
        return written
    try:
        return str(ipaddress.ip_address(written.strip("[]")))
    except ValueError as error:
        raise field.invalid(f"{written!r} is not an IP address") from error
