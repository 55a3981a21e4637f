"""The tutorial, typed from its first line to its last."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import pages
from tests.sshd import Sshd

pytestmark = pytest.mark.podman

PAGE = "docs/tutorial.md"
ME = "tests/docs/test_tutorial.py::test_what_the_tutorial_types"


def test_what_the_tutorial_types(h1: Sshd, image: None, tmp_path: Path) -> None:
    folder = tmp_path / "first"
    (folder / "shop").mkdir(parents=True)
    (folder / "shop/compose.yml").write_text(pages.file(PAGE, "compose.yml"))
    (folder / "hosts.yml").write_text(pages.file(PAGE, "hosts.yml"))
    pages.check(pages.commands(PAGE, ME), pages.ROOT, HOME=str(tmp_path))
