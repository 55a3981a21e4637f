"""`.env` as compose reads it."""

from __future__ import annotations

import pytest

from sandboxer_cli.compose.dotenv import parse_dotenv
from sandboxer_cli.compose.notes import Note
from sandboxer_cli.errors import Usage


def read(text: str, before: dict[str, str] | None = None, **given: str) -> dict[str, str]:
    return parse_dotenv(text.encode(), ".env", before or {}, given, {})


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("\n# nothing\n  # more\n", {}),
        ("A=1", {"A": "1"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("\ufeffA=1\n", {"A": "1"}),
        ("A=\nB=2\n", {"A": "", "B": "2"}),
        ("A =  1  \n", {"A": "1"}),
        ("  A=1\n", {"A": "1"}),
        ("export A=1\nexport\tB=2\n", {"A": "1", "B": "2"}),
        ("exported=1\n", {"exported": "1"}),
        ("A: 1\n", {"A": "1"}),
        ("A=a b  c\n", {"A": "a b  c"}),
        ("A=a=b:c\n", {"A": "a=b:c"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("a.b-c[0]=1\n", {"a.b-c[0]": "1"}),
        # comments begin after a blank
        ("A=1 # one\n", {"A": "1"}),
        ("A=1# one\n", {"A": "1# one"}),
        ("A=#one\n", {"A": "#one"}),
        ('A="1 # one" # two\n', {"A": "1 # one"}),
        ("A='1'# two\nB=2", {"A": "1", "B": "2"}),
        # quotes
        ("A='$X ${X} \\n \"q\"'\n", {"A": '$X ${X} \\n "q"'}),
        ("A='it\\'s'\n", {"A": "it's"}),
        ('A="a\\tb\\n\\"c\\" \\\\n"\n', {"A": 'a\tb\n"c" \\n'}),
        ('A="\\q \\x41 \\0101"\n', {"A": "\\q \\x41 A"}),
        ("A=\"one\ntwo\"\nB='one\ntwo'\n", {"A": "one\ntwo", "B": "one\ntwo"}),
        ('A=a"b"\n', {"A": 'a"b"'}),
        ("A=\"\"\nB=''\n", {"A": "", "B": ""}),
        # variables
        ("A=1\nB=$A-${A}\n", {"A": "1", "B": "1-1"}),
        ('A=1\nB="${A} ${C:-d}"\n', {"A": "1", "B": "1 d"}),
        ('A=1\nB="\\$A"\nC=$$A\n', {"A": "1", "B": "$A", "C": "$A"}),
        ("A=a$ b\n", {"A": "a$ b"}),
        # no value is the one that is there already
        ("A\nB=1\n", {"B": "1"}),
        ("A\nA=1\nA\n", {"A": "1"}),
    ],
)
def test_taken(text: str, values: dict[str, str]) -> None:
    assert read(text) == values


def test_files_and_what_was_given() -> None:
    """A later file wins over an earlier one; within values what was given wins over both."""
    before = {"A": "1", "B": "1"}
    assert read("A=2\nC=$A$B$D\nE\nD\n", before, B="9", D="8") == {
        "A": "2",
        "B": "1",
        "C": "298",
        "D": "8",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\n\n?B=2\n", "not a variable's name, .env:3:1"),
        ("A=1\nA B=2\n", "not a variable's name, .env:2:1"),
        ("A=1\n=2\n", "not a variable's name, .env:2:1"),
        ("A='1' hunter2!\n", "not a variable's name, .env:1:7"),
        ("-----BEGIN KEY-----\nhunter2+/=\n", "not a variable's name, .env:1:1"),
        ('A=1\nB="hunter2\n', "a quote that never ends, .env:2:3"),
        ("A='hunter2\\'", "a quote that never ends, .env:1:3"),
        ("A=1\nB=${A", "B: ${ without its }, .env:2:1"),
        ("B=${A:?}", "B: the variable A has to have a value, .env:1:1"),
        ('A="\\0000"', "A: a character that no program takes, .env:1:1"),
    ],
)
def test_refused_without_a_word_of_what_is_in_it(text: str, message: str) -> None:
    with pytest.raises(Usage) as error:
        read(text)
    assert error.value.detail.message == message
    assert error.value.detail.code == "compose_invalid"
    assert "hunter2" not in str(error.value.detail.as_dict())


def test_not_utf8() -> None:
    with pytest.raises(Usage) as error:
        parse_dotenv(b"A=1\nB=\xff\n", ".env", {}, {}, {})
    assert error.value.detail.message == "not UTF-8, .env:2:3"


def test_what_has_no_value_is_noted() -> None:
    noted: dict[str, Note] = {}
    parse_dotenv(b"A=1\n\nB=$NONE\n", "x/.env", {}, {}, noted)
    assert str(noted["NONE"].place) == "x/.env:3:1"


def test_variables_made_of_variables_have_an_end() -> None:
    lines = ["A=" + "x" * 1000] + ["A=$A$A"] * 20
    with pytest.raises(Usage, match="more than 10 MiB"):
        read("\n".join(lines))
