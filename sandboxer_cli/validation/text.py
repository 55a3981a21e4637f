"""YAML as people write it."""

from __future__ import annotations

from typing import Any

import yaml

from ..compose.scalars import kind_of


class _Dumper(yaml.SafeDumper):
    """Lists stand deeper than their key; text that YAML 1.2 takes for more is in quotes, too."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    style = "'" if kind_of(text) != "text" else style
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(value: dict[str, Any] | list[Any], indent: str = "") -> list[str]:
    """Its lines; what stands deeper and holds single values alone is on one line."""
    inner = value.values() if isinstance(value, dict) else value
    flat = not any(isinstance(one, dict | list) for one in inner)
    text = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=100,
        default_flow_style=False if flat else None,
    )
    return [indent + line if line else line for line in text.splitlines()]
