"""A repository's own profile grants itself nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxer_cli.errors import Usage
from sandboxer_cli.profiles.layers import catalog
from sandboxer_cli.profiles.load import load
from sandboxer_cli.profiles.trust import FOR_OTHERS
from tests.unit.profiles.conftest import Write


def refused(name: str, source: Path) -> tuple[str, str]:
    with pytest.raises(Usage) as error:
        load(name, catalog(source))
    assert error.value.detail.code == "profile_untrusted"
    return error.value.detail.message, error.value.detail.hint


@pytest.mark.parametrize("key", sorted(FOR_OTHERS))
@pytest.mark.parametrize("value", ["x", "null", "{a: b}"])
def test_what_is_not_a_projects_to_say(theirs: Write, project: Path, key: str, value: str) -> None:
    theirs("shop", f"extends: profile.compose\n\n{key}: {value}\n")
    assert refused("profile.shop", project) == (
        f"{key}: a project's profile may not say it, .sandboxer/profiles/shop.yml:3:1",
        f"it comes from {FOR_OTHERS[key]}",
    )


def test_all_of_it_is_said_at_once(theirs: Write, project: Path) -> None:
    theirs("shop", "extends: profile.compose\nhost: h1\ncompose_cmd: ./x\n")
    said = refused("profile.shop", project)[0]
    assert [line.partition(":")[0] for line in said.splitlines()] == ["host", "compose_cmd"]


def test_nor_by_a_merge_key(theirs: Write, project: Path) -> None:
    theirs("shop", "x-a: &a {host: h1}\nextends: profile.compose\n<<: *a\n")
    assert "host: a project's profile may not say it" in refused("profile.shop", project)[0]


def test_nor_by_what_it_extends(theirs: Write, project: Path) -> None:
    theirs("base", "extends: profile.compose\nhost: h1\n")
    theirs("shop", "extends: profile.base\n")
    place = ".sandboxer/profiles/base.yml:2:1"
    assert refused("profile.shop", project)[0].endswith(place)


def test_ones_own_may(mine: Write, theirs: Write, project: Path) -> None:
    mine("big", "extends: profile.compose\nhost: h1\ncompose_cmd: podman-compose\n")
    theirs("shop", "extends: profile.big\nttl: 1h\n")
    for name in ("profile.big", "profile.shop"):
        profile = load(name, catalog(project)).profile
        assert (profile.host, profile.compose_cmd) == ("h1", "podman-compose")


@pytest.mark.parametrize(
    ("name", "layer", "text"),
    [
        ("hello", "built-in", "extends: profile.compose\n"),
        ("hello", "built-in", "summary: Mine.\n"),
        ("one", "user", "extends: profile.compose\n"),
        ("one", "user", "extends: null\n"),
    ],
)
def test_a_project_does_not_take_a_name_in_silence(
    mine: Write, theirs: Write, project: Path, name: str, layer: str, text: str
) -> None:
    mine("one", "extends: profile.compose\n")
    theirs(name, text)
    message, hint = refused(f"profile.{name}", project)
    assert message == (
        f"there is a {layer} profile profile.{name}, which a project may only extend, "
        f".sandboxer/profiles/{name}.yml:1:1"
    )
    assert hint == f"call the file otherwise, or write extends: profile.{name}"


def test_it_may_extend_what_it_is_called_after(theirs: Write, project: Path) -> None:
    theirs("compose", "extends: profile.compose\nttl: 1h\n")
    assert load("profile.compose", catalog(project)).profile.ttl == 3600


def test_a_project_does_not_say_whose_short_names_are(theirs: Write, project: Path) -> None:
    theirs("shop", "extends: profile.compose\nqualify: evil.example\n")
    message, hint = refused("profile.shop", project)
    assert message.startswith("qualify: a project's profile may not say it")
    assert hint == "it comes from your own profile or --set qualify=REGISTRY"
