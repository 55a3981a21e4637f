"""Where each word of a profile comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..compose.tree import MapNode, Place, plain
from ..ttl import parse_ttl
from .load import Loaded
from .model import Profile, Setting
from .settings import QUALIFY, apply_qualify, apply_settings, check_publish


def explain(
    loaded: Loaded,
    settings: Mapping[str, Setting],
    ttl: str | None = None,
    publish: str | None = None,
) -> list[dict[str, Any]]:
    """Rows of key, value, layer, file, line, column; a list is one value.

    The layer is built-in, user or project, `command line` for what is given here in their place,
    or `default` for what nobody says; these two have no file.
    Raises Usage: `setting_unknown`, `setting_invalid`, `ttl_invalid`, `publish_invalid`.
    """
    values = apply_settings(loaded.profile, settings)
    given: dict[str, Any] = {f"set.{key}": values[key] for key in settings if key in values}
    if QUALIFY in settings and QUALIFY not in values:
        given[QUALIFY] = apply_qualify(loaded.profile, settings)
    if ttl is not None:
        parse_ttl(ttl)
        given["ttl"] = ttl
    if publish is not None:
        given["publish"] = check_publish(publish)
    layers = {file.label: file.layer for file in loaded.files}
    said = {
        key: _row(key, value, layers[place.file], place)
        for key, value, place in _leaves(loaded.tree)
    }
    unsaid = {
        key: _row(key, field.default, "default")
        for key, field in Profile.model_fields.items()
        if isinstance(field.default, str) and loaded.tree.get(key) is None
    }
    typed = {key: _row(key, value, "command line") for key, value in given.items()}
    return list((said | unsaid | typed).values())


def _row(key: str, value: object, layer: str, place: Place | None = None) -> dict[str, Any]:
    return {
        "key": key,
        "value": value,
        "layer": layer,
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
    }


def _leaves(tree: MapNode, prefix: str = "") -> Iterator[tuple[str, Any, Place]]:
    for key, value in tree.entries:
        if isinstance(value, MapNode) and value.entries:
            yield from _leaves(value, f"{prefix}{key.text}.")
        else:
            yield f"{prefix}{key.text}", plain(value), key.place
