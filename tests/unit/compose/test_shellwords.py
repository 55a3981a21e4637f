"""A command's text as words: as go-shellwords has them, which compose uses."""

from __future__ import annotations

import pytest

from sandboxer_cli.compose.shellwords import split


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ()),
        (" \t\r\n ", ()),
        ("a  b\n c", ("a", "b", "c")),
        ("'a  b' \"c 'd'\"", ("a  b", "c 'd'")),
        ("a'b'\"c\"d", ("abcd",)),
        ("'' a \"\"", ("", "a", "")),
        # a backslash takes the next character as it is, within double quotes too
        (r"a\ b \'c \\d \;", ("a b", "'c", r"\d", ";")),
        (r'sh -c "echo \$HOME \"x\""', ("sh", "-c", 'echo $HOME "x"')),
        (r'"a\nb\tc" d\ne', ("a\nb\tc", "d\ne")),
        (r"'a\nb'", (r"a\nb",)),
        # no variable and no comment is anything here
        ("echo $HOME # x", ("echo", "$HOME", "#", "x")),
        ("`a b;c` d", ("`a b;c`", "d")),
        ('x$(a "b c" | d) e', ('x$(a "b c" | d)', "e")),
        ("'(a|b)' \"c&d\"", ("(a|b)", "c&d")),
    ],
)
def test_words(line: str, words: tuple[str, ...]) -> None:
    assert split(line) == (words, "")


@pytest.mark.parametrize(
    ("line", "words", "operator"),
    [
        ("a b && c", ("a", "b"), "&&"),
        ("a;b", ("a",), ";"),
        ("a | b", ("a",), "|"),
        ("a >f", ("a",), ">"),
        ("a 2>&1", ("a",), ">&"),
        ("a b2>f", ("a", "b2"), ">"),
        ("< a", (), "<"),
        ("a & 'b", ("a",), "&"),
    ],
)
def test_an_operator_ends_them(line: str, words: tuple[str, ...], operator: str) -> None:
    assert split(line) == (words, operator)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("a 'b", "no closing quotation"),
        ('a "b', "no closing quotation"),
        ("a `b", "no closing backquote"),
        ("$(a", "no closing parenthesis"),
        ("a (b)", "a parenthesis without quotes"),
        ("a)", "a parenthesis without quotes"),
        ("$(a (b))", "a parenthesis without quotes"),
        ("a\\", "nothing behind the last backslash"),
    ],
)
def test_what_can_not_be_split(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        split(line)
