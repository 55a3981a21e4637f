"""From a request to the document: the same for the same, and another for anything else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.compose.emit import canonical_json
from sandboxer_cli.errors import Usage
from sandboxer_cli.profiles.layers import built_in, catalog
from sandboxer_cli.profiles.load import load
from sandboxer_cli.profiles.resolve import (
    Resolved,
    ResolveRequest,
    _check_paths,
    folder_name,
    profile_digest,
    resolve,
)
from sandboxer_cli.source import digest, listing
from tests.unit.profiles.conftest import Write

COMPOSE = "services:\n  web:\n    image: docker.io/library/nginx:alpine\n    ports: ['8080:80']\n"


def hello(**fields: Any) -> Resolved:
    return resolve(ResolveRequest("profile.hello", **fields))


def folder(path: Path, text: str = COMPOSE) -> Path:
    path.mkdir(exist_ok=True)
    (path / "compose.yml").write_text(text)
    return path


def indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


def code_of(request: ResolveRequest) -> str:
    with pytest.raises(Usage) as error:
        resolve(request)
    return error.value.detail.code


def test_hello() -> None:
    resolved = hello()
    document = resolved.document
    assert json.loads(canonical_json(document)) == document
    assert (resolved.profile, resolved.extension) == ("profile.hello", "ext.compose")
    assert (resolved.source_digest, resolved.ttl_seconds) == (None, 1800)
    assert resolved.default_name == "hello"
    assert document["publish"] == "loopback"
    assert document["probes"] == [
        {"service": "web", "http": {"port": 80, "path": "/", "status": 200, "contains": None}}
    ]
    web = document["services"]["web"]
    assert web["image"] in document["images"]
    assert web["init"] is True
    assert web["ports"] == [{"target": 80, "protocol": "tcp"}]
    assert web["environment"] == {"MESSAGE": "hello from sand-boxer\n"}
    rootfs = document["images"][web["image"]]["rootfs"]
    assert {"path": "/bin/busybox", "source": "/bin/busybox", "mode": 0o755} in rootfs["files"]
    assert rootfs["links"] == {"/bin/sh": "busybox"}


HOSTILE = "'; touch /tmp/x; \" $(touch /tmp/x) `x` ${message} $$ %s \\n {{ 1 }} <b> 🚢\n"


def test_a_message_is_never_shell_text() -> None:
    plain, hostile = hello(), hello(settings={"message": HOSTILE})
    assert hostile.document["services"]["web"]["environment"] == {"MESSAGE": HOSTILE}
    for service in (plain.document["services"]["web"], hostile.document["services"]["web"]):
        service.pop("environment")
    assert hostile.document == plain.document


def test_a_conflict_can_name_what_differs() -> None:
    first, second = hello(), hello(settings={"message": "x"}, publish="host")
    assert set(first.request) == {"profile", "publish"}
    assert set(second.request) == {"profile", "publish", "set.message"}
    assert first.request["profile"] == second.request["profile"]
    assert first.request["publish"] != second.request["publish"]
    assert first.profile_hash != second.profile_hash
    assert second.document["publish"] == "host"


def test_a_setting_at_its_default_is_no_change() -> None:
    assert (
        hello(settings={"message": "hello from sand-boxer\n"})
        == hello()
        == hello(publish="loopback")
    )


def test_the_digests_are_the_same_in_another_process() -> None:
    script = (
        "from sandboxer_cli.profiles.resolve import *\n"
        "print(resolve(ResolveRequest('profile.hello')).profile_hash)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.strip() == hello().profile_hash


def test_compose(tmp_path: Path) -> None:
    resolved = resolve(ResolveRequest("profile.compose", folder(tmp_path / "My Shop!")))
    assert resolved.default_name == "my-shop"
    assert resolved.listing is not None
    assert resolved.source_digest == resolved.request["source"] == digest(resolved.listing)
    assert set(resolved.request) == {"profile", "publish", "source"}
    assert list(resolved.document["services"]) == ["web"]
    assert (resolved.document["images"], resolved.document["probes"]) == ({}, [])


def test_the_hash_covers_the_content_and_not_the_folder(tmp_path: Path) -> None:
    one = resolve(ResolveRequest("profile.compose", folder(tmp_path / "one")))
    two = resolve(ResolveRequest("profile.compose", folder(tmp_path / "two")))
    three = resolve(ResolveRequest("profile.compose", folder(tmp_path / "two", COMPOSE + "# x\n")))
    assert one.profile_hash == two.profile_hash != three.profile_hash
    assert one.document == two.document == three.document


def test_an_edit_of_any_file_is_another_source(tmp_path: Path) -> None:
    one = resolve(ResolveRequest("profile.compose", folder(tmp_path)))
    (tmp_path / "other").write_text("x")
    two = resolve(ResolveRequest("profile.compose", tmp_path))
    differs = {key for key in two.request if two.request[key] != one.request.get(key)}
    assert differs == {"source"}
    assert one.profile_hash != two.profile_hash


MOUNTS = """services:
  web:
    image: docker.io/library/nginx:alpine
    volumes: [./certs/server.pem:/a, ./dist:/b, ./data:/c, ./new:/d, ./html:/e, .:/f,
      ./now/a.env:/g, ./now:/h, ./.git:/i, ./.git/config:/j, ./shut:/k]
