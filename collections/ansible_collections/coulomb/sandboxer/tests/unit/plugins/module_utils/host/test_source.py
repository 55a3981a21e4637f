"""What is used of a source stays in it."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import source
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

ID = "sbx-a"


def inside(root: Path, path: str, create: bool = False) -> str:
    return source.inside(State("", str(root.parents[1])), ID, path, create)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A source with a folder, a file, links inside of it and links out of it."""
    made = tmp_path / ID / "source"
    (made / "conf" / "deep").mkdir(parents=True)
    (made / "conf" / "file").write_text("x")
    (made / "inside").symlink_to("conf/deep")
    (made / "conf" / "up").symlink_to("..")
    (made.parent / "secret").mkdir()
    (made.parent / "source-too").mkdir()
    (made / "out").symlink_to(made.parent / "secret")
    (made / "up").symlink_to("../secret")
    (made / "sibling").symlink_to("../source-too")
    (made / "etc").symlink_to("/etc/passwd")
    (made / "loop").symlink_to("loop")
    return made


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".", "."),
        ("conf", "conf"),
        ("conf/file", "conf/file"),
        ("inside", "conf/deep"),
        ("conf/up/conf/file", "conf/file"),
    ],
)
def test_in_the_source(root: Path, path: str, found: str) -> None:
    assert inside(root, path) == os.path.normpath(root / found)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize(
    "path",
    ["out", "up", "sibling", "etc", "loop", "out/x", "..", "conf/../../secret", "/etc"],
)
def test_out_of_the_source(root: Path, path: str, create: bool) -> None:
    with pytest.raises(HostError) as failed:
        inside(root, path, create)
    assert failed.value.code == "source_outside"
    assert list((root.parent / "secret").iterdir()) == []


@pytest.mark.parametrize("path", ["none", "conf/none", "conf/file/none"])
def test_what_is_not_there(root: Path, path: str) -> None:
    with pytest.raises(HostError) as failed:
        inside(root, path)
    assert failed.value.code in ("file_missing", "source_outside")


def test_no_source_at_all(tmp_path: Path) -> None:
    with pytest.raises(HostError) as failed:
        inside(tmp_path / ID / "source", "conf")
    assert failed.value.code == "file_missing"


@pytest.mark.parametrize("path", ["data", "data/deep/er", "inside/new", "conf", "conf/file"])
def test_a_folder_is_made_where_nothing_is(root: Path, path: str) -> None:
    found = inside(root, path, create=True)
    assert os.path.exists(found)
    assert os.path.isfile(found) == (path == "conf/file")


def test_a_link_that_comes_between_is_not_followed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that writes to the source puts a link there after it was looked at."""
    (root / "late").symlink_to(root.parent / "secret")
    monkeypatch.setattr(os.path, "realpath", os.path.abspath)
    for path in ("late", "late/new"):
        with pytest.raises(HostError) as failed:
            inside(root, path, create=True)
        assert failed.value.code == "source_outside"
    assert list((root.parent / "secret").iterdir()) == []


def test_half_a_source_is_none(tmp_path: Path) -> None:
    """What was unpacked by one that was killed, or that is another content, is not taken for it."""
    state = State(str(tmp_path / "state"), str(tmp_path / "remote"))
    os.makedirs(state.job(ID))
    os.makedirs(state.remote_dir(ID))
    with tarfile.open(os.path.join(state.job(ID), source.ARCHIVE), "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a"), io.BytesIO())
    for _twice in range(2):
        with pytest.raises(HostError) as failed:
            source.unpack(state, ID, "sha256:of another")
        assert failed.value.code == "source_changed"
