"""What makes a machine a host: packages, folders, a run account, ports, the reaper, an engine
that works.

Looks, plans without touching anything, and writes what differs; `changed` is before ≠ wanted.
"""

# pylint: disable=ansible-bad-function # there is no AnsibleModule here

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shlex
import stat
import subprocess
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from . import engines, program, timer, trial, versions
from .engine import Engine
from .errors import HostError
from .state import State, read_json, write_bytes, write_json

SUPPORTED = ("12", "13")
PORTS = (20000, 29999)
RUN_ACCOUNT = "sandboxer-run"
_DEFAULT = "podman"
# With each engine: iproute2 tells what a killed one has left, or is at work on.
PACKAGES = ("python3", "iproute2", "busybox-static")
# Where there is none yet; without what these recommend. Of the two runtimes runc is the one that
# knows hybrid cgroups; iptables is what Debian 12's netavark calls, nftables what Debian 13's does.
# A build in a host that is a container itself gets its network from slirp4netns, or from passt.
PODMAN = (
    "podman",
    "runc",
    "netavark",
    "aardvark-dns",
    "iptables",
    "nftables",
    "catatonit",
    "uidmap",
    "slirp4netns",
    "passt",
    "fuse-overlayfs",
)
_WHY = {
    timer.SERVICE: "the reaper",
    timer.TIMER: "the reaper, each minute",
    timer.CRON: "the reaper, each minute",
    trial.SETTINGS_FILE: trial.settings_in_words(),
}


class Machine(NamedTuple):
    """What is so, whoever prepares it."""

    system: str  # ID of os-release
    release: str  # VERSION_ID
    uid: int
    timer: str  # systemd | cron | none
    client_ports: tuple[int, int]  # the kernel gives these to clients
    program: str  # that the link for reads should lead to
    engine_name: str  # podman where there is none yet
    engine_version: str
    engine_least: str  # the oldest that will do
    engine: str  # fingerprint of engine, kernel and settings; empty without an engine


class Options(NamedTuple):
    """What is asked for. None: as it is, and at first as it is by default."""

    ports_first: int | None = None
    ports_last: int | None = None
    run_account: str = RUN_ACCOUNT


class Condition(NamedTuple):
    """What is kept in order here: as it was found, or as it should be."""

    missing: tuple[str, ...]  # packages
    folders: Mapping[str, int]  # path -> mode
    account: str  # the run account, where it exists
    program: str  # that the link for reads leads to
    files: Mapping[str, str]  # path -> text
    timer_on: bool
    facts: Mapping[str, Any]  # host.json

    def lines(self) -> list[str]:
        """All of it but the files' texts, for a diff."""
        found = [f"missing package {name}" for name in self.missing]
        found += [f"folder {path} {mode:04o}" for path, mode in sorted(self.folders.items())]
        found += [f"account {self.account}"] if self.account else []
        found += [f"program {self.program}"] if self.program else []
        found += ["timer on"] if self.timer_on else []
        for key, value in sorted(self.facts.items()):
            found.append(f"{key} {'-'.join(map(str, value)) if key == 'ports' else value}")
        return found


def run(state: State, request: Mapping[str, Any]) -> dict[str, Any]:
    """Make this host ready.

    Request: ports_first, ports_last, run_account, fix_engine; packages (false: whatever is
    installed will do) and apt_said (why they could not be installed); check; only_look.
    Answer: changed, uuid, reaper, ports, run_account, engine, engine_version, wrote, diff; to
    `only_look` just changed and missing.
    """
    machine = look(state)
    refuse(machine)
    missing = _missing_packages(machine) if request.get("packages", True) else ()
    if request.get("only_look"):
        return {"changed": False, "missing": list(missing)}
    options = Options(
        request.get("ports_first"),
        request.get("ports_last"),
        request.get("run_account") or RUN_ACCOUNT,
    )
    before = read(state, options, missing)
    check = bool(request.get("check"))
    wanted = plan(before, machine, options, state, "new" if check else str(uuid.uuid4()))
    if not check:
        _refuse_missing(machine, missing, request.get("apt_said") or "")
        state.prepare()
        with state.host_lock():
            # another one may have been quicker, and a host has one uuid
            before = before._replace(facts=read_json(state.host_file) or {})
            wanted = plan(before, machine, options, state, wanted.facts["uuid"])
            write(state, before, wanted)
            if wanted.facts["reaper"] != "none":
                _prove_reaper(state, wanted.facts["reaper"])
            if _prove_engine(state, before, wanted, bool(request.get("fix_engine"))):
                machine = look(state)
                wanted = wanted._replace(
                    files={**wanted.files, **trial.read_settings()},
                    facts={**wanted.facts, "proved": machine.engine},
                )
            _write_facts(state, wanted.facts)
            versions.refuse_old_engine(state, engines.of_host())  # which notes it for each create
    return _answer(before, wanted, machine)