"""


def test_what_is_mounted_and_git_ignores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file goes along. Of a folder it is said that it stays here, where there is something."""
    source = folder(tmp_path / "shop", MOUNTS)
    subprocess.run(["git", "init", "-q", source], check=True)
    (source / ".gitignore").write_text("*.pem\ndist\ndata\n*.env\nshut\n")
    (source / "now").symlink_to("html")
    for name in ("certs/server.pem", "dist/app.js", "html/index.html", "shut/pgdata/1"):
        (source / name).parent.mkdir(parents=True)
        (source / name).write_text(name)
    (source / "html/a.env").write_text("A=1")
    (source / "data").mkdir()

    def walk(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
        """As where nobody else may look into what a container has left there."""
        return walked(folder) if folder.name != "shut" else iter(())

    walked = os.walk
    monkeypatch.setattr(os, "walk", walk)
    found = resolve(ResolveRequest("profile.compose", source=source))
    assert found.listing
    carried = [entry.path for entry in found.listing.entries]
    assert carried == [
        *(".gitignore", "certs/server.pem", "compose.yml"),
        *("html/a.env", "html/index.html", "now"),
    ]
    [note] = found.notes
    assert str(note) == (
        "services.web.volumes is left out: git ignores what is in dist, which is empty in the "
        "sandbox, compose.yml:4:38"
    )


def test_an_edit_of_a_compose_file_that_git_ignores(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("compose.yml\n")
    one = resolve(ResolveRequest("profile.compose", folder(tmp_path)))
    two = resolve(ResolveRequest("profile.compose", folder(tmp_path, COMPOSE + "# x\n")))
    assert one.source_digest != two.source_digest


@pytest.mark.parametrize(
    ("service", "refused"),
    [
        ({"volumes": [{"type": "bind", "source": "out/x"}]}, True),
        ({"volumes": [{"type": "bind", "source": "."}]}, False),
        ({"volumes": [], "build": {"context": "out"}}, True),
        ({"volumes": [], "build": {"context": ".", "dockerfile": "out/Dockerfile"}}, True),
        ({"volumes": [], "build": {"context": ".", "dockerfile": "Dockerfile"}}, False),
    ],
)
def test_a_link_out_of_the_source_that_is_used(
    tmp_path: Path, service: dict[str, Any], refused: bool
) -> None:
    (tmp_path / "out").symlink_to("/etc")
    document = {"services": {"web": service}}
    if not refused:
        _check_paths(document, listing(tmp_path))
        return
    with pytest.raises(Usage) as error:
        _check_paths(document, listing(tmp_path))
    assert error.value.detail.code == "source_outside"
    assert "out leads out" in error.value.detail.message


HELLO = "sha256:a30b1089c2b824ffa7759c1491741d0977b658c16009a003082e31ea7ea82fee"


def test_what_a_profile_is_stays_the_same() -> None:
    """Another digest is a conflict for each sandbox that stands: give the reason."""
    assert profile_digest(load("profile.hello", built_in()).profile) == HELLO


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("summary: Another.\n", True),
        ("ttl: 1h\n", True),
        ("publish: host\n", True),
        ("host: h1\n", True),
        ("compose_cmd: podman-compose\n", True),
        ("# A comment.\n", True),
        ("probes: [{service: web, httpGet: {path: /, port: 80, status: 200}}]\n", True),
        ("probes: [{service: web, httpGet: {port: 80, status: 204}}]\n", False),
        ("probes: null\n", False),
        ("parameters: {message: {default: x}}\n", False),
        ("stack: {services: {web: {init: false}}}\n", False),
        ("images: {other: {rootfs: {files: [], command: [x]}}}\n", False),
    ],
)
def test_what_makes_it_another_profile(mine: Write, text: str, same: bool) -> None:
    mine("hello", f"extends: profile.hello\n{text}")
    assert (profile_digest(load("profile.hello", catalog()).profile) == HELLO) is same


