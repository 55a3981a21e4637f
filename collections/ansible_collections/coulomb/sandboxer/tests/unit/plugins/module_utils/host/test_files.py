"""Secrets and configs as files for containers to see."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import files


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
