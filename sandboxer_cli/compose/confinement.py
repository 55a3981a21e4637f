"""What confines a container: capabilities, security options, kernel settings, shared spaces."""

from __future__ import annotations

import re
from collections.abc import Collection

from .field import Field
from .networks import read_shared
from .pairs import read_settings
from .stack import Ulimit

# What engines give by themselves, and what stays within the container's own namespaces.
_HARMLESS = frozenset(
    """
    AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE MKNOD NET_ADMIN
    NET_BIND_SERVICE NET_BROADCAST NET_RAW SETFCAP SETGID SETPCAP SETUID SYS_CHROOT SYS_NICE
    SYS_PTRACE SYS_RESOURCE SYS_TTY_CONFIG
    """.split()  # noqa: SIM905
)
_OF_THE_HOST = frozenset(
    """
    ALL AUDIT_CONTROL AUDIT_READ BLOCK_SUSPEND BPF CHECKPOINT_RESTORE DAC_READ_SEARCH
    LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE PERFMON SYSLOG SYS_ADMIN SYS_BOOT SYS_MODULE SYS_PACCT
    SYS_RAWIO SYS_TIME WAKE_ALARM
    """.split()  # noqa: SIM905
)
_NO_NEW = re.compile(r"no-new-privileges(?:[:=](true|false))?")
_SYSCTL = re.compile(
    r"net\.[a-z0-9_./-]+|kernel\.(?:shm|msg)[a-z_]+|kernel\.sem|fs\.mqueue\.[a-z_]+"
)
_ULIMITS = """
    core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack
""".split()  # noqa: SIM905
_GREATEST = 2**63 - 1


def read_cap_add(field: Field) -> tuple[str, ...]:
    names = [(_capability(item), item) for item in field.items()]
    for name, item in names:
        if name in _OF_THE_HOST:
            raise item.refused(name)
    return tuple(dict.fromkeys(name for name, _ in names))


def read_cap_drop(field: Field) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_capability(item) for item in field.items()))


def _capability(item: Field) -> str:
    name = item.text().upper().removeprefix("CAP_")
    if name not in _HARMLESS | _OF_THE_HOST:
        raise item.invalid(f"{item.text()!r} is not a capability")
    return name


def read_security_opt(field: Field) -> tuple[str, ...]:
    found = {}
    for item in field.items():
        option = _NO_NEW.fullmatch(item.text())
        if option is None:
            raise item.refused(item.text())
        if option[1] != "false":
            found["no-new-privileges"] = True
    return tuple(found)


def read_sysctls(field: Field) -> dict[str, str]:
    settings = read_settings(field)
    for name, (_, where) in settings.items():
        if _SYSCTL.fullmatch(name) is None:
            raise where.refused(name)
    return {name: value for name, (value, _) in settings.items()}


def read_ulimits(field: Field) -> dict[str, Ulimit]:
    found = {}
    for name, entry in field.entries().items():
        if name not in _ULIMITS:
            raise entry.invalid_key(
                f"{name!r} is not a limit", "there are " + ", ".join(sorted(_ULIMITS))
            )
        if entry.is_scalar:
            both = entry.integer(-1, _GREATEST)
            found[name] = Ulimit(both, both)
            continue
        keys = entry.keys("services.*.ulimits.*")
        if len(keys) != 2:
            raise entry.invalid("wants both soft and hard")
        limit = Ulimit(keys["soft"].integer(-1, _GREATEST), keys["hard"].integer(-1, _GREATEST))
        if limit.hard != -1 and not -1 < limit.soft <= limit.hard:
            raise keys["soft"].invalid("the soft limit is above the hard one")
        found[name] = limit
    return found


def read_ipc(field: Field, services: Collection[str]) -> str:
    if field.text() in ("private", "shareable"):
        return field.text()
    return read_shared(field, services)


def check_cgroup(field: Field) -> None:
    if field.text() != "private":
        raise field.refused(field.text())