def test_where_it_has_it_from_does_not_matter(mine: Write) -> None:
    mine("one", "extends: profile.hello\nprobes: null\n")
    mine("two", "extends: profile.one\n")
    one, two = (load(f"profile.{name}", catalog()).profile for name in ("one", "two"))
    assert profile_digest(one) != profile_digest(two)  # the name counts
    mine("base", "extends: profile.hello\nprobes: null\n")
    mine("one", "extends: profile.base\n")
    assert profile_digest(load("profile.one", catalog()).profile) == profile_digest(one)


def test_ones_own_and_the_projects(mine: Write, theirs: Write, project: Path) -> None:
    folder(project)
    mine("compose", "extends: profile.compose\nttl: 2h\nhost: h1\ncompose_cmd: podman-compose\n")
    theirs(
        "shop",
        "extends: profile.compose\npublish: host\n"
        "probes: [{service: web, tcpSocket: {port: 80}}]\n",
    )
    found = resolve(ResolveRequest("profile.shop", project))
    assert (found.profile, found.ttl_seconds, found.default_name) == ("profile.shop", 7200, "shop")
    assert (found.host, found.compose_cmd) == ("h1", "podman-compose")
    assert found.document["publish"] == "host"
    assert found.document["probes"] == [{"service": "web", "tcp": {"port": 80}}]
    assert (
        resolve(ResolveRequest("profile.shop", project, publish="loopback")).document["publish"]
        == "loopback"
    )
    assert code_of(ResolveRequest("profile.shop")) == "profile_unknown"


def test_how_its_compose_files_are_read(theirs: Write, project: Path) -> None:
    folder(project, "services: {web: {image: 'docker.io/library/nginx:${TAG}'}}\n")
    (project / "more.yml").write_text(
        "services: {db: {image: 'docker.io/library/redis:${SIDE}', profiles: [data]}}\n"
    )
    (project / "test.env").write_text("TAG=file\nSIDE=file\n")
    theirs(
        "shop",
        "extends: profile.compose\ncompose:\n  files: [compose.yml, more.yml]\n"
        "  env_files: [test.env]\n  profiles: [data]\n  variables: {TAG: 5}\n",
    )

    def images(**given: Any) -> dict[str, str]:
        document = resolve(ResolveRequest("profile.shop", project, **given)).document
        return {name: one["image"].rpartition("/")[2] for name, one in document["services"].items()}

    assert images() == {"web": "nginx:5", "db": "redis:file"}
    assert images(settings={"TAG": "6"})["web"] == "nginx:6"
    assert set(images(files=("compose.yml",))) == {"web"}
    assert set(images(compose_profiles=("other",))) == {"web"}


def test_a_stack_of_its_own_is_not_read_by_options(theirs: Write, project: Path) -> None:
    theirs("hello2", "extends: profile.hello\ncompose: {profiles: [x]}\n")
    assert code_of(ResolveRequest("profile.hello2", project)) == "profile_invalid"


def test_a_project_may_carry_a_stack_of_its_own(theirs: Write, project: Path) -> None:
    theirs("own", f"extension: ext.compose\nsummary: Own.\nttl: 1h\nstack:\n{indented(COMPOSE)}")
    found = resolve(ResolveRequest("profile.own", project))
    assert (found.source_digest, found.default_name) == (None, "own")
    assert list(found.document["services"]) == ["web"]


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ("tcpSocket: {port: 81}", "probes[0]: port 81 of web isn't published"),
        ("tcpSocket: {port: 80}", ""),
        ("exec: {command: [x]}", ""),
    ],
)
def test_probes_of_a_source(theirs: Write, project: Path, probe: str, message: str) -> None:
    folder(project)
    theirs("shop", f"extends: profile.compose\nprobes:\n- service: web\n  {probe}\n")
    request = ResolveRequest("profile.shop", project)
    if not message:
        assert resolve(request).document["probes"]
        return
    with pytest.raises(Usage) as error:
        resolve(request)
    assert error.value.detail.code == "profile_invalid"
    assert error.value.detail.message == f"{message}, .sandboxer/profiles/shop.yml:3:3"


