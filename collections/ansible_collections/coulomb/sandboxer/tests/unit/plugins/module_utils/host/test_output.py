"""Output is bounded, and no secret is in it, however it comes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import output


def kept(path: Path, chunks: list[bytes], limit: int) -> bytes:
    made = output.Kept(str(path), limit)
    for chunk in chunks:
        made.write(chunk)
    made.close()
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    return path.read_bytes()


@pytest.mark.parametrize("chunk", [1, 3, 7, 1000])
def test_head_and_tail_are_kept(tmp_path: Path, chunk: int) -> None:
    whole = bytes(range(256)) * 4
    chunks = [whole[n : n + chunk] for n in range(0, len(whole), chunk)]
    assert kept(tmp_path / "small", chunks, 4096) == whole
    (tmp_path / "small").unlink()
    said = kept(tmp_path / "large", chunks, 400)
    head, _told, tail = said.partition("\n[… ".encode())
    told, _bracket, tail = tail.partition(" …]\n".encode())
    assert head == whole[:200]
    assert whole.endswith(tail) and 100 <= len(tail) <= 200
    assert told == f"{len(whole) - 200 - len(tail)} bytes are left out here".encode()


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_a_secret_in_pieces_is_masked(size: int) -> None:
    data = b"a canary-1 b canary canary-12 can" + b"canary-1"
    masked = output.Masked([b"canary-1", b"canary-12", b"no", b""])
    said = b"".join(masked.take(data[n : n + size]) for n in range(0, len(data), size))
    assert said + masked.rest() in (
        b"a *** b canary *** can***",
        b"a *** b canary ***2 can***",  # the longer one began as the shorter
    )
    assert b"canary-1" not in said


def test_what_is_shown_is_little_and_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "LIVE_SECONDS", 0.0)
    told: list[str] = []
    live = output.Live(told.append)
    live.write(b"one\ntw")
    live.show()
    live.write(b"o \xff")
    live.show()
    live.show(last=True)
    assert told == ["one", "two \ufffd"]
    live.write(b"x" * 100_000 + b"\nlast\n")
    live.show()
    assert told[2].startswith("[… ") and told[2].endswith("\nlast")
    assert len(told[2]) < output.LIVE_BYTES + 100


def test_last_lines_of_any_bytes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 20_000 + b"\n\n\xff\nlast\n")
    assert output.last_lines(str(path))[-2:] == ["\ufffd", "last"]
    assert output.last_lines(str(tmp_path / "none")) == []
