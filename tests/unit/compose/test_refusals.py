"""Each refusal: its code, its sentence, and the line and column it points at.

The text stands below `services: web: image:`, so that a service's first key is at 4:5.
"""

from __future__ import annotations

import pytest

from sandboxer_cli.compose.parse import parse
from sandboxer_cli.compose.rebuild import rebuild
from sandboxer_cli.errors import Usage

WEB = "services:\n  web:\n    image: docker.io/library/nginx\n"


def refusal(text: str) -> Usage:
    with pytest.raises(Usage) as error:
        rebuild(parse(text.encode(), "compose.yml"))
    return error.value


OUTSIDE = "it lies outside of the source, which is all that is read"
LENT = "files outside of the source don't travel, and the host's own are not lent"
WINDOWS = "compose takes it for a path of Windows, on a drive"


@pytest.mark.parametrize(
    ("lines", "what", "why", "place"),
    [
        (
            "    volumes: [/var/run/docker.sock:/s]",
            "volumes[0]: /var/run/docker.sock",
            "it would give the container the host's engine",
            "4:15",
        ),
        ("    volumes:\n    - /a\n    - ~/x:/y", "volumes[1]: ~/x", OUTSIDE, "6:7"),
        ("    volumes: ['C:\\x:/y']", "volumes[0]: C:\\x:/y", LENT, "4:15"),
        ("    volumes: ['d:/data']", "volumes[0]: d:/data", WINDOWS, "4:15"),
        (
            "    volumes: [{type: npipe, target: /y}]",
            "volumes[0].type: mounts of type npipe",
            "only volumes, tmpfs and files of the source are mounted",
            "4:22",
        ),
        ("    ports: ['80/sctp']", "ports[0]: sctp", "not every engine carries sctp", "4:13"),
        (
            "    cap_add: [NET_ADMIN, cap_sys_admin]",
            "cap_add[1]: SYS_ADMIN",
            "it would give the container power over the host",
            "4:26",
        ),
        (
            "    security_opt: ['label:disable']",
            "security_opt[0]: label:disable",
            "what confines a container is the host's own; it would be loosened",
            "4:20",
        ),
        (
            "    network_mode: container:x",
            "network_mode: container:x",
            "host and container:NAME would reach past the sandbox",
            "4:19",
        ),
        ("    privileged: true", "privileged", "it would give the container the host", "4:5"),
        (
            "    volumes_from: ['container:x']",
            "volumes_from[0]: container:x",
            "a sandbox has no part in other containers",
            "4:20",
        ),
    ],
)
def test_refused(lines: str, what: str, why: str, place: str) -> None:
    error = refusal(f"{WEB}{lines}\n")
    wanted = f"services.web.{what} is refused: {why}, compose.yml:{place}"
    assert error.detail.message == wanted
    assert (error.detail.code, error.exit_status) == ("compose_unsupported", 2)


@pytest.mark.parametrize(
    ("lines", "what", "place"),
    [
        (
            "    volumes: ['data:/y:ro,x']\nvolumes: {data: }",
            "services.web.volumes[0]: the volume option 'x'",
            "4:15",
        ),
        ("    tmpfs: /x:y", "services.web.tmpfs: the tmpfs option 'y'", "4:12"),
        ("    ports: ['1-65535']", "services.web.ports: more than 100 ports", "4:12"),
        ("include: [x.yml]", "include", "4:1"),
        ("    extends: {service: x}", "services.web.extends", "4:5"),
    ],
)
def test_unsupported(lines: str, what: str, place: str) -> None:
    error = refusal(f"{WEB}{lines}\n")
    assert error.detail.message == f"not supported yet: {what}, compose.yml:{place}"
    assert (error.detail.code, error.exit_status) == ("compose_unsupported", 2)


