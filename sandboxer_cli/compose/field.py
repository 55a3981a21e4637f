"""One value of a compose file together with its path, read as what compose wants there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import Usage
from . import refusal
from .keys import KEYS, Key
from .notes import Note
from .scalars import FALSE_WORDS, TRUE_WORDS, kind_of, number_as_text
from .tree import ListNode, MapNode, Node, Place, ScalarNode

_NAMES = {ScalarNode: "a single value", ListNode: "a list", MapNode: "a mapping"}
_DECIMAL = re.compile(r"[0-9]{1,12}(?:\.[0-9]{0,9})?|\.[0-9]{1,9}")


@dataclass(frozen=True)
class Reading:
    """What all fields of a file share: its folder, variables, the notes that come up, and the
    files of the folder that were read.

    Without a `source` there are no files to read, and none to mount. `qualify` is the registry of
    short image names, which are refused without.
    """

    source: Path | None
    variables: Mapping[str, str]
    qualify: str | None = None
    notes: list[Note] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


_NO_KEY = Key("kept")


@dataclass(frozen=True)
class Field:
    """A node, its path (`services.web.ports[0]`) and the place of its key, or of itself.

    `key` is its row in the table of keys, where compose names the key.
    """

    path: str
    node: Node
    key_place: Place
    reading: Reading
    key: Key = _NO_KEY

    def invalid(self, why: str, hint: str = "") -> Usage:
        return refusal.invalid(f"{self.path}: {why}", self.node.place, self.unset or hint)

    def invalid_key(self, why: str, hint: str = "") -> Usage:
        return refusal.invalid(f"{self.path}: {why}", self.key_place, self.unset or hint)

    def unsupported(self, what: str, hint: str = "") -> Usage:
        return refusal.unsupported(f"{self.path}: {what}", self.node.place, self.unset or hint)

    @property
    def unset(self) -> str:
        """The hint of a value that is wrong since variables in it have none; empty elsewhere."""
        names = self.node.unset if isinstance(self.node, ScalarNode) else ()
        if not names:
            return ""
        has = "has" if len(names) == 1 else "have"
        # without files there is no .env: it is a profile's own stack
        give = refusal.give(names) if self.reading.source else "declare it among the parameters"
        return f"{' and '.join(names)} {has} no value: {give}"

    def refused(self, what: str = "", why: str = "", hint: str = "") -> Usage:
        """By the table's reason, unless `why` gives a better one; without `what`, the key itself.

        An item of a list is refused by the reason of the list's key.
        """
        reason = why or self.key.refuses or self.key.text
        path = f"{self.path}: {what}" if what else self.path
        place = self.node.place if what else self.key_place
        return refusal.refused(path, reason, place, self.unset or hint)

    def note(self, text: str = "") -> None:
        """That it is changed or left out; by the table's reason, unless there is a better one.

        A key that is kept says what of it is left out.
        """
        if self.key.fate == "changed":
            self.changed(text or self.key.text)
        else:
            self.left_out(text or self.key.text)

    def left_out(self, text: str) -> None:
        """That this value is not there, whatever becomes of others of its key."""
        self.reading.notes.append(Note(self.path, self.key_place, text, "left_out"))

    def changed(self, text: str) -> None:
        """That this value is another one now."""
        self.reading.notes.append(Note(self.path, self.key_place, text, "changed"))

    def given_again(self, what: str, later: Field) -> None:
        """That this item of a list is dropped: of two the later one wins, as with compose."""
        self.note(f"{what} is given again: {later.node.place}")

    @property
    def is_null(self) -> bool:
        node = self.node
        return isinstance(node, ScalarNode) and node.plain and kind_of(node.text) == "null"

    @property
    def is_empty_text(self) -> bool:
        """As `${NAME:-}` may be one, where compose often takes it for not given."""
        return isinstance(self.node, ScalarNode) and not self.is_null and not self.node.text

    @property
    def is_scalar(self) -> bool:
        return isinstance(self.node, ScalarNode)

    @property
    def is_number(self) -> bool:
        return self._kind() == "number"

    @property
    def is_list(self) -> bool:
        return isinstance(self.node, ListNode)

    @property
    def asks_for_nothing(self) -> bool:
        """Empty or false, as in `privileged: false`."""
        match self.node:
            case ScalarNode():
                return self.is_null or self.raw().lower() in ("", *FALSE_WORDS)
            case ListNode(items=found) | MapNode(entries=found):
                return not found

    def entries(self) -> dict[str, Field]:
        """A mapping whose keys are names that the user gave."""
        if not isinstance(self.node, MapNode):
            raise self._wants("a mapping")
        return {
            key.text: replace(
                self,
                path=f"{self.path}.{key.text}" if self.path else key.text,
                node=value,
                key_place=key.place,
            )
            for key, value in self.node.entries
        }

    def keys(self, level: str) -> dict[str, Field]:
        """A mapping whose keys compose names: those that are taken, by the table's `level`.

        `x-…` is nobody's business; what is left out gets its note, all else its refusal. Where it
        depends on the value, whoever reads it says so.
        """
        table = KEYS[level]
        taken: dict[str, Field] = {}
        for name, entry in self.entries().items():
            if name.startswith("x-"):
                continue
            if name not in table:
                raise entry._unknown(name, list(table))
            found = replace(entry, key=table[name])
            if found.key.fate in ("kept", "changed") or found.key.refuses:
                taken[name] = found
            elif found.key.fate == "left_out":
                found.note()
            elif not found.asks_for_nothing:
                raise found.refused()
        return taken

    def _unknown(self, name: str, known: list[str]) -> Usage:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        return self.invalid_key("compose has no such key", f"{hint}it has {', '.join(known)}")

    def items(self) -> list[Field]:
        if not isinstance(self.node, ListNode):
            raise self._wants("a list")
        return [
            replace(self, path=f"{self.path}[{index}]", node=item, key_place=item.place)
            for index, item in enumerate(self.node.items)
        ]

    def texts(self) -> list[Field]:
        """One text, or a list of texts: the items, or the field itself."""
        return [self] if self.is_scalar else self.items()

    def part(self, text: str) -> Field:
        """A part of its text, to be read by itself."""
        unset = self.node.unset if isinstance(self.node, ScalarNode) else ()
        node = ScalarNode(text, False, self.node.place, interpolated=True, unset=unset)
        return replace(self, node=node)

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

    def scalar_text(self) -> str:
        """Text, a number or a boolean, as text."""
        if self._kind() == "boolean":
            return self.raw().lower()
        return self.text_or_number()

    def boolean(self) -> bool:
        """True or false, also in the words of YAML 1.1, and in quotes, as compose takes it."""
        text = self.raw()
        if text.lower() not in (*TRUE_WORDS, *FALSE_WORDS):
            raise self.invalid(f"wants true or false, not {text or 'null'}")
        return text.lower() in TRUE_WORDS

    def integer(self, least: int, greatest: int) -> int:
        text = self.raw()
        digits = text.removeprefix("-") if least < 0 else text
        short = digits.isascii() and digits.isdigit() and len(digits) <= len(str(greatest))
        if not short or not least <= int(text) <= greatest:
            raise self.invalid(f"wants a number from {least} to {greatest}, not {text or 'null'}")
        return int(text)

    def number(self) -> float:
        """A number without a sign."""
        text = self.raw()
        if _DECIMAL.fullmatch(text) is None:
            raise self.invalid(f"wants a number, not {text or 'null'}")
        return float(text)

    def _kind(self) -> str:
        node = self.node
        return kind_of(node.text) if isinstance(node, ScalarNode) and node.plain else "text"

    def _wants(self, what: str) -> Usage:
        found = "empty" if self.is_null else _NAMES[type(self.node)]
        return self.invalid(f"wants {what}, and is {found}")
