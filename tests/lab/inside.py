"""Running a program inside a host, beside its init.

Not by `incus exec`: on a busy machine 6.0 loses the whole output of some short commands (seen: 2
to 3 of 100) and answers 0.
"""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.lab.command import LabError, run
from tests.lab.incus import incus

# What Incus sets, too.
_ENVIRONMENT = {
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "USER": "root",
}
# Into the groups first: an engine makes its containers' below its own, and what is left over goes
# with the host.
_ENTER = """
while [ "$1" != -- ]; do
    echo $$ >"$1"
    shift
done
shift
exec nsenter "$@"
"""


def run_inside(
    name: str, argv: Sequence[str], *, check: bool, stdin: str | None, timeout: float
) -> subprocess.CompletedProcess[str]:
    """As root of the host. One that isn't up answers 255, and says so."""
    init = _init(name)
    if init is None:
        if check:
            raise LabError(f"{name} is not up")
        return subprocess.CompletedProcess(argv, 255, "", f"{name} is not up\n")
    groups = map(str, _groups(init))
    enter = ["--all", f"--target={init}", "--wdns=/root", "--", *argv]
    return run(
        ["sh", "-c", _ENTER, "sh", *groups, "--", *enter],
        check=check,
        stdin=stdin,
        env=_ENVIRONMENT,
        timeout=timeout,
    )


def _init(name: str) -> int | None:
    """Its pid, once it stands on the host's own root."""
    pid = int(incus("list", f"^{name}$", "--format=csv", "--columns=p").stdout.strip() or 0)
    try:
        ready = pid > 0 and not Path(f"/proc/{pid}/root").samefile("/")
    except FileNotFoundError:
        return None
    return pid if ready else None


def _groups(pid: int) -> Iterator[Path]:
    """The files by which one joins the control groups of a process, of either version."""
    root = Path("/sys/fs/cgroup")
    second = root if (root / "cgroup.controllers").exists() else root / "unified"
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        mounted = root / controllers.removeprefix("name=") if controllers else second
        if mounted.is_dir():
            yield mounted / path.lstrip("/") / "cgroup.procs"
