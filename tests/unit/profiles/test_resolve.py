"""From a request to the document: the same for the same, and another for anything else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.compose.emit import canonical_json
from sandboxer_cli.errors import Usage
from sandboxer_cli.profiles.resolve import (
    Resolved,
    ResolveRequest,
    _check_paths,
    folder_name,
    resolve,
)
from sandboxer_cli.source import digest, listing

COMPOSE = "services:\n  web:\n    image: docker.io/library/nginx:alpine\n    ports: ['8080:80']\n"


def hello(**fields: Any) -> Resolved:
    return resolve(ResolveRequest("profile.hello", **fields))


def folder(path: Path, text: str = COMPOSE) -> Path:
    path.mkdir(exist_ok=True)
    (path / "compose.yml").write_text(text)
    return path


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
