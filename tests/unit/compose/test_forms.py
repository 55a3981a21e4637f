"""Short and long forms of each key, as they stand in the document."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.compose.emit import build_document
from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.rebuild import rebuild
from sandboxer_cli.compose.stack import Stack
from sandboxer_cli.compose.tree import ListNode, MapNode, Node, ScalarNode
from sandboxer_cli.errors import Usage

IMAGE = "    image: docker.io/library/nginx\n"


@pytest.fixture(autouse=True)
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    (source / "app").mkdir(parents=True)
    (source / "Dockerfile").write_text("FROM scratch\n")
    (source / "app/Dockerfile").write_text("FROM scratch\n")
    (source / "one.env").write_text("A=1\nB='$x'\n# no\nexport C=\"a\\nb\" # yes\nD\nE=${A} #x\n\n")
    (source / "two.env").write_text("A=2\nQ='\"'\n")
    (source / "key.txt").write_bytes(b"\x00secret")
    (source / "out").symlink_to(tmp_path)
    (tmp_path / "outside").write_text("x")
    monkeypatch.chdir(source)


def stack(text: str, **variables: str) -> Stack:
    return rebuild(parse(text.encode(), "compose.yml"), source=Path(), variables=variables)


def document(text: str, **variables: str) -> dict[str, Any]:
    return build_document(stack(text, **variables), images={}, probes=[], publish="loopback")


def web(lines: str, rest: str = "", **variables: str) -> Any:
    text = f"services:\n  web:\n{IMAGE}    {lines}\n  db:\n{IMAGE}{rest}"
    return document(text, **variables)["services"]["web"]


@pytest.mark.parametrize(
    ("value", "build"),
    [
        (".", {"context": ".", "dockerfile": "Dockerfile"}),
        ("./app/", {"context": "app", "dockerfile": "Dockerfile"}),
        ("{context: app}", {"context": "app", "dockerfile": "Dockerfile"}),
        ("{dockerfile: app/Dockerfile}", {"context": ".", "dockerfile": "app/Dockerfile"}),
        (
            "{context: app, dockerfile: ../Dockerfile}",
            {"context": "app", "dockerfile": "../Dockerfile"},
        ),
        (
            "{context: app, dockerfile: '', network: '', target: ''}",
            {"context": "app", "dockerfile": "Dockerfile"},
        ),
        ("{dockerfile_inline: FROM x}", {"context": ".", "dockerfile_inline": "FROM x"}),
        (
            "{context: ., target: a, args: {A: 1, B: true, V: , W: }, shm_size: 1m, no_cache: true,"
            " pull: true, network: none, labels: [a=b], extra_hosts: ['h:::1']}",
            {
                "context": ".",
                "dockerfile": "Dockerfile",
                "target": "a",
                "args": {"A": "1", "B": "true", "V": "v"},
                "shm_size": 1048576,
                "no_cache": True,
                "pull": True,
                "network": "none",
                "labels": {"a": "b"},
                "extra_hosts": {"h": ["::1"]},
            },
        ),
        (
            "{args: [A=1, V]}",
            {"context": ".", "dockerfile": "Dockerfile", "args": {"A": "1", "V": "v"}},
        ),
    ],
)
def test_build(value: str, build: dict[str, Any]) -> None:
    found = document(f"services: {{web: {{build: {value}}}}}\n", V="v")["services"]["web"]
    assert (found["image"], found["build"]) == (None, build)


def test_an_image_that_is_built_here_may_have_a_short_name() -> None:
    found = document(
        "services:\n"
        "  web: {build: ., image: shop}\n"
        "  worker: {image: 'shop:latest'}\n"
        "  other: {image: docker.io/library/shop}\n"
    )["services"]
    assert found["web"]["image"] is None
    assert "built_by" not in found["web"]
    assert (found["worker"]["image"], found["worker"]["built_by"]) == (None, "web")
    assert (found["other"]["image"], found["other"]["built_by"]) == (None, "web")


VOLUME = {"type": "volume", "target": "/x", "read_only": False}
BIND = {"type": "bind", "source": "app", "target": "/x", "read_only": False, "create": True}


@pytest.mark.parametrize(
    ("value", "mount"),
    [
        ("data:/x:nocopy", {**VOLUME, "volume": "data", "nocopy": True}),
        ("/x", {**VOLUME, "volume": None}),
        ("./app:/x", BIND),
        ("./app/../app/:/x", BIND),
        ("./app:/x:ro,z", {**BIND, "read_only": True}),
        (".:/x", {**BIND, "source": "."}),
        ("./new:/x", {**BIND, "source": "new"}),
        ("{type: bind, source: ./app, target: /x}", BIND),
        (
            "{type: bind, source: app, target: /x, bind: {create_host_path: false}}",
            {"type": "bind", "source": "app", "target": "/x", "read_only": False},
        ),
        ("{type: tmpfs, target: /x}", {"type": "tmpfs", "target": "/x", "read_only": False}),
        (
            "{type: tmpfs, target: /x, tmpfs: {size: 1m, mode: 0o1777}}",
            {"type": "tmpfs", "target": "/x", "read_only": False, "size": 1048576, "mode": 0o1777},
        ),
    ],
)
def test_mounts(value: str, mount: dict[str, Any]) -> None:
    quoted = value if value.startswith("{") else f"'{value}'"
    assert web(f"volumes: [{quoted}]", "volumes: {data: }\n")["volumes"] == [mount]


def test_an_absolute_path_of_the_source_is_one_of_its_own() -> None:
    assert web(f"volumes: ['{Path.cwd()}/app:/x']")["volumes"] == [BIND]


@pytest.mark.parametrize(
    ("value", "mounts"),
    [
        ("/x", [("/x", None, None)]),
        ("[/x, '/y:size=64m,mode=755,noexec']", [("/x", None, None), ("/y", 64 << 20, 0o755)]),
    ],
)
def test_tmpfs(value: str, mounts: list[tuple[str, int | None, int | None]]) -> None:
    found = web(f"tmpfs: {value}")["volumes"]
    assert [(m["target"], m.get("size"), m.get("mode")) for m in found] == mounts


@pytest.mark.parametrize(
    ("options", "flags", "left_out"),
    [
        ("", None, []),
        (":exec", ["exec"], []),
        (":rw,noexec,nosuid,nodev", ["noexec"], []),
        (":noexec,exec", ["exec"], []),
        (":size=1m,exec,uid=5", ["exec"], ["uid=5: not every engine has it"]),
        (":suid", None, ["suid: not every engine has it"]),
    ],
)
def test_flags_of_a_tmpfs(options: str, flags: list[str] | None, left_out: list[str]) -> None:
    found = stack(f"services:\n  web:\n{IMAGE}    tmpfs: '/x{options}'\n")
    [mount] = build_document(found, images={}, probes=[], publish="loopback")["services"]["web"][
        "volumes"
    ]
    assert mount.get("flags") == flags
    assert [note.text for note in found.notes] == left_out


@pytest.mark.parametrize(
    "path", ["../outside", "/etc/passwd", "out/outside", "app/../../outside", "~/x"]
)
@pytest.mark.parametrize(
    "lines",
    [
        "volumes: ['{}:/x']",
        "volumes: [{{type: bind, source: '{}', target: /x}}]",
        "env_file: '{}'",
        "label_file: ['{}']",
        "build: '{}'",
        "build: {{dockerfile: '{}'}}",
        "secrets: [s]\nsecrets: {{s: {{file: '{}'}}}}",
        "configs: [s]\nconfigs: {{s: {{file: '{}'}}}}",
    ],
)
def test_nothing_outside_of_the_source_is_read(lines: str, path: str) -> None:
    if lines.startswith("volumes: ['") and path[0] not in "./~":
        path = f"./{path}"  # without it would be a volume's name
    with pytest.raises(Usage) as error:
        document(f"services:\n  web:\n{IMAGE}    {lines.format(path)}\n")
    assert error.value.detail.code == "compose_unsupported"
    assert "is refused: it lies outside of the source" in error.value.detail.message
    assert error.value.detail.hint


@pytest.mark.parametrize("lines", ["volumes: ['../api:/app']", "build: ..", "env_file: ../a/.env"])
def test_a_file_below_what_it_needs_is_given_from_above(
    lines: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = parse(f"services:\n  web:\n{IMAGE}    {lines}\n".encode(), "compose.yml")
    for here, source, above in ((".", ".", ".."), ("..", "source", ".")):
        monkeypatch.chdir(tmp_path / "source" / here)
        with pytest.raises(Usage) as error:
            rebuild(tree, source=Path(source))
        assert error.value.detail.hint == (
            "give the folder above as the source: "
            f"sandboxer create {above} --file source/compose.yml"
        )


@pytest.mark.parametrize(
    ("value", "networks"),
    [
        ("", {"default": {}}),
        ("[]", {"default": {}}),
        ("[back]", {"back": {}}),
        ("[default, back]", {"default": {}, "back": {}}),
        (
            "{back: , default: {aliases: [a, b, a]}}",
            {"back": {}, "default": {"aliases": ["a", "b"]}},
        ),
    ],
)
def test_networks(value: str, networks: dict[str, Any]) -> None:
    text = (
        f"services:\n  web:\n{IMAGE}    networks: {value}\nnetworks: {{back: {{internal: true}}}}\n"
    )
    found = document(text)
    assert found["services"]["web"]["networks"] == networks
    every = {"back": {"internal": True}, "default": {}}
    assert found["networks"] == {name: every[name] for name in networks}


@pytest.mark.parametrize("mode", ["none", "service:db"])
def test_without_a_network_of_its_own(mode: str) -> None:
    found = web(f"network_mode: '{mode}'\n    container_name: x")
    assert (found["networks"], found["network_mode"]) == ({}, mode)
    held = {"db": {"condition": "service_started", "restart": True}}
    assert found["depends_on"] == (held if mode != "none" else {})


def test_bridge_is_the_sandboxs_own_network() -> None:
    found = stack(f"services:\n  web:\n{IMAGE}    network_mode: bridge\n")
    assert list(found.services["web"].networks) == ["default"]
    assert [note.kind for note in found.notes] == ["changed"]


def test_links_and_names() -> None:
    found = document(
        f"services:\n  web:\n{IMAGE}    links: [db, 'db:base']\n    container_name: front\n"
        f"  db:\n{IMAGE}    networks: [default, back]\nnetworks: {{back: }}\n"
    )["services"]
    assert found["web"]["networks"] == {"default": {"aliases": ["front"]}}
    assert found["db"]["networks"] == {"default": {"aliases": ["base"]}, "back": {}}
    assert found["web"]["depends_on"] == {"db": {"condition": "service_started", "restart": True}}


def test_volumes_from() -> None:
    found = document(
        f"services:\n  a:\n{IMAGE}    volumes_from: ['b:ro']\n    volumes: [/own]\n"
        f"  b:\n{IMAGE}    volumes_from: [c]\n"
        f"  c:\n{IMAGE}    volumes: [/anonymous, ./app:/app, 'data:/data']\n    tmpfs: /run\n"
        "volumes: {data: , c.1: }\n"
    )
    mounts = {
        name: [
            (m["target"], m.get("volume", m.get("source")), m["read_only"]) for m in one["volumes"]
        ]
        for name, one in found["services"].items()
    }
    lent = [("/anonymous", "c.2"), ("/app", "app"), ("/data", "data")]
    assert mounts == {
        "a": [*((*mount, True) for mount in lent), ("/own", None, False)],
        "b": [(*mount, False) for mount in lent],
        "c": [*((*mount, False) for mount in lent), ("/run", None, False)],
    }
    assert list(found["volumes"]) == ["data", "c.2"]  # nobody mounts c.1
    assert found["services"]["b"]["depends_on"] == {"c": {"condition": "service_started"}}


def test_secrets_and_configs() -> None:
    found = document(
        f"services:\n  web:\n{IMAGE}"
        "    secrets: [key, {source: word, target: w, uid: '5', mode: 0440}]\n"
        "    configs: [conf, {source: conf, target: /etc/x, gid: '6', mode: '0400'}]\n"
        "secrets: {key: {file: key.txt}, word: {environment: WORD}, unused: {file: none}}\n"
        "configs: {conf: {content: 'a: b'}}\n",
        WORD="wörd",
    )
    service = found["services"]["web"]
    assert service["secrets"] == [
        {"source": "key", "target": "/run/secrets/key"},
        {"source": "word", "target": "/run/secrets/w", "uid": "5", "mode": 0o440},
    ]
    assert service["configs"] == [
        {"source": "conf", "target": "/conf"},
        {"source": "conf", "target": "/etc/x", "gid": "6", "mode": 0o400},
    ]
    contents = {
        name: base64.b64decode(one["content"])
        for name, one in {**found["secrets"], **found["configs"]}.items()
    }
    assert contents == {"key": b"\x00secret", "word": "wörd".encode(), "conf": b"a: b"}


def test_a_secret_is_in_no_repr() -> None:
    found = stack(
        f"services:\n  web:\n{IMAGE}    secrets: [s]\nsecrets: {{s: {{environment: W}}}}\n",
        W="hidden",
    )
    assert "hidden" not in repr(found)


@pytest.mark.parametrize(
    ("value", "environment"),
    [
        ("one.env", {"A": "1", "B": "$x", "C": "a\nb", "D": "d", "E": "1"}),
        ("[two.env]", {"A": "2", "Q": '"'}),
        ("[{path: two.env}, {path: none.env, required: false}]", {"A": "2", "Q": '"'}),
        ("[{path: two.env, format: raw}]", {"A": "2", "Q": "'\"'"}),
        ("[two.env, one.env]", {"Q": '"', "A": "1", "B": "$x", "C": "a\nb", "D": "d", "E": "1"}),
    ],
)
def test_env_file(value: str, environment: dict[str, str]) -> None:
    assert web(f"env_file: {value}", D="d")["environment"] == environment


@pytest.mark.parametrize(
    ("value", "environment"),
    [
        ("[a.env, b.env]", {"HOST": "db", "URL": "http://db"}),
        ("[b.env, a.env]", {"HOST": "db", "URL": "http://env"}),
        ("[a.env, d.env, b.env]", {"HOST": "db2", "URL": "http://db2"}),
        ("[a.env, c.env]", {"HOST": "db", "URL": "http://db.c"}),
        ("[a.env, own.env]", {"HOST": "own", "URL": "http://own"}),
        ("[own.env]", {"HOST": "own", "URL": "http://env"}),
        ("[a.env, {path: name.env}]", {"HOST": "db"}),
        ("[a.env, {path: name.env, format: raw}]", {"HOST": "db"}),
        ("[name.env]", {"HOST": "env"}),
    ],
)
def test_an_env_file_knows_those_before_it(value: str, environment: dict[str, str]) -> None:
    Path("a.env").write_text("HOST=db\n")
    Path("b.env").write_text("URL=http://$HOST\n")
    Path("c.env").write_text("URL=http://$HOST.$DOMAIN\n")
    Path("d.env").write_text("HOST=${HOST}2\n")
    Path("own.env").write_text("HOST=own\nURL=http://$HOST\n")
    Path("name.env").write_text("HOST\n")
    assert web(f"env_file: {value}", HOST="env", DOMAIN="c")["environment"] == environment


def test_an_env_file_that_is_missing() -> None:
    with pytest.raises(Usage, match=r"env_file: there is no file none\.env") as error:
        web("env_file: none.env")
    assert error.value.detail.code == "compose_invalid"
    assert "required: false" in error.value.detail.hint


def test_what_has_no_value_in_an_env_file_is_said_once() -> None:
    Path("unset.env").write_text("A=$NONE\n")
    found = stack(
        f"services:\n  web:\n{IMAGE}    env_file: unset.env\n"
        f"  db:\n{IMAGE}    env_file: ./unset.env\n"
    )
    assert [str(note) for note in found.notes] == [
        "A: the variable NONE has no value, and is empty here, unset.env:1:1"
    ]


def test_the_environment_wins_over_its_files() -> None:
    found = web("env_file: two.env\n    environment: {A: 3, V: , W: }", V="v")
    assert found["environment"] == {"A": "3", "Q": '"', "V": "v"}


@pytest.mark.parametrize("environment", ["[A, V]", "{A: , V: }"])
def test_a_variable_without_a_value_is_not_that_of_its_files(environment: str) -> None:
    lines = f"env_file: two.env\n    environment: {environment}"
    assert web(lines, V="v")["environment"] == {"Q": '"', "V": "v"}
    assert web(lines, A="3")["environment"] == {"A": "3", "Q": '"'}


def test_nothing_comes_from_the_environment_of_whoever_runs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MINE", "x")
    found = stack(f"services:\n  web:\n{IMAGE}    environment: [MINE]\n")
    assert found.services["web"].environment == {}
    [note] = found.notes
    assert (note.path, note.kind) == ("services.web.environment[0]", "left_out")


def test_label_file() -> None:
    assert web("label_file: two.env\n    labels: {A: 3}")["labels"] == {"A": "3", "Q": '"'}


@pytest.mark.parametrize(
    ("lines", "key", "value"),
    [
        ("deploy: {replicas: 3}", "replicas", 3),
        ("scale: 0", "replicas", 0),
        ("tty: yes", "tty", True),
        ("stop_signal: sigterm", "stop_signal", "SIGTERM"),
        ("init: 'Yes'", "init", True),
        ("read_only: on", "read_only", True),
        ("stdin_open: y", "stdin_open", True),
        ("tty: off", "tty", None),
        ("privileged: no", "privileged", None),
        ("deploy: {resources: {limits: {cpus: '0.5'}}}", "cpus", 0.5),
        ("cpus: 1", "cpus", 1.0),
        ("cpus: .5", "cpus", 0.5),
        ("cpus: '1.'", "cpus", 1.0),
        ("deploy: {resources: {limits: {cpus: '.25'}}}", "cpus", 0.25),
        ("platform: linux/x86_64", "platform", "linux/amd64"),
        ("platform: Linux/x86-64", "platform", "linux/amd64"),
        ("platform: linux/aarch64", "platform", "linux/arm64"),
        ("platform: linux/arm64/v8", "platform", "linux/arm64/v8"),
        ("platform: linux/armhf", "platform", "linux/arm/v7"),
        ("platform: amd64", "platform", "linux/amd64"),
        ("platform: linux", "platform", "linux"),
        ("platform: ''", "platform", None),
        ("restart: ''", "restart", "no"),
        ("user: ''", "user", None),
        ("hostname: ''", "hostname", None),
        ("working_dir: ''", "working_dir", None),
        ("network_mode: ''", "networks", {"default": {}}),
        ("pid: ''", "pid", None),
        ("container_name: ''", "networks", {"default": {}}),
        ("cgroup: ''", "networks", {"default": {}}),
        ("environment: [A=1, B=2, A=3]", "environment", {"A": "3", "B": "2"}),
        ("labels: [a=1, a=2]", "labels", {"a": "2"}),
        ("sysctls: [net.a=1, net.a=2]", "sysctls", {"net.a": "2"}),
        ("cpu_quota: 25000", "cpus", 0.25),
        ("cpu_quota: 25000\n    cpu_period: 50000", "cpus", 0.5),
        ("deploy: {resources: {limits: {memory: 64M, pids: 5}}}", "memory", 64 << 20),
        ("deploy: {resources: {limits: {memory: 64M, pids: 5}}}", "pids_limit", 5),
        ("deploy: {resources: {reservations: {memory: 1gb}}}", "memory_reservation", 1 << 30),
        ("mem_limit: 1.5GiB", "memory", 3 << 29),
        ("mem_limit: 1024", "memory", 1024),
        ("memswap_limit: -1", "memory_swap", -1),
        (
            "deploy: {restart_policy: {condition: on-failure, max_attempts: 2}}",
            "restart",
            "on-failure:2",
        ),
        ("deploy: {restart_policy: {delay: 1s}}", "restart", "unless-stopped"),
        (
            "deploy: {restart_policy: {condition: any}}\n    restart: 'no'",
            "restart",
            "unless-stopped",
        ),
        ("deploy: {restart_policy: {condition: none}}\n    restart: always", "restart", "no"),
        ("deploy: {restart_policy: {condition: always}}", "restart", "always"),
        ("deploy: {restart_policy: {condition: unless-stopped}}", "restart", "unless-stopped"),
        ("deploy: {restart_policy: {condition: 'no'}}", "restart", "no"),
        (
            "ulimits: {nofile: 5, nproc: {soft: 0, hard: -1}}",
            "ulimits",
            {"nofile": {"soft": 5, "hard": 5}, "nproc": {"soft": 0, "hard": -1}},
        ),
        ("sysctls: [net.core.somaxconn=1]", "sysctls", {"net.core.somaxconn": "1"}),
        (
            "extra_hosts: ['a:1.2.3.4', 'a=::1', 'b:host-gateway']",
            "extra_hosts",
            {"a": ["1.2.3.4", "::1"], "b": ["host-gateway"]},
        ),
        (
            "extra_hosts: {a: '[::1]', b: [1.2.3.4]}",
            "extra_hosts",
            {"a": ["::1"], "b": ["1.2.3.4"]},
        ),
        ("dns: [9.9.9.9, '::1']", "dns", ["9.9.9.9", "::1"]),
        ("dns_search: .", "dns_search", ["."]),
        ("cap_add: [cap_net_admin, NET_ADMIN]", "cap_add", ["NET_ADMIN"]),
        ("security_opt: ['no-new-privileges:true']", "security_opt", ["no-new-privileges"]),
        ("stop_grace_period: 0s", "stop_grace", 0.0),
        ("stop_grace_period: 1m30s", "stop_grace", 90.0),
        ("oom_score_adj: -500", "oom_score_adj", -500),
        ("group_add: [1000, x]", "group_add", ["1000", "x"]),
        ("pull_policy: if_not_present", "pull", None),
        ("pull_policy: daily", "pull", "always"),
        ("ipc: service:db", "ipc", "service:db"),
        ("pid: ", "pid", None),
        (
            "healthcheck: {test: a, start_interval: 5s}",
            "healthcheck",
            {
                "test": ["CMD-SHELL", "a"],
                "interval": 30.0,
                "timeout": 30.0,
                "retries": 3,
                "start_period": 0.0,
                "start_interval": 5.0,
            },
        ),
        (
            "depends_on: {db: {condition: service_started, required: false, restart: true}}",
            "depends_on",
            {"db": {"condition": "service_started", "required": False, "restart": True}},
        ),
        ("depends_on: {no: {condition: service_started, required: false}}", "depends_on", {}),
    ],
)
def test_values(lines: str, key: str, value: Any) -> None:
    assert web(lines).get(key) == value


HEALTHCHECK = {"interval": 30.0, "timeout": 30.0, "retries": 3, "start_period": 0.0}


@pytest.mark.parametrize(
    ("value", "healthcheck"),
    [
        (
            "{test: [CMD-SHELL, pg_isready, -U, postgres]}",
            {"test": ["CMD-SHELL", "pg_isready", "-U", "postgres"], **HEALTHCHECK},
        ),
        ("{test: a, disable: true}", {"test": ["NONE"]}),
        (
            "{test: a, interval: 48h}",
            {"test": ["CMD-SHELL", "a"], **HEALTHCHECK, "interval": 172800.0},
        ),
        ("{test: a, disable: on}", {"test": ["NONE"]}),
        ("{test: a, disable: no}", {"test": ["CMD-SHELL", "a"], **HEALTHCHECK}),
        ("{test: a, disable: false}", {"test": ["CMD-SHELL", "a"], **HEALTHCHECK}),
        (
            "{test: a, retries: 0, interval: 0s, timeout: 0s, start_interval: 0s}",
            {"test": ["CMD-SHELL", "a"], **HEALTHCHECK},
        ),
    ],
)
def test_healthcheck(value: str, healthcheck: dict[str, Any]) -> None:
    assert web(f"healthcheck: {value}")["healthcheck"] == healthcheck


@pytest.mark.parametrize(
    ("lines", "key", "value", "path", "text"),
    [
        (
            "environment: [A=1, A=2]",
            "environment",
            {"A": "2"},
            "environment[0]",
            "A is given again: compose.yml:4:24",
        ),
        (
            "labels: [a=1, b=1, a=2]",
            "labels",
            {"a": "2", "b": "1"},
            "labels[0]",
            "a is given again: compose.yml:4:24",
        ),
        (
            "volumes: ['./app:/x', '/y', '/x/']",
            "volumes",
            [{**VOLUME, "volume": None}, {**VOLUME, "volume": None, "target": "/y"}],
            "volumes[0]",
            "/x is given again: compose.yml:4:33",
        ),
        (
            "tmpfs: [/x, '/x:size=1m']",
            "volumes",
            [{"type": "tmpfs", "target": "/x", "read_only": False, "size": 1 << 20}],
            "tmpfs[0]",
            "/x is given again: compose.yml:4:17",
        ),
        (
            "configs: [a, {source: b, target: /a}]\nconfigs: {a: {content: x}, b: {content: y}}",
            "configs",
            [{"source": "b", "target": "/a"}],
            "configs[0]",
            "/a is given again: compose.yml:4:18",
        ),
        (
            "ports: ['80:80', '8081:80']",
            "ports",
            [{"target": 80, "protocol": "tcp", "published": "80"}],
            "ports[1]",
            "80 is published already",
        ),
        (
            "ports: ['80:80', {target: 80, published: 81}]",
            "ports",
            [{"target": 80, "protocol": "tcp", "published": "80"}],
            "ports[1]",
            "80 is published already",
        ),
        (
            "command: a && b",
            "command",
            ["a"],
            "command",
            'all from the && on, as with compose, which has no shell: write [sh, -c, "…"] for one',
        ),
        (
            "restart: always\n    deploy: {restart_policy: {condition: on-failure}}",
            "restart",
            "on-failure",
            "restart",
            "deploy.restart_policy is taken, as on-failure",
        ),
    ],
)
def test_what_compose_drops_is_said(lines: str, key: str, value: Any, path: str, text: str) -> None:
    found = stack(f"services:\n  web:\n{IMAGE}    {lines}\n")
    made = build_document(found, images={}, probes=[], publish="loopback")
    assert made["services"]["web"][key] == value
    [note] = [note for note in found.notes if note.kind == "left_out"]
    assert (note.path, note.text) == (f"services.web.{path}", text)


@pytest.mark.parametrize(
    "what",
    [
        "networks: {a: {external: true}, b: {driver: macvlan}, c: {x: y}}",
        "volumes: {a: {external: true}, b: {driver: nfs}, c: {driver_opts: {type: nfs}}}",
    ],
)
def test_what_no_service_uses_is_not_read(what: str) -> None:
    found = stack(f"services:\n  web:\n{IMAGE}{what}\n")
    assert (list(found.networks), found.volumes, found.notes) == (["default"], (), ())


def interpolated(node: Node) -> Node:
    """As the reader of files gives what had variables in it."""
    if isinstance(node, ScalarNode):
        return ScalarNode(node.text, False, node.place, interpolated=True)
    if isinstance(node, ListNode):
        return ListNode(tuple(interpolated(item) for item in node.items), node.place)
    return MapNode(tuple((key, interpolated(one)) for key, one in node.entries), node.place)


def test_interpolated_text_is_taken_as_compose_casts_it() -> None:
    text = (
        f"services:\n  web:\n{IMAGE}    init: yes\n    tty: off\n    privileged: false\n"
        "    cpus: 0.5\n    scale: 2\n    mem_limit: 1m\n    user: 1000\n    command: echo $$x\n"
        "    environment: {A: 1.0, B: null}\n    ports: [{target: 80}]\n"
    )
    tree = parse(text.encode(), "compose.yml")
    made = interpolated(tree)
    assert isinstance(made, MapNode)
    service = rebuild(made, source=Path()).services["web"]
    assert (service.init, service.tty, service.cpus, service.replicas) == (True, False, 0.5, 2)
    assert (service.memory, service.user) == (1 << 20, "1000")
    assert service.command == ("echo", "$$x")  # interpolated once, not twice
    assert service.environment == {"A": "1.0", "B": "null"}
