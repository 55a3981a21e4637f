"""One value of a compose file together with its path, read as what compose wants there."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..errors import Usage
from . import refusal
from .scalars import kind_of, number_as_text
from .tree import ListNode, MapNode, Node, Place, ScalarNode

_NAMES = {ScalarNode: "a single value", ListNode: "a list", MapNode: "a mapping"}


@dataclass(frozen=True)
class Field:
    """A node, its path (`services.web.ports[0]`) and the place of its key, or of itself."""

    path: str
    node: Node
    key_place: Place
    variables: Mapping[str, str]

    def invalid(self, why: str, hint: str = "") -> Usage:
        return refusal.invalid(f"{self.path}: {why}", self.node.place, hint)

    def invalid_key(self, why: str, hint: str = "") -> Usage:
        return refusal.invalid(f"{self.path}: {why}", self.key_place, hint)

    def unsupported(self, what: str = "", hint: str = "") -> Usage:
        """Without `what` it is the key itself that isn't supported."""
        if what:
            return refusal.unsupported(f"{self.path}: {what}", self.node.place, hint)
        return refusal.unsupported(self.path, self.key_place, hint)

    @property
    def is_null(self) -> bool:
        node = self.node
        return isinstance(node, ScalarNode) and node.plain and kind_of(node.text) == "null"

    @property
    def is_scalar(self) -> bool:
        return isinstance(self.node, ScalarNode)

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, ListNode)

    def entries(self) -> dict[str, Field]:
        """A mapping whose keys are names that the user gave."""
        if not isinstance(self.node, MapNode):
            raise self._wants("a mapping")
        return {
            key.text: Field(
                f"{self.path}.{key.text}" if self.path else key.text,
                value,
                key.place,
                self.variables,
            )
            for key, value in self.node.entries
        }

    def keys(self, known: Collection[str]) -> dict[str, Field]:
        """A mapping whose keys compose names: `x-…` are left out, all others must be known."""
        fields = {k: v for k, v in self.entries().items() if not k.startswith("x-")}
        for key, field in fields.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]}? " if near else ""
                takes = ", ".join(known) or "no keys here"
                raise field.unsupported(hint=f"{hint}sand-boxer takes {takes}")
        return fields

    def items(self) -> list[Field]:
        if not isinstance(self.node, ListNode):
            raise self._wants("a list")
        return [
            Field(f"{self.path}[{index}]", item, item.place, self.variables)
            for index, item in enumerate(self.node.items)
        ]

    def raw(self) -> str:
        """A single value as written, whatever its kind."""
        if not isinstance(self.node, ScalarNode):
            raise self._wants("a single value")
        text = self.node.text
        if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
            raise self.invalid("a character that no program takes")
        return text

    def text(self) -> str:
        """Text. A number or a boolean has to stand in quotes."""
        text = self.raw()
        kind = self._kind()
        if kind != "text":
            if kind == "null":
                raise self._wants("text")
            raise self.invalid(f"wants text, and {text} is a {kind}", f'write "{text}", in quotes')
        return text

    def text_or_number(self) -> str:
        """Text, or a number that every program prints the same; null is the caller's."""
        kind = self._kind()
        if kind == "number":
            text = self.raw()
            number = number_as_text(text)
            if number is None:
                raise self.invalid(
                    f"{text} is a number that programs read differently",
                    f'write "{text}", in quotes',
                )
            return number
        return self.text()

    def boolean(self) -> bool:
        text = self.raw()
        if text.lower() not in ("true", "false"):
            raise self.invalid(f"wants true or false, not {text or 'null'}")
        return text.lower() == "true"

    def integer(self, least: int, greatest: int) -> int:
        text = self.raw()
        short = text.isascii() and text.isdigit() and len(text) <= len(str(greatest))
        if not short or not least <= int(text) <= greatest:
            raise self.invalid(f"wants a number from {least} to {greatest}, not {text or 'null'}")
        return int(text)

    def _kind(self) -> str:
        node = self.node
        return kind_of(node.text) if isinstance(node, ScalarNode) and node.plain else "text"

    def _wants(self, what: str) -> Usage:
        found = "empty" if self.is_null else _NAMES[type(self.node)]
        return self.invalid(f"wants {what}, and is {found}")
