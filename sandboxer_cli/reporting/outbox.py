"""What this controller has to tell: runs with their outcomes, and their events on the way to a hub.

One SQLite file. A run and its events are written in one transaction, on disk before anything is
sent. A second time the same run changes nothing. Who sends an event holds a lock on that event's
byte of a file beside it, which the kernel takes back from whoever dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from sandboxer_cli.errors import CapacityExceeded, SandboxerError, TryAgain, Usage
from sandboxer_cli.reporting.event import Event, Kind
from sandboxer_cli.reporting.result import RunResult
from sandboxer_cli.xdg import state_folder

State = Literal["sent", "pending", "dead", "off"]

_VERSION = 1
_APPLICATION = 0x73626F78  # "sbox"
_SECONDS_FOR_A_LOCK = 10.0
_AFTER_ALL = ("~", "")  # instants begin with digits

_TABLES = """
CREATE TABLE runs (
    run TEXT NOT NULL PRIMARY KEY,
    repo TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    host TEXT,
    outcome TEXT NOT NULL,
    cleanup TEXT NOT NULL,
    seconds REAL NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT NOT NULL,
    result TEXT NOT NULL
);
CREATE INDEX runs_by_end ON runs (ended_at, run);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    run TEXT NOT NULL REFERENCES runs,
    kind TEXT NOT NULL,
    time TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    sent_at TEXT,
    UNIQUE (run, kind)
);
CREATE INDEX events_by_state ON events (state, seq);
CREATE INDEX outcomes_by_state ON events (state, time, run) WHERE kind = 'e2e_result';
CREATE TABLE hubs (
    url TEXT NOT NULL PRIMARY KEY,
    not_before REAL NOT NULL DEFAULT 0,
    gone TEXT NOT NULL DEFAULT ''
);
"""

_LISTED = """
SELECT runs.run, ended_at, repo, commit_id, host, outcome, cleanup, seconds, state
FROM runs JOIN events ON events.run = runs.run AND kind = 'e2e_result'
WHERE ended_at >= ? AND (ended_at, runs.run) < (?, ?)
ORDER BY ended_at DESC, runs.run DESC LIMIT ?
"""
# the same rows by the other table's index: an outcome's time is its run's end
_LISTED_BY_STATE = """
SELECT runs.run, ended_at, repo, commit_id, host, outcome, cleanup, seconds, state
FROM events CROSS JOIN runs ON runs.run = events.run
WHERE kind = 'e2e_result' AND state = ? AND time >= ? AND (time, events.run) < (?, ?)
ORDER BY time DESC, events.run DESC LIMIT ?
"""

# by the run's own events: + keeps the planner from going through all of a state instead
_FORGOTTEN = """
DELETE FROM events WHERE run IN (
    SELECT run FROM runs WHERE ended_at < ?
    AND EXISTS (SELECT 1 FROM events WHERE events.run = runs.run AND +state = 'sent')
    AND NOT EXISTS (
        SELECT 1 FROM events WHERE events.run = runs.run AND +state IN ('pending', 'dead')
    )
    ORDER BY ended_at LIMIT ?
)
"""
_MOST_FORGOTTEN = 10_000  # at once: a writer waits as long


@dataclass(frozen=True)
class Row:
    """An event on its way. `body` is the CloudEvent; `reason` says why it isn't there."""

    seq: int
    id: str
    run: str
    kind: Kind
    body: dict[str, Any]
    state: State
    attempts: int
    reason: str
    sent_at: str | None


@dataclass(frozen=True)
class ListedRun:
    """A line of `sandboxer events list`. `delivery` is that of its e2e_result."""

    run: str
    ended_at: str
    repo: str
    commit: str
    host: str | None
    outcome: str
    cleanup: str
    seconds: float
    delivery: State


