"""A file of variables, `KEY=value` a line, as `env_file` and `label_file` name them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import refusal
from .field import Field
from .inside import read_file
from .interpolation import LoneDollarError, UnknownVariableError, interpolate
from .tree import Place

_LINE = re.compile(
    r"(?:export[ \t]+)?(?P<name>[^\s=:#'\"]+)[ \t]*"
    r"(?:[=:][ \t]*(?:'(?P<single>[^']*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|(?P<bare>[^\n]*)))?"
    r"(?P<rest>[^\n]*)(?:\n|\Z)",
    re.DOTALL,
)
_BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?\n|[ \t]+")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_env_file(field: Field, raw: bool = False, required: bool = True) -> dict[str, str]:
    """The variables of the file of the source that `field` names; of none where it may be missing.

    `raw` takes everything behind the first `=` as it stands. A name without `=` has its value of
    `.env`, or isn't there.
    """
    written = field.text()
    content = read_file(field, written)
    if content is None:
        if not required:
            return {}
        raise field.invalid(f"there is no file {written}", "write it, or say  required: false")
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise field.invalid(f"{written} is not UTF-8", "save the file as UTF-8") from error
    if "\0" in text:
        raise field.invalid(f"{written} has a character that no program takes")
    known = field.reading.variables
    return _raw(text, known) if raw else _parse(text, written, known)


def _raw(text: str, known: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, equals, value = line.partition("=")
        if not name.strip() or line.lstrip().startswith("#"):
            continue
        if equals or name in known:
            found[name] = value if equals else known[name]
    return found


def _parse(text: str, file: str, known: Mapping[str, str]) -> dict[str, str]:
    text = f"{text}\n"
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        if blank := _BLANK.match(text, at):
            at = blank.end()
            continue
        line = _LINE.match(text, at)
        place = Place(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        if line is None or ((rest := line["rest"].strip()) and not rest.startswith("#")):
            raise refusal.invalid("not a variable", place, "write  NAME=value")
        name = line["name"]
        value = _value(line, {**known, **found}, place)
        if value is None:
            value = known.get(name)
        if value is not None:
            found[name] = value
        at = line.end()
    return found


def _value(line: re.Match[str], known: Mapping[str, str], place: Place) -> str | None:
    if line["single"] is not None:
        return line["single"]
    written = line["double"] if line["double"] is not None else line["bare"]
    if written is None:
        return None
    if line["double"] is None:
        written = re.split(r"(?:^|[ \t])#", written, maxsplit=1)[0].strip()
    try:
        value = interpolate(written.replace("\\$", "$$"), known)
    except UnknownVariableError as error:
        raise refusal.unsupported(f"interpolation ({error})", place, "write the value") from error
    except LoneDollarError as error:
        raise refusal.invalid("a dollar sign that names nothing", place, "write it $$") from error
    if line["double"] is None:
        return value
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), value)
