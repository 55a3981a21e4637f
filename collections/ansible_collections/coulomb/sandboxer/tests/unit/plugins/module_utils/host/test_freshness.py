"""Which reports are of this test, and which files are looked at for it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import freshness, tree
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.freshness import Mark
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.tree import entries


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder for reports that holds an older one."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.xml").write_text("before")
    os.utime(tmp_path / "out/a.xml", (1000, 1000))
    return tmp_path / "out"


def began(out: Path) -> Mark:
    mark = Mark(str(out.parent), ["out/*.xml"])
    mark.begin()
    return mark


def judged(mark: Mark, path: Path) -> str:
    found, digest = path.stat(), hashlib.sha256(path.read_bytes()).hexdigest()
    return mark.stale(f"out/{path.name}", found, found.st_mtime, digest)


OLDER = "it is older than the test"
SAME = "it is byte for byte what was there before the test"
GIVEN_UP = "it is of an attempt that was tried again"


def test_one_that_nobody_wrote(out: Path) -> None:
    assert judged(began(out), out / "a.xml") == OLDER


def test_one_that_was_touched(out: Path) -> None:
    mark = began(out)
    (out / "a.xml").touch()
    assert judged(mark, out / "a.xml") == SAME


def test_one_that_was_written_over(out: Path) -> None:
    mark = began(out)
    (out / "a.xml").write_text("now")
    (out / "b.xml").write_text("before")
    assert judged(mark, out / "a.xml") == judged(mark, out / "b.xml") == ""


def test_one_with_an_older_time_than_the_test(out: Path) -> None:
    mark = began(out)
    (out / "b.xml").write_text("now")
    os.utime(out / "b.xml", (2000, 2000))
    assert judged(mark, out / "b.xml") == OLDER


def test_one_of_an_earlier_attempt(out: Path) -> None:
    mark = began(out)
    (out / "b.xml").write_text("first")
    (out / "c.xml").write_text("first")
    mark.again()
    (out / "c.xml").write_text("second")
    assert judged(mark, out / "b.xml") == GIVEN_UP
    assert judged(mark, out / "c.xml") == ""


def test_what_is_too_large_to_read_goes_by_its_time(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "MOST_BYTES", 3)
    mark = began(out)
    assert judged(mark, out / "a.xml") == OLDER
    (out / "a.xml").touch()
    assert judged(mark, out / "a.xml") == ""


def test_a_mark_survives_what_is_no_plain_file(out: Path) -> None:
    (out / "link.xml").symlink_to("/etc/passwd")
    (out / "loop.xml").symlink_to("loop.xml")
    os.mkfifo(out / "pipe.xml")
    (out / "folder.xml").mkdir()
    began(out)
    Mark(str(out / "none"), ["*"]).begin()


@pytest.mark.parametrize(
    ("patterns", "folders"),
    [
        (["e2e/out/*.xml"], ["e2e/out/"]),
        (["e2e/out/**", "e2e/out/*.xml", "e2e/out/a/b"], ["e2e/out/"]),
        (["a/*/b/c"], ["a/"]),
        (["./a//b"], ["a/"]),
        (["a.xml", "b/c"], [""]),
        (["**/a", "b/c"], [""]),
        (["b/c", "a/b"], ["b/", "a/"]),
        (["a/b/c", "ab/c"], ["ab/", "a/b/"]),
        (["a?/b"], [""]),
        ([], []),
    ],
)
def test_only_the_folders_that_may_be_meant_are_walked(
    patterns: list[str], folders: list[str]
) -> None:
    assert tree.beginnings(patterns) == folders


def test_a_walk_follows_no_link_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there/a").write_text("")
    (tmp_path / "root/deep/deeper").mkdir(parents=True)
    (tmp_path / "root/deep/deeper/b").write_text("")
    (tmp_path / "root/link").symlink_to(tmp_path / "there")
    root = str(tmp_path / "root")
    assert [one.path for one in entries(root, ["**"])] == ["link", "deep/deeper/b"]
    assert list(entries(root, ["link/*"])) == []
    assert list(entries(str(tmp_path / "root/link"), ["**"])) == []
    monkeypatch.setattr(tree, "DEEPEST", 1)
    assert [one.path for one in entries(root, ["**"])] == ["link"]
    monkeypatch.setattr(tree, "MOST_ENTRIES", 1)
    with pytest.raises(tree.TooManyError):
        list(entries(root, ["**"]))
