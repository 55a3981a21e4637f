"""Ports, published and exposed. Where a port comes out on the host is the host's to choose."""

from __future__ import annotations

import ipaddress
import re

from .field import Field
from .stack import Port

_SHORT = re.compile(
    r"(?:(?:(?P<ip>\[[^\]]*\]|[^\[\]]*):)?(?P<published>[0-9-]*):)?"
    r"(?P<target>[0-9-]+)(?:/(?P<protocol>[A-Za-z]+))?"
)
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_MOST = 100


def read_ports(field: Field) -> tuple[Port, ...]:
    """Each container port and protocol once, in the order of the file.

    Of two that lead to the same one the first is there: a sandbox has one endpoint for each.
    """
    ports: dict[Port, None] = {}
    for item in field.items():
        found = _short(item) if item.is_scalar else _long(item)
        again = [port for port in found if port in ports]
        if again:
            more = "" if len(again) == len(found) else ", and the rest of it is kept"
            item.left_out(f"{again[0].target} is published already{more}")
        if item.is_scalar and found[0].published and len(again) < len(found):
            item.note()
        for port in found:
            ports.setdefault(port)
    return _few(field, ports)


def read_expose(field: Field) -> tuple[Port, ...]:
    ports: dict[Port, None] = {}
    for item in field.items():
        target, slash, protocol = item.raw().partition("/")
        span = _span(item, target, item.raw())
        ports |= dict.fromkeys(_expand(span, _protocol(item, protocol if slash else "tcp")))
    return _few(field, ports)


def _few(field: Field, ports: dict[Port, None]) -> tuple[Port, ...]:
    if len(ports) > _MOST:
        raise field.unsupported(f"more than {_MOST} ports")
    return tuple(ports)


def _short(item: Field) -> tuple[Port, ...]:
    written = item.raw()
    match = _SHORT.fullmatch(written)
    if match is None:
        raise item.invalid(f"{written!r} is not a port", 'write "8080:80", or "80"')
    target = _span(item, match["target"], written)
    published = (
        _published(item, match["published"], written, target) if match["published"] else None
    )
    if match["ip"]:
        _check_ip(item, match["ip"].strip("[]"))
    protocol = _protocol(item, match["protocol"] or "tcp")
    return _expand(target, protocol, published)


def _long(item: Field) -> tuple[Port, ...]:
    keys = item.keys("services.*.ports[]")
    if "target" not in keys:
        raise item.invalid("a port without a target")
    number = keys["target"].integer(1, 65535)
    keys = {name: key for name, key in keys.items() if not key.is_empty_text}
    published = None
    if "published" in keys:
        where = keys["published"]
        if where.is_null:
            raise where.invalid("wants a port, and is empty")
        published = _published(where, where.raw(), where.raw(), (number, number))
        if published is not None:
            where.note()
    if "host_ip" in keys:
        _check_ip(keys["host_ip"], keys["host_ip"].text())
        keys["host_ip"].note()
    protocol = _protocol(keys["protocol"], keys["protocol"].text()) if "protocol" in keys else "tcp"
    return (Port(number, protocol, published),)


def _span(field: Field, text: str, written: str) -> tuple[int, int]:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise field.invalid(f"{written!r} is not a port")
    first = int(match[1])
    last = int(match[2] or match[1])
    if not 1 <= first <= last <= 65535:
        raise field.invalid(f"{written!r}: ports go from 1 to 65535, a range upwards")
    return first, last


def _published(field: Field, text: str, written: str, target: tuple[int, int]) -> str | None:
    """The host's port, as written; None for 0, which is any that is free, as without one.

    It is mapped to another one; a file that is wrong is wrong all the same.
    """
    first, last = (0, 0) if text == "0" else _span(field, text, written)
    targets = target[1] - target[0]
    if targets and last - first != targets:
        raise field.invalid("both ranges of ports must be of one length")
    return text if first else None


def _check_ip(field: Field, text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise field.invalid(f"{text!r} is not an IP address") from error


def _protocol(field: Field, text: str) -> str:
    protocol = text.lower()
    if protocol == "sctp":
        raise field.refused("sctp", "not every engine carries sctp")
    if protocol not in ("tcp", "udp"):
        raise field.invalid(f"{text!r} is neither tcp nor udp")
    return protocol


def _expand(span: tuple[int, int], protocol: str, published: str | None = None) -> tuple[Port, ...]:
    first, last = span
    # one more than is allowed is enough to be refused
    numbers = range(first, min(last, first + _MOST) + 1)
    if published is None or first == last:
        return tuple(Port(number, protocol, published) for number in numbers)
    start = int(published.partition("-")[0])
    return tuple(Port(number, protocol, str(start + number - first)) for number in numbers)