class Outbox:
    """Opened by `Outbox.at` or `Outbox.existing`; closed by `with`."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self._path = path
        self._database = database
        self._locks: int | None = None

    @classmethod
    def at(cls, path: Path | None = None) -> Outbox:
        """The outbox of this user, made where there is none.

        Raises:
            Usage: `outbox_newer`: a later version of sandboxer has written it.
            SandboxerError: `outbox_broken`, `outbox_unusable`.
            TryAgain, CapacityExceeded: `outbox_busy`, `disk_full`.
        """
        path = path or default_path()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return cls(path, _open(path))
        except OSError as error:
            raise _unusable(path, error) from error

    @classmethod
    def existing(cls) -> Outbox:
        """The same for who only looks: where there is none, an empty one that is on no disk.

        Raises as `at` does.
        """
        path = default_path()
        if path.exists():
            return cls.at(path)
        database = sqlite3.connect(":memory:", isolation_level=None)
        database.executescript(_TABLES)
        return cls(path, database)

    def __enter__(self) -> Outbox:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._database.close()
        if self._locks is not None:
            os.close(self._locks)

    def record(self, result: RunResult, events: Sequence[Event], wanted: Collection[Kind]) -> None:
        """The outcome and its events, on disk when this returns. What is there stays as it is.

        Those of the kinds that are `wanted` wait to be sent.
        """
        with self._writing() as database:
            database.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    result.run,
                    result.repo,
                    result.commit,
                    result.host,
                    result.outcome,
                    result.cleanup,
                    result.seconds,
                    result.started_at,
                    result.ended_at,
                    result.to_json(),
                ),
            )
            database.executemany(
                "INSERT INTO events (id, run, kind, time, body, state) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                [
                    (
                        one.id,
                        one.run,
                        one.kind,
                        one.time,
                        json.dumps(one.as_dict()),
                        "pending" if one.kind in wanted else "off",
                    )
                    for one in events
                ],
            )

    def runs(
        self,
        limit: int,
        *,
        since: str = "",
        before: str | None = None,
        delivery: State | None = None,
    ) -> list[ListedRun]:
        """The newest first; those that ended before the run `before` did, for the next page."""
        place = self._read("SELECT ended_at, run FROM runs WHERE run = ?", (before,))
        span = (since, *(place[0] if place else _AFTER_ALL), limit)
        if delivery is None:
            found = self._read(_LISTED, span)
        else:
            found = self._read(_LISTED_BY_STATE, (delivery, *span))
        return [ListedRun(*row) for row in found]

    def result(self, run: str) -> RunResult | None:
        for (text,) in self._read("SELECT result FROM runs WHERE run = ?", (run,)):
            return RunResult.from_json(text)
        return None

    def events(self, run: str) -> list[Row]:
        """Those of one run."""
        found = self._read(
            "SELECT seq, id, run, kind, body, state, attempts, reason, sent_at FROM events"
            " WHERE run = ? ORDER BY seq",
            (run,),
        )
        return [_row(*one) for one in found]

    def event(self, seq: int) -> Row:
        [found] = self._read(
            "SELECT seq, id, run, kind, body, state, attempts, reason, sent_at FROM events"
            " WHERE seq = ?",
            (seq,),
        )
        return _row(*found)

    def pending(self, most: int) -> list[int]:
        """Numbers of events that wait, the oldest first; -1 for all."""
        found = self._read(
            "SELECT seq FROM events WHERE state = 'pending' ORDER BY seq LIMIT ?", (most,)
        )
        return [seq for (seq,) in found]

    def send_again(self, wanted: Collection[Kind]) -> None:
        """Have what a hub refused, and what was written without a hub, wait as if it were new."""
        with self._writing() as database:
            database.executemany(
                "UPDATE events SET state = 'pending' WHERE state IN ('dead', 'off') AND kind = ?",
                [(kind,) for kind in wanted],
            )
            database.execute("DELETE FROM hubs")

    def count(self, state: State) -> int:
        [(found,)] = self._read("SELECT count(*) FROM events WHERE state = ?", (state,))
        return int(found)

    @contextlib.contextmanager
    def claim(self, seq: int) -> Iterator[bool]:
        """Whether this process is now the only one to send that event."""
        if self._locks is None:
            self._locks = os.open(
                _beside(self._path, "claims"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, seq)
        except OSError:
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, seq)

    def settle(self, seq: int, state: State, reason: str, sent_at: str | None = None) -> None:
        """What became of an attempt."""
        with self._writing() as database:
            database.execute(
                "UPDATE events SET state = ?, reason = ?, sent_at = ?, attempts = attempts + 1"
                " WHERE seq = ?",
                (state, reason, sent_at, seq),
            )

    def forget(self, before: str) -> None:
        """Take out the runs that ended before that instant and that a hub has been told of: with
        an event that is sent, and none that waits or was refused."""
        with self._writing() as database:
            database.execute(_FORGOTTEN, (before, _MOST_FORGOTTEN))
            database.execute(
                "DELETE FROM runs WHERE ended_at < ?"
                " AND NOT EXISTS (SELECT 1 FROM events WHERE events.run = runs.run)",
                (before,),
            )

    def hold(self, url: str, *, not_before: float = 0.0, gone: str = "") -> None:
        """What a hub asked for: to wait until then (epoch), or never to send again, and why."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO hubs VALUES (?, ?, ?) ON CONFLICT (url)"
                " DO UPDATE SET not_before = excluded.not_before, gone = excluded.gone",
                (url, not_before, gone),
            )

    def held(self, url: str) -> tuple[float, str]:
        """`not_before` and `gone` of a hub."""
        found = self._read("SELECT not_before, gone FROM hubs WHERE url = ?", (url,))
        return found[0] if found else (0.0, "")

    def _read(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with _told(self._path):
            return self._database.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with _told(self._path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise


def default_path() -> Path:
    """Raises SandboxerError: `outbox_unusable`."""
    folder = state_folder()
    if folder is None:
        raise SandboxerError(
            "there is no home for the outbox", "set XDG_STATE_HOME", code="outbox_unusable"
        )
    return folder / "events/outbox.db"


def _row(seq: int, id_: str, run: str, kind: Kind, body: str, state: State, *rest: Any) -> Row:
    return Row(seq, id_, run, kind, json.loads(body), state, *rest)


def _open(path: Path) -> sqlite3.Connection:
    with contextlib.suppress(FileExistsError):
        # SQLite gives the files beside it the mode of this one
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, timeout=_SECONDS_FOR_A_LOCK, isolation_level=None)
    try:
        with _told(path):
            if _version(database, path) == 0:
                _make(database, path)
            database.execute("PRAGMA synchronous = FULL")
            database.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        database.close()
        raise
    return database


def _version(database: sqlite3.Connection, path: Path) -> int:
    """0 is a file that nobody has written yet."""
    [(version,)] = database.execute("PRAGMA user_version").fetchall()
    [(application,)] = database.execute("PRAGMA application_id").fetchall()
    [(tables,)] = database.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    if (version, application, tables) == (0, 0, 0):
        return 0
    if application != _APPLICATION:
        raise _broken(path, "another program's database")
    if version > _VERSION:
        raise Usage(
            f"{path} is of a later version of sandboxer",
            "run that version, or move the file away to begin a new one",
            code="outbox_newer",
        )
    return int(version)


def _make(database: sqlite3.Connection, path: Path) -> None:
    """Several processes may come to a new file at once; the change to WAL waits for no lock."""
    descriptor = os.open(_beside(path, "making"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _version(database, path) == 0:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(
                f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {_APPLICATION};"
                f" PRAGMA user_version = {_VERSION}; COMMIT"
            )
    finally:
        os.close(descriptor)


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}-{what}")


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """SQLite's errors in our words."""
    try:
        yield
    except sqlite3.Error as error:
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:  # without what extends it
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                raise TryAgain(
                    f"{path} is in use", "try again in a moment", code="outbox_busy"
                ) from error
            case sqlite3.SQLITE_FULL:
                raise CapacityExceeded(
                    f"no room for {path}", "make room on that disk", code="disk_full"
                ) from error
            case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_ERROR:
                raise _broken(path, str(error)) from error
        raise _unusable(path, error) from error


def _broken(path: Path, why: str) -> SandboxerError:
    return SandboxerError(
        f"{path} is no outbox of sandboxer: {why}",
        "move the file away to begin a new one",
        code="outbox_broken",
    )


def _unusable(path: Path, error: Exception) -> SandboxerError:
    return SandboxerError(
        f"{path} can't be used: {error}",
        "look at the folder's owner and mode",
        code="outbox_unusable",
    )
