"""What became of a key that could not stay as it was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .tree import Place


@dataclass(frozen=True)
class Note:
    """`path` as in `services.web.logging`; `text`: what stands for it, or why it is left out."""

    path: str
    place: Place
    text: str
    kind: Literal["changed", "left_out"]

    def __str__(self) -> str:
        return f"{self.path} is {self.kind.replace('_', ' ')}: {self.text}, {self.place}"
