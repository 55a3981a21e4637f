"""Runs a playbook and brings back what it said. The only file that imports ansible-runner;
ansible_ahead.py guesses what that gives to Ansible.

Each default of ansible-runner that is not ours is set here; docs and tests call them traps.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from sandboxer_cli import ansible_ahead, ansible_env, connection, folders
from sandboxer_cli.errors import Cancelled, SandboxerError, Usage, from_host

if TYPE_CHECKING:
    import ansible_runner

_ANSIBLE_PLAYBOOK = ("-P", "-S", str(Path(__file__).with_name("_ansible_playbook.py")))
_CHECK = ("--check", "--diff")
PROGRESS = "sandboxer: "  # what a line of progress begins with in Ansible's output
_AT_ONCE = 16  # hosts that are asked once more why they could not be reached
_POLL = 0.2  # seconds between two looks at whether somebody wants it to stop
GRACE = 5.0  # seconds between SIGINT and SIGKILL for a cancelled ansible-playbook


@dataclass(frozen=True)
class Play:
    """What to run.

    playbook: a name such as "coulomb.sandboxer.create", or an absolute path.
    hosts: a host, or a pattern of hosts; None for all that the playbook names.
    inventories: as `connection.sources` takes them.
    variables: plain JSON values; every string among them is data and is never templated.
    """

    playbook: str
    hosts: str | None = None
    inventories: tuple[Path | str, ...] = ()
    variables: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of a play. With one host a failure is raised, with several it lies here.

    results: {host: object} as the play gave it in `sandboxer_results`.
    failures: {host: error} of those that failed or could not be reached.
    stats: {host: {"ok", "changed", "failures", "dark", "skipped", …: count}}.
    diffs: {host: [{"before", "after", …}]}, in check mode only.
    timings: seconds of {"start", "tasks", "end"}: until the playbook begins, until its last task
        is done, until Ansible is gone.
    """

    results: Mapping[str, Any]
    failures: Mapping[str, SandboxerError]
    stats: Mapping[str, Mapping[str, int]]
    diffs: Mapping[str, Sequence[Any]]
    timings: Mapping[str, float]


class Cancel:
    """A wish to stop, from a signal or from another thread. A second wish waits for nothing.

    first: called once, before the playbook is told; where the host's own work is cancelled.
    """

    def __init__(self, first: Callable[[], None] | None = None) -> None:
        self.wishes = 0
        self._first = first

    def request(self) -> None:
        self.wishes += 1

    def announce(self) -> None:
        first, self._first = self._first, None
        if first is not None:
            first()

    @contextlib.contextmanager
    def on_signals(self) -> Iterator[None]:
        """While this lasts SIGINT and SIGTERM ask to stop; then the handlers are as before."""

        def handle(number: int, frame: FrameType | None) -> None:
            self.request()

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, handle) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def load() -> None:
    """Import what a play needs. It takes a tenth of a second, in which somebody may be waited
    for."""
    import pexpect  # type: ignore[import-untyped]  # noqa: F401


