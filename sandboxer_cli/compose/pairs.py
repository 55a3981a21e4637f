"""Environment and labels: a mapping, or a list of `KEY=value`."""

from __future__ import annotations

from .field import Field
from .tree import Place

# Ours say whose a container is; the others are those of the compose programs.
_RESERVED = ("io.sandboxer.", "com.docker.compose.", "io.podman.compose.")


def read_environment(field: Field) -> dict[str, str]:
    """The variables, each with a value: the controller's own environment is nobody's business."""
    pairs = _read(field)
    for value, where in pairs.values():
        if value is None:
            raise where.invalid_key(
                "has no value",
                'give it one, or "" for an empty one: '
                "it is never taken from the environment of whoever runs sand-boxer",
            )
    return {name: value for name, (value, _) in pairs.items() if value is not None}


def read_labels(field: Field) -> dict[str, str]:
    """The labels; one without a value is empty."""
    pairs = _read(field)
    for name, (_, where) in pairs.items():
        if name.startswith(_RESERVED):
            raise where.invalid_key(f"the label {name} is reserved")
    return {name: value or "" for name, (value, _) in pairs.items()}


def _read(field: Field) -> dict[str, tuple[str | None, Field]]:
    if field.is_list:
        return _from_list(field)
    pairs: dict[str, tuple[str | None, Field]] = {}
    for name, entry in field.entries().items():
        _check_name(entry, name)
        pairs[name] = (None if entry.is_null else entry.text_or_number(), entry)
    return pairs


def _from_list(field: Field) -> dict[str, tuple[str | None, Field]]:
    pairs: dict[str, tuple[str | None, Field]] = {}
    for item in field.items():
        name, equals, value = item.text().partition("=")
        _check_name(item, name)
        if name in pairs:
            first: Place = pairs[name][1].node.place
            raise item.invalid(f"{name} is given twice: {first}")
        pairs[name] = (value if equals else None, item)
    return pairs


def _check_name(field: Field, name: str) -> None:
    if not name or name != name.strip() or "=" in name or not name.isprintable():
        raise field.invalid_key(f"{name!r} is not a name")
