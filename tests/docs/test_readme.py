"""What README types: the demo, and the first verbs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests import pages
from tests.sshd import Sshd

pytestmark = pytest.mark.podman

PAGE = "README.md"
ME = "tests/docs/test_readme.py::"


def test_the_demo(tmp_path: Path) -> None:
    commands = pages.commands(PAGE, f"{ME}test_the_demo")
    pages.check(commands, pages.ROOT, HOME=str(tmp_path))


def test_what_you_type(h1: Sshd, image: None, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, shown in (("compose.yml", "compose.yml"), ("inventory", "hosts.yml")):
        (folder / name).write_text(pages.file("docs/tutorial.md", shown))
    shutil.copy(h1.known_hosts, Path("~/.ssh/known_hosts").expanduser())
    commands = pages.commands(PAGE, f"{ME}test_what_you_type")
    pages.check(commands, folder)
