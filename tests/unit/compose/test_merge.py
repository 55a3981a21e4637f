"""Two compose files as one, a table for each rule."""

from __future__ import annotations

from typing import Any

import pytest

from sandboxer_cli.compose.merge import merge
from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.tags import read_marks
from sandboxer_cli.compose.tree import MapNode, plain
from sandboxer_cli.errors import Usage


def merged(base: str, over: str) -> MapNode:
    first, _ = read_marks(parse(base.encode(), "base.yml", tags=True))
    second, marks = read_marks(parse(over.encode(), "over.yml", tags=True))
    return merge(first, second, marks)


def service(base: str, over: str) -> Any:
    whole = "services: {{web: {{{}}}}}"
    return plain(merged(whole.format(base), whole.format(over)))["services"]["web"]


@pytest.mark.parametrize(
    ("base", "over", "value"),
    [
        ("a: 1", "b: 2", {"a": 1, "b": 2}),
        ("a: 1", "a: 2", {"a": 2}),
        ("a: {b: {c: 1, d: 1}}", "a: {b: {d: 2, e: 2}}", {"a": {"b": {"c": 1, "d": 2, "e": 2}}}),
        ("a: [1, 2]", "a: [2, 3]", {"a": [1, 2, 2, 3]}),
        ("a: 1", "a:", {"a": 1}),
        ("a:", "a: 1", {"a": 1}),
        ("a: {b: 1}", "a: ~", {"a": {"b": 1}}),
        (
            "volumes: {a: , b: }",
            "volumes: {b: {x-b: 1}}",
            {"volumes": {"a": None, "b": {"x-b": 1}}},
        ),
    ],
)
def test_anything(base: str, over: str, value: Any) -> None:
    assert plain(merged(base, over)) == value


