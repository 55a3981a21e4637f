"""Names of variables: taken on the controller as on the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import variables as of_the_host
from sandboxer_cli.compose import variables
from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.rebuild import rebuild
from sandboxer_cli.compose.stack import Service
from sandboxer_cli.errors import Usage


def test_the_host_refuses_by_the_same_patterns() -> None:
    for name in ("NAME", "ENGINES_OWN"):
        assert getattr(variables, name).pattern == getattr(of_the_host, name).pattern


@pytest.fixture(autouse=True)
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "raw.env").write_text("A B=1\n")
    monkeypatch.chdir(tmp_path)


def web(lines: str) -> Service:
    text = f"services:\n  web:\n    {lines}\n"
    return rebuild(parse(text.encode(), "compose.yml"), source=Path()).services["web"]


@pytest.mark.parametrize(
    "name", ["ConnectionStrings:Default", "spring.datasource.url", "A-B", "1A", "A*B", "#A", "HOME"]
)
def test_variables_of_a_container(name: str) -> None:
    assert web(f"image: docker.io/a/b\n    environment: ['{name}=x']").environment == {name: "x"}


@pytest.mark.parametrize(
    "name",
    ["DOCKER_GID", "DOCKER_TAG", "CONTAINER_USER", "GOOGLE_KEY", "GO_VERSION", "STORAGE_URL"],
)
def test_arguments_of_a_build(name: str) -> None:
    build = web(f"build: {{context: ., args: ['{name}=x']}}").build
    assert build is not None
    assert build.args == {name: "x"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "environment: {'A*': x}",
            "services.web.environment.A*: 'A*' is not a variable's name, compose.yml:4:19",
        ),
        (
            "environment: ['A B=x']",
            "services.web.environment[0]: 'A B' is not a variable's name, compose.yml:4:19",
        ),
        (
            "env_file: [{path: raw.env, format: raw}]",
            "services.web.env_file[0].path: 'A B' is not a variable's name, compose.yml:4:17",
        ),
        (
            "build: {context: ., args: {'A*': x}}",
            "services.web.build.args.A*: 'A*' is not a variable's name, compose.yml:4:32",
        ),
        (
            "build: {context: ., args: {HOME: /x}}",
            "services.web.build.args.HOME: HOME is refused: the engine itself lives by that name, "
            "compose.yml:4:38",
        ),
        (
            "build: {context: ., args: [DOCKER_HOST=x]}",
            "services.web.build.args[0]: DOCKER_HOST is refused: the engine itself lives by that "
            "name, compose.yml:4:32",
        ),
    ],
)
def test_what_no_engine_carries(lines: str, message: str) -> None:
    with pytest.raises(Usage) as error:
        web(f"image: docker.io/a/b\n    {lines}")
    assert error.value.detail.message == message
