"""Whose a process is."""

from __future__ import annotations

import os
import subprocess

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import process


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start another account's process")
def test_another_accounts_process_is_not_ours() -> None:
    assert process.is_outside(os.getpid())
    with subprocess.Popen(["sleep", "100"], user=12345) as child:
        try:
            assert not process.is_outside(child.pid)
        finally:
            child.kill()
    assert not process.is_outside(child.pid)
