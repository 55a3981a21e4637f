"""Files of variables, `.env` and its like, read as compose reads them.

    NAME=value            # a comment begins after a blank
    export NAME="with $OTHER, \\n and
    more lines"
    NAME='nothing is interpolated here'
    NAME                  # has the value that it has already

A refusal never shows what stands in the file: there are passwords in such files.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping

from . import refusal
from .interpolation import Interpolation
from .notes import Note
from .tree import Place

_SKIPPED = re.compile(r"(?:\s+|#[^\n]*)*")
_EXPORT = re.compile(r"export(?=[^\S\n])[^\S\n]*")
_NAME = re.compile(r"[\w.\[\]-]+")
_AFTER_NAME = re.compile(r"[^\S\n]*(?:([=:])[^\S\n]*|(?=\n|\Z))")
_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SINGLE_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_COMMENT = re.compile(r" #.*")
_ESCAPE = re.compile(r'\\(?:([abfnrtv\\"])|0([0-7]{3})|(\$))')
_ESCAPED = dict(zip('abfnrtv\\"', '\a\b\f\n\r\t\v\\"', strict=True))


def parse_dotenv(
    content: bytes,
    file: str,
    before: Mapping[str, str],
    given: Mapping[str, str],
    noted: dict[str, Note],
) -> dict[str, str]:
    """`before` and the variables of the file; `file` is what places call it.

    In values `given` wins over both. `noted` is as for `Interpolation`.
    Raises Usage: `compose_invalid`.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        read = content[: error.start].decode("utf-8", "replace")
        raise refusal.invalid("not UTF-8", _place(file, read, len(read))) from error
    values = dict(before)
    _File(file, text, values, given, noted).read()
    return values


class _File:
    def __init__(
        self,
        file: str,
        text: str,
        values: dict[str, str],
        given: Mapping[str, str],
        noted: dict[str, Note],
    ) -> None:
        self._file = file
        self._text = text
        self._values = values
        self._known = ChainMap(dict(given), values)
        self._interpolation = Interpolation(self._known, noted)
        self._at = 0

    def read(self) -> None:
        while True:
            self._match(_SKIPPED)
            if self._at == len(self._text):
                return
            self._statement()

    def _statement(self) -> None:
        self._match(_EXPORT)
        start = self._at
        name = self._match(_NAME)
        after = self._match(_AFTER_NAME)
        if name is None or after is None:
            raise refusal.invalid(
                "not a variable's name",
                _place(self._file, self._text, start),
                "a line is NAME=value; a value of several lines stands in quotes",
            )
        if after[1] is None:
            if name[0] in self._known:
                self._values[name[0]] = self._known[name[0]]
            return
        place = _place(self._file, self._text, start)
        value = self._value(name[0], place)
        if "\0" in value:
            raise refusal.invalid(f"{name[0]}: a character that no program takes", place)
        self._values[name[0]] = value

    def _value(self, name: str, place: Place) -> str:
        match self._text[self._at : self._at + 1]:
            case '"':
                text = _ESCAPE.sub(_unescape, self._quoted(_DOUBLE_QUOTED))
                return self._interpolation.text(text, name, place)
            case "'":
                return self._quoted(_SINGLE_QUOTED).replace("\\'", "'")
        end = self._text.find("\n", self._at)
        line = self._text[self._at : end if end >= 0 else len(self._text)]
        self._at += len(line)
        return self._interpolation.text(_COMMENT.sub("", line).rstrip(), name, place)

    def _quoted(self, pattern: re.Pattern[str]) -> str:
        match = self._match(pattern)
        if match is None:
            place = _place(self._file, self._text, self._at)
            raise refusal.invalid("a quote that never ends", place)
        return match[1]

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match:
            self._at = match.end()
        return match


def _unescape(match: re.Match[str]) -> str:
    letter, octal, dollar = match.groups()
    if dollar:
        return "$$"
    if octal:
        return chr(int(octal, 8))
    return _ESCAPED[letter]


def _place(file: str, text: str, at: int) -> Place:
    return Place(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
