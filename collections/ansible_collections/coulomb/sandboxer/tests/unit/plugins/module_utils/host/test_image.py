"""Images out of files of this host: the same tar each time, and what does not go in."""

from __future__ import annotations

import io
import os
import tarfile
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import image
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import Login
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.rootfs import write
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State


def rootfs(*files: dict[str, Any], **links: str) -> dict[str, Any]:
    return {"files": list(files), "links": {f"/bin/{name}": to for name, to in links.items()}}


def tar_of(wanted: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    write(file, wanted)
    return file.getvalue()


def text(path: str, content: str, mode: int = 0o644) -> dict[str, Any]:
    return {"path": path, "content": content, "mode": mode}


def test_the_same_bytes_twice(tmp_path: Path) -> None:
    source = tmp_path / "tool"
    source.write_bytes(b"#!/bin/sh\n")
    wanted = rootfs({"path": "/bin/tool", "source": str(source), "mode": 0o755}, sh="tool", ls="sh")
    first = tar_of(wanted)
    os.utime(source, (1, 1))
    assert tar_of({**wanted, "links": dict(reversed(list(wanted["links"].items())))}) == first


def test_members_parents_and_links() -> None:
    wanted = rootfs(text("/www/a/index.html", "h\u00e4\n"), text("/top", "", 0o600), sh="busybox")
    with tarfile.open(fileobj=io.BytesIO(tar_of(wanted))) as tar:
        members = {one.name: one for one in tar}
        names = tar.getnames()
        page = tar.extractfile("www/a/index.html")
        assert page is not None
        assert page.read() == "h\u00e4\n".encode()
    assert sorted(names) == ["bin", "bin/sh", "top", "www", "www/a", "www/a/index.html"]
    assert names.index("www") < names.index("www/a") < names.index("www/a/index.html")
    assert all(members[name].isdir() for name in ("bin", "www", "www/a"))
    assert members["bin/sh"].issym()
    assert members["bin/sh"].linkname == "busybox"
    assert (members["top"].mode, members["www"].mode) == (0o600, 0o755)
    assert {(one.uid, one.gid, one.mtime) for one in members.values()} == {(0, 0, 0)}


def test_a_source_that_is_not_there(tmp_path: Path) -> None:
    wanted = rootfs({"path": "/bin/tool", "source": str(tmp_path / "none"), "mode": 0o755})
    with pytest.raises(HostError) as failed:
        tar_of(wanted)
    assert failed.value.code == "file_missing"
    assert str(tmp_path / "none") in str(failed.value)
    assert failed.value.hint


def elf(*program_header_types: int) -> bytes:
    """The start of a 64-bit little-endian ELF file with such program headers."""
    head = bytearray(64)
    head[:6] = b"\x7fELF\x02\x01"
    head[32:40] = (64).to_bytes(8, "little")
    head[54:56] = (56).to_bytes(2, "little")
    head[56:58] = len(program_header_types).to_bytes(2, "little")
    headers = [kind.to_bytes(4, "little").ljust(56, b"\0") for kind in program_header_types]
    return bytes(head) + b"".join(headers)


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (elf(1, 1), False),
        (elf(6, 3, 1), True),
        (elf(1, 2, 3), True),
        (elf(), False),
        (elf(3)[:64], False),  # cut off
        (b"#!/bin/sh\n", False),
        (b"\x7fELF", False),
        (b"", False),
    ],
)
def test_linked_to_libraries(tmp_path: Path, data: bytes, refused: bool) -> None:
    source = tmp_path / "tool"
    source.write_bytes(data)
    wanted = rootfs({"path": "/bin/tool", "source": str(source), "mode": 0o755})
    if not refused:
        tar_of(wanted)
        return
    with pytest.raises(HostError) as failed:
        tar_of(wanted)
    assert failed.value.code == "file_missing"


def test_a_recipe_digest_follows_the_content() -> None:
    one = {"rootfs": rootfs(text("/a", "1"))}
    assert image.recipe_digest(one) == image.recipe_digest({"rootfs": rootfs(text("/a", "1"))})
    assert image.recipe_digest(one) != image.recipe_digest({"rootfs": rootfs(text("/a", "2"))})


class SlowEngine:
    """It has an image some time after it was asked to make it."""

    def __init__(self) -> None:
        self.asked = 0
        self._has_it = False

    def image(self, name: str) -> dict[str, Any] | None:
        return {} if self._has_it else None

    def images(self, names: list[str]) -> dict[str, dict[str, Any] | None]:
        return {name: self.image(name) for name in names}

    def watch(self, argv: list[str], *_: Any) -> tuple[int, list[str]]:
        self.asked += 1
        time.sleep(0.1)
        self._has_it = True
        return 0, []

    def architecture(self) -> str:
        return "amd64"

    def logged_in(self, auth_file: str | None) -> AbstractContextManager[Login]:
        return nullcontext(Login())


def test_two_that_need_the_same_image_have_it_made_once(state: State) -> None:
    engine: Any = SlowEngine()
    wanted = image.Wanted("localhost/a:1")
    done: list[str] = []

    def need() -> None:
        done.append(image.fetch(state, engine, wanted, image.Call(10)).done)

    both = [threading.Thread(target=need) for each in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join(10)
    assert engine.asked == 1
    assert sorted(done) == ["", "pulled"]


@pytest.mark.parametrize(
    ("has", "platform", "taken"),
    [
        ("amd64", "", True),
        ("s390x", "", False),
        ("s390x", "linux/s390x", True),
        ("amd64", "linux/s390x", False),
    ],
)
def test_one_of_another_machine_is_not_taken(has: str, platform: str, taken: bool) -> None:
    """Somebody has pulled it with --platform: what fits is fetched again."""

    class OfItsOwn(SlowEngine):
        def image(self, name: str) -> dict[str, Any]:
            return {"Architecture": has}

    engine: Any = OfItsOwn()
    assert (
        image.look(engine, image.Wanted("localhost/a:1", platform=platform)) is not None
    ) is taken
