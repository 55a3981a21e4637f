"""YAML that is taken, and YAML that is refused with its place."""

from __future__ import annotations

from typing import Any

import pytest

from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.tree import plain
from sandboxer_cli.errors import Usage

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdef", "bcdefg", strict=True)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: no", {"a": "no"}),
        ("a: on", {"a": "on"}),
        ("a: 22:22", {"a": "22:22"}),
        ("a: true", {"a": True}),
        ("a:", {"a": None}),
        ("a: ~", {"a": None}),
        ("a: '~'", {"a": "~"}),
        ("a: 0o755", {"a": 0o755}),
        ("a: 1.5", {"a": 1.5}),
        ("a: 0644", {"a": "0644"}),
        ("a: _1", {"a": "_1"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: &x {k: 1, l: 1}\nb: {<<: *x, k: 2}", {"a": {"k": 1, "l": 1}, "b": {"k": 2, "l": 1}}),
        ("a: {<<: [{k: 1}, {k: 2, l: 2}]}", {"a": {"k": 1, "l": 2}}),
        ("a: {'<<': 1}", {"a": {"<<": 1}}),
        ("a: ü 🚢", {"a": "ü 🚢"}),
        (
            "a: b:1\t\nc: 'd'\t# e\nf:\t\n- g \t# h\n- {i:\t1}\t\n",
            {"a": "b:1", "c": "d", "f": ["g", {"i": 1}]},
        ),
        ("a: {\n\tb: 1,\t\n\tc: 2\n}", {"a": {"b": 1, "c": 2}}),
        ("a: |\n  b\tc\n", {"a": "b\tc\n"}),
    ],
)
def test_taken(text: str, value: Any) -> None:
    assert plain(parse(text.encode(), "compose.yml")) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty, compose.yml"),
        ("# nothing\n", "the file is empty, compose.yml"),
        ("- a\n", "the file is not a mapping, compose.yml:1:1"),
        ("a: 1\nb: 2\n a: 3\n", "not YAML: mapping values are not allowed here, compose.yml:3:3"),
        ("a: [1\n", "not YAML: expected ',' or ']', but got '<stream end>', compose.yml:2:1"),
        ("a: 1\n\tb: 2\n", "not YAML: found character '\\t' that cannot start any token, "),
        ("a: 1\nb: x\x07y\n", "not YAML: the character U+0007, compose.yml:2:5"),
        ("a: 1\nb: 2\na: 3\n", "a is given twice: compose.yml:1:1, compose.yml:3:1"),
        ("s:\n  w: {i: 1, i: 2}\n", "s.w.i is given twice: compose.yml:2:7, compose.yml:2:13"),
        ("s:\n- i: 1\n  i: 2\n", "s[0].i is given twice: compose.yml:2:3, compose.yml:3:3"),
        ("a: {<<: {}, <<: {}}\n", "a.<< is given twice: compose.yml:1:5, compose.yml:1:13"),
        ("a: *x\n", "the alias *x names nothing that ends above it, compose.yml:1:4"),
        ("a: &x [*x]\n", "the alias *x names nothing that ends above it, compose.yml:1:8"),
        ("a: {<<: 1}\n", "<< merges mappings only, compose.yml:1:9"),
        ("a: {<<: [{}, 1]}\n", "<< merges mappings only, compose.yml:1:9"),
        ("80: a\n", "the key 80 is not text, compose.yml:1:1"),
        ("a: {true: 1}\n", "the key true is not text, compose.yml:1:5"),
        ("a: {? : 1}\n", "the key (empty) is not text, compose.yml:1:6"),
        ("a: {[1]: 1}\n", "a key of a is not text, compose.yml:1:5"),
        ("a: " + "[" * 50 + "]" * 50, "nested more than 40 deep, compose.yml:1:44"),
        ("a: [" + "1, " * 30000 + "]", "more than 20000 values, aliases written out, compose"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(Usage) as error:
        parse(text.encode(), "compose.yml")
    assert error.value.detail.message.startswith(message)
    assert error.value.detail.code == "compose_invalid"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n---\nb: 2\n", "not supported yet: a second YAML document, compose.yml:2:1"),
        ("a: !reset null\n", "not supported yet: the YAML tag !reset, compose.yml:1:4"),
        (
            "a:\n  b: !!python/object/apply:os.system ['x']\n",
            "not supported yet: the YAML tag tag:",
        ),
        ("!x {a: 1}\n", "not supported yet: the YAML tag !x, compose.yml:1:1"),
        ("a: [!!binary aGk=]\n", "not supported yet: the YAML tag tag:yaml.org,2002:binary, com"),
    ],
)
def test_unsupported(text: str, message: str) -> None:
    with pytest.raises(Usage) as error:
        parse(text.encode(), "compose.yml")
    assert error.value.detail.message.startswith(message)
    assert error.value.detail.code == "compose_unsupported"


def test_the_hint_names_a_tab() -> None:
    with pytest.raises(Usage) as error:
        parse(b"a:\n\tb: 2\n", "compose.yml")
    assert error.value.detail.message.endswith("compose.yml:2:1")
    assert error.value.detail.hint == "there is a tab: YAML is indented by spaces"


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    with pytest.raises(Usage, match=r"more than 20000 values, aliases written out, compose.yml:5:"):
        parse(BOMB.encode(), "compose.yml")


@pytest.mark.parametrize(
    ("content", "place"),
    [(b"a: \xff\n", "compose.yml:1:4"), ("ü: 1\nbü: ".encode() + b"\xc3\x28", "compose.yml:2:5")],
)
def test_not_utf8(content: bytes, place: str) -> None:
    with pytest.raises(Usage) as error:
        parse(content, "compose.yml")
    assert error.value.detail.message == f"not UTF-8, {place}"
