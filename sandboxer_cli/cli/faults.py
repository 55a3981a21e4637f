"""What is wrong in files, as data and as lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandboxer_cli.profiles.fault import Fault


def as_data(faults: Iterable[Fault]) -> list[dict[str, Any]]:
    return [
        {
            "file": one.place.file,
            "line": one.place.line,
            "column": one.place.column,
            "message": one.text,
            "hint": one.hint,
        }
        for one in faults
    ]


def as_lines(faults: Iterable[dict[str, Any]]) -> list[str]:
    """As compilers say it, which editors can follow; a hint stands below."""
    said = []
    for one in faults:
        said.append(f"{one['file']}:{one['line']}:{one['column']}: {one['message']}")
        said += [f"  {one['hint']}"] if one["hint"] else []
    return said
