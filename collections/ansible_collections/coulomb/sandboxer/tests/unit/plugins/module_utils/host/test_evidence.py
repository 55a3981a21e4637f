"""Which files of a test are taken, and what an engine's words are shown without."""

from __future__ import annotations

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import evidence
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError


@pytest.mark.parametrize(
    ("pattern", "path", "means"),
    [
        ("e2e/out/*.xml", "e2e/out/a.xml", True),
        ("e2e/out/*.xml", "e2e/out/b/a.xml", False),
        ("e2e/out/*.xml", "e2e/outer/a.xml", False),
        ("e2e/out/*.xml", "e2e/out/a_xml", False),
        ("e2e/out/**", "e2e/out/a", True),
        ("e2e/out/**", "e2e/out/a/b/c.log", True),
        ("e2e/out/**", "e2e/out", False),
        ("**/*.xml", "a.xml", True),
        ("**/*.xml", "a/b/c.xml", True),
        ("**/out/*.xml", "a/out/c.xml", True),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "ab", False),
        ("?.txt", "a.txt", True),
        ("?.txt", "/.txt", False),
        ("[a].txt", "[a].txt", True),
        ("a+(b)", "a+(b)", True),
        ("./a", "a", True),
        ("*", "a\nb", True),
    ],
)
def test_globs(pattern: str, path: str, means: bool) -> None:
    assert evidence.matcher([pattern])(path) is means


@pytest.mark.parametrize("pattern", ["../a", "a/../../b", "/etc/passwd", "**/.."])
def test_a_glob_that_leads_out_is_refused(pattern: str) -> None:
    with pytest.raises(HostError, match="leads out"):
        evidence.matcher([pattern])


def test_values_of_variables_are_not_shown() -> None:
    inspected = [{"Config": {"Env": ["A=canary", "B=x=canary"], "Cmd": ["a=b"]}, "Env": "as it is"}]
    assert evidence.masked(inspected) == [
        {"Config": {"Env": ["A=***", "B=***"], "Cmd": ["a=b"]}, "Env": "as it is"}
    ]


@pytest.mark.parametrize(
    ("name", "attempt", "path"),
    [("test", 1, "steps/01-test.log"), ("a b/../c", 2, "steps/01-a-b-..-c.2.log")],
)
def test_where_a_steps_log_is(name: str, attempt: int, path: str) -> None:
    assert evidence.step_log(1, name, attempt) == path


def test_a_secret_in_a_report_is_hidden_as_xml_has_it() -> None:
    assert evidence._as_xml(b'a<b>&"') == {b'a<b>&"', b'a&lt;b&gt;&amp;"', b"a&lt;b&gt;&amp;&quot;"}
