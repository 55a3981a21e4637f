"""What starts the reaper each minute: a timer of systemd, a line for cron, or nothing.

The command is the same everywhere and names no version: it runs whatever program the link for
reads leads to, and a reaper of any version can take away what any other has made.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping

from . import program
from .errors import HostError
from .state import State

NAME = "sandboxer-reap"
SERVICE = f"/etc/systemd/system/{NAME}.service"
TIMER = f"/etc/systemd/system/{NAME}.timer"
CRON = f"/etc/cron.d/{NAME}"
PYTHON = "/usr/bin/python3"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CALL_SECONDS = 90.0
PASS_SECONDS = 330.0  # a pass that has to destroy waits this long for one sandbox

_SERVICE_TEXT = """\
# Written by sandboxer, role coulomb.sandboxer.host.
[Unit]
Description=Destroy sandboxes whose lease has ended
# A start too many would end the timer too.
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart={command}
StandardInput=null
{environment}\
# A pass that is killed lets the engine's commands that it has started finish: half of one leaves
# behind what it had not yet written down.
KillMode=process
TimeoutStartSec=15min
"""
_TIMER_TEXT = """\
# Written by sandboxer, role coulomb.sandboxer.host.
[Unit]
Description=Destroy sandboxes whose lease has ended, each minute

[Timer]
OnCalendar=minutely
AccuracySec=1s

[Install]
WantedBy=timers.target
"""
_CRON_TEXT = """\
# Written by sandboxer, role coulomb.sandboxer.host: destroy sandboxes whose lease has ended.
MAILTO=""
{environment}\
* * * * * root {command}
"""
_QUIET = " </dev/null >/dev/null 2>&1"


def kind() -> str:
    """What this host can start the reaper with: systemd | cron | none."""
    if os.path.isdir("/run/systemd/system"):
        return "systemd"
    return "cron" if _cron_runs() else "none"


def plan(kind: str, state: State) -> dict[str, str]:
    """The files of one kind: path -> text. Those of the other kinds should not be there."""
    command = _command(state)
    if kind == "systemd":
        settings = [f"Environment={name}={value}" for name, value in _moved_state().items()]
        environment = "".join(f"{line}\n" for line in settings)
        return {
            SERVICE: _SERVICE_TEXT.format(command=command, environment=environment),
            TIMER: _TIMER_TEXT,
        }
    if kind == "cron":
        environment = "".join(f"{name}={value}\n" for name, value in _cron_environment().items())
        return {CRON: _CRON_TEXT.format(command=command + _QUIET, environment=environment)}
    return {}


def read() -> dict[str, str]:
    """The files that there are."""
    found = {}
    for path in (SERVICE, TIMER, CRON):
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                found[path] = file.read()
        except FileNotFoundError:
            continue
    return found


def is_on(kind: str) -> bool:
    """Whether it fires by itself, now and after a boot. Cron needs no more than its file."""
    if kind != "systemd":
        return kind == "cron" and os.path.isfile(CRON)
    words = ["show", "--property=UnitFileState,ActiveState", f"{NAME}.timer"]
    shown = set(_systemctl(words).split())
    words = ["show", "--property=NeedDaemonReload", f"{NAME}.timer", f"{NAME}.service"]
    reloaded = set(_systemctl(words).split())
    return shown == {"UnitFileState=enabled", "ActiveState=active"} and reloaded == {
        "NeedDaemonReload=no"
    }


def switch_on(kind: str) -> None:
    """Let what was written take effect."""
    if kind == "systemd":
        _systemctl(["daemon-reload"])
        _systemctl(["--quiet", "enable", f"{NAME}.timer"])
        _systemctl(["restart", f"{NAME}.timer"])


def fire(kind: str, state: State) -> None:
    """One pass, by the very line that the timer goes by. HostError where it fails."""
    if kind == "systemd":
        _systemctl(["start", f"{NAME}.service"], PASS_SECONDS)
    elif kind == "cron":
        _call(["/bin/sh", "-c", _command(state) + _QUIET], PASS_SECONDS, _cron_environment())


def _command(state: State) -> str:
    return f"{PYTHON} -I -S {program.reader(state)} reap"


def _cron_environment() -> dict[str, str]:
    return {"PATH": PATH, "XDG_RUNTIME_DIR": f"/run/user/{os.geteuid()}", **_moved_state()}


def _moved_state() -> dict[str, str]:
    moved = os.environ.get("SANDBOXER_STATE", "")
    if re.fullmatch(r"[A-Za-z0-9/._-]*", moved) is None:
        raise HostError("usage", f"SANDBOXER_STATE={moved} can't stand in a unit or a cron line")
    return {"SANDBOXER_STATE": moved} if moved else {}


def _cron_runs() -> bool:
    """By its own pid file: of a container host's processes some are other hosts' crons."""
    try:
        with open("/run/crond.pid", encoding="ascii") as file:
            pid = int(file.read())
        with open(f"/proc/{pid}/comm", encoding="ascii") as file:
            name = file.read().strip()
    except (OSError, ValueError):
        return False
    return name in ("cron", "crond") and os.path.isdir(os.path.dirname(CRON))


def _systemctl(words: list[str], seconds: float = CALL_SECONDS) -> str:
    return _call(["systemctl", "--no-pager", *words], seconds)


def _call(argv: list[str], seconds: float, environment: Mapping[str, str] | None = None) -> str:
    shown = " ".join(argv)
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise HostError(
            "reaper_failed", f"`{shown}` did not end in {seconds:.0f} s", retryable=True
        ) from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise HostError(
            "reaper_failed",
            "`{}` failed: {}".format(shown, said[-1] if said else f"status {done.returncode}"),
            f"on the host, `journalctl -u {NAME}` or cron's log says more",
        )
    return done.stdout.decode("utf-8", "replace")
