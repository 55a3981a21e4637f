"""What containers see of this host: paths of the source that stay in it, and written files."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import files
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A source with a folder, a file, links inside of it and links out of it."""
    made = tmp_path / "source"
    (made / "conf" / "deep").mkdir(parents=True)
    (made / "conf" / "file").write_text("x")
    (made / "inside").symlink_to("conf/deep")
    (made / "conf" / "up").symlink_to("..")
    (tmp_path / "secret").mkdir()
    (tmp_path / "source-too").mkdir()
    (made / "out").symlink_to(tmp_path / "secret")
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
    assert files.source_path(str(root), path) == os.path.normpath(root / found)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize(
    "path",
    ["out", "up", "sibling", "etc", "loop", "out/x", "..", "conf/../../secret", "/etc"],
)
def test_out_of_the_source(root: Path, path: str, create: bool) -> None:
    with pytest.raises(HostError) as failed:
        files.source_path(str(root), path, create)
    assert failed.value.code == "source_outside"
    assert list((root.parent / "secret").iterdir()) == []


@pytest.mark.parametrize("path", ["none", "conf/none", "conf/file/none"])
def test_what_is_not_there(root: Path, path: str) -> None:
    with pytest.raises(HostError) as failed:
        files.source_path(str(root), path)
    assert failed.value.code in ("file_missing", "source_outside")


def test_no_source_at_all(tmp_path: Path) -> None:
    with pytest.raises(HostError) as failed:
        files.source_path(str(tmp_path / "none"), "conf")
    assert failed.value.code == "file_missing"


@pytest.mark.parametrize("path", ["data", "data/deep/er", "inside/new", "conf", "conf/file"])
def test_a_folder_is_made_where_nothing_is(root: Path, path: str) -> None:
    found = files.source_path(str(root), path, create=True)
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
            files.source_path(str(root), path, create=True)
        assert failed.value.code == "source_outside"
    assert list((root.parent / "secret").iterdir()) == []


def document(**services: Any) -> dict[str, Any]:
    def content(text: bytes) -> dict[str, str]:
        return {"content": base64.b64encode(text).decode()}

    return {
        "services": services,
        "secrets": {"key": content(b"\0s3cret\xff")},
        "configs": {"conf": content(b"a = 1\n")},
    }


def test_what_is_written(tmp_path: Path) -> None:
    key = {"source": "key", "target": "/run/secrets/key"}
    web = {"secrets": [key], "configs": [{"source": "conf", "target": "/a", "mode": 0o440}]}
    other = {"secrets": [{**key, "uid": "101", "gid": 102, "mode": 0o400}]}
    folder = tmp_path / "files"
    for _again in range(2):
        found = files.write_all(str(folder), document(web=web, other=other, plain={}))
    assert {name: sorted(one) for name, one in found.items()} == {
        "web": ["/a", "/run/secrets/key"],
        "other": ["/run/secrets/key"],
        "plain": [],
    }
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(list(folder.iterdir())) == 3
    secret = Path(found["web"]["/run/secrets/key"])
    assert secret.read_bytes() == b"\0s3cret\xff"
    modes = {
        (name, target): (os.stat(path).st_mode & 0o777, os.stat(path).st_uid, os.stat(path).st_gid)
        for name, one in found.items()
        for target, path in one.items()
    }
    assert modes == {
        ("web", "/run/secrets/key"): (0o444, 0, 0),
        ("web", "/a"): (0o440, 0, 0),
        ("other", "/run/secrets/key"): (0o400, 101, 102),
    }


def test_nothing_is_written_where_nothing_is_asked_for(tmp_path: Path) -> None:
    """As in a document of schema 1, which has no such keys."""
    assert files.write_all(str(tmp_path / "files"), {"services": {"web": {}}}) == {"web": {}}
    assert not (tmp_path / "files").exists()
