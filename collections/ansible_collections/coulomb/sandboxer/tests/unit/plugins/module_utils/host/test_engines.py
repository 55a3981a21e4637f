"""Which engine a host uses, and whose a record is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import engines, process
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError


@pytest.mark.parametrize(
    ("programs", "here"),
    [
        (("podman",), ["podman"]),
        (("docker", "dockerd"), ["docker"]),
        (("docker", "dockerd", "podman"), ["podman", "docker"]),
        (("docker", "podman"), ["podman"]),
    ],
)
def test_which_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: tuple[str, ...], here: list[str]
) -> None:
    for name in programs:
        (tmp_path / name).touch(0o755)
    monkeypatch.setattr(process, "search_path", lambda: str(tmp_path))
    assert [one.program for one in engines.all_here()] == here
    assert engines.of_host().program == here[0]


def test_neither_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "search_path", lambda: str(tmp_path))
    with pytest.raises(HostError) as failed:
        engines.of_host()
    assert failed.value.code == "engine_missing"
    assert str(failed.value) == f"there is neither podman nor docker in {tmp_path}"
    assert "host prepare" in failed.value.hint


def test_a_record_says_which_made_it() -> None:
    assert engines.named("podman").program == "podman"
    assert engines.named("docker").program == "docker"
    with pytest.raises(HostError) as failed:
        engines.named("nerdctl")
    assert failed.value.code == "engine_missing"