@pytest.mark.parametrize(
    ("lines", "what", "place"),
    [
        ("    image: 1", "services.web.image is given twice: compose.yml:3:5", "4:5"),
        (
            "    command: a 'b",
            "services.web.command: can't be split into words: no closing quotation",
            "4:14",
        ),
        ("    command: 1", "services.web.command: wants text, and 1 is a number", "4:14"),
        ("    command: [a, 1]", "services.web.command[1]: wants text, and 1 is a number", "4:18"),
        (
            "    command: [a, ]\n    entrypoint: [a, ~]",
            "services.web.entrypoint[1]: wants text, and is empty",
            "5:21",
        ),
        ("    command: {a: b}", "services.web.command: wants a list, and is a mapping", "4:14"),
        (
            '    command: ["\\0"]',
            "services.web.command[0]: a character that no program takes",
            "4:15",
        ),
        (
            '    command: ["\\ud800"]',
            "services.web.command[0]: a character that no program takes",
            "4:15",
        ),
        ("    Command: x", "services.web.Command: compose has no such key", "4:5"),
        (
            "    deploy: {replica: 2}",
            "services.web.deploy.replica: compose has no such key",
            "4:14",
        ),
        (
            "    build: .",
            "services.web.build: '.' is a file, and there is no folder that it could be in",
            "4:12",
        ),
        ("    networks: [a]", "services.web.networks[0]: the network a is not declared", "4:16"),
        ("    networks: {a: }", "services.web.networks.a: the network a is not declared", "4:16"),
        (
            "    networks: {default: {aliases: [a/b]}}",
            "services.web.networks.default.aliases[0]: 'a/b' is not a name on a network",
            "4:36",
        ),
        (
            "    network_mode: none\n    networks: [default]",
            "services.web.network_mode: there are networks too",
            "4:5",
        ),
        (
            "    network_mode: none\n    ports: ['80']",
            "services.web.ports: a service whose network is none has no ports of its own",
            "5:5",
        ),
        ("    network_mode: service:x", "services.web.network_mode: there is no service x", "4:19"),
        ("    network_mode: service:web", "services.web.depends_on: a circle, web -> web", "4:19"),
        ("    links: [db]", "services.web.links[0]: there is no service db", "4:13"),
        ("    volumes_from: [db]", "services.web.volumes_from[0]: there is no service db", "4:20"),
        (
            "    volumes_from: [web]",
            "services.web.volumes_from: a circle, web take from each other",
            "4:19",
        ),
        ("    secrets: [a]", "services.web.secrets[0]: a is not declared", "4:15"),
        ("    secrets: [a]\nsecrets: {a: {}}", "secrets.a: has nothing to be read from", "5:11"),
        (
            "    secrets: [a]\nsecrets: {a: {environment: X}}",
            "secrets.a.environment: there is no variable X",
            "5:28",
        ),
        ("    secrets: [{target: a}]", "services.web.secrets[0]: has no source", "4:15"),
        (
            "    configs: [{source: a, target: ../x}]\nconfigs: {a: {content: x}}",
            "services.web.configs[0].target: '../x' is not a file's path",
            "4:35",
        ),
        ("    cap_add: [NET]", "services.web.cap_add[0]: 'NET' is not a capability", "4:15"),
        (
            "    sysctls: {net.core.somaxconn: }",
            "services.web.sysctls.net.core.somaxconn: has no value",
            "4:15",
        ),
        ("    ulimits: {x: 1}", "services.web.ulimits.x: 'x' is not a limit", "4:15"),
        (
            "    ulimits: {core: {soft: 2, hard: 1}}",
            "services.web.ulimits.core.soft: the soft limit is above the hard one",
            "4:28",
        ),
        (
            "    ulimits: {core: {soft: 2}}",
            "services.web.ulimits.core: wants both soft and hard",
            "4:21",
        ),
        ("    mem_limit: lots", "services.web.mem_limit: 'lots' is not a size", "4:16"),
        ("    cpus: -1", "services.web.cpus: wants a number, not -1", "4:11"),
        ("    cpuset: a", "services.web.cpuset: 'a' is not a set of processors", "4:13"),
        (
            "    cpus: 1\n    deploy: {resources: {limits: {cpus: '2'}}}",
            "services.web.deploy.resources.limits.cpus: it is another value than that of "
            "services.web.cpus: compose.yml:4:11",
            "5:41",
        ),
        ("    scale: 101", "services.web.scale: wants a number from 0 to 100, not 101", "4:12"),
        (
            "    deploy: {restart_policy: {condition: x}}",
            "services.web.deploy.restart_policy.condition: 'x' is not a condition",
            "4:42",
        ),
        ("    extra_hosts: [a]", "services.web.extra_hosts[0]: 'a' gives no address", "4:19"),
        ("    extra_hosts: {a: b}", "services.web.extra_hosts.a: 'b' is not an IP address", "4:22"),
        ("    dns: [x]", "services.web.dns[0]: 'x' is not an IP address", "4:11"),
        ("    hostname: a b", "services.web.hostname: 'a b' is not a host's name", "4:15"),
        ("    stop_signal: x", "services.web.stop_signal: 'x' is not a signal", "4:18"),
        (
            "    stop_grace_period: 10",
            "services.web.stop_grace_period: '10' is not a duration",
            "4:24",
        ),
        (
            "    pull_policy: build",
            "services.web.pull_policy: there is nothing to build",
            "4:18",
        ),
        (
            "    pull_policy: once",
            "services.web.pull_policy: 'once' is not a pull policy",
            "4:18",
        ),
        ("    platform: x/", "services.web.platform: 'x/' is not a platform", "4:15"),
        (
            "    volumes: [{type: bind, target: /y}]",
            "services.web.volumes[0]: a bind mount without a source",
            "4:15",
        ),
        (
            "    volumes: [{type: bind, source: ., target: /y, volume: {nocopy: true}}]",
            "services.web.volumes[0].volume: a mount of type bind has no volume",
            "4:51",
        ),
        (
            "    environment: {A: 0644}",
            "services.web.environment.A: 0644 is a number that programs read differently",
            "4:22",
        ),
        (
            "    environment: {A: 1.0}",
            "services.web.environment.A: 1.0 is a number that programs read differently",
            "4:22",
        ),
        (
            "    environment: {A: [b]}",
            "services.web.environment.A: wants a single value, and is a list",
            "4:22",
        ),
        (
            "    environment: a=b",
            "services.web.environment: wants a mapping, and is a single value",
            "4:18",
        ),
        ("    environment:", "services.web.environment: wants a mapping, and is empty", "4:17"),
        (
            "    environment: [1]",
            "services.web.environment[0]: wants text, and 1 is a number",
            "4:19",
        ),
        ("    environment: [=a]", "services.web.environment[0]: '' is not a name", "4:19"),
        ("    environment: ['A =a']", "services.web.environment[0]: 'A ' is not a name", "4:19"),
        ("    environment: {a=b: c}", "services.web.environment.a=b: 'a=b' is not a name", "4:19"),
        (
            "    environment:\n      A: 1\n      A: 2",
            "services.web.environment.A is given twice: compose.yml:5:7",
            "6:7",
        ),
        (
            "    labels: {io.sandboxer.id: x}",
            "services.web.labels.io.sandboxer.id: the label io.sandboxer.id is reserved",
            "4:14",
        ),
        (
            "    labels: [com.docker.compose.project=x]",
            "services.web.labels[0]: the label com.docker.compose.project is reserved",
            "4:14",
        ),
        ("    ports: 80", "services.web.ports: wants a list, and is a single value", "4:12"),
        ("    ports: ['x']", "services.web.ports[0]: 'x' is not a port", "4:13"),
        ("    ports: ['']", "services.web.ports[0]: '' is not a port", "4:13"),
        ("    ports: [80.5]", "services.web.ports[0]: '80.5' is not a port", "4:13"),
        (
            "    ports: ['0']",
            "services.web.ports[0]: '0': ports go from 1 to 65535, a range upwards",
            "4:13",
        ),
        (
            "    ports: ['65536']",
            "services.web.ports[0]: '65536': ports go from 1 to 65535, a range upwards",
            "4:13",
        ),
        (
            "    ports: ['90-80']",
            "services.web.ports[0]: '90-80': ports go from 1 to 65535, a range upwards",
            "4:13",
        ),
        ("    ports: ['1-2-3']", "services.web.ports[0]: '1-2-3' is not a port", "4:13"),
        ("    ports: ['x:1:1']", "services.web.ports[0]: 'x' is not an IP address", "4:13"),
        ("    ports: [':']", "services.web.ports[0]: ':' is not a port", "4:13"),
        ("    ports: [':::80']", "services.web.ports[0]: ':' is not an IP address", "4:13"),
        ("    ports: ['1:2:3:4']", "services.web.ports[0]: '1:2' is not an IP address", "4:13"),
        ("    ports: ['[::1:80:80']", "services.web.ports[0]: '[::1:80:80' is not a port", "4:13"),
        (
            "    ports: ['0:80-81']",
            "services.web.ports[0]: both ranges of ports must be of one length",
            "4:13",
        ),
        (
            "    ports: [{target: 80, published: }]",
            "services.web.ports[0].published: wants a port, and is empty",
            "4:36",
        ),
        (
            "    ports: ['1-3:80-81']",
            "services.web.ports[0]: both ranges of ports must be of one length",
            "4:13",
        ),
        ("    ports: ['80/http']", "services.web.ports[0]: 'http' is neither tcp nor udp", "4:13"),
        ("    ports: [{published: 80}]", "services.web.ports[0]: a port without a target", "4:13"),
        (
            "    ports: [{target: 0}]",
            "services.web.ports[0].target: wants a number from 1 to 65535, not 0",
            "4:22",
        ),
        (
            "    ports: [{target: 80, published: x}]",
            "services.web.ports[0].published: 'x' is not a port",
            "4:37",
        ),
        (
            "    ports: [{target: 80, host_ip: x}]",
            "services.web.ports[0].host_ip: 'x' is not an IP address",
            "4:35",
        ),
        ("    expose: ['80/x']", "services.web.expose[0]: 'x' is neither tcp nor udp", "4:14"),
        ("    expose: ['1:2']", "services.web.expose[0]: '1:2' is not a port", "4:14"),
        (
            "    volumes: [data:/y]",
            "services.web.volumes[0]: the volume data is not declared",
            "4:15",
        ),
        (
            "    volumes: [{type: volume, source: data, target: /y}]",
            "services.web.volumes[0]: the volume data is not declared",
            "4:15",
        ),
        (
            "    volumes: [data]",
            "services.web.volumes[0]: 'data' is not a path to mount at",
            "4:15",
        ),
        (
            "    volumes: [/a]\n    tmpfs: /a/",
            "services.web.tmpfs: /a is mounted twice",
            "5:12",
        ),
        ("    volumes: [/]", "services.web.volumes[0]: '/' is not a path to mount at", "4:15"),
        ("    volumes: [//]", "services.web.volumes[0]: '//' is not a path to mount at", "4:15"),
        (
            "    volumes: [/a/../b]",
            "services.web.volumes[0]: '/a/../b' is not a path to mount at",
            "4:15",
        ),
        (
            "    volumes: ['/a,ro']",
            "services.web.volumes[0]: '/a,ro' is not a path to mount at",
            "4:15",
        ),
        (
            "    volumes: [ab:/y:ro:x]",
            "services.web.volumes[0]: 'ab:/y:ro:x' has too many colons",
            "4:15",
        ),
        ("    volumes: ['-v:/y']", "services.web.volumes[0]: '-v' is not a volume's name", "4:15"),
        ("    volumes: [{target: /y}]", "services.web.volumes[0]: a volume without a type", "4:15"),
        (
            "    volumes: [{type: volume}]",
            "services.web.volumes[0]: a volume without a target",
            "4:15",
        ),
        ("    healthcheck:", "services.web.healthcheck: wants a mapping, and is empty", "4:17"),
        ("    healthcheck: {test: []}", "services.web.healthcheck.test: is not a test", "4:25"),
        ("    healthcheck: {test: [CMD]}", "services.web.healthcheck.test: is not a test", "4:25"),
        (
            "    healthcheck: {test: [curl, x]}",
            "services.web.healthcheck.test: is not a test",
            "4:25",
        ),
        (
            "    healthcheck: {test: [CMD-SHELL, '', a]}",
            "services.web.healthcheck.test: an empty test",
            "4:25",
        ),
        ("    healthcheck: {test: ''}", "services.web.healthcheck.test: an empty test", "4:25"),
        (
            "    healthcheck: {test: a, interval: 30}",
            "services.web.healthcheck.interval: '30' is not a duration",
            "4:38",
        ),
        (
            "    healthcheck: {test: a, timeout: -1s}",
            "services.web.healthcheck.timeout: '-1s' is not a duration",
            "4:37",
        ),
        (
            "    healthcheck: {test: a, timeout: 366d}",
            "services.web.healthcheck.timeout: 366d is longer than a day",
            "4:37",
        ),
        (
            "    stop_grace_period: 25h",
            "services.web.stop_grace_period: 25h is longer than a day",
            "4:24",
        ),
        (
            "    healthcheck: {test: a, retries: -1}",
            "services.web.healthcheck.retries: wants a number from 0 to 1000, not -1",
            "4:37",
        ),
        (
            "    healthcheck: {test: a, retries: 1.5}",
            "services.web.healthcheck.retries: wants a number from 0 to 1000, not 1.5",
            "4:37",
        ),
        (
            "    restart: sometimes",
            "services.web.restart: 'sometimes' is not a restart policy",
            "4:14",
        ),
        ("    restart: false", "services.web.restart: wants text, and false is a boolean", "4:14"),
        (
            "    restart: on-failure:x",
            "services.web.restart: 'on-failure:x' is not a restart policy",
            "4:14",
        ),
        ("    init: 1", "services.web.init: wants true or false, not 1", "4:11"),
        ("    init:", "services.web.init: wants true or false, not null", "4:10"),
        ("    user: 1000", "services.web.user: wants text, and 1000 is a number", "4:11"),
        ("  a: {image: ''}", "services.a: a service without an image", "4:3"),
        ("    working_dir: srv", "services.web.working_dir: 'srv' is not an absolute path", "4:18"),
        ("    depends_on: [db]", "services.web.depends_on: there is no service db", "4:18"),
        (
            "    depends_on: {db: }",
            "services.web.depends_on.db: wants a mapping, and is empty",
            "4:21",
        ),
        (
            "    depends_on: {db: {}}",
            "services.web.depends_on.db: a dependency without a condition",
            "4:22",
        ),
        (
            "    depends_on: {db: {condition: healthy}}",
            "services.web.depends_on.db.condition: 'healthy' is not a condition",
            "4:34",
        ),
        ("    depends_on: [web]", "services.web.depends_on: a circle, web -> web", "4:18"),
        (
            "    depends_on:\n    - db\n    - db\n  db: {image: docker.io/x/y}",
            "services.web.depends_on[1]: db is given twice: compose.yml:5:7",
            "6:7",
        ),
        (
            "    depends_on: [db]\n  db: {image: docker.io/x/y, depends_on: [c]}\n"
            "  c: {image: docker.io/x/y, depends_on: [web]}",
            "services.web.depends_on: a circle, web -> db -> c -> web",
            "4:18",
        ),
        (
            "  a: {image: docker.io/x/y, depends_on: [b]}\n"
            "  b: {image: docker.io/x/y, depends_on: [a]}",
            "services.a.depends_on: a circle, a -> b -> a",
            "4:42",
        ),
        (
            "    depends_on: {db: {condition: service_healthy}}\n"
            "  db: {image: docker.io/x/y, healthcheck: {disable: true}}",
            "services.web.depends_on: db can't become healthy, its healthcheck is disabled",
            "4:18",
        ),
        ("  -x: {image: docker.io/x/y}", "services.-x: not a service's name", "4:3"),
        ("  a/b: {image: docker.io/x/y}", "services.a/b: not a service's name", "4:3"),
        ("  " + "a" * 64 + ": {}", "services." + "a" * 64 + ": not a service's name", "4:3"),
        ("  db: {}", "services.db: a service without an image", "4:3"),
        ("  db:", "services.db: wants a mapping, and is empty", "4:6"),
        ("volumes: {../x: }", "volumes.../x: not a volume's name", "4:11"),
        ("volumes: [data]", "volumes: wants a mapping, and is a list", "4:10"),
        ("networks: [a]", "networks: wants a mapping, and is a list", "4:11"),
        ("name: [a]", "name: wants a single value, and is a list", "4:7"),
    ],
)
def test_invalid(lines: str, what: str, place: str) -> None:
    error = refusal(f"{WEB}{lines}\n")
    assert error.detail.message == f"{what}, compose.yml:{place}"
    assert (error.detail.code, error.exit_status) == ("compose_invalid", 2)


