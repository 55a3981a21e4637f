"""Secrets and configs: their bytes, read on the controller, and where a container finds them."""

from __future__ import annotations

from collections.abc import Mapping

from .field import Field
from .inside import read_file
from .quantities import read_mode
from .stack import FileUse

_WAYS = ("file", "environment", "content")


def read_content(field: Field, level: str) -> bytes:
    """The bytes of one secret or config (`level` is `secrets.*` or `configs.*`). Never shown.

    Raises Usage: `compose_invalid`, `compose_unsupported`.
    """
    keys = field.keys(level)
    if "name" in keys:
        keys["name"].text()
        keys["name"].note()
    ways = [way for way in _WAYS if way in keys]
    if len(ways) != 1:
        raise field.invalid_key(
            f"has {' and '.join(ways) or 'nothing'} to be read from", "give it one file"
        )
    value = keys[ways[0]]
    if ways == ["content"]:
        return value.text().encode()
    if ways == ["environment"]:
        variable = value.text()
        if variable not in value.reading.variables:
            raise value.invalid(f"there is no variable {variable}", "write it into .env")
        return value.reading.variables[variable].encode()
    content = read_file(value, value.text())
    if content is None:
        raise value.invalid(f"there is no file {value.text()}")
    return content


def read_uses(
    field: Field, level: str, folder: str, declared: Mapping[str, Field]
) -> list[FileUse]:
    """What a service uses; a target that isn't absolute is in `folder`."""
    found: dict[str, tuple[FileUse, Field]] = {}
    for item in field.items():
        keys = {} if item.is_scalar else item.keys(level)
        if not item.is_scalar and "source" not in keys:
            raise item.invalid("has no source")
        source = keys.get("source", item)
        name = source.text()
        if name not in declared:
            what = level.split(".")[-1].removesuffix("[]")
            raise source.invalid(f"{name} is not declared", f"add it to the {what} of the file")
        target = keys["target"].text() if "target" in keys else name
        use = FileUse(
            source=name,
            target=_target(keys.get("target", source), target, folder),
            uid=_account(keys["uid"]) if "uid" in keys else None,
            gid=_account(keys["gid"]) if "gid" in keys else None,
            mode=read_mode(keys["mode"]) if "mode" in keys else None,
        )
        if use.target in found:
            found[use.target][1].given_again(use.target, item)
        found[use.target] = (use, item)
    return [use for use, _ in found.values()]


def _target(field: Field, written: str, folder: str) -> str:
    target = written if written.startswith("/") else f"{folder}/{written}"
    odd = not target.isprintable() or any(c in target for c in ",:")
    if odd or ".." in target.split("/") or target.endswith("/"):
        raise field.invalid(f"{written!r} is not a file's path")
    return target


def _account(field: Field) -> str:
    number = field.raw()
    if not (number.isascii() and number.isdigit() and len(number) <= 10):
        raise field.invalid(f"{number!r} is not an account's number")
    return number