def look(state: State) -> Machine:
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first, last = file.read().split()
    system = _os_release()
    engine = _engine()
    version = _version(engine) if engine else ""
    return Machine(
        system=system.get("ID", ""),
        release=system.get("VERSION_ID", ""),
        uid=os.geteuid(),
        timer=timer.kind(),
        client_ports=(int(first), int(last)),
        program=program.next_reader(_reader(state), program.own_name()),
        engine_name=engine.program if engine else _DEFAULT,
        engine_version=version,
        engine_least=engine.least if engine else "",
        engine=trial.fingerprint(engine, version) if engine else "",
    )


def refuse(machine: Machine) -> None:
    """Say no to what can't be a host. No I/O."""
    if machine.system != "debian" or machine.release not in SUPPORTED:
        name = f"{machine.system or 'an unknown system'} {machine.release}".rstrip()
        raise HostError(
            "host_unsupported",
            f"sandboxes need Debian 12 or 13, and this host runs {name}",
            "choose another host",
        )
    if machine.uid != 0:
        raise HostError(
            "account_unsupported",
            f"a host is prepared as root for now, not as uid {machine.uid}",
            "give the host an account that is root, or become",
        )
    versions.refuse(machine.engine_name, machine.engine_version, machine.engine_least)


def read(state: State, options: Options, missing: tuple[str, ...]) -> Condition:
    """How it is now. Writes nothing, not even a lock."""
    folders = {}
    for path in _wanted_folders(state):
        with contextlib.suppress(FileNotFoundError):
            folders[path] = stat.S_IMODE(os.stat(path).st_mode)
    return Condition(
        missing=missing,
        folders=folders,
        account=_read_account(options.run_account),
        program=_reader(state),
        files={**timer.read(), **trial.read_settings()},
        timer_on=timer.is_on(timer.kind()),
        facts=read_json(state.host_file) or {},
    )


def plan(
    before: Condition, machine: Machine, options: Options, state: State, new_uuid: str
) -> Condition:
    """How it should be. No I/O: a table of cases tests it."""
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", options.run_account):
        raise HostError("usage", f"{options.run_account!r} can't be the name of an account")
    settings = {path: text for path, text in before.files.items() if path == trial.SETTINGS_FILE}
    facts = {
        **before.facts,
        "uuid": before.facts.get("uuid") or new_uuid,
        "ports": plan_ports(before.facts.get("ports") or PORTS, machine.client_ports, options),
        "reaper": machine.timer,
        "run_account": options.run_account,
    }
    if machine.engine:
        facts["proved"] = machine.engine
    return Condition(
        missing=(),
        folders=_wanted_folders(state),
        account=options.run_account,
        program=machine.program,
        files={**timer.plan(machine.timer, state), **settings},
        timer_on=machine.timer != "none",
        facts=facts,
    )


def plan_ports(current: Any, client_ports: tuple[int, int], options: Options) -> list[int]:
    """First and last. Clients of this host must not meet them by chance."""
    first = current[0] if options.ports_first is None else options.ports_first
    last = current[1] if options.ports_last is None else options.ports_last
    if not 1024 <= first <= last <= 65535:
        raise HostError("usage", f"{first}-{last} is no range of ports between 1024 and 65535")
    if first <= client_ports[1] and client_ports[0] <= last:
        raise HostError(
            "usage",
            "the ports {}-{} meet those that the kernel gives to clients, {}-{}".format(
                first, last, *client_ports
            ),
            "choose others by sandboxer_ports_first and sandboxer_ports_last",
        )
    return [first, last]


def write(state: State, before: Condition, wanted: Condition) -> None:
    """Whatever differs. All but the proof that the engine works, which has to be earned."""
    for path, mode in wanted.folders.items():
        if before.folders.get(path) != mode:
            os.makedirs(path, exist_ok=True)
            os.chmod(path, mode)
    if before.account != wanted.account:
        _make_account(wanted.account)
    if before.program != wanted.program:
        if not before.program:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(program.reader(state))  # it may lead nowhere
        program.install(state)
    changed = _changed_files(before, wanted)
    for path in changed:
        if path in wanted.files:
            write_bytes(path, wanted.files[path].encode("utf-8"), 0o644)
        else:
            os.unlink(path)
    if wanted.timer_on and (changed or not before.timer_on):
        timer.switch_on(wanted.facts["reaper"])
    _write_facts(state, {**wanted.facts, "proved": before.facts.get("proved", "")})


