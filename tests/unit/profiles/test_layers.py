"""Where profiles are looked for, and where they are not."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sandboxer_cli.errors import Usage
from sandboxer_cli.profiles import layers
from sandboxer_cli.profiles.layers import PROJECT_FOLDER, catalog, file_at, folders, user_folder
from tests.unit.profiles.conftest import Write

BASE = "extends: profile.compose\n"


def where(source: Path | None = None) -> dict[str, str]:
    """Name -> layer, of what isn't built in."""
    known = catalog(source)
    found = {name: known.find(name) for name in known.names()}
    return {
        name.removeprefix("profile."): file.layer
        for name, file in found.items()
        if file is not None and file.layer != "built-in"
    }


def test_the_nearer_one_counts(mine: Write, theirs: Write, project: Path) -> None:
    mine("one", BASE)
    mine("two", BASE)
    theirs("two", BASE)
    theirs("three", BASE)
    assert where(project) == {"one": "user", "two": "project", "three": "project"}
    assert where() == {"one": "user", "two": "user"}


def test_what_places_call_a_file(mine: Write, theirs: Write, project: Path) -> None:
    path = mine("one", BASE)
    theirs("two", BASE)
    known = catalog(project)
    labels = {name: file.label for files in known.files.values() for name, file in files.items()}
    assert labels == {
        "profile.compose": "built-in/compose.yml",
        "profile.hello": "built-in/hello.yml",
        "profile.one": str(path),
        "profile.two": ".sandboxer/profiles/two.yml",
    }


@pytest.mark.parametrize(
    ("surroundings", "found"),
    [
        ({"XDG_CONFIG_HOME": "/etc/xdg", "HOME": "/home/me"}, "/etc/xdg/sandboxer/profiles"),
        ({"XDG_CONFIG_HOME": "", "HOME": "/home/me"}, "/home/me/.config/sandboxer/profiles"),
        ({"XDG_CONFIG_HOME": "here", "HOME": "/home/me"}, "/home/me/.config/sandboxer/profiles"),
        ({"HOME": "/home/me"}, "/home/me/.config/sandboxer/profiles"),
    ],
)
def test_the_users_folder(
    monkeypatch: pytest.MonkeyPatch, surroundings: dict[str, str], found: str
) -> None:
    for name, value in surroundings.items():
        monkeypatch.setenv(name, value)
    assert user_folder() == Path(found)


def test_somebody_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    assert user_folder() is None
    assert catalog().names() == ["profile.compose", "profile.hello"]


def test_a_home_that_may_not_be_looked_into(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As sudo leaves it."""

    def refuse(self: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", refuse)
    assert where() == {}


def test_a_folder_that_cannot_be_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(Usage, match="can't be read: Permission denied"):
        catalog()


def repository(root: Path) -> Path:
    """A repository with a profile at its root, and a folder in it."""
    (root / ".git").mkdir(parents=True)
    (root / PROJECT_FOLDER).mkdir(parents=True)
    (root / PROJECT_FOLDER / "shop.yml").write_text(BASE)
    inner = root / "services/web"
    inner.mkdir(parents=True)
    return inner


def test_the_root_of_the_repository(tmp_path: Path) -> None:
    inner = repository(tmp_path / "repository")
    assert where(inner) == where(tmp_path / "repository") == {"shop": "project"}
    (inner / PROJECT_FOLDER).mkdir(parents=True)
    assert where(inner) == {}  # the source has its own


def test_what_lies_between_or_above_does_not_count(tmp_path: Path) -> None:
    inner = repository(tmp_path / "repository")
    (inner / ".git").touch()  # a submodule: the repository ends here
    assert where(inner) == {}
    (inner / ".git").unlink()
    (tmp_path / "repository/.git").rmdir()
    assert where(inner) == {}


def test_a_root_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = repository(tmp_path / "repository")
    real = Path.stat

    def foreign(self: Path, **given: bool) -> os.stat_result:
        found = real(self, **given)
        if self != tmp_path / "repository":
            return found
        return os.stat_result([*found[: stat.ST_UID], 4711, *found[stat.ST_UID + 1 :]])

    monkeypatch.setattr(Path, "stat", foreign)
    assert where(inner) == {}


def test_a_link_out_of_the_project(tmp_path: Path, project: Path, theirs: Write) -> None:
    (tmp_path / "secret.yml").write_text(BASE)
    (project / PROJECT_FOLDER / "shop.yml").symlink_to(tmp_path / "secret.yml")
    assert where(project) == {}
    real = theirs("real", BASE)
    (project / PROJECT_FOLDER / "alias.yml").symlink_to(real)
    assert where(project) == {"real": "project", "alias": "project"}


def test_a_folder_that_is_a_link_out_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/shop.yml").write_text(BASE)
    (tmp_path / "one/.sandboxer").mkdir(parents=True)
    (tmp_path / "one" / PROJECT_FOLDER).symlink_to(tmp_path / "elsewhere")
    assert where(tmp_path / "one") == {}


@pytest.mark.parametrize(
    "name", ["Shop.yml", "shop.yaml", "-shop.yml", "my_shop.yml", "shop.v2.yml"]
)
def test_names_that_are_none(home: Path, name: str) -> None:
    (home / name).write_text(BASE)
    assert where() == {}
    [user] = [folder for folder in folders(None) if folder.layer == "user"]
    [(label, why)] = user.strays()
    assert label == str(home / name)
    assert why.startswith("a profile's file is called as in my-app.yml")


def test_other_files_may_lie_there(home: Path) -> None:
    (home / "profile.schema.json").write_text("{}")
    (home / "notes.yml").mkdir()
    [user] = [folder for folder in folders(None) if folder.layer == "user"]
    assert where() == {}
    assert list(user.strays()) == [(str(home / "notes.yml"), "not a file")]


def test_a_file_by_its_path(tmp_path: Path, mine: Write, theirs: Write) -> None:
    assert file_at(mine("one", BASE)).layer == "user"
    assert file_at(theirs("two", BASE)).layer == "project"
    assert file_at(tmp_path / "three.yml").layer == "project"
    assert file_at(tmp_path / "three.yml").name == "profile.three"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty, {file}:1:1"),
        (b"- a\n", "the file is not a mapping, {file}:1:1"),
        (b"a: [\n", "not YAML: "),
        (b"a: 1\nb: 2\na: 3\n", "a is given twice: {file}:1:1, {file}:3:1"),
        (b"a: !x 1\n", "not supported yet: the YAML tag !x, {file}:1:4"),
        (b"a: \xff\n", "not UTF-8, {file}:1:4"),
        (b"a" * (1024 * 1024 + 1), "{file} is larger than 1 MiB"),
    ],
)
def test_files_that_cannot_be_read(home: Path, content: bytes, message: str) -> None:
    path = home / "one.yml"
    path.write_bytes(content)
    file = catalog().find("profile.one")
    assert file is not None
    with pytest.raises(Usage) as error:
        _ = file.tree
    assert error.value.detail.code == "profile_invalid"
    assert message.format(file=path) in error.value.detail.message


def test_a_file_that_went_away(mine: Write) -> None:
    path = mine("one", BASE)
    file = layers.catalog().find("profile.one")
    path.unlink()
    assert file is not None
    with pytest.raises(Usage, match="can't be read: No such file"):
        _ = file.tree
