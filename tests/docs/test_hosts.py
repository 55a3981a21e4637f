"""The pages on how hosts are reached, with real sshds at addresses of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import pages
from tests.sshd import Sshd

pytestmark = pytest.mark.podman

ME = "tests/docs/test_hosts.py::"


def test_through_a_jump_host(hosts: Callable[..., Sshd], tmp_path: Path) -> None:
    page = "docs/how-to/jump-hosts.md"
    hosts("192.0.2.11")
    jump = hosts("192.0.2.20")
    for name in ("hosts.yml", "ssh_config"):
        (tmp_path / name).write_text(pages.file(page, name))
    pages.check(pages.commands(page, f"{ME}test_through_a_jump_host"), tmp_path)
    assert jump.logged_in


def test_at_another_port(hosts: Callable[..., Sshd], tmp_path: Path) -> None:
    page = "docs/how-to/another-port.md"
    hosts("192.0.2.11", 2222)
    (tmp_path / "hosts.yml").write_text(pages.file(page, "hosts.yml"))
    pages.check(pages.commands(page, f"{ME}test_at_another_port"), tmp_path)
