"""What a YAML scalar without quotes is: text, null, a boolean or a number.

PyYAML reads YAML 1.1, in which `no` is false and `22:22` is the number 1342. Compose reads
YAML 1.2, so scalars are told apart here.
"""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["text", "null", "boolean", "number"]

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
# What compose takes where it wants a boolean, in small letters.
TRUE_WORDS = ("true", "yes", "y", "on")
FALSE_WORDS = ("false", "no", "n", "off")
_NUMBER = re.compile(
    r"[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+"
    r"|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
    r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)"
)
_LONGEST_NUMBER = 40


def kind_of(text: str) -> Kind:
    if text in _NULL:
        return "null"
    if text in _TRUE or text in _FALSE:
        return "boolean"
    if _NUMBER.fullmatch(text):
        return "number"
    return "text"


def value_of(text: str) -> str | int | float | bool | None:
    """The value of a scalar without quotes; a number only where its spelling leaves no doubt."""
    match kind_of(text):
        case "null":
            return None
        case "boolean":
            return text in _TRUE
        case "number":
            return _number(text)
        case _:
            return text


def number_as_text(text: str) -> str | None:
    """The number as text, or None where programs would print it differently.

    `1.10` comes back as 1.1 from every YAML reader, `1.0` as 1 from Go and 1.0 from Python,
    `0644` as 420 or 644: none of them is taken.
    """
    value = _number(text)
    if isinstance(value, int) and str(value) == text and -(2**63) <= value < 2**64:
        return text
    # Go prints 1e+15 and greater as Python does not
    if isinstance(value, float) and repr(value) == text and not text.endswith(".0"):
        return text if "e" not in text else None
    return None


def _number(text: str) -> int | float | str:
    if len(text) > _LONGEST_NUMBER:
        return text
    if re.fullmatch(r"0o[0-7]+", text):
        return int(text, 8)
    if re.fullmatch(r"[-+]?(?:0|[1-9][0-9]*)", text):
        return int(text)
    if re.fullmatch(r"[-+]?[0-9]+\.[0-9]+", text):
        return float(text)
    return text