@pytest.mark.parametrize(
    ("base", "over", "value"),
    [
        # what replaces
        ("command: [a, b]", "command: [c]", {"command": ["c"]}),
        ("command: a b", "command: [c]", {"command": ["c"]}),
        ("command: [a]", "command: ", {"command": None}),
        ("entrypoint: [a]", "entrypoint: b", {"entrypoint": "b"}),
        (
            "healthcheck: {test: [CMD, a], retries: 2}",
            "healthcheck: {test: b}",
            {"healthcheck": {"test": "b", "retries": 2}},
        ),
        (
            "ulimits: {a: 1, b: 1}",
            "ulimits: {b: {soft: 2}}",
            {"ulimits": {"a": 1, "b": {"soft": 2}}},
        ),
        # the two forms of pairs
        (
            "environment: {A: 1, B: x}",
            "environment: [B=y, C, D=]",
            {"environment": {"A": 1, "B": "y", "C": None, "D": ""}},
        ),
        ("environment: [A=1, A=2]", "environment: {B: b}", {"environment": {"A": "2", "B": "b"}}),
        ("environment: {A: 1}", "environment: {A: }", {"environment": {"A": None}}),
        ("environment: {A: 1}", "environment: ", {"environment": {"A": 1}}),
        ("labels: [a=b=c]", "labels: {d: e}", {"labels": {"a": "b=c", "d": "e"}}),
        ("sysctls: [a=1]", "sysctls: {a: 2}", {"sysctls": {"a": 2}}),
        (
            "build: {args: {A: 1}, target: x}",
            "build: {args: [A=2, B]}",
            {"build": {"args": {"A": "2", "B": None}, "target": "x"}},
        ),
        ("build: .", "build: {target: x}", {"build": {"context": ".", "target": "x"}}),
        ("build: {target: x}", "build: sub", {"build": {"target": "x", "context": "sub"}}),
        # names
        (
            "depends_on: [a, b]",
            "depends_on: {b: {condition: service_healthy}}",
            {
                "depends_on": {
                    "a": {"condition": "service_started"},
                    "b": {"condition": "service_healthy"},
                }
            },
        ),
        (
            "depends_on: {a: {condition: service_healthy, required: false}}",
            "depends_on: [a]",
            {"depends_on": {"a": {"condition": "service_started", "required": False}}},
        ),
        (
            "networks: [a]",
            "networks: {a: {aliases: [x]}, b: }",
            {"networks": {"a": {"aliases": ["x"]}, "b": None}},
        ),
        (
            "networks: {a: {aliases: [x, y]}}",
            "networks: {a: {aliases: [y, z]}}",
            {"networks": {"a": {"aliases": ["x", "y", "z"]}}},
        ),
        # one or several
        ("env_file: a.env", "env_file: [b.env, a.env]", {"env_file": ["a.env", "b.env"]}),
        (
            "env_file: [a.env]",
            "env_file: [{path: a.env, required: false}]",
            {"env_file": [{"path": "a.env", "required": False}]},
        ),
        ("dns: 1.1.1.1", "dns: [1.1.1.1, 8.8.8.8]", {"dns": ["1.1.1.1", "8.8.8.8"]}),
        ("tmpfs: /a", "tmpfs: /b", {"tmpfs": ["/a", "/b"]}),
        (
            "extra_hosts: {a: 1.1.1.1}",
            "extra_hosts: ['a=1.1.1.1', 'b=2.2.2.2']",
            {"extra_hosts": ["a=1.1.1.1", "b=2.2.2.2"]},
        ),
        # a later entry of a list in the place of an earlier one
        ("ports: ['80:80', '81:81']", "ports: ['80:80']", {"ports": ["80:80", "81:81"]}),
        ("ports: ['80:80']", "ports: ['8080:80']", {"ports": ["80:80", "8080:80"]}),
        ("ports: ['80:80/tcp']", "ports: ['0.0.0.0:80:80']", {"ports": ["0.0.0.0:80:80"]}),
        ("ports: ['::1:80:80']", "ports: ['[::1]:80:80']", {"ports": ["[::1]:80:80"]}),
        ("ports: ['80:80']", "ports: ['80:80/udp']", {"ports": ["80:80", "80:80/udp"]}),
        (
            "ports: ['80:80', 81]",
            "ports: [{target: 80, published: '80'}]",
            {"ports": [{"target": 80, "published": "80"}, 81]},
        ),
        ("volumes: [a:/x, b:/y]", "volumes: ['./c:/x:ro']", {"volumes": ["./c:/x:ro", "b:/y"]}),
        (
            "volumes: [/x]",
            "volumes: [{type: tmpfs, target: /x}]",
            {"volumes": [{"type": "tmpfs", "target": "/x"}]},
        ),
        ("secrets: [a]", "secrets: [a, b]", {"secrets": ["a", "b"]}),
        (
            "secrets: [a]",
            "secrets: [{source: b, target: /run/secrets/a}]",
            {"secrets": [{"source": "b", "target": "/run/secrets/a"}]},
        ),
        (
            "configs: [a]",
            "configs: [{source: a, target: /etc/a}]",
            {"configs": ["a", {"source": "a", "target": "/etc/a"}]},
        ),
        ("cap_add: [A]", "cap_add: [A, B]", {"cap_add": ["A", "B"]}),
        ("expose: [80]", "expose: ['80', 81]", {"expose": ["80", 81]}),
        ("profiles: [a]", "profiles: [a, b]", {"profiles": ["a", "b"]}),
        ("security_opt: [a]", "security_opt: [a]", {"security_opt": ["a", "a"]}),
        # options are those of one driver
        (
            "logging: {driver: a, options: {x: 1}}",
            "logging: {options: {y: 2}}",
            {"logging": {"driver": "a", "options": {"x": 1, "y": 2}}},
        ),
        (
            "logging: {driver: a, options: {x: 1}}",
            "logging: {driver: b}",
            {"logging": {"driver": "b"}},
        ),
        # said anew
        ("ports: [1, 2]", "ports: !override [3]", {"ports": [3]}),
        ("ports: [1, 2]", "ports: !reset []", {}),
        ("environment: {A: 1, B: 2}", "environment: {A: !reset null}", {"environment": {"B": 2}}),
        ("image: a", "image: !reset null, build: .", {"build": "."}),
        ("image: a", "labels: !override {a: b}", {"image": "a", "labels": {"a": "b"}}),
        ("image: a", "x-none: !reset null", {"image": "a"}),
    ],
)
def test_a_service(base: str, over: str, value: Any) -> None:
    assert service(base, over) == value


@pytest.mark.parametrize(
    ("base", "over", "message"),
    [
        (
            "image: a",
            "image: [a]",
            "services.web.image is a list, and a single value at base.yml:1:25, over.yml:1:25",
        ),
        (
            "ports: [1]",
            "ports: 1",
            "services.web.ports is a single value, and a list at base.yml:1:25, over.yml:1:25",
        ),
        (
            "environment: {A: 1}",
            "environment: [[1]]",
            "services.web.environment is a list, and a mapping at base.yml:1:31, over.yml:1:31",
        ),
        (
            "depends_on: [a]",
            "depends_on: a",
            "services.web.depends_on is a single value, and a mapping at base.yml:1:30, "
            "over.yml:1:30",
        ),
    ],
)
def test_what_does_not_go_together(base: str, over: str, message: str) -> None:
    with pytest.raises(Usage) as error:
        service(base, over)
    assert error.value.detail.message == message
    assert error.value.detail.code == "compose_invalid"


def test_every_node_keeps_the_place_of_its_own_file() -> None:
    tree = merged("a: {b: 1, c: 1}\n", "\na: {c: 2}\n")
    inner = tree.get("a")
    assert isinstance(inner, MapNode)
    places = {key.text: (str(key.place), str(value.place)) for key, value in inner.entries}
    assert places == {
        "b": ("base.yml:1:5", "base.yml:1:8"),
        "c": ("over.yml:2:5", "over.yml:2:8"),
    }
