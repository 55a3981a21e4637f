"""Leases by tables: which clock decides, what an extension may do, what is due."""

from __future__ import annotations

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import lease
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.clock import Now
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError

DAY = 24 * 3600.0


def later(at: Now, seconds: float, wall_step: float = 0.0) -> Now:
    """The same boot, some time later, with the wall clock turned by `wall_step`."""
    return at._replace(wall=at.wall + seconds + wall_step, boot=at.boot + seconds)


def rebooted(at: Now, seconds: float) -> Now:
    return Now(wall=at.wall + seconds, boot=3.0, boot_id="next-boot")


@pytest.mark.parametrize("step", [0.0, 3600.0, -3600.0, 10 * 365 * DAY, -10 * 365 * DAY])
def test_steps_of_the_wall_clock_are_harmless(at: Now, step: float) -> None:
    granted = lease.grant(600, 600, at)
    assert lease.remaining(granted, later(at, 100, step)) == 500
    assert not lease.is_due(granted, "ready", later(at, 599, step), working=False)
    assert lease.is_due(granted, "ready", later(at, 600, step), working=False)


@pytest.mark.parametrize(
    ("passed", "left"), [(0.0, 600.0), (599.0, 1.0), (600.0, 0.0), (DAY, 600 - DAY)]
)
def test_after_a_reboot_the_wall_clock_decides(at: Now, passed: float, left: float) -> None:
    granted = lease.grant(600, 600, at)
    assert lease.remaining(granted, rebooted(at, passed)) == left
    assert lease.is_due(granted, "stopped", rebooted(at, passed), working=False) == (left <= 0)


@pytest.mark.parametrize(
    ("state", "working", "same_boot", "left", "due"),
    [
        # time alone
        ("ready", False, True, 1, False),
        ("ready", False, True, 0, True),
        ("ready", True, True, 1, False),
        ("ready", True, True, 0, True),
        ("ready", False, False, 1, False),
        ("stopped", False, True, 1, False),
        ("stopped", False, True, 0, True),
        ("failed", False, True, 1, False),
        ("failed", False, True, 0, True),
        # its maker is dead, or of an older boot, or too slow
        ("creating", True, True, 1, False),
        ("creating", True, True, 0, True),
        ("creating", False, True, 1, True),
        ("creating", False, False, 1, True),
        ("creating", True, False, 1, True),
        # somebody began to take it away
        ("destroying", False, True, 1, True),
        ("destroying", True, True, 1, False),
        ("stuck", False, True, 1, True),
        ("stuck", True, True, 1, False),
        # a word of a version to come: its lease still counts
        ("hibernating", False, True, 1, False),
        ("hibernating", False, True, 0, True),
    ],
)
def test_what_is_due(
    at: Now, state: str, working: bool, same_boot: bool, left: float, due: bool
) -> None:
    granted = lease.grant(600, 600, at)
    moment = later(at, 600 - left) if same_boot else rebooted(at, 600 - left)
    assert lease.is_due(granted, state, moment, working) is due


@pytest.mark.parametrize(
    ("passed", "asked", "left"),
    [
        (0, 1200, 1200),
        (100, 1200, 1200),
        (100, 60, 500),  # never sooner than before
        (0, DAY, DAY),
        (100, DAY, DAY - 100),  # the maximum is counted from the granting
        (599, DAY, DAY - 599),
    ],
)
@pytest.mark.parametrize("same_boot", [True, False])
def test_extend(at: Now, passed: float, asked: float, left: float, same_boot: bool) -> None:
    moment = later(at, passed) if same_boot else rebooted(at, passed)
    longer = lease.extend(lease.grant(600, 600, at), asked, moment)
    assert lease.remaining(longer, moment) == left
    assert longer.boot_id == moment.boot_id
    assert longer.expires_at == moment.wall + left


def test_extending_again_and_again_never_passes_the_maximum(at: Now) -> None:
    granted = lease.grant(600, 600, at)
    moment = at
    for _each in range(100):
        moment = later(moment, 500, wall_step=-7.0)
        granted = lease.extend(granted, DAY, moment)
    assert lease.remaining(granted, moment) == DAY - 100 * 500
    moment = later(moment, DAY - 100 * 500)
    with pytest.raises(HostError):
        lease.extend(granted, DAY, moment)


def test_the_maximum_outlives_a_reboot(at: Now) -> None:
    granted = lease.extend(lease.grant(600, 600, at), 3600, rebooted(at, 300))
    moment = Now(wall=at.wall + 1000, boot=703.0, boot_id="next-boot")
    assert lease.remaining(lease.extend(granted, DAY, moment), moment) == DAY - 1000


@pytest.mark.parametrize("passed", [600.0, 601.0, 2 * DAY])
@pytest.mark.parametrize("same_boot", [True, False])
def test_extending_after_the_end_fails(at: Now, passed: float, same_boot: bool) -> None:
    moment = later(at, passed) if same_boot else rebooted(at, passed)
    with pytest.raises(HostError) as failed:
        lease.extend(lease.grant(600, 600, at), 600, moment)
    assert failed.value.code == "expired"


@pytest.mark.parametrize("seconds", [10, 1800, DAY])
def test_ttl_in_range(seconds: float) -> None:
    assert lease.check_ttl(seconds) == seconds


@pytest.mark.parametrize("seconds", [-1, 0, 9.9, DAY + 1, float("inf"), float("nan")])
def test_ttl_out_of_range(seconds: float) -> None:
    with pytest.raises(HostError) as failed:
        lease.check_ttl(seconds)
    assert failed.value.code == "usage"


@pytest.mark.parametrize("seconds", [0, 0.5, 7201, float("nan")])
def test_making_deadline_out_of_range(seconds: float) -> None:
    with pytest.raises(HostError) as failed:
        lease.check_making(seconds)
    assert failed.value.code == "usage"


def test_a_lease_survives_being_written_down(at: Now) -> None:
    granted = lease.grant(600, 900, at)
    assert lease.Lease.from_dict({**granted.as_dict(), "of a later version": 1}) == granted
