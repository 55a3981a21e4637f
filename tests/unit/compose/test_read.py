"""Which files of a folder are read, and that nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxer_cli.compose.read import FILE_NAMES, OVERRIDE_NAMES, SourceFolder
from sandboxer_cli.compose.tree import Place
from sandboxer_cli.errors import Usage


def refusal(folder: Path, path: str | None = None) -> tuple[str, str]:
    with pytest.raises(Usage) as error:
        source = SourceFolder(folder)
        source.compose_files() if path is None else source.read(path, Place("c.yml", 2, 3))
    return error.value.detail.code, error.value.detail.message


@pytest.mark.parametrize("name", FILE_NAMES)
def test_each_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a: 1\n")
    assert SourceFolder(tmp_path).compose_files() == (name,)


@pytest.mark.parametrize("override", OVERRIDE_NAMES)
def test_an_override_comes_after_it(tmp_path: Path, override: str) -> None:
    for name in ("compose.yml", override):
        (tmp_path / name).write_text("")
    assert SourceFolder(tmp_path).compose_files() == ("compose.yml", override)


def test_of_several_the_first_is_read(tmp_path: Path) -> None:
    for name in FILE_NAMES + OVERRIDE_NAMES:
        (tmp_path / name).write_text("")
    assert SourceFolder(tmp_path).compose_files() == ("compose.yaml", "compose.override.yml")


def test_an_override_alone_is_none(tmp_path: Path) -> None:
    (tmp_path / "compose.override.yml").write_text("")
    assert refusal(tmp_path)[0] == "compose_missing"


def test_no_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == ("source_missing", f"there is no folder {tmp_path}/none")


def test_a_file_in_place_of_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text("")
    with pytest.raises(Usage) as error:
        SourceFolder(file)
    assert error.value.detail.hint == f"give its folder, {tmp_path}"


def test_no_compose_file(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").mkdir()
    assert refusal(tmp_path) == ("compose_missing", f"there is no compose file in {tmp_path}")


def test_a_file_is_read_once_by_whatever_name(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.yml").write_text("a: 1\n")
    source = SourceFolder(tmp_path)
    assert source.read("./sub/../sub//a.yml") is source.read("sub/a.yml")
    assert [(file.name, file.content) for file in source.files] == [("sub/a.yml", b"a: 1\n")]


def test_a_link_inside_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("a: 1\n")
    (tmp_path / "b.yml").symlink_to("a.yml")
    assert SourceFolder(tmp_path).read("b.yml").content == b"a: 1\n"


@pytest.mark.parametrize(
    "path",
    [
        "../a.yml",
        "sub/../../a.yml",
        "../shop/in.yml",
        "/etc/hostname",
        "link.yml",
        "up/a.yml",
        "a\0b",
    ],
)
def test_nothing_outside_is_read(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    for file in (tmp_path / "a.yml", folder / "in.yml"):
        file.write_text("a: 1\n")
    (folder / "link.yml").symlink_to("../a.yml")
    (folder / "up").symlink_to("..")
    code, message = refusal(folder, path)
    assert code == "source_outside"
    assert message.endswith(f" lies outside of the source {folder}, c.yml:2:3")


def test_an_absolute_path_may_lie_inside(tmp_path: Path) -> None:
    source = SourceFolder(tmp_path)
    assert source.inside(f"{tmp_path}/sub/a.yml") == "sub/a.yml"
    with pytest.raises(Usage, match="lies outside"):
        source.inside(f"{tmp_path}x/a.yml")
    with pytest.raises(Usage, match="lies outside"):
        source.inside(f"{tmp_path}/../a.yml")


def test_what_is_not_there(tmp_path: Path) -> None:
    message = f"there is no file a.yml in {tmp_path}, c.yml:2:3"
    assert refusal(tmp_path, "a.yml") == ("source_file_missing", message)
    (tmp_path / "sub").mkdir()
    message = "sub can't be read: Is a directory, c.yml:2:3"
    assert refusal(tmp_path, "sub") == ("source_file_missing", message)


def test_too_large(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_bytes(b"#" * (10 * 1024 * 1024 + 1))
    assert refusal(tmp_path, "compose.yml") == (
        "compose_invalid",
        "the file is larger than 10 MiB, compose.yml",
    )