def run(
    play: Play,
    *,
    on_line: Callable[[str], None],
    cancel: Cancel | None = None,
    check: bool = False,
    verbosity: int = 0,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a play to its end.

    on_line: gets each line of progress as it comes, without its prefix. Must be quick; when it
        raises it is not called again, and the play goes on.
    check: nothing is changed; the outcome has the diffs.
    environment: variables for Ansible on top of our own.

    Raises:
        Usage: an inventory is missing or broken.
        NotFound: `host_unknown`, also where Ansible itself would have ended well.
        ConnectionRefused, HostUnreachable: the one host wanted could not be worked on.
        Cancelled: it was asked to stop before it was done.
        SandboxerError: of the class that the host's answer names, or `internal`.
    """
    cancel = cancel or Cancel()
    inventories = connection.sources(play.inventories)
    if play.hosts is not None and play.hosts.startswith(("@", "-")):
        raise Usage(f"{play.hosts} is not a pattern of hosts", code="host_pattern")
    variables = _as_data(play.variables)
    watch = _Watch(on_line, cancel)
    with cancel.on_signals(), folders.short_lived() as private:
        status = _run(private, play, inventories, variables, watch, check, verbosity, environment)
    if watch.fault is not None:
        raise watch.fault
    if cancel.wishes and status != 0:
        raise _cancelled(watch)
    return _judge(play, inventories, watch, status)


def _run(
    private: Path,
    play: Play,
    inventories: Sequence[str],
    variables: object,
    watch: _Watch,
    check: bool,
    verbosity: int,
    environment: Mapping[str, str] | None,
) -> int | None:
    """The exit status of Ansible; None when a signal ended it."""
    from ansible_runner.interface import init_runner

    runner = init_runner(
        private_data_dir=str(private),
        # The working directory stays: relative paths of the user's environment hold.
        project_dir=str(Path.cwd()),
        binary=sys.executable,
        cmdline=shlex.join([*_ANSIBLE_PLAYBOOK, play.playbook, *(_CHECK if check else ())]),
        inventory=list(inventories),
        limit=play.hosts,
        extravars=variables,
        verbosity=verbosity or None,
        envvars={
            **ansible_env.settings(),
            **ansible_ahead.for_runner(ansible_ahead.folder() or private),
            **(environment or {}),
        },
        fact_cache_type="memory",
        quiet=True,
        settings={"pexpect_timeout": _POLL},
        event_handler=watch.event,
        cancel_callback=watch.cancelled,
        status_handler=_forget_environment,
    )
    playing = threading.Thread(target=watch.see_through, args=[runner], daemon=True)
    playing.start()
    watch.told.wait()
    # pexpect sleeps for a tenth of a second after its child: a play that went well isn't waited for
    # any longer than Ansible lives
    if not watch.went_well() or not _has_ended(watch.pid):
        playing.join()
    runner.config.artifact_dir = str(private / "nowhere")  # it may yet want to write
    watch.ended = time.monotonic()
    status: int | None = 0 if watch.stats and runner.rc is None else runner.rc
    return status


def _has_ended(pid: int) -> bool:
    """Whether a process ends within moments. Where the system has no way to wait for it: no."""
    try:
        ending = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except (AttributeError, OSError):
        return False
    try:
        return bool(select.select([ending], [], [], GRACE)[0])
    finally:
        os.close(ending)


def _forget_environment(status: Mapping[str, Any], runner_config: Any) -> None:
    # ansible-runner writes our whole environment into a file, for nobody. If we are killed hard
    # the private folder stays, and no secret must stay in it.
    if status["status"] == "running":
        Path(runner_config.artifact_dir, "command").unlink(missing_ok=True)


def _as_data(value: object) -> Any:
    """The value as Ansible's extra variables take it, every string in it marked as untrusted.

    Extra variables are templated: `{{ lookup('pipe', …) }}` in one would run here.
    """
    match value:
        case Mapping():
            if reserved := [key for key in value if str(key).startswith("__ansible_")]:
                raise Usage(f"{reserved[0]} can't be a key: Ansible reads it", code="reserved_key")
            return {str(key): _as_data(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_as_data(inner) for inner in value]
        case str() | Path():
            return {"__ansible_unsafe": str(value)}
        case None | bool() | int() | float():
            return value
    raise TypeError(f"{type(value).__name__} can't be a variable of a play")


class _Watch:
    """Takes in the events of one run, and says when to stop it."""

    def __init__(self, on_line: Callable[[str], None], cancel: Cancel) -> None:
        self.stats: dict[str, Any] = {}
        self.failed: dict[str, dict[str, Any]] = {}
        self.unreachable: dict[str, str] = {}
        self.diffs: dict[str, list[Any]] = {}
        self.complaints: list[str] = []
        self.fault: Exception | None = None
        self.told = threading.Event()  # all there is to know
        self.untold: Exception | None = None  # why the host doesn't know that it is to stop
        self.started = time.monotonic()
        self.began = self.played = self.ended = self.started
        self._on_line: Callable[[str], None] | None = on_line
        self._cancel = cancel
        self.pid = 0  # of Ansible, once it plays
        self._kill_at: float | None = None
        self._announcing: threading.Thread | None = None

    def see_through(self, runner: ansible_runner.Runner) -> None:
        """Run it to its end."""
        import pexpect

        try:
            runner.run()
        except pexpect.TIMEOUT:
            pass  # a reader that stood still at the very end (ansible-runner #1343)
        except Exception as exc:
            if not self.told.is_set():  # later nobody listens
                self.fault = self.fault or exc
        finally:
            self.told.set()

    def went_well(self) -> bool:
        return bool(self.stats) and not self.stats.get("failures") and not self.stats.get("dark")

    def event(self, event: dict[str, Any]) -> bool:
        """Never raises: what escapes from here takes the run's exit status with it."""
        try:
            self._take(event)
        except Exception as exc:
            self.fault = self.fault or exc
        return False

    def cancelled(self) -> bool:
        """Whether ansible-runner should kill Ansible now; asks Ansible itself first."""
        wishes = self._cancel.wishes
        if not wishes:
            return False
        if self._announcing is None:
            self._announcing = threading.Thread(target=self._announce, daemon=True)
            self._announcing.start()
        self._announcing.join(0 if wishes > 1 else _POLL)  # a second wish waits for nothing
        if self._announcing.is_alive():
            return wishes > 1
        if self._kill_at is None and self.pid:
            # ansible-runner's own way is SIGKILL, after which modules and connections live on.
            self._kill_at = time.monotonic() + GRACE
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGINT)
            return False
        return self._kill_at is None or wishes > 1 or time.monotonic() > self._kill_at

    def _announce(self) -> None:
        try:
            self._cancel.announce()
        except Exception as exc:
            self.untold = exc

    def _take(self, event: dict[str, Any]) -> None:
        kind = event.get("event", "")
        data = event.get("event_data") or {}
        host = str(data.get("host", ""))
        result = data.get("res") or {}
        if kind in ("verbose", "error"):
            self._text(kind, str(event.get("stdout", "")))
        elif kind == "playbook_on_start":
            self.pid = event["pid"]
            self.began = self.played = time.monotonic()
        elif kind == "playbook_on_stats":
            self.stats = data
            self.told.set()
        elif kind == "runner_on_unreachable":
            self.unreachable[host] = str(result.get("msg", ""))
        elif kind == "runner_on_failed" and not data.get("ignore_errors"):
            self.failed[host] = result
        if kind.startswith("runner_on_"):
            self.played = time.monotonic()
            self.diffs.setdefault(host, []).extend(_diffs(result))

    def _text(self, kind: str, text: str) -> None:
        for line in _COLOUR.sub("", text).splitlines():
            if kind == "error" or line.startswith(("ERROR", "[ERROR]")):
                self.complaints.append(line)
            elif line.startswith(PROGRESS):
                self._progress(line.removeprefix(PROGRESS))

    def _progress(self, line: str) -> None:
        if self._on_line is None:
            return
        # Text from a host must not be able to drive the terminal it is shown on.
        printable = "".join(c if c.isprintable() else " " for c in line).rstrip()
        try:
            self._on_line(printable)
        except Exception:
            self._on_line = None  # a closed terminal must not undo what the play does


