"""Every form of a variable, and what is none."""

from __future__ import annotations

import pytest

from sandboxer_cli.compose.interpolation import Interpolation
from sandboxer_cli.compose.notes import Note
from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.tree import Place, ScalarNode, plain
from sandboxer_cli.errors import Usage

HERE = Place("compose.yml", 3, 5)
VARIABLES = {"X": "x", "EMPTY": "", "Y_2": "${X} $X"}


def put_in(text: str, noted: dict[str, Note] | None = None) -> str:
    return Interpolation(VARIABLES, {} if noted is None else noted).text(text, "a.b", HERE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$X", "x"),
        ("${X}", "x"),
        ("a$X-${X}b", "ax-xb"),
        ("$X$X", "xx"),
        ("$EMPTY", ""),
        # a value is never looked into
        ("$Y_2", "${X} $X"),
        ("${X:-d}", "x"),
        ("${EMPTY:-d}", "d"),
        ("${NONE:-d}", "d"),
        ("${X-d}", "x"),
        ("${EMPTY-d}", ""),
        ("${NONE-d}", "d"),
        ("${NONE:-}", ""),
        ("${NONE-}", ""),
        ("${X:?no}", "x"),
        ("${X?no}", "x"),
        ("${EMPTY?no}", ""),
        ("${X:+r}", "r"),
        ("${EMPTY:+r}", ""),
        ("${NONE:+r}", ""),
        ("${X+r}", "r"),
        ("${EMPTY+r}", "r"),
        ("${NONE+r}", ""),
        ("${NONE:-${X}}", "x"),
        ("${NONE:-${NONE2:-$X}b}c", "xbc"),
        ("${NONE:-a:-b}", "a:-b"),
        ("${NONE-a:?b}", "a:?b"),
        ("${NONE:-http://h:1/?a=b#c}", "http://h:1/?a=b#c"),
        ('${NONE:-{"a": {}}}', '{"a": {}}'),
        ("${NONE:-a\nb}", "a\nb"),
        ("${X:+${EMPTY:-d}}", "d"),
        ("$$X", "$X"),
        ("$$$X", "$x"),
        ("$$$$", "$$"),
        ("${NONE:-$$X}", "$X"),
        ("$${X}", "${X}"),
        # what starts no variable stands for itself
        ("$", "$"),
        ("a$ b", "a$ b"),
        ("$(date) $1 $? $@ ${X}", "$(date) $1 $? $@ x"),
        ("", ""),
    ],
)
def test_forms(text: str, value: str) -> None:
    noted: dict[str, Note] = {}
    assert put_in(text, noted) == value
    assert not noted


@pytest.mark.parametrize(
    ("text", "value", "names"),
    [
        ("$NONE", "", ["NONE"]),
        ("a${NONE}b$NONE", "ab", ["NONE"]),
        ("$A.$B", ".", ["A", "B"]),
        ("${C:-$D}", "", ["D"]),
        ("${X:-$D}", "x", []),
    ],
)
def test_what_has_no_value_is_noted_once(text: str, value: str, names: list[str]) -> None:
    noted: dict[str, Note] = {}
    interpolation = Interpolation(VARIABLES, noted)
    assert interpolation.text(text, "a.b", HERE) == value
    interpolation.text(text, "elsewhere", Place("compose.yml", 9, 9))
    assert list(noted) == names
    assert {(n.path, n.place, n.kind) for n in noted.values()} <= {("a.b", HERE, "unset")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${NONE:?}", "the variable NONE has to have a value"),
        ("${NONE?}", "the variable NONE has to have a value"),
        ("${EMPTY:?set it}", "the variable EMPTY has to have a value: set it"),
        ("${NONE?for $X}", "the variable NONE has to have a value: for x"),
        ("${}", "${} is not a variable"),
        ("${1}", "${1} is not a variable"),
        ("${X Y}", "${X Y} is not a variable"),
        ("${X/a/b}", "${X/a/b} is not a variable"),
        ("${X:=d}", "${X:=d} is not a variable"),
        ("${X", "${ without its }"),
        ("${NONE:-${X}", "${ without its }"),
        ("${A:-" * 22 + "}" * 22, "variables are nested more than 20 deep"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(Usage) as error:
        put_in(text)
    assert error.value.detail.message == f"a.b: {message}, compose.yml:3:5"
    assert error.value.detail.code == "compose_invalid"


def test_the_hint_says_where_a_value_is_written() -> None:
    with pytest.raises(Usage) as error:
        put_in("${PASSWORD:?}")
    assert error.value.detail.hint == (
        "write PASSWORD=… into .env, or give --set PASSWORD=…; your shell's environment is not read"
    )


def test_values_that_double_have_an_end() -> None:
    variables = {"B": "b" * 1_000_000}
    with pytest.raises(Usage, match="more than 10 MiB of variables' values"):
        Interpolation(variables, {}).text("$B" * 11, "", HERE)


def test_nothing_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOXER_TEST_SECRET", "secret")
    assert put_in("$SANDBOXER_TEST_SECRET") == ""


def test_a_tree() -> None:
    text = b"a: {$X: $X, n: '${N-8080}', b: true, q: '1'}\nl: [$$, $NONE, {k: '${T-true}'}]\n"
    noted: dict[str, Note] = {}
    tree = Interpolation(VARIABLES, noted).tree(parse(text, "compose.yml"))
    assert plain(tree) == {
        "a": {"$X": "x", "n": "8080", "b": True, "q": "1"},
        "l": ["$", "", {"k": "true"}],
    }
    assert str(noted["NONE"]) == (
        "l[1]: the variable NONE has no value, and is empty here, compose.yml:2:9"
    )
    inner = tree.get("a")
    assert inner is not None and not isinstance(inner, ScalarNode)
    kinds = {k.text: v.interpolated for k, v in inner.entries if isinstance(v, ScalarNode)}  # type: ignore[union-attr]
    assert kinds == {"$X": True, "n": True, "b": False, "q": False}


def test_a_value_never_becomes_structure() -> None:
    value = '"}, privileged: true # ${X} $X\n'
    tree = Interpolation({"m": value}, {}).tree(parse(b"a: {b: 'x${m}y'}", "compose.yml"))
    assert plain(tree) == {"a": {"b": f"x{value}y"}}
