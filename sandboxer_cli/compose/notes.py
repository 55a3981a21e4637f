"""What a reader of the file should know: what runs differs from what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .tree import Place


@dataclass(frozen=True)
class Note:
    """`path` is that of the value (`services.web.ports[0]`), `place` where it stands. What is
    `unset` is there, with a variable in it that has no value."""

    path: str
    place: Place
    text: str
    kind: Literal["changed", "left_out", "unset"]

    def __str__(self) -> str:
        if self.kind == "unset":
            return f"{self.path}: {self.text}, {self.place}"
        return f"{self.path} is {self.kind.replace('_', ' ')}: {self.text}, {self.place}"