def test_refusals(tmp_path: Path) -> None:
    assert code_of(ResolveRequest("profile.helo")) == "profile_unknown"
    assert code_of(ResolveRequest("profile.hello", settings={"x": "y"})) == "setting_unknown"
    assert code_of(ResolveRequest("profile.hello", settings={"message": True})) == "setting_invalid"
    assert code_of(ResolveRequest("profile.hello", publish="world")) == "publish_invalid"
    assert code_of(ResolveRequest("profile.hello", tmp_path)) == "source_unexpected"
    assert code_of(ResolveRequest("profile.compose")) == "source_missing"
    assert code_of(ResolveRequest("profile.compose", tmp_path / "none")) == "source_missing"
    assert code_of(ResolveRequest("profile.compose", tmp_path)) == "compose_missing"
    unqualified = folder(tmp_path / "a", "services: {web: {image: nginx}}\n")
    assert code_of(ResolveRequest("profile.compose", unqualified)) == "image_unqualified"


def test_every_file_that_was_read_is_part_of_the_source(tmp_path: Path) -> None:
    """Though git ignores it, as people have it do with `.env`."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text(".env*\n")
    source = folder(tmp_path, COMPOSE.replace("alpine", "${TAG:-alpine}"))
    (source / "compose.override.yml").write_text("services: {web: {init: true}}\n")
    (source / ".env").write_text("TAG=1\n")
    first = resolve(ResolveRequest("profile.compose", source))
    assert first.document["services"]["web"]["image"] == "docker.io/library/nginx:1"
    (source / ".env").write_text("TAG=2\n")
    second = resolve(ResolveRequest("profile.compose", source))
    assert first.source_digest != second.source_digest


def test_what_a_service_reads_is_part_of_the_source_too(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("*.env\n")
    source = folder(tmp_path, COMPOSE + "    env_file: web.env\n")
    digests = set()
    for text in ("A=1\n", "A=2\n"):
        (source / "web.env").write_text(text)
        digests.add(resolve(ResolveRequest("profile.compose", source)).source_digest)
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"settings": {"TAG": "2"}}, {"set.TAG"}),
        ({"files": ("compose.yml", "b.yml")}, {"files"}),
        ({"files": ("b.yml", "compose.yml")}, {"files"}),
        ({"env_files": ("x.env",)}, {"env_files"}),
        ({"compose_profiles": ("b", "a")}, {"compose_profiles"}),
    ],
)
def test_another_choice_is_another_content(
    tmp_path: Path, fields: dict[str, Any], parts: set[str]
) -> None:
    source = folder(tmp_path)
    (source / "b.yml").write_text("services: {web: {init: true}}\n")
    (source / "x.env").write_text("A=1\n")
    first = resolve(ResolveRequest("profile.compose", source))
    second = resolve(ResolveRequest("profile.compose", source, **fields))
    assert set(second.request) - set(first.request) == parts
    assert second.profile_hash != first.profile_hash


def test_the_order_of_files_is_a_choice_that_of_profiles_is_none(tmp_path: Path) -> None:
    source = folder(tmp_path)
    (source / "b.yml").write_text(COMPOSE)

    def hash_of(**fields: Any) -> str:
        return resolve(ResolveRequest("profile.compose", source, **fields)).profile_hash

    assert hash_of(files=("compose.yml", "b.yml")) != hash_of(files=("b.yml", "compose.yml"))
    assert hash_of(compose_profiles=("a", "b")) == hash_of(compose_profiles=("b", "a", "b"))


def test_what_has_no_value_is_noted(tmp_path: Path) -> None:
    source = folder(tmp_path, COMPOSE.replace("alpine", "alpine$X"))
    [note] = resolve(ResolveRequest("profile.compose", source)).warnings
    assert note.kind == "unset"
    assert (note.path, str(note.place)) == ("services.web.image", "compose.yml:3:12")


@pytest.mark.parametrize("option", ["files", "env_files", "compose_profiles"])
def test_a_profile_with_a_stack_takes_no_compose_options(option: str) -> None:
    fields: dict[str, Any] = {option: ("a",)}
    assert code_of(ResolveRequest("profile.hello", **fields)) == "source_unexpected"


@pytest.mark.parametrize(
    ("name", "fitted"),
    [
        ("shop", "shop"),
        ("My_Shop.v2", "my-shop-v2"),
        ("--a--", "a"),
        ("日本", "compose"),
        ("a" * 60, "a" * 39),
        ("a" * 38 + "-b", "a" * 38),
        ("Ünïcode", "n-code"),
    ],
)
def test_folder_name(tmp_path: Path, name: str, fitted: str) -> None:
    assert folder_name(tmp_path / name) == fitted


def test_the_folder_one_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")
    assert folder_name(Path()) == "shop"


def test_the_rooms_import_neither_ansible_nor_typer() -> None:
    script = (
        "import sys, sandboxer_cli.profiles.resolve\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(names & {'ansible', 'ansible_runner', 'ansible_collections', 'typer'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.strip() == "[]"


SHORT = "services:\n  web:\n    image: ${IMAGE:-nginx}\n  db:\n    image: ghcr.io/a/db:1\n"


def images(found: Resolved) -> list[str]:
    return [service["image"] for service in found.document["services"].values()]


def test_short_image_names(tmp_path: Path, mine: Write) -> None:
    """Refused, or of the registry that the command line says, or else one's own profile."""
    source = folder(tmp_path / "a", SHORT)
    assert code_of(ResolveRequest("profile.compose", source)) == "image_unqualified"
    given = resolve(ResolveRequest("profile.compose", source, {"qualify": "docker.io"}))
    assert images(given) == ["docker.io/library/nginx:latest", "ghcr.io/a/db:1"]
    [note] = given.notes
    assert (note.path, note.kind) == ("services.web.image", "changed")
    assert "set.qualify" in given.request
    mine("compose", "extends: profile.compose\nqualify: quay.io\n")
    assert images(resolve(ResolveRequest("profile.compose", source)))[0] == "quay.io/nginx:latest"
    again = resolve(ResolveRequest("profile.compose", source, {"qualify": "docker.io"}))
    assert images(again) == images(given)


