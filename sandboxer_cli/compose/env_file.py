"""A file of variables, `KEY=value` a line, as `env_file` and `label_file` name them."""

from __future__ import annotations

from collections.abc import Mapping

from .dotenv import parse_dotenv
from .field import Field
from .inside import inside, read_file
from .notes import Note


def read_env_file(
    field: Field, before: Mapping[str, str], *, raw: bool = False, required: bool = True
) -> dict[str, str]:
    """What the files `before` it have, and over it the variables of the file of the source that
    `field` names; of none where it may be missing.

    Its values may name what is there before. `raw` takes everything behind the first `=` as it
    stands. A name without `=` has its value of the files before, else of `.env`, or isn't there.
    """
    written = field.text()
    content = read_file(field, written)
    if content is None:
        if not required:
            return dict(before)
        raise field.invalid(f"there is no file {written}", "write it, or say  required: false")
    # Of a name that .env has as well compose 2.26 takes the earlier file's value, as is done here,
    # later versions that of .env. 2.26 took it over the file's own lines, too: that was mended.
    known = {name: one for name, one in field.reading.variables.items() if name not in before}
    if raw:
        return {**before, **_raw(_text(field, written, content), {**known, **before})}
    noted: dict[str, Note] = {}
    found = parse_dotenv(content, inside(field, written), before, known, noted)
    # one file is often that of several services, and .env besides
    field.reading.notes.extend(note for note in noted.values() if note not in field.reading.notes)
    return found


def _text(field: Field, written: str, content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise field.invalid(f"{written} is not UTF-8", "save the file as UTF-8") from error
    if "\0" in text:
        raise field.invalid(f"{written} has a character that no program takes")
    return text


def _raw(text: str, known: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, equals, value = line.partition("=")
        if not name.strip() or line.lstrip().startswith("#"):
            continue
        if equals or name in known:
            found[name] = value if equals else known[name]
    return found
