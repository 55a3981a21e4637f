"""A command's text as words, as compose splits it: not quite a shell, nor quite `shlex`."""

from __future__ import annotations

import re

_ESCAPED = {"n": "\n", "t": "\t"}
_OPERATOR = re.compile(r"[;&|<>]+")
_UNCLOSED = {"'": "quotation", '"': "quotation", "`": "backquote", "$": "parenthesis"}


def split(line: str) -> tuple[tuple[str, ...], str]:
    """The words, and the operator that ended them: compose drops it and all that follows.

    Quotes are taken off, but not within `$(…)`. Outside of single quotes a backslash takes the next
    character as it is, and makes an n a line break and a t a tab. What stands within backquotes or
    `$(…)` is left alone, as one piece.

    Raises ValueError, which says what is wrong.
    """
    words: list[str] = []
    word: str | None = None  # the one that has begun
    opened: set[str] = set()
    escaped = False
    for at, character in enumerate(line):
        if escaped:
            word = (word or "") + _ESCAPED.get(character, character)
            escaped = False
        elif character == "\\" and "'" not in opened:
            escaped = True
        elif character in " \t\r\n" and not opened:
            words += [] if word is None else [word]
            word = None
        elif character in "'\"" and not opened & ({"'", '"', "$"} - {character}):
            opened ^= {character}
            word = word or ""
        elif not opened and (operator := _OPERATOR.match(line, at)):
            if character == ">" and word and word[0] in "0123456789":
                word = None  # as in 2>file
            return (*words, *([] if word is None else [word])), operator[0]
        else:
            if character == "`" and not opened & {"'", '"', "$"}:
                opened ^= {"`"}
            elif character in "()" and not opened & {"'", '"', "`"}:
                begins = (word or "").endswith("$") and "$" not in opened
                if not (begins if character == "(" else "$" in opened):
                    raise ValueError("a parenthesis without quotes")
                opened ^= {"$"}
            word = (word or "") + character
    if escaped:
        raise ValueError("nothing behind the last backslash")
    for sign, what in _UNCLOSED.items():
        if sign in opened:
            raise ValueError(f"no closing {what}")
    return (*words, *([] if word is None else [word])), ""
