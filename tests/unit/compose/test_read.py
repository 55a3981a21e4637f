"""Which file of a folder is the compose file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxer_cli.compose.read import FILE_NAMES, read
from sandboxer_cli.errors import Usage

CONTENT = "services:\n  web:\n    image: docker.io/library/nginx\n"


def refusal(source: Path) -> tuple[str, str]:
    with pytest.raises(Usage) as error:
        read(source)
    return error.value.detail.code, error.value.detail.message


@pytest.mark.parametrize("name", FILE_NAMES)
def test_each_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(CONTENT)
    file = read(tmp_path)
    assert (file.name, file.content) == (name, CONTENT.encode())
    assert file.tree.place.file == name


def test_of_several_the_first_is_read(tmp_path: Path) -> None:
    for index, name in enumerate(FILE_NAMES):
        (tmp_path / name).write_text(f"x-index: {index}\n")
    assert read(tmp_path).name == "compose.yaml"
    (tmp_path / "compose.yaml").unlink()
    assert read(tmp_path).name == "compose.yml"


@pytest.mark.parametrize("name", ["compose.override.yml", "docker-compose.override.yaml"])
def test_an_override_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "compose.yml").write_text(CONTENT)
    (tmp_path / name).write_text("")
    assert refusal(tmp_path) == (
        "compose_unsupported",
        f"not supported yet: {name}, in {tmp_path}",
    )


def test_no_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none") == ("source_missing", f"there is no folder {tmp_path}/none")


def test_a_file_in_place_of_its_folder(tmp_path: Path) -> None:
    file = tmp_path / "compose.yml"
    file.write_text(CONTENT)
    with pytest.raises(Usage) as error:
        read(file)
    assert error.value.detail.hint == f"give its folder, {tmp_path}"


def test_no_compose_file(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").mkdir()
    assert refusal(tmp_path) == ("compose_missing", f"there is no compose file in {tmp_path}")


def test_too_large(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_bytes(b"#" * (10 * 1024 * 1024 + 1))
    assert refusal(tmp_path) == ("compose_invalid", "the file is larger than 10 MiB, compose.yml")