_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def _diffs(result: Mapping[str, Any]) -> list[Any]:
    found = result.get("diff") or []
    return list(found) if isinstance(found, list) else [found]


def _cancelled(watch: _Watch) -> Cancelled:
    if watch.untold is None:
        return Cancelled("cancelled before it was done")
    return Cancelled(
        f"cancelled before it was done, and the host could not be told: {watch.untold}",
        "what was begun there ends by itself with its deadline or its lease",
    )


def _judge(play: Play, inventories: Sequence[str], watch: _Watch, status: int | None) -> Outcome:
    if status is None:
        raise SandboxerError("ansible-playbook was killed before it was done", code="killed")
    if status == 127:
        raise SandboxerError(
            "there is no ansible-core beside this Python",
            "install sand-boxer again",
            code="ansible_missing",
        )
    stats = _stats_by_host(watch.stats)
    missing = _missing(play, inventories, stats)
    failed = [host for host, counts in stats.items() if counts["failures"] or counts["dark"]]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        told = pool.map(lambda host: _failure(host, inventories, watch), failed)
        failures = dict(zip(failed, told, strict=True))
    if len(stats) + len(missing) == 1 and failures:
        raise next(iter(failures.values()))
    if missing or (status != 0 and not failures):
        said = " ".join(watch.complaints) or f"status {status}"
        about = f" without {', '.join(missing)}" if missing else ""
        raise SandboxerError(f"ansible-playbook ended{about}: {said[:2000]}", code="play_failed")
    return Outcome(
        results=_results(watch.stats.get("artifact_data") or {}, stats),
        failures=failures,
        stats=stats,
        diffs={host: found for host, found in watch.diffs.items() if found},
        timings={
            "start": watch.began - watch.started,
            "tasks": watch.played - watch.began,
            "end": watch.ended - watch.played,
        },
    )


def _missing(
    play: Play, inventories: Sequence[str], stats: Mapping[str, Mapping[str, int]]
) -> list[str]:
    """The hosts that were wanted and that the play never came to. Unknown ones are raised."""
    worked_on = [
        host
        for host, counts in stats.items()
        if counts["ok"] or counts["failures"] or counts["dark"]
    ]
    if play.hosts in worked_on or (play.hosts is None and worked_on):
        return []
    wanted = connection.hosts(inventories, play.hosts or "all")
    return [host for host in wanted if host not in worked_on]


def _stats_by_host(stats: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    return {
        host: {name: stats.get(name, {}).get(host, 0) for name in _COUNTED}
        for host in stats.get("processed", {})
    }


_COUNTED = ("ok", "changed", "failures", "dark", "skipped", "rescued", "ignored")


def _failure(host: str, inventories: Sequence[str], watch: _Watch) -> SandboxerError:
    if host in watch.unreachable:
        return connection.explain(watch.unreachable[host], host, inventories)
    result = watch.failed.get(host, {})
    if isinstance(detail := result.get("sandboxer_error"), dict):
        return from_host(detail)
    message = str(result.get("msg") or "a task failed without a message")
    said = " ".join(str(result.get(key, "")) for key in ("msg", "module_stderr", "module_stdout"))
    if connection.is_become_refusal(said):
        return connection.refusal(said, host)
    return SandboxerError(f"{host}: {message}", code="task_failed")


def _results(artifact: Mapping[str, Any], stats: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    if isinstance(results := artifact.get("sandboxer_results"), dict):
        return results
    if "sandboxer_result" in artifact and len(stats) == 1:
        return dict.fromkeys(stats, artifact["sandboxer_result"])
    return {}
