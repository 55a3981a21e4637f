"""What each key of a service comes to."""

from __future__ import annotations

from typing import Any

import pytest

from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.rebuild import rebuild
from sandboxer_cli.compose.stack import Attachment, Healthcheck, Mount, Port, Service, Stack


def stack(text: str) -> Stack:
    return rebuild(parse(text.encode(), "compose.yml"))


def web(lines: str, rest: str = "") -> Service:
    return stack(
        f"services:\n  web:\n    image: docker.io/library/nginx\n    {lines}\n{rest}"
    ).services["web"]


def test_what_is_not_said() -> None:
    assert web("") == Service(
        image="docker.io/library/nginx:latest",
        command=None,
        entrypoint=None,
        environment={},
        working_dir=None,
        user=None,
        init=False,
        labels={},
        restart="no",
        volumes=(),
        ports=(),
        expose=(),
        depends_on={},
        healthcheck=None,
        networks={"default": Attachment()},
    )


@pytest.mark.parametrize("key", ["command", "entrypoint"])
@pytest.mark.parametrize(
    ("value", "argv"),
    [
        ("", None),
        ("null", None),
        ("[]", ()),
        ('""', ()),
        ("sleep 10", ("sleep", "10")),
        ("sh -c 'echo \"a  b\"; exit'", ("sh", "-c", 'echo "a  b"; exit')),
        ("[sh, -c, 'a b']", ("sh", "-c", "a b")),
        ("echo $HOME $$", ("echo", "$HOME", "$$")),
        ('["--", ""]', ("--", "")),
        (">\n      sh -c\n      'x'\n", ("sh", "-c", "x")),
        (r"""'sh -c "echo \$HOME"'""", ("sh", "-c", "echo $HOME")),
    ],
)
def test_argv(key: str, value: str, argv: tuple[str, ...] | None) -> None:
    assert getattr(web(f"{key}: {value}"), key) == argv


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        ("{}", {}),
        ("[]", {}),
        ("{A: b, C: 1, D: 1.5, E: '', F: \"true\", G: yes}", None),
        ("[A=b, C=1, D=1.5, E=, F=true, G=yes]", None),
        ("{A: 'x=y', x-b: c}", {"A": "x=y", "x-b": "c"}),
        ("[A=x=y, B= z ]", {"A": "x=y", "B": " z"}),
        ("{A: $x, $B: y}", {"A": "$x", "$B": "y"}),
        ("['$B=$x']", {"$B": "$x"}),
        ("{A: 08:30, B: 2020-01-01, C: 1.2.3}", {"A": "08:30", "B": "2020-01-01", "C": "1.2.3"}),
    ],
)
@pytest.mark.parametrize("key", ["environment", "labels"])
def test_pairs(key: str, value: str, pairs: dict[str, str] | None) -> None:
    every = {"A": "b", "C": "1", "D": "1.5", "E": "", "F": "true", "G": "yes"}
    assert getattr(web(f"{key}: {value}"), key) == (every if pairs is None else pairs)


@pytest.mark.parametrize("value", ["{a: }", "{a: null}", "[a]", "[a=]"])
def test_a_label_without_a_value_is_empty(value: str) -> None:
    assert web(f"labels: {value}").labels == {"a": ""}


@pytest.mark.parametrize(
    ("value", "ports"),
    [
        ("[]", []),
        ("['80']", [(80, "tcp")]),
        ("[80]", [(80, "tcp")]),
        ("['8080:80']", [(80, "tcp")]),
        ("[8080:80]", [(80, "tcp")]),
        ("[22:22]", [(22, "tcp")]),
        ("['127.0.0.1:8080:80']", [(80, "tcp")]),
        ("['127.0.0.1::80']", [(80, "tcp")]),
        ("[':80', ':81:81', '::82']", [(80, "tcp"), (81, "tcp"), (82, "tcp")]),
        ("[{target: 80, published: '', host_ip: ''}]", [(80, "tcp")]),
        ("['[::1]:8080:80']", [(80, "tcp")]),
        ("[':::81:81', '::1:82:82', '2001:db8::1::83']", [(n, "tcp") for n in (81, 82, 83)]),
        ("['0:80', '0:81/udp', '127.0.0.1:0:82']", [(80, "tcp"), (81, "udp"), (82, "tcp")]),
        ("[{target: 80, published: '0'}, {target: 81, published: 0}]", [(80, "tcp"), (81, "tcp")]),
        ("['53:53/udp']", [(53, "udp")]),
        ("['53/UDP', '53']", [(53, "udp"), (53, "tcp")]),
        ("['3000-3002']", [(3000, "tcp"), (3001, "tcp"), (3002, "tcp")]),
        ("['9090-9091:8080-8081']", [(8080, "tcp"), (8081, "tcp")]),
        ("['8000-9000:80']", [(80, "tcp")]),
        ("['8080:80', '8081:80', {target: 80}]", [(80, "tcp")]),
        ("[{target: 80}]", [(80, "tcp")]),
        ("[{target: '80', published: '8080', host_ip: 127.0.0.1, protocol: udp}]", [(80, "udp")]),
        ("[{target: 80, published: 8080-8090, x-why: because}]", [(80, "tcp")]),
    ],
)
def test_ports(value: str, ports: list[tuple[int, str]]) -> None:
    assert list(web(f"ports: {value}").ports) == [Port(*port) for port in ports]


@pytest.mark.parametrize("port", ["'0:80'", "{target: 80, published: 0}", "80", "{target: 80}"])
def test_port_0_of_the_host_is_none(port: str) -> None:
    found = stack(f"services:\n  web:\n    image: docker.io/library/nginx\n    ports: [{port}]\n")
    assert ([port.published for port in found.services["web"].ports], found.notes) == ([None], ())


