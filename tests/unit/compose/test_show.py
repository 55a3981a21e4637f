"""`sandboxer compose show`, and the warnings of `create`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("sandboxer")

FILE = """\
version: "3"
services:
  web:
    image: docker.io/library/nginx
    container_name: front
    ports: ["8080:80"]
    networks: {back: {ipv4_address: 10.0.0.3}}
    secrets: [key]
    volumes: ["data:/data"]
networks: {back: {internal: true}}
volumes: {data: {name: mine}}
secrets: {key: {file: key.txt}}
"""

SHOWN = """\
# version is left out: it has no meaning any more, compose.yml:1:1
services:
  # services.web.container_name is changed: a name by which others on its networks find it; the \
container's own is the sandbox's, compose.yml:5:5
  web:
    image: docker.io/library/nginx:latest
    restart: 'no'
    volumes:
    - type: volume
      volume: data
      target: /data
      read_only: false
    # services.web.ports[0] is changed: the host's side is a port of the host's own range: \
`sandboxer show`, compose.yml:6:13
    ports:
    - target: 80
      protocol: tcp
      published: '8080'
    # services.web.networks.back.ipv4_address is left out: addresses are the host's to give; \
services find each other by name, compose.yml:7:23
    networks:
      back:
        aliases:
        - front
    secrets:
    - source: key
      target: /run/secrets/key
networks:
  back:
    internal: true
volumes:
  # volumes.data.name is changed: the sandbox's own name stands for it, so that two of them never \
meet, compose.yml:11:18
  data: {}
secrets:
  key:
    bytes: 6
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "compose.yml").write_text(FILE)
    (tmp_path / "key.txt").write_text("hidden")
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    home = {"HOME": str(folder / "home"), "PATH": os.environ["PATH"]}
    return subprocess.run(
        [PROGRAM, *words], cwd=folder, env=home, capture_output=True, text=True, check=False
    )


def test_show(folder: Path) -> None:
    assert run(folder, "compose", "show").stdout == SHOWN


def test_show_as_json(folder: Path) -> None:
    found = json.loads(run(folder, "compose", "show", ".", "--json").stdout)
    assert found["document"]["services"]["web"]["secrets"][0]["source"] == "key"
    assert found["notes"][0] == {
        "path": "version",
        "place": "compose.yml:1:1",
        "kind": "left_out",
        "text": "it has no meaning any more",
    }


def test_show_of_a_profile_is_what_it_makes(folder: Path) -> None:
    profiles = folder / ".sandboxer/profiles"
    profiles.mkdir(parents=True)
    (profiles / "shop.yml").write_text(
        "extends: profile.compose\n"
        "compose: {files: [compose.yml, test.yml], profiles: [debug], variables: {TAG: '1.27'}}\n"
    )
    (folder / "test.yml").write_text(
        "services:\n"
        "  web: {image: 'docker.io/library/nginx:${TAG}'}\n"
        "  shell: {image: docker.io/library/busybox, profiles: [debug]}\n"
    )
    plain = run(folder, "compose", "show").stdout
    assert "shell" not in plain
    for words in ((), (".",)):
        shown = run(folder, "compose", "show", *words, "--profile", "profile.shop").stdout
        assert "image: docker.io/library/nginx:1.27" in shown
        assert "  shell:\n" in shown


def test_show_of_a_profile_that_takes_no_source(folder: Path) -> None:
    said = run(folder, "compose", "show", "--profile", "profile.hello")
    assert (said.returncode, said.stdout.partition("\n")[0]) == (0, "services:")
    assert run(folder, "compose", "show", ".", "--profile", "profile.hello").returncode == 2


def test_a_zero_is_shown_and_a_name_may_have_dots(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        "services:\n  laravel.test:\n    image: docker.io/x/y\n    ports: ['80:80']\n"
        "    scale: 0\n    stop_grace_period: 0s\n    oom_score_adj: 0\n"
    )
    assert run(tmp_path, "compose", "show").stdout == (
        "services:\n  laravel.test:\n    image: docker.io/x/y:latest\n    restart: 'no'\n"
        "    # services.laravel.test.ports[0] is changed: the host's side is a port of the host's "
        "own range: `sandboxer show`, compose.yml:4:13\n"
        "    ports:\n    - target: 80\n      protocol: tcp\n      published: '80'\n"
        "    networks:\n      default: {}\n"
        "    replicas: 0\n    stop_grace: 0.0\n    oom_score_adj: 0\n"
        "networks:\n  default: {}\n"
    )


def test_an_empty_command_is_shown(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        "services:\n  web:\n    image: docker.io/x/y\n    entrypoint: []\n    command: []\n"
        "    dns: []\n"
    )
    assert run(tmp_path, "compose", "show").stdout == (
        "services:\n  web:\n    image: docker.io/x/y:latest\n    command: []\n    entrypoint: []\n"
        "    restart: 'no'\n    networks:\n      default: {}\nnetworks:\n  default: {}\n"
    )


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("image: docker.io/library/nginx:${TAG}", "TAG"),
        ("image: ${IMAGE}", "IMAGE"),
        ("image: ${OF}nginx", "OF"),
        ("image: docker.io/x/y\n    volumes: ['${PWD}/data:/data']", "PWD"),
        ("image: docker.io/x/y\n    volumes: ['${DATA_DIR}:/data']", "DATA_DIR"),
        ("image: docker.io/x/y\n    mem_limit: ${M}", "M"),
        ("image: docker.io/x/y\n    tmpfs: '/x:size=${SIZE}'", "SIZE"),
        ("image: docker.io/x/y\n    restart: on-${WHEN}", "WHEN"),
        ("image: docker.io/x/y\n    ports: ['${P}:80/${Q}x']", "P and Q"),
    ],
)
def test_an_error_names_the_variable_that_has_no_value(
    tmp_path: Path, lines: str, name: str
) -> None:
    (tmp_path / "compose.yml").write_text(f"services:\n  web:\n    {lines}\n")
    said = run(tmp_path, "compose", "show").stderr
    assert f"\n  {name} ha" in said
    assert "s environment is not read\n" in said
    for one in name.split(" and "):
        assert f"{one}=…" in said


def test_create_warns_of_a_variable_without_a_value(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        "services:\n  web:\n    image: docker.io/x/y:1${TAG}\n    env_file: .env\n"
    )
    (tmp_path / ".env").write_text("A=$NONE\n")
    said = run(tmp_path, "create", ".", "--host", "none-such").stderr
    assert [line for line in said.splitlines() if line.startswith("warning")] == [
        "warning: A: the variable NONE has no value, and is empty here, .env:1:1",
        "warning: services.web.image: the variable TAG has no value, and is empty here, "
        "compose.yml:3:12",
    ]


def test_no_secret_is_shown(folder: Path) -> None:
    for words in (["compose", "show"], ["compose", "show", "--json"]):
        said = run(folder, *words)
        assert said.returncode == 0
        assert "hidden" not in said.stdout + said.stderr
        assert "aGlkZGVu" not in said.stdout  # its base64


def test_create_warns_of_what_is_left_out(folder: Path) -> None:
    said = run(folder, "create", ".", "--host", "none-such")
    assert said.returncode != 0
    assert "warning: version is left out: " in said.stderr
    assert "container_name" not in said.stderr
    assert "warning" not in run(folder, "create", ".", "--host", "none-such", "-q").stderr
