"""The runbooks, typed on a host that is reached over SSH."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import pages
from tests.sshd import Sshd

pytestmark = pytest.mark.podman

ME = "tests/docs/test_runbooks.py::"


@pytest.fixture
def folder(h1: Sshd, tmp_path: Path) -> Path:
    """With the inventory that the pages name."""
    (tmp_path / "hosts.yml").write_text(pages.file("docs/tutorial.md", "hosts.yml"))
    return tmp_path


def test_run_sandboxes(folder: Path) -> None:
    commands = pages.commands("docs/how-to/run-sandboxes.md", f"{ME}test_run_sandboxes")
    pages.check(commands, folder)


def test_run_validations(folder: Path) -> None:
    preparing = [
        pages.Command("sandboxer -i hosts.yml host trust h1 --yes"),
        pages.Command("sandboxer -i hosts.yml host prepare h1"),
    ]
    commands = pages.commands("docs/how-to/run-validations.md", f"{ME}test_run_validations")
    pages.check([*preparing, *commands], folder)