def test_whose_the_source_is(tmp_path: Path, mine: Write) -> None:
    source = folder(tmp_path / "a", "services: {web: {image: ghcr.io/a/b}}\n")
    request = ResolveRequest("profile.compose", source)
    assert resolve(request).document["source_owner"] == [1000, 1000]
    mine("compose", 'extends: profile.compose\nsource_owner: "0:33"\n')
    assert resolve(request).document["source_owner"] == [0, 33]
    mine("compose", "extends: profile.compose\nsource_owner: root\n")
    assert code_of(request) == "profile_invalid"
    mine("compose", "extends: profile.compose\n")
    mine("hello", 'extends: profile.hello\nsource_owner: "1:1"\n')
    assert code_of(ResolveRequest("profile.hello", None)) == "profile_invalid"


def test_short_image_names_in_a_dockerfile(tmp_path: Path) -> None:
    """The text then goes with the document; without a short name the file is built from."""
    source = folder(tmp_path / "a", "services: {web: {build: app}, db: {build: {dockerfile: D}}}\n")
    (source / "app").mkdir()
    (source / "app/Dockerfile").write_text("FROM nginx:1 AS a\n")
    (source / "D").write_text("FROM ghcr.io/a/db:1\n")
    asked = ResolveRequest("profile.compose", source, {"qualify": "docker.io"})
    builds = {name: one["build"] for name, one in resolve(asked).document["services"].items()}
    assert builds == {
        "web": {
            "context": "app",
            "dockerfile_inline": "FROM docker.io/library/nginx:1 AS a\n",
        },
        "db": {"context": ".", "dockerfile": "D"},
    }
    [note] = resolve(asked).notes
    assert note.text == "nginx:1 is docker.io/library/nginx:1 in it, since qualify is docker.io"
    # it would lose what it ignores
    (source / "app/Dockerfile.dockerignore").write_text("x\n")
    assert resolve(asked).notes == ()


@pytest.mark.parametrize("value", ["", "docker", "https://docker.io", 1, "docker.io/library"])
def test_what_is_no_registry(tmp_path: Path, value: str | int) -> None:
    source = folder(tmp_path / "a", SHORT)
    request = ResolveRequest("profile.compose", source, {"qualify": value})
    assert code_of(request) == "setting_invalid"


def test_qualify_is_for_a_source(mine: Write) -> None:
    assert code_of(ResolveRequest("profile.hello", None, {"qualify": "docker.io"})) == (
        "setting_unknown"
    )
    mine("hello", "extends: profile.hello\nqualify: docker.io\n")
    assert code_of(ResolveRequest("profile.hello")) == "profile_invalid"