@pytest.mark.parametrize("text", ["x-a: 1\n", "services:\n", "services: {}\n", "version: '3'\n"])
def test_no_services(text: str) -> None:
    message = refusal(text).detail.message
    assert message in (
        "the file has no services, compose.yml:1:1",
        "services: wants a mapping, and is empty, compose.yml:1:10",
    )


@pytest.mark.parametrize(
    ("image", "code", "message"),
    [
        (
            "nginx:alpine",
            "image_unqualified",
            "services.web.image: nginx:alpine is not fully qualified: "
            "write docker.io/library/nginx:alpine, compose.yml:3:12",
        ),
        (
            "bitnami/redis",
            "image_unqualified",
            "services.web.image: bitnami/redis is not fully qualified: "
            "write docker.io/bitnami/redis:latest, compose.yml:3:12",
        ),
        (
            "docker://docker.io/nginx",
            "compose_invalid",
            "services.web.image: 'docker://docker.io/nginx' is not an image's name, "
            "compose.yml:3:12",
        ),
        (
            "1",
            "compose_invalid",
            "services.web.image: wants text, and 1 is a number, compose.yml:3:12",
        ),
    ],
)
def test_images(image: str, code: str, message: str) -> None:
    error = refusal(f"services:\n  web:\n    image: {image}\n")
    assert (error.detail.code, error.detail.message) == (code, message)


