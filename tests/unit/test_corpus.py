"""The table of real projects' shapes, and that each shape renders or is refused as it says."""

from __future__ import annotations

import re

import pytest
import yaml

from sandboxer_cli.compose.keys import KEYS
from sandboxer_cli.validation.load import load
from tests.corpus import judge, suites, trial
from tests.corpus.images import IMAGES
from tests.corpus.projects import FOLDER, Project, projects

OUTCOME = re.compile(r"comes_up|renders|refused: [a-z_]+ \S+")
NOT_SHAPES = {"contracts", "image", "every_key", "__pycache__"}
# newer than h3's docker compose, and what only the reader of files writes
NOT_JUDGED = {
    ("services.*", "label_file"),
    ("services.*.env_file[]", "format"),
    ("secrets.*", "content"),
}


def test_each_folder_has_its_row() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir()} - NOT_SHAPES
    names = [project.name for project in projects()]
    assert sorted(names) == sorted(folders)
    assert len(names) >= 30


def test_each_suite_has_a_contract() -> None:
    names = {suite.name for suite in suites.SUITES}
    assert names == {path.name for path in suites.CONTRACTS.iterdir()}
    for name in names:
        assert load(suites.CONTRACTS / name).steps


def test_enough_of_them_speak() -> None:
    speaking = [one for one in projects() if one.put and one.get and one.shape == "comes_up"]
    through_another = [one.name for one in speaking if one.put != one.get]
    assert len(through_another) >= 10
    assert len([one for one in speaking if one.edited]) >= 3


def test_enough_originals_come_up() -> None:
    made = [one for one in projects() if one.original_ends == "comes_up"]
    assert len(made) >= 10


@pytest.mark.parametrize("project", projects(), ids=lambda project: project.name)
def test_a_row_says_where_it_is_from(project: Project) -> None:
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", project.source)
    assert re.fullmatch(r"[0-9a-f]{40}", project.commit)
    assert project.licence and project.special
    assert OUTCOME.fullmatch(project.shape)
    assert OUTCOME.fullmatch(project.original)
    assert OUTCOME.fullmatch(project.original_ends)
    assert bool(project.first.names) == bool(project.prepared)
    assert bool(project.why) == (project.original_ends == "renders")
    assert all((project.folder / file).is_file() for file in project.files)
    assert project.edited is None or (project.folder / project.edited).is_file()


@pytest.mark.parametrize("project", projects(), ids=lambda project: project.name)
def test_a_shape_renders(project: Project) -> None:
    """By the rooms that every door comes through; what it makes stands in has a stand-in."""
    load = pytest.importorskip("sandboxer_cli.compose.load")
    from sandboxer_cli.compose.emit import build_document
    from sandboxer_cli.compose.rebuild import rebuild
    from sandboxer_cli.errors import Usage

    try:
        found = load.load(project.folder, load.LoadOptions(files=project.files))
        stack = rebuild(found.tree, source=project.folder, variables=found.variables)
    except Usage as error:
        _, code, key = project.shape.split(" ", 2)
        assert error.detail.code == code
        assert key in error.detail.message
        return
    assert not project.shape.startswith("refused")
    document = build_document(stack, images={}, probes=[], publish="loopback")
    if project.shape == "comes_up":
        named = {
            service["image"]
            for service in document["services"].values()
            if service["image"] and not service.get("build")
        }
        assert named <= IMAGES.keys()


def test_the_file_with_every_key_has_them() -> None:
    folder = judge.EVERY_KEY.folder
    trees = [yaml.safe_load(path.read_text()) for path in folder.rglob("*.yaml")]
    used = {found for tree in trees for found in keys_of(tree, ())}
    taken = {
        (level, name)
        for level, keys in KEYS.items()
        for name, key in keys.items()
        if key.fate in ("kept", "changed")
    }
    assert taken - used == NOT_JUDGED


def keys_of(value: object, path: tuple[str, ...]) -> set[tuple[str, str]]:
    """(level, key) of all mappings below."""
    if isinstance(value, list):
        return {found for one in value for found in keys_of(one, (*path, "[]"))}
    if not isinstance(value, dict):
        return set()
    found = set()
    for name, one in value.items():
        for level in KEYS:
            words = [word for word in level.replace("[]", ".[]").split(".") if word]
            if len(words) == len(path) and all(
                w in ("*", p) for w, p in zip(words, path, strict=True)
            ):
                found.add((level, str(name)))
        found |= keys_of(one, (*path, str(name)))
    return found


DISPUTES = [
    (("services", "web", "volumes", "/a", "bind", "selinux"), "z", None, True),
    (("services", "web", "ports", "80/tcp", "mode"), "ingress", None, True),
    (("services", "web", "ports", "80/tcp", "target"), 80, None, False),
    (("services", "web", "container_name"), "web", None, True),
    (("services", "web", "image"), "a", "b", False),
    (("services", "web", "labels", "attach"), "a", None, False),
    (("networks", "default", "driver"), "bridge", None, True),
    (("networks", "default", "driver"), "macvlan", None, False),
]


@pytest.mark.parametrize(("path", "theirs", "ours", "has_reason"), DISPUTES)
def test_what_the_tables_explain(
    path: tuple[str, ...], theirs: object, ours: object, has_reason: bool
) -> None:
    dispute = judge.Dispute(path, theirs, ours)
    assert (judge.reason(dispute) is not None) == has_reason


NAMES = [
    ("redis", "docker.io/library/redis:latest"),
    ("redis:7", "docker.io/library/redis:7"),
    ("docker.io/redis", "docker.io/library/redis:latest"),
    ("some/one@sha256:1", "docker.io/some/one@sha256:1"),
    ("ghcr.io/some/one", "ghcr.io/some/one:latest"),
    ("localhost:5000/one", "localhost:5000/one:latest"),
]


@pytest.mark.parametrize(("image", "full"), NAMES)
def test_a_short_name_as_docker_reads_it(image: str, full: str) -> None:
    assert judge.full_name(image, "docker.io") == full


LEFT = [
    (["sbx-a.web"], ["sbx-a.web"], []),
    ([], ["sbx-a.web", "conmon"], ["conmon", "sbx-a.web"]),
    ([], ["conmon"], ["conmon"]),
    # of a stranger's, and what may be the stranger's too
    ([], ["sbx-b.web", "conmon", "sbx-a.web"], ["sbx-a.web"]),
    (["sbx-b.web", "conmon"], [], []),
]


@pytest.mark.parametrize(("before", "after", "left"), LEFT)
def test_what_is_left_of_a_sandbox(before: list[str], after: list[str], left: list[str]) -> None:
    wanted = {"things": left} if left else {}
    assert trial._left({"things": before}, {"things": after}, {"sbx-a"}) == wanted