def test_expose() -> None:
    service = web("expose: [80, '81', 82-83, 53/udp, '80']")
    assert service.expose == (Port(80), Port(81), Port(82), Port(83), Port(53, "udp"))


@pytest.mark.parametrize(
    ("value", "mount"),
    [
        ("data:/x", Mount("data", "/x")),
        ("data:/x:rw", Mount("data", "/x")),
        ("data:/x:ro", Mount("data", "/x", read_only=True)),
        ("data:/x/./y/", Mount("data", "/x/y")),
        ("data://x", Mount("data", "/x")),
        ("/x", Mount(None, "/x")),
        ("{type: volume, target: /x}", Mount(None, "/x")),
        ("{type: volume, source: data, target: /x}", Mount("data", "/x")),
        (
            "{type: volume, source: data, target: /x, read_only: true}",
            Mount("data", "/x", read_only=True),
        ),
    ],
)
@pytest.mark.parametrize("declared", ["data:", "data: {}", "data: {x-a: 1}"])
def test_volumes(value: str, mount: Mount, declared: str) -> None:
    service = web(
        f"volumes: [{value!r}]" if value[0] != "{" else f"volumes: [{value}]",
        f"volumes:\n  {declared}\n",
    )
    assert service.volumes == (mount,)


@pytest.mark.parametrize(
    ("value", "conditions"),
    [
        ("[]", {}),
        ("[db, cache]", {"db": "service_started", "cache": "service_started"}),
        ("{db: {condition: service_healthy}}", {"db": "service_healthy"}),
        (
            "{db: {condition: service_completed_successfully, x-a: 1}}",
            {"db": "service_completed_successfully"},
        ),
    ],
)
def test_depends_on(value: str, conditions: dict[str, str]) -> None:
    image = "image: docker.io/library/x"
    rest = f"  db: {{{image}, healthcheck: {{test: a}}}}\n  cache: {{{image}}}\n"
    found = web(f"depends_on: {value}", rest).depends_on
    assert {name: dependency.condition for name, dependency in found.items()} == conditions


@pytest.mark.parametrize(
    ("value", "check"),
    [
        ("{test: curl -f x}", Healthcheck(("CMD-SHELL", "curl -f x"))),
        ("{test: [CMD, curl, -f]}", Healthcheck(("CMD", "curl", "-f"))),
        ("{test: [CMD-SHELL, curl || exit 1]}", Healthcheck(("CMD-SHELL", "curl || exit 1"))),
        ("{test: [NONE]}", Healthcheck(("NONE",))),
        ("{disable: true}", Healthcheck(("NONE",))),
        ("{interval: 1s, retries: 2}", Healthcheck((), interval=1.0, retries=2)),
        ("{disable: false, test: a}", Healthcheck(("CMD-SHELL", "a"))),
        (
            "{test: a, interval: 1m30s, timeout: 500ms, retries: 5, start_period: 0s, x-a: b}",
            Healthcheck(("CMD-SHELL", "a"), 90.0, 0.5, 5, 0.0),
        ),
        (
            "{test: a, interval: 2.5s, timeout: 1h2m3s, retries: '2', start_period: 100us}",
            Healthcheck(("CMD-SHELL", "a"), 2.5, 3723.0, 2, 0.0001),
        ),
    ],
)
def test_healthcheck(value: str, check: Healthcheck) -> None:
    assert web(f"healthcheck: {value}").healthcheck == check


@pytest.mark.parametrize(
    ("lines", "field", "value"),
    [
        ("restart: no", "restart", "no"),
        ("restart: 'no'", "restart", "no"),
        ("restart: unless-stopped", "restart", "unless-stopped"),
        ("restart: on-failure", "restart", "on-failure"),
        ("restart: on-failure:5", "restart", "on-failure:5"),
        ("init: false", "init", False),
        ("init: True", "init", True),
        ("init: 'true'", "init", True),
        ("user: '1000'", "user", "1000"),
        ("user: 1000:1000", "user", "1000:1000"),
        ("working_dir: /srv/app", "working_dir", "/srv/app"),
    ],
)
def test_single_values(lines: str, field: str, value: Any) -> None:
    assert getattr(web(lines), field) == value


@pytest.mark.parametrize(
    "rest",
    [
        "networks:",
        "networks: {}",
        "networks: {default: }",
        "networks: {default: {}}",
        "networks: {default: {x-a: 1}}",
        "volumes:",
        "name: shop",
        "version: 3.8",
        "x-common: {build: ., $a: $b}",
    ],
)
def test_top_level(rest: str) -> None:
    assert stack(f"services: {{web: {{image: docker.io/library/nginx, x-a: b}}}}\n{rest}\n")


def test_anchors_and_merge_keys() -> None:
    found = stack(
        "x-base: &base\n"
        "  image: docker.io/library/nginx\n"
        "  environment: &env {A: '1'}\n"
        "services:\n"
        "  one: *base\n"
        "  two:\n"
        "    <<: *base\n"
        "    environment: {<<: *env, B: '2'}\n"
    )
    assert found.services["one"].environment == {"A": "1"}
    assert found.services["two"].environment == {"A": "1", "B": "2"}


def test_a_service_may_be_called_as_an_extension_is() -> None:
    found = stack(
        "services: {x-web: {image: docker.io/library/nginx, volumes: ['x-data:/data']}}\n"
        "volumes: {x-data: }\n"
    )
    assert (list(found.services), found.volumes) == (["x-web"], ("x-data",))
