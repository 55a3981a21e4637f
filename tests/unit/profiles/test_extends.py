"""One profile on top of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.tree import plain
from sandboxer_cli.errors import Usage
from sandboxer_cli.profiles.extends import merge
from sandboxer_cli.profiles.layers import catalog
from sandboxer_cli.profiles.load import load
from tests.unit.profiles.conftest import Write


@pytest.mark.parametrize(
    ("parent", "child", "merged"),
    [
        ("a: 1", "b: 2", {"a": 1, "b": 2}),
        ("a: 1", "a: 2", {"a": 2}),
        ("a: {b: 1, c: 2}", "a: {c: 3, d: 4}", {"a": {"b": 1, "c": 3, "d": 4}}),
        ("a: {b: {c: 1}}", "a: {b: {d: 2}}", {"a": {"b": {"c": 1, "d": 2}}}),
        ("a: [1, 2]", "a: [3]", {"a": [3]}),
        ("a: [{b: 1}]", "a: [{c: 2}]", {"a": [{"c": 2}]}),
        ("a: {b: 1}", "a: 2", {"a": 2}),
        ("a: 1", "a: {b: 2}", {"a": {"b": 2}}),
        ("a: 1\nb: 2", "a: null", {"b": 2}),
        ("a: {b: 1, c: 2}", "a: {b: ~}", {"a": {"c": 2}}),
        ("a: {b: 1}", "a: {}", {"a": {"b": 1}}),
        # only what is there can be taken away: in a stack null has a meaning
        ("a: 1", "b: null", {"a": 1, "b": None}),
        ("a: 1", "a: 'null'", {"a": "null"}),
    ],
)
def test_merge(parent: str, child: str, merged: object) -> None:
    assert plain(merge(parse(parent.encode(), "p"), parse(child.encode(), "c"))) == merged


def test_each_word_stands_where_it_was_written() -> None:
    tree = merge(parse(b"a: {b: 1, c: 2}\n", "parent"), parse(b"\na: {c: 3}\n", "child"))
    a = tree.get("a")
    assert a is not None
    places = {key.text: str(key.place) for key, _ in a.entries}  # type: ignore[union-attr]
    assert places == {"b": "parent:1:5", "c": "child:2:5"}


def test_a_chain(mine: Write) -> None:
    mine("one", "extends: profile.hello\nttl: 1h\nsummary: One.\n")
    mine("two", "extends: profile.one\nparameters: {message: {default: x}}\n")
    loaded = load("profile.two", catalog())
    names = [(file.name, file.layer) for file in loaded.files]
    assert names == [
        ("profile.two", "user"),
        ("profile.one", "user"),
        ("profile.hello", "built-in"),
    ]
    profile = loaded.profile
    assert (profile.name, profile.ttl, profile.summary) == ("profile.two", 3600, "One.")
    assert profile.extends == "profile.one"
    message = profile.parameters["message"]
    assert (message.type, message.default, message.summary) == ("text", "x", "What the page says.")


def test_its_own_name_is_that_of_a_layer_below(mine: Write, theirs: Write, project: Path) -> None:
    mine("compose", "extends: profile.compose\nttl: 2h\nhost: h1\n")
    theirs("compose", "extends: profile.compose\nsummary: Ours.\n")
    loaded = load("profile.compose", catalog(project))
    assert [file.layer for file in loaded.files] == ["project", "user", "built-in"]
    assert (loaded.profile.ttl, loaded.profile.summary) == (7200, "Ours.")
    assert loaded.profile.host == "h1"  # what you gave it stays


def refused(name: str, source: Path | None = None) -> tuple[str, str]:
    with pytest.raises(Usage) as error:
        load(name, catalog(source))
    assert error.value.detail.code == "profile_invalid"
    return error.value.detail.message, error.value.detail.hint


def test_a_cycle(mine: Write, home: Path) -> None:
    mine("a", "extends: profile.b\n")
    mine("b", "summary: B.\nextends: profile.c\n")
    mine("c", "extends: profile.b\n")
    assert refused("profile.a")[0] == (
        "extends: profile.a extends profile.b extends profile.c extends profile.b, "
        f"and so for ever, {home}/c.yml:1:1"
    )


def test_its_own_name_with_nothing_below(mine: Write, home: Path) -> None:
    mine("a", "extends: profile.a\n")
    message, hint = refused("profile.a")
    assert message == f"extends: there is no profile profile.a, {home}/a.yml:1:10"
    assert hint == "a user profile can extend profile.compose, profile.hello"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: profile.helo", "there is no profile profile.helo: did you mean profile.hello?"),
        ("extends: [profile.hello]", "wants the name of one profile"),
        ("extends: {a: b}", "wants the name of one profile"),
        ("extends: ''", "there is no profile "),
        ("extends: ../hello", "there is no profile ../hello"),
    ],
)
def test_names_that_are_none(mine: Write, text: str, message: str) -> None:
    mine("a", text)
    assert message in refused("profile.a")[0]


def test_a_project_gets_no_word_in_ones_own_profile(
    mine: Write, theirs: Write, project: Path
) -> None:
    theirs("shop", "extends: profile.compose\n")
    mine("a", "extends: profile.shop\n")
    assert "there is no profile profile.shop" in refused("profile.a", project)[0]


def test_null_extends_nothing(mine: Write) -> None:
    mine("a", "extends: ~\n")
    assert "summary: is missing" in refused("profile.a")[0]
