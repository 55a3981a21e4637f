"""What README types: the demo, and the first verbs."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests import pages
from tests.sshd import Sshd

PAGE = "README.md"
ME = "tests/docs/test_readme.py::"


def test_the_demo(tmp_path: Path) -> None:
    commands = pages.commands(PAGE, f"{ME}test_the_demo")
    pages.check(commands, pages.ROOT, HOME=str(tmp_path))


def test_what_you_type(h1: Sshd, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "compose.yml").write_text(pages.file("docs/tutorial.md", "compose.yml"))
    shutil.copy(h1.inventory("h1"), folder / "inventory")
    h1.trust()
    commands = pages.commands(PAGE, f"{ME}test_what_you_type")
    pages.check(commands, folder)
