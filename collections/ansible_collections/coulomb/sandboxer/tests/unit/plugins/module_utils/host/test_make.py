"""The deadline of a making."""

from __future__ import annotations

import signal
import threading

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import make


def test_a_making_ends_with_its_deadline() -> None:
    with pytest.raises(make._DeadlinePassedError), make._deadline(0.05):
        threading.Event().wait(5)


def test_what_ends_in_time_is_not_disturbed_later() -> None:
    with make._deadline(60):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
