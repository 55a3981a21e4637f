"""What a container is given by a process that may not raise limits, and by one that may."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import limits, make
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.docker import Docker

HARD = 512


@pytest.fixture
def bound() -> Iterator[int]:
    """A process of this one's whose hard limit is low."""
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        resource.setrlimit(resource.RLIMIT_NOFILE, (HARD, HARD))
        os.kill(os.getpid(), 19)
        os._exit(0)
    os.waitpid(pid, os.WUNTRACED)
    yield pid
    os.kill(pid, 9)
    os.waitpid(pid, 0)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({"soft": 100, "hard": 200}, {"soft": 100, "hard": 200}),
        ({"soft": 100, "hard": 2000}, {"soft": 100, "hard": HARD}),
        ({"soft": 1000, "hard": 2000}, {"soft": HARD, "hard": HARD}),
        ({"soft": -1, "hard": -1}, {"soft": HARD, "hard": HARD}),
    ],
)
def test_none_is_above_the_starters_own(
    bound: int, monkeypatch: pytest.MonkeyPatch, asked: dict[str, int], given: dict[str, int]
) -> None:
    monkeypatch.setattr(limits, "_may_raise", lambda pid: False)
    assert limits.within({"nofile": asked}, bound) == {"nofile": given}


def test_one_that_this_system_does_not_know_stays() -> None:
    assert limits._lowered("dreams", {"soft": 1, "hard": 2}, os.getpid()) == {"soft": 1, "hard": 2}


def test_who_may_raise_them_gives_what_is_asked_for(
    bound: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "_may_raise", lambda pid: True)
    asked = {"nofile": {"soft": 1000, "hard": 2000}}
    assert limits.within(asked, bound) == asked


def test_whether_this_process_may_is_what_the_kernel_says() -> None:
    """Tried in a process of its own."""
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        resource.setrlimit(resource.RLIMIT_NOFILE, (HARD, HARD))
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (HARD, HARD + 1))
        except (ValueError, OSError):
            os._exit(1)
        os._exit(0)
    could = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert limits._may_raise(os.getpid()) is could


@pytest.mark.parametrize(
    ("file", "text", "bounds"),
    [
        ("cpu,cpuacct/cpu.cfs_quota_us", "-1", True),
        ("cpuset/cpuset.cpus", "0-1", False),
        ("cgroup.controllers", "cpuset cpu io memory", True),
        ("cgroup.controllers", "cpuset memory", False),
    ],
)
def test_whether_processors_are_bounded(tmp_path: Path, file: str, text: str, bounds: bool) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    assert limits.bounds_processors(str(tmp_path)) is bounds


@pytest.mark.parametrize(("bounds", "cpus"), [(True, 0.5), (False, None)])
def test_processors_that_nothing_bounds_are_not_asked_for(
    monkeypatch: pytest.MonkeyPatch, bounds: bool, cpus: float | None
) -> None:
    monkeypatch.setattr(limits, "bounds_processors", lambda: bounds)
    service = {"cpus": 0.5, "entrypoint": None}
    assert make._possible(Docker(), service, {"web": service}, "web", None)["cpus"] == cpus
