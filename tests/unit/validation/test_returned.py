"""What a host sends back is unpacked by nobody's word but ours, and counted without harm."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from sandboxer_cli.errors import SandboxerError
from sandboxer_cli.reporting.result import Counts, NotCounted
from sandboxer_cli.validation import returned


def packed(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size, info.type = len(data), kind
            info.linkname = "/etc/passwd" if kind != tarfile.REGTYPE else ""
            tar.addfile(info, io.BytesIO(data))
    buffer.seek(0)
    return buffer


def row(path: str, *kinds: str, fresh: bool = True) -> dict[str, object]:
    return {"path": path, "bytes": 1, "sha256": "0", "kinds": list(kinds), "fresh": fresh}


def test_files_and_their_manifest(tmp_path: Path) -> None:
    rows = [row("steps/1.log", "log"), row("files/a.xml", "junit"), row("files/gone", "artifact")]
    manifest = json.dumps({"files": rows}).encode()
    given = packed(("steps/1.log", b"x"), ("files/a.xml", b"<a/>"), ("manifest.json", manifest))
    found = returned.unpack(given, tmp_path / "back/run")
    assert [one["path"] for one in found.files] == ["steps/1.log", "files/a.xml"]
    assert [one.path for one in found.artifacts] == ["files/a.xml"]
    assert (tmp_path / "back/run").stat().st_mode & 0o777 == 0o700
    again = returned.unpack(None, tmp_path / "back/run")
    assert again.files == () and list((tmp_path / "back/run").iterdir()) == []
    assert [one.name for one in (tmp_path / "back").iterdir()] == ["run"]


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "a//b", "./a", ""])
def test_no_name_leads_out(tmp_path: Path, name: str) -> None:
    with pytest.raises(SandboxerError, match="can't be right"):
        returned.unpack(packed((name, b"x")), tmp_path / "back/run")
    assert list((tmp_path / "back").iterdir()) == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_nothing_but_plain_files(tmp_path: Path, kind: bytes) -> None:
    with pytest.raises(SandboxerError, match="can't be right"):
        returned.unpack(packed(("a", b""), kind=kind), tmp_path / "back/run")


def test_no_more_than_there_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returned, "MOST_BYTES", 10)
    with pytest.raises(SandboxerError, match="too large"):
        returned.unpack(packed(("a", b"12345"), ("b", b"123456")), tmp_path / "back/run")


def test_what_is_read_of_what_came_back(tmp_path: Path) -> None:
    rows = [
        row("files/a.xml", "junit"),
        {**row("files/old.xml", "junit", fresh=False), "stale": "it is older than the test"},
        row("files/b.xml", "artifact"),
        row("../a.xml", "junit"),
    ]
    manifest = json.dumps({"files": rows}).encode()
    report = b"<testsuite><testcase name='t'/></testsuite>"
    names = ("files/a.xml", "files/old.xml", "files/b.xml")
    given = packed(*((name, report) for name in names), ("manifest.json", manifest))
    (tmp_path / "a.xml").write_bytes(report)
    found = returned.unpack(given, tmp_path / "run")
    assert found.tests.counts == Counts(1)
    assert found.tests.not_counted == (NotCounted("old.xml", "it is older than the test"),)
    assert returned.again(tmp_path / "run") == found
    assert returned.again(tmp_path / "none").files == ()