def _write_facts(state: State, facts: Mapping[str, Any]) -> None:
    if read_json(state.host_file) != facts:
        write_json(state.host_file, facts)


def _prove_reaper(state: State, kind: str) -> None:
    """One pass by the timer's own line, which must be heard in the beat."""
    for _pass in range(2):  # the first may have joined a pass that had begun before
        last = read_json(state.beat_file)
        timer.fire(kind, state)
        if read_json(state.beat_file) != last:
            return
    raise HostError(
        "reaper_failed",
        "the reaper's timer runs its command, but no beat comes of it",
        f"on the host, `journalctl -u {timer.NAME}` or cron's log says more",
    )


def _prove_engine(state: State, before: Condition, wanted: Condition, fix: bool) -> bool:
    """A trial container, where nothing vouches for this engine as it is now. Whether that took
    our settings."""
    if before.facts.get("proved") == wanted.facts["proved"]:
        return False
    return trial.prove(engines.of_host(), state, fix)


def _answer(before: Condition, wanted: Condition, machine: Machine) -> dict[str, Any]:
    changed = _changed_files(before, wanted)
    diff = [_diff("host", before.lines(), wanted.lines())]
    for path in changed:
        texts = (before.files.get(path, ""), wanted.files.get(path, ""))
        diff.append(_diff(path, *(text.splitlines() for text in texts)))
    return {
        "changed": before != wanted,
        "uuid": wanted.facts["uuid"],
        "reaper": wanted.facts["reaper"],
        "ports": wanted.facts["ports"],
        "run_account": wanted.account,
        "engine": machine.engine_name,
        "engine_version": machine.engine_version,
        "wrote": [f"{path}: {_WHY[path] if path in wanted.files else 'gone'}" for path in changed],
        "diff": [one for one in diff if one["before"] != one["after"]],
    }


def _diff(name: str, before: list[str], after: list[str]) -> dict[str, str]:
    return {
        "before_header": name,
        "after_header": name,
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
    }


def _changed_files(before: Condition, wanted: Condition) -> list[str]:
    paths = sorted({*before.files, *wanted.files})
    return [path for path in paths if before.files.get(path) != wanted.files.get(path)]


def _wanted_folders(state: State) -> dict[str, int]:
    names = ("", "sandboxes", "locks", "tombstones", "programs")
    own = {os.path.join(state.root, name).rstrip("/"): 0o700 for name in names}
    return {**own, state.remote: 0o755}


def _refuse_missing(machine: Machine, missing: tuple[str, ...], apt_said: str) -> None:
    if missing:
        raise HostError(
            "packages_missing",
            "not installed: {}{}".format(", ".join(missing), f" ({apt_said})" if apt_said else ""),
            "see on the host whether `apt-get update` works, or install them by hand",
        )
    if not machine.engine:
        raise engines.missing("let the role install podman, or install either by hand")


def _reader(state: State) -> str:
    """What the link for reads leads to; empty where that is nowhere."""
    return program.reader_name(state) if os.path.isfile(program.reader(state)) else ""


def _os_release() -> dict[str, str]:
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
            pairs = [word.split("=", 1) for word in shlex.split(file.read(), comments=True)]
            return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
    return {}


def _engine() -> Engine | None:
    with contextlib.suppress(HostError):
        return engines.of_host()
    return None


def _version(engine: Engine) -> str:
    """Empty where the engine is too broken to say it: the trial tells why."""
    with contextlib.suppress(HostError):
        return engine.version()
    return ""


def wanted_packages(machine: Machine) -> tuple[str, ...]:
    """A host that has docker keeps it; one engine is enough. No I/O."""
    return PACKAGES if machine.engine_name != _DEFAULT else (*PACKAGES, *PODMAN)


def _missing_packages(machine: Machine) -> tuple[str, ...]:
    wanted = wanted_packages(machine)
    argv = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n", *wanted]
    # it answers for those it knows, and ends with 1 where it knows one not
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    return tuple(name for name in wanted if f"{name} installed" not in lines)


def _read_account(name: str) -> str:
    try:
        uid = pwd.getpwnam(name).pw_uid
    except KeyError:
        return ""
    if uid == 0:
        raise HostError("usage", f"{name} is root, and the run account must not be")
    return name


def _make_account(name: str) -> None:
    argv = ["/usr/sbin/useradd", "--system", "--user-group", "--no-create-home"]
    argv += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", "--", name]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise HostError(
            "account_failed",
            f"the account {name} can't be made: {said[-1] if said else done.returncode}",
            "make it on the host by hand, or name another by sandboxer_run_account",
        )
