"""Variables in values: `$X`, `${X}`, `${X:-d}`, `${X-d}`, `${X:?e}`, `${X?e}`, `${X:+r}`, `${X+r}`.

As compose has them: what comes after the operator may hold variables again, `$$` is one dollar
sign, and a dollar sign that starts none of these stands for itself. Values are put in after YAML
was read: a value can't become structure. Nothing is taken from the controller's environment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from . import refusal
from .notes import Note
from .tree import ListNode, MapNode, Node, Place

_DOLLAR = re.compile(r"\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|(\{))")
_BRACE = re.compile(r"[{}]")
_BRACED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-?+])(.*))?", re.DOTALL)
_DOUBLE_IT = "write $$ for a dollar sign that is meant as such"
_MOST_DEPTH = 20
# As much as a file may hold: variables made of variables double as often as one likes.
_MOST_CHARACTERS = 10 * 1024 * 1024


class _NotATemplateError(ValueError):
    """The arguments say what is wrong, and what to do about it."""


class _RequiredError(ValueError):
    """The arguments are the variable's name and what the file says about it."""


class Interpolation:
    """Puts `variables` into the values of one file.

    `noted` gets a note for each variable that has no value, once, by its name.
    """

    def __init__(self, variables: Mapping[str, str], noted: dict[str, Note]) -> None:
        self._variables = variables
        self._noted = noted
        self._left = _MOST_CHARACTERS

    def tree(self, tree: MapNode) -> MapNode:
        """The same tree with each value interpolated; keys are as they were.

        Raises Usage: `compose_invalid`.
        """
        return self._map(tree, "")

    def text(self, text: str, path: str, place: Place) -> str:
        """One value, which stands at `path` and `place`. Raises Usage: `compose_invalid`."""
        return self._text(text, path, place)[0]

    def _text(self, text: str, path: str, place: Place) -> tuple[str, tuple[str, ...]]:
        """(the value, the variables in it that have none)"""
        unset: list[str] = []
        try:
            done = self._expand(text, unset, 0)
        except _NotATemplateError as error:
            why, hint = error.args
            raise refusal.invalid(_at(path, why), place, hint) from error
        except _RequiredError as error:
            name, message = error.args
            why = f"the variable {name} has to have a value" + (f": {message}" if message else "")
            raise refusal.invalid(_at(path, why), place, refusal.give([name])) from error
        for name in unset:
            what = f"the variable {name} has no value, and is empty here"
            self._noted.setdefault(name, Note(path, place, what, "unset"))
        return done, tuple(dict.fromkeys(unset))

    def _map(self, node: MapNode, path: str) -> MapNode:
        entries = tuple(
            (key, self._node(value, f"{path}.{key.text}" if path else key.text))
            for key, value in node.entries
        )
        return replace(node, entries=entries)

    def _node(self, node: Node, path: str) -> Node:
        if isinstance(node, MapNode):
            return self._map(node, path)
        if isinstance(node, ListNode):
            items = (self._node(item, f"{path}[{i}]") for i, item in enumerate(node.items))
            return replace(node, items=tuple(items))
        if "$" not in node.text:
            return node
        text, unset = self._text(node.text, path, node.place)
        if text == node.text:
            return node
        return replace(node, text=text, plain=False, interpolated=True, unset=unset)

    def _expand(self, text: str, unset: list[str], depth: int) -> str:
        if depth > _MOST_DEPTH:
            raise _NotATemplateError(f"variables are nested more than {_MOST_DEPTH} deep", "")
        parts: list[str] = []
        at = 0
        while match := _DOLLAR.search(text, at):
            parts.append(text[at : match.start()])
            dollar, name, _ = match.groups()
            at = match.end()
            if dollar:
                value = "$"
            elif name:
                value = self._value(name, unset)
            else:
                end = _closing(text, at)
                value = self._braced(text[at:end], unset, depth)
                at = end + 1
            self._left -= len(value)
            if self._left < 0:
                raise _NotATemplateError("more than 10 MiB of variables' values in this file", "")
            parts.append(value)
        return "".join(parts) + text[at:]

    def _value(self, name: str, unset: list[str]) -> str:
        if name not in self._variables:
            unset.append(name)
        return self._variables.get(name, "")

    def _braced(self, inner: str, unset: list[str], depth: int) -> str:
        match = _BRACED.fullmatch(inner)
        if match is None:
            raise _NotATemplateError(f"${{{inner}}} is not a variable", _DOUBLE_IT)
        name, operator, rest = match.groups()
        if operator is None:
            return self._value(name, unset)
        value = self._variables.get(name)
        there = bool(value) if operator.startswith(":") else value is not None
        if operator.endswith("?") and not there:
            raise _RequiredError(name, self._expand(rest, unset, depth + 1))
        takes_rest = there if operator.endswith("+") else not there
        return self._expand(rest, unset, depth + 1) if takes_rest else value or ""


def _closing(text: str, start: int) -> int:
    """Where the brace ends that was opened before `start`; others in between come in pairs."""
    opened = 1
    for match in _BRACE.finditer(text, start):
        opened += 1 if match.group() == "{" else -1
        if opened == 0:
            return match.start()
    raise _NotATemplateError("${ without its }", _DOUBLE_IT)


def _at(path: str, why: str) -> str:
    return f"{path}: {why}" if path else why
