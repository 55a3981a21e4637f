"""An end to what hangs."""

from __future__ import annotations

import signal
import threading

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import deadline


def test_what_takes_too_long_is_ended() -> None:
    with pytest.raises(deadline.PassedError), deadline.within(0.05):
        threading.Event().wait(5)


def test_what_ends_in_time_is_not_disturbed_later() -> None:
    with deadline.within(60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
