"""Environment, labels and the like: a mapping, or a list of `KEY=value`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .env_file import read_env_file
from .field import Field
from .variables import check_variable

# Ours say whose a container is; the others are those of the compose programs.
RESERVED = ("io.sandboxer.", "com.docker.compose.", "io.podman.compose.")
_NO_VALUE = (
    "it has no value here: nothing is taken from the environment of whoever runs sand-boxer, "
    "write it into .env"
)

Pairs = dict[str, tuple[str | None, Field]]


def read_environment(
    field: Field,
    check: Callable[[Field, str], None] = check_variable,
    *,
    over: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The variables, over those of files; one without a value has that of `.env`, or isn't there,
    not even where a file has it."""
    found = dict(over or {})
    for name, (value, where) in _read(field).items():
        check(where, name)
        given = where.reading.variables.get(name) if value is None else value
        if given is None:
            where.note(_NO_VALUE)
            found.pop(name, None)
        else:
            found[name] = given
    return found


def read_labels(field: Field) -> dict[str, str]:
    """The labels; one without a value is empty."""
    return _check_labels({name: (value or "", at) for name, (value, at) in _read(field).items()})


def read_annotations(field: Field) -> dict[str, str]:
    return {name: value or "" for name, (value, _) in _read(field).items()}


def read_settings(field: Field) -> dict[str, tuple[str, Field]]:
    """Pairs that all must have a value, and where each stands."""
    found = {}
    for name, (value, where) in _read(field).items():
        if value is None:
            raise where.invalid_key("has no value")
        found[name] = (value, where)
    return found


def read_env_files(field: Field) -> dict[str, str]:
    """The variables of `env_file`: of several files the last one that has it wins, and each knows
    what those before it have."""
    found: dict[str, str] = {}
    for item in field.texts():
        keys = {} if item.is_scalar else item.keys("services.*.env_file[]")
        if not item.is_scalar and "path" not in keys:
            raise item.invalid("has no path")
        form = keys["format"].text() if "format" in keys else ""
        if form not in ("", "raw"):
            raise keys["format"].unsupported(f"the format {form!r}", "it is raw, or left away")
        where = keys.get("path", item)
        found = read_env_file(
            where,
            found,
            raw=form == "raw",
            required=keys["required"].boolean() if "required" in keys else True,
        )
        for name in found:
            check_variable(where, name)
    return found


def read_label_files(field: Field) -> dict[str, str]:
    found: Pairs = {}
    for item in field.texts():
        found |= {name: (value, item) for name, value in read_env_file(item, {}).items()}
    return _check_labels(found)


def _check_labels(pairs: Pairs) -> dict[str, str]:
    for name, (_, where) in pairs.items():
        if name.startswith(RESERVED):
            raise where.invalid_key(f"the label {name} is reserved")
    return {name: value or "" for name, (value, _) in pairs.items()}


def _read(field: Field) -> Pairs:
    if field.is_list:
        return _from_list(field)
    pairs: Pairs = {}
    for name, entry in field.entries().items():
        _check_name(entry, name)
        pairs[name] = (None if entry.is_null else entry.scalar_text(), entry)
    return pairs


def _from_list(field: Field) -> Pairs:
    pairs: Pairs = {}
    for item in field.items():
        name, equals, value = item.text().partition("=")
        _check_name(item, name)
        if name in pairs:
            pairs[name][1].given_again(name, item)
        pairs[name] = (value if equals else None, item)
    return pairs


def _check_name(field: Field, name: str) -> None:
    if not name or name != name.strip() or "=" in name or not name.isprintable():
        raise field.invalid_key(f"{name!r} is not a name")
