"""The images that a Dockerfile names, spelled out as those of a compose file are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from .images import full_name, has_registry

_ESCAPE = re.compile(r"\A(?:\s*#\s*\w+\s*=.*\n)*?\s*#\s*escape\s*=\s*`", re.IGNORECASE)
_FROM = re.compile(r"(\s*FROM\s+(?:--\S+\s+)*)(\S+)(?:\s+AS\s+(\S+))?\s*", re.IGNORECASE)
_ARG = re.compile(r"\s*ARG\s+(.*)", re.IGNORECASE | re.DOTALL)
_DEFAULT = re.compile(r"""([A-Za-z_]\w*)=("[^"]*"|'[^']*'|\S*)""")
# from another stage, or from an image
_OTHERS = {
    "COPY": re.compile(r"(\s--from=)(\S+)"),
    "RUN": re.compile(r"(\s--mount=(?:\S*,)?from=)([^,\s]+)"),
}
_HEREDOC = re.compile(r"""\s<<(-?)(["']?)([A-Za-z_]\w*)\2""")
_WITH_HEREDOCS = ("RUN", "COPY", "ADD")
_VARIABLE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::?-([^${}]*))?\})")
_EMPTY = "scratch"


def qualify(text: str, registry: str, args: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The text with the short names of images made full, and these: as written -> full name.

    `args` are the build's arguments. A name that nobody can tell before the build stays; so does
    the whole text where a FROM goes on in another line, since a stage's name may stand there.
    """
    names = _Names(registry, args)
    try:
        return "".join(map(names.line, _instructions(text))), names.found
    except _NotPlainError:
        return text, {}


class _NotPlainError(Exception):
    """What this file can't tell."""


class _Names:
    """What is known of names while the lines pass."""

    def __init__(self, registry: str, args: Mapping[str, str]) -> None:
        self.found: dict[str, str] = {}
        self._registry = registry
        self._args = args
        self._variables: dict[str, str] = {}
        self._stages = {_EMPTY}
        self._begun = False  # variables of before the first FROM are those of each FROM

    def line(self, instruction: tuple[str, str]) -> str:
        word, line = instruction
        if word == "FROM":
            match = _FROM.fullmatch(line)
            if match is None:
                raise _NotPlainError
            self._begun = True
            changed = self._named(match) + line[match.end(2) :]
            self._stages |= {match[3].lower()} if match[3] else set()
            return changed
        if word == "ARG" and not self._begun:
            self._default(line)
        return _OTHERS[word].sub(self._named, line) if word in _OTHERS else line

    def _default(self, line: str) -> None:
        match = _ARG.match(line)
        for name, written in _DEFAULT.findall(match[1]) if match else ():
            value = self._args.get(name, self._expanded(written.strip("\"'")))
            if value is not None:
                self._variables[name] = value

    def _named(self, match: re.Match[str]) -> str:
        return match[1] + self._full(match[2])

    def _full(self, written: str) -> str:
        name = self._expanded(written.strip('"'))
        if not name or name.lower() in self._stages or name.isdigit() or has_registry(name):
            return written
        full = full_name(name, self._registry)
        if full is None:
            return written
        self.found[written] = full
        return full

    def _expanded(self, text: str) -> str | None:
        """With the values of its variables; None where one has none that is known here."""
        values = {**self._args, **self._variables}
        found = [
            (plain or braced, values.get(plain or braced, default or None))
            for plain, braced, default in _VARIABLE.findall(text)
        ]
        if any(value is None for _name, value in found):
            return None
        each = iter(value or "" for _name, value in found)
        done = _VARIABLE.sub(lambda _match: next(each), text)
        return None if "$" in done else done


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """(the instruction to which it belongs, or nothing; the line), of all lines."""
    escape = "`" if _ESCAPE.search(text) else "\\"
    word, goes_on = "", False
    ends: list[tuple[str, str]] = []  # of the documents that follow: what is stripped, the word
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        if ends:
            stripped, last = ends[0]
            ends = ends[1:] if line.rstrip("\r\n").lstrip(stripped) == last else ends
            yield "", line
        elif bare.startswith("#") or not bare:  # which doesn't end what goes on
            yield "", line
        else:
            word = word if goes_on else bare.split(maxsplit=1)[0].upper()
            yield word, line
            found = _HEREDOC.findall(line) if word in _WITH_HEREDOCS else []
            ends = [("\t" if dash else "", last) for dash, _quote, last in found]
            goes_on = bare.endswith(escape)
