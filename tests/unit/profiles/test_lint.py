"""All that is wrong with profiles, at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxer_cli.errors import Usage
from sandboxer_cli.profiles.layers import built_in, catalog
from sandboxer_cli.profiles.lint import faults, strays, wanted
from tests.unit.profiles.conftest import Write

OWN = """\
extension: ext.compose
summary: A.
ttl: 30m
parameters: {tag: {type: text, default: "1", summary: The tag.}}
stack:
  services:
    web:
      image: docker.io/library/nginx:${tag}
      ports: ["80"]
probes:
  - service: web
    httpGet: {port: 80}
"""


def said(name: str, source: Path | None = None) -> list[str]:
    known = catalog(source)
    [file] = wanted([name], known)
    return [str(fault).rpartition("/")[2] + "|" + fault.text for fault in faults(file, known)]


def test_the_built_in_ones_are_right() -> None:
    for name in built_in().names():
        assert said(name) == []


def test_a_right_one(mine: Write) -> None:
    mine("a", OWN)
    assert said("profile.a") == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("${tag}", "${tga}", "a.yml:8:14|"),
        ("docker.io/library/nginx:${tag}", "nginx", "a.yml:8:14|"),
        ("image:", "imgae:", "a.yml:8:7|"),
        ("port: 80}", "port: 81}", "a.yml:11:5|probes[0]: port 81 of web isn't published"),
        ("service: web", "service: wob", "a.yml:11:5|probes[0]: there is no service wob"),
        ("extension: ext.compose", "extends: profile.a", "a.yml:1:10|extends: there is no profile"),
        ("ttl: 30m", "ttl: [", "a.yml:"),
    ],
)
def test_what_is_wrong(mine: Write, old: str, new: str, fault: str) -> None:
    mine("a", OWN.replace(old, new))
    [found] = said("profile.a")
    assert found.startswith(fault)


def test_a_circle_is_said_whole_and_at_its_place(mine: Write) -> None:
    mine("a", "extends: profile.b\n")
    mine("b", "summary: B.\nextends: profile.a\n")
    assert said("profile.a") == [
        "b.yml:2:1|extends: profile.a extends profile.b extends profile.a, and so for ever"
    ]


def test_a_variable_that_is_no_parameter_is_named(mine: Write) -> None:
    mine("a", OWN.replace("${tag}", "${tga}"))
    known = catalog()
    [fault] = faults(*wanted(["profile.a"], known), known)
    assert fault.hint == "tga has no value: declare it among the parameters"


def test_trust_and_model_at_once(theirs: Write, project: Path) -> None:
    theirs("shop", "extends: profile.compose\nttl: 5\nhost: h1\nxyz: 1\n")
    assert [line.partition("|")[0] for line in said("profile.shop", project)] == [
        "shop.yml:2:1",
        "shop.yml:3:1",
        "shop.yml:4:1",
    ]


def test_what_is_meant(mine: Write, theirs: Write, project: Path) -> None:
    one = mine("one", OWN)
    theirs("two", OWN)
    known = catalog(project)
    assert [file.name for file in wanted([], known)] == ["profile.one", "profile.two"]
    assert [file.name for file in wanted(["profile.hello"], known)] == ["profile.hello"]
    assert [file.layer for file in wanted([str(one)], known)] == ["user"]
    for word, code in [("profile.x", "profile_unknown"), ("./x.yml", "profile_missing")]:
        with pytest.raises(Usage) as error:
            wanted([word], known)
        assert error.value.detail.code == code


def test_strays(home: Path, project: Path) -> None:
    (home / "Mine.yml").write_text(OWN)
    (project / ".sandboxer/profiles/shop.yaml").write_text(OWN)
    assert [fault.place.file for fault in strays(project)] == [
        f"{home}/Mine.yml",
        ".sandboxer/profiles/shop.yaml",
    ]