def test_the_hint_names_the_nearest_key_and_those_that_there_are() -> None:
    hint = refusal(f"{WEB}    comand: x\n").detail.hint
    assert hint.startswith("did you mean command? it has annotations, attach, ")


def test_a_volume_that_looks_like_a_drive_has_another_form() -> None:
    hint = refusal(f"{WEB}    volumes: ['d:/data']\nvolumes: {{d: }}\n").detail.hint
    assert hint == (
        "a volume of that name has the long form, {type: volume, source: d, target: /data}"
    )


@pytest.mark.parametrize(
    "volume",
    ["/etc/localtime:/etc/localtime:ro", "{type: bind, source: /etc/timezone, target: /etc/tz}"],
)
def test_the_time_of_the_host_is_not_mounted(volume: str) -> None:
    detail = refusal(f"{WEB}    volumes:\n    - {volume}\n").detail
    assert f" is refused: {LENT}, compose.yml:5:" in detail.message
    assert detail.hint.startswith("leave it out, and set the variable TZ")


def test_what_a_merge_key_brings_is_refused_where_it_stands() -> None:
    error = refusal(
        "x-base: &base\n  gpus: all\nservices:\n  web:\n    <<: *base\n    image: docker.io/x/y\n"
    )
    assert error.detail.message == (
        "services.web.gpus is refused: devices of the host are not lent to a sandbox, "
        "compose.yml:2:3"
    )


def test_a_message_holds_no_control_characters_and_ends() -> None:
    error = refusal(WEB + '    "a\\e[31m\\ud800\\n": x\n')
    assert error.detail.message == (
        "services.web.a\\x1b[31m\\ud800\\n: compose has no such key, compose.yml:4:5"
    )
    error = refusal(f"{WEB}    restart: {'x' * 100_000}\n")
    assert len(error.detail.message) < 500
    assert error.detail.message.endswith("…, compose.yml:4:14")
