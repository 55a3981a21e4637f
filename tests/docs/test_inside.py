"""Looking into a sandbox over SSH, as its page types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import pages
from tests.sshd import Sshd

pytestmark = pytest.mark.podman

PAGE = "docs/how-to/look-inside.md"
ME = "tests/docs/test_inside.py::test_what_the_page_types"


def test_what_the_page_types(h1: Sshd, tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(pages.file("docs/tutorial.md", "hosts.yml"))
    preparing = [
        pages.Command("sandboxer -i hosts.yml host trust h1 --yes"),
        pages.Command("sandboxer -i hosts.yml host prepare h1"),
    ]
    pages.check([*preparing, *pages.commands(PAGE, ME)], tmp_path, HOME=str(tmp_path))
