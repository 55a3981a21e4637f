"""What is wrong in a profile, each with its place."""

from __future__ import annotations

import pytest

from sandboxer_cli.errors import Usage
from sandboxer_cli.profiles.layers import catalog
from sandboxer_cli.profiles.load import load
from tests.unit.profiles.conftest import Write

PARAMETER = "parameters:\n  a: {type: text, summary: A., default: "


@pytest.mark.parametrize(
    ("text", "fault", "place"),
    [
        ("ttl: 30\n", "ttl: the ttl 30 is not a time; write it with its unit", "2:1"),
        ("ttl: 25h\n", "ttl: the ttl 25h is out of bounds; it is from 10s to 24h", "2:1"),
        ("publish: moon\n", "publish: wants 'loopback' or 'host'", "2:1"),
        ("summary: 5\n", "summary: wants text", "2:1"),
        ("summary: [a]\n", "summary: wants text", "2:1"),
        ("extension: compose\n", "extension: doesn't fit ^ext", "2:1"),
        ("source: git\n", "source: wants 'compose'", "2:1"),
        ("source: null\n", "a profile has either a stack or a source", "1:1"),
        ("stack: {services: {}}\n", "a profile has either a stack or a source", "1:1"),
        ("source: null\nstack: []\n", "stack: wants a mapping", "3:1"),
        ("name: profile.b\n", "name: a profile is called as its file is", "2:1"),
        ("tll: 30m\n", "tll: there is no such key: did you mean ttl?", "2:1"),
        ("zzz: 30m\n", "zzz: there is no such key", "2:1"),
        ("parameters: []\n", "parameters: wants a mapping", "2:1"),
        ("parameters: {a: {type: text, default: a}}\n", "parameters.a.summary: is missing", "2:14"),
        (f"{PARAMETER}1}}\n", "parameters.a: the default is not of type text", "3:3"),
        (f"{PARAMETER}[1]}}\n", "parameters.a.default: wants text", "3:32"),
        (f"{PARAMETER}a, x: 1}}\n", "parameters.a.x: there is no such key", "3:44"),
        ("probes: {}\n", "probes: wants a list", "2:1"),
        ("probes: [a]\n", "probes[0]: wants a mapping", "2:10"),
        ("probes:\n  - {service: a}\n", "probes[0]: a probe is one of httpGet, tcpSocket", "3:5"),
        (
            "probes:\n  - service: a\n    httpGet: {prt: 80}\n",
            "probes[0].httpGet.port: is missing",
            "4:5",
        ),
        (
            "images: {a: {rootfs: {files: [{path: a, mode: 1, content: ''}], command: []}}}\n",
            "images.a.rootfs.files[0].path: doesn't fit ^/",
            "2:32",
        ),
    ],
)
def test_faults(mine: Write, text: str, fault: str, place: str) -> None:
    path = mine("a", f"extends: profile.compose\n{text}")
    with pytest.raises(Usage) as error:
        load("profile.a", catalog())
    assert error.value.detail.code == "profile_invalid"
    said = error.value.detail.message.splitlines()
    assert [line for line in said if line.startswith(fault) and line.endswith(f"{path}:{place}")]


def test_all_at_once_in_the_order_of_the_file(mine: Write) -> None:
    mine("a", "ttl: 30\nsummary: 5\nprobes:\n  - service: web\n    httpget: {port: 80}\nxyz: 1\n")
    with pytest.raises(Usage) as error:
        load("profile.a", catalog())
    said = [line.partition(":")[0] for line in error.value.detail.message.splitlines()]
    assert said == ["extension", "ttl", "summary", "probes[0].httpget", "xyz"]


def test_a_fault_of_what_it_extends_stands_there(mine: Write) -> None:
    parent = mine("parent", "extends: profile.compose\npublish: moon\n")
    mine("child", "extends: profile.parent\nttl: 1h\n")
    with pytest.raises(Usage, match=f"{parent}:2:1$"):
        load("profile.child", catalog())


def test_the_known_keys_are_the_hint(mine: Write) -> None:
    mine("a", "extends: profile.compose\nprobes: [{service: a, tcpSocket: {prt: 1, port: 2}}]\n")
    with pytest.raises(Usage) as error:
        load("profile.a", catalog())
    assert error.value.detail.hint == "there are port"


def test_what_is_said_is_never_megabytes(mine: Write) -> None:
    mine("a", f"extends: profile.compose\n{'x' * 100_000}: 1\n")
    with pytest.raises(Usage) as error:
        load("profile.a", catalog())
    assert len(error.value.detail.message) < 1000
