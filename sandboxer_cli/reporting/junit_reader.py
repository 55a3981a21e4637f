"""What the JUnit files of a repository say. Whoever wrote them, reading one is bounded: in time, in
memory, and in what is kept of it.

It is expat alone. A document type is refused, by which a small file could grow without end or ask
for other files; so there are no entities but XML's own five.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from xml.parsers import expat

from sandboxer_cli.reporting.case import Attempt, Case, Status, Tally
from sandboxer_cli.reporting.result import Counts, NotCounted

MOST_BYTES = 16 * 1024 * 1024  # of one file
MOST_CASES = 20_000  # that are listed; counted are all
MOST_RED = 2_000  # of them that have not passed: listed also after so many
MOST_TEXT = 8 * 1024 * 1024  # of what they printed and were stopped by: characters of all together
_MOST_OF_A_TAG = 1024 * 1024
_MOST_NAMES = 1000  # of elements and attributes: the parser keeps each
_DEEPEST = 64
_LONGEST_NAME = 500
_LONGEST_MESSAGE = 2000
_LONGEST_TEXT = 16_000
_LONGEST_OUTPUT = 4000
_MOST_ATTEMPTS = 10  # of one case
_PIECE = 256 * 1024

_ROOTS = ("testsuites", "testsuite")
_BY_ELEMENT: dict[str, Status] = {"failure": "failed", "error": "error", "skipped": "skipped"}
_WEIGHT: dict[Status, int] = {"passed": 0, "skipped": 1, "error": 2, "failed": 3}
_FIELD: dict[Status, str] = {
    "passed": "passed",
    "failed": "failed",
    "error": "errors",
    "skipped": "skipped",
}
_OUTPUTS = ("system-out", "system-err")
_TRIED_AGAIN = ("flakyFailure", "flakyError", "rerunFailure", "rerunError")


def read(folder: Path, fresh: Iterable[str], stale: Iterable[NotCounted] = ()) -> Tally:
    """The tests of all fresh files below the folder together. No file is an error: one that can't
    be read is `unread`, with its reason among those that are not counted."""
    counted: Counter[str] = Counter()
    cases: list[Case] = []
    texts = MOST_TEXT
    not_counted = list(stale)
    unread = []
    for path in fresh:
        shown = path.removeprefix("files/")
        report = _Report(shown, MOST_CASES - len(cases), texts)
        try:
            report.read(folder / path)
        except (expat.ExpatError, ValueError, LookupError, OSError) as error:
            unread.append(shown)
            not_counted.append(NotCounted(shown, f"it can't be read: {_reason(error)}"))
            continue
        counted.update(report.counted)
        cases += report.cases
        texts = report.room_for_text
    return Tally(Counts(**counted), tuple(cases), tuple(not_counted), tuple(unread))


class _Report:
    """One file. `cases` are as many as there is room for, and some that have not passed."""

    def __init__(self, shown: str, room: int, room_for_text: int) -> None:
        self.counted: Counter[str] = Counter()
        self.cases: list[Case] = []
        self.room_for_text = room_for_text
        self._shown = shown
        self._room = room
        self._depth = 0
        self._suites: list[_Suite] = []
        self._case: _Case | None = None
        self._kept: _Text | None = None  # where the text goes that comes next
        self._parser = expat.ParserCreate(intern={})
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = _refuse_doctype

    def read(self, path: Path) -> None:
        """Raises ValueError, LookupError, ExpatError, OSError."""
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise ValueError(f"{size} bytes are more than {MOST_BYTES}")
        given = 0
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                self._parser.Parse(piece, False)
                given += len(piece)
                if given - self._parser.CurrentByteIndex > _MOST_OF_A_TAG:
                    raise ValueError("one tag of it is too long")
        self._parser.Parse(b"", True)

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        name = name.rpartition(":")[2]  # of any namespace
        self._depth += 1
        if self._depth == 1 and name not in _ROOTS:
            raise ValueError(f"its root is {name[:80]}, not testsuites or testsuite")
        if self._depth > _DEEPEST:
            raise ValueError("it is nested too deep")
        if len(self._parser.intern) > _MOST_NAMES:
            raise ValueError("it has too many kinds of elements")
        if name in _ROOTS:
            self._suites.append(_Suite(attributes))
        elif name == "testcase" and self._case is None:
            self._case = _Case(attributes)
        elif self._case is not None and name in _BY_ELEMENT:
            self._kept = self._case.ends(_BY_ELEMENT[name], attributes)
        elif self._case is not None and name in _TRIED_AGAIN:
            self._case.tried(attributes)
        elif self._case is not None and name in _OUTPUTS:
            self._kept = self._case.prints()

    def _text(self, text: str) -> None:
        if self._kept is not None:
            self._kept.add(text)

    def _end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        self._depth -= 1
        if name in _BY_ELEMENT or name in _OUTPUTS:
            self._kept = None
        elif name == "testcase" and self._case is not None:
            self._take(self._case)
            self._case = None
        elif name in _ROOTS and self._suites:
            self._leave(self._suites.pop())

    def _take(self, case: _Case) -> None:
        self.counted[_FIELD[case.status]] += 1
        if self._suites:
            self._suites[-1].red += case.is_red
        if self._has_room(case.is_red):
            suite = next((one.name for one in reversed(self._suites) if one.name), self._shown)
            self._keep(case.ended(suite))

    def _leave(self, suite: _Suite) -> None:
        """A suite that says it has failures and shows none has them all the same."""
        if suite.says and not suite.red:
            suite.red = suite.says
            self.counted["failed"] += suite.says
            said = f"the report says that {suite.says} failed, and does not show them"
            name = suite.name or self._shown
            if self._has_room(is_red=True):
                self._keep(Case(name, name, "failed", kind="not shown", message=said))
        if self._suites:
            self._suites[-1].red += suite.red

    def _has_room(self, is_red: bool) -> bool:
        return len(self.cases) < self._room + (MOST_RED if is_red else 0)

    def _keep(self, case: Case) -> None:
        tried = sum(len(one.kind) + len(one.message) for one in case.earlier)
        self.room_for_text -= len(case.text) + len(case.output) + tried
        if self.room_for_text < 0:
            silent = tuple(Attempt("", "") for _ in case.earlier)
            case = replace(case, text="", output="", earlier=silent)
        self.cases.append(case)


class _Suite:
    def __init__(self, attributes: Mapping[str, str]) -> None:
        self.name = attributes.get("name", "").strip()[:_LONGEST_NAME]
        self.says = _number(attributes.get("failures")) + _number(attributes.get("errors"))
        self.red = 0


class _Case:
    """A case that is being read."""

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self.status: Status = "passed"
        self._attributes = attributes
        self._of_end: Mapping[str, str] = {}
        self._trace: _Text | None = None
        self._output: _Text | None = None
        self._earlier: list[Attempt] = []
        if attributes.get("status") == "notrun":  # as GoogleTest writes one that is disabled
            self.status = "skipped"

    @property
    def is_red(self) -> bool:
        return self.status in ("failed", "error")

    def ends(self, status: Status, attributes: Mapping[str, str]) -> _Text | None:
        """Where its text goes: of several ends the worst one counts, and of those the first."""
        if self._trace is not None and _WEIGHT[status] <= _WEIGHT[self.status]:
            return None
        self.status, self._of_end, self._trace = status, attributes, _Text(_LONGEST_TEXT)
        return self._trace

    def tried(self, attributes: Mapping[str, str]) -> None:
        """An earlier attempt, as Surefire writes it."""
        kind, message = attributes.get("type", ""), attributes.get("message", "")
        if len(self._earlier) < _MOST_ATTEMPTS:
            self._earlier.append(Attempt(kind[:_LONGEST_NAME], message[:_LONGEST_MESSAGE]))

    def prints(self) -> _Text:
        """Where what it printed goes."""
        self._output = self._output or _Text(_LONGEST_OUTPUT)
        return self._output

    def ended(self, suite: str) -> Case:
        given, end = self._attributes, self._of_end
        text = self._trace.value() if self._trace else ""
        message = end.get("message", "") or text.strip().partition("\n")[0]
        return Case(
            name=given.get("name", "").strip()[:_LONGEST_NAME] or "unnamed",
            suite=suite,
            status=self.status,
            seconds=_seconds(given.get("time")),
            classname=given.get("classname", "")[:_LONGEST_NAME],
            kind=end.get("type", "")[:_LONGEST_NAME],
            message=message[:_LONGEST_MESSAGE],
            text=text,
            output=self._output.value() if self._output and self.is_red else "",
            earlier=tuple(self._earlier),
        )


class _Text:
    """The beginning and the end of a text."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._head = ""
        self._tail = ""
        self._dropped = 0

    def add(self, text: str) -> None:
        room = self._most // 2 - len(self._head)
        self._head += text[:room]
        self._tail += text[room:]
        if len(self._tail) > self._most:
            more = len(self._tail) - self._most // 2
            self._tail, self._dropped = self._tail[more:], self._dropped + more

    def value(self) -> str:
        if not self._dropped:
            return self._head + self._tail
        return f"{self._head}\n[{self._dropped} characters are left out here]\n{self._tail}"


def _refuse_doctype(*_: object) -> None:
    raise ValueError("it has a document type")


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 8 else 0


def _seconds(text: str | None) -> float:
    try:
        found = float((text or "0").replace(",", ""))
    except ValueError:
        return 0.0
    return round(found, 6) if math.isfinite(found) and 0 <= found < 1e9 else 0.0


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)[:300]
