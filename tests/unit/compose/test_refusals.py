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


@pytest.mark.parametrize(
    ("lines", "what", "place"),
    [
        ("    build: .", "services.web.build", "4:5"),
        ("    env_file: .env", "services.web.env_file", "4:5"),
        ("    networks: [default]", "services.web.networks", "4:5"),
        ("    privileged: false", "services.web.privileged", "4:5"),
        ("    Command: x", "services.web.Command", "4:5"),
        ("    volumes: [./x:/y]", "services.web.volumes[0]: bind mounts", "4:15"),
        ("    volumes: ['/x:/y:ro']", "services.web.volumes[0]: bind mounts", "4:15"),
        ("    volumes:\n    - /a\n    - ~/x:/y", "services.web.volumes[1]: bind mounts", "6:7"),
        ("    volumes: ['C:\\x:/y']", "services.web.volumes[0]: bind mounts", "4:15"),
        (
            "    volumes: [{type: bind, source: ., target: /y}]",
            "services.web.volumes[0]: bind mounts",
            "4:15",
        ),
        (
            "    volumes: [{type: tmpfs, target: /y}]",
            "services.web.volumes[0]: mounts of type tmpfs",
            "4:15",
        ),
        ("    volumes: [data:/y:z]", "services.web.volumes[0]: the volume option 'z'", "4:15"),
        (
            "    volumes: ['data:/y:ro,nocopy']",
            "services.web.volumes[0]: the volume option 'ro,nocopy'",
            "4:15",
        ),
        (
            "    volumes:\n    - {type: volume, target: /y, volume: {nocopy: true}}",
            "services.web.volumes[0].volume",
            "5:34",
        ),
        ("    ports: [{target: 80, mode: host}]", "services.web.ports[0].mode", "4:26"),
        ("    ports: ['80/sctp']", "services.web.ports[0]: sctp", "4:13"),
        ("    ports: ['1-65535']", "services.web.ports: more than 100 ports", "4:12"),
        (
            "    depends_on: {web: {condition: service_started, restart: true}}",
            "services.web.depends_on.web.restart",
            "4:52",
        ),
        (
            "    healthcheck: {test: a, start_interval: 1s}",
            "services.web.healthcheck.start_interval",
            "4:28",
        ),
        (
            "    healthcheck: {interval: 1s}",
            "services.web.healthcheck: a health check without a test (it would be the image's own)",
            "4:18",
        ),
        ("networks: {front: }", "networks.front", "4:12"),
        ("networks:\n  default:\n    driver: bridge", "networks.default.driver", "6:5"),
        ("networks: {default: {external: true}}", "networks.default.external", "4:22"),
        ("volumes:\n  data: {external: true}", "volumes.data.external", "5:10"),
        ("volumes:\n  data: {name: x}", "volumes.data.name", "5:10"),
        ("secrets: {}", "secrets", "4:1"),
        ("include: [x.yml]", "include", "4:1"),
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
        ("    environment: [FOO]", "services.web.environment[0]: has no value", "4:19"),
        ("    environment:\n      FOO:", "services.web.environment.FOO: has no value", "5:7"),
        (
            "    environment: {A: true}",
            "services.web.environment.A: wants text, and true is a boolean",
            "4:22",
        ),
        (
            "    labels: {A: false}",
            "services.web.labels.A: wants text, and false is a boolean",
            "4:17",
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
            "    environment:\n    - A=1\n    - A=2",
            "services.web.environment[1]: A is given twice: compose.yml:5:7",
            "6:7",
        ),
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
        ("    ports: [':80']", "services.web.ports[0]: ':80' is not a port", "4:13"),
        ("    ports: ['1:2:3:4']", "services.web.ports[0]: '1:2:3:4' is not a port", "4:13"),
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
        ("    volumes: [/a, /a/]", "services.web.volumes[1]: /a is mounted twice", "4:19"),
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
            "    healthcheck: {test: [CMD-SHELL, a, b]}",
            "services.web.healthcheck.test: is not a test",
            "4:25",
        ),
        ("    healthcheck: {test: ''}", "services.web.healthcheck.test: an empty test", "4:25"),
        (
            "    healthcheck: {test: a, interval: 30}",
            "services.web.healthcheck.interval: '30' is not a duration",
            "4:38",
        ),
        (
            "    healthcheck: {test: a, interval: 0s}",
            "services.web.healthcheck.interval: wants more than no time at all",
            "4:38",
        ),
        (
            "    healthcheck: {test: a, timeout: -1s}",
            "services.web.healthcheck.timeout: '-1s' is not a duration",
            "4:37",
        ),
        (
            "    healthcheck: {test: a, timeout: 25h}",
            "services.web.healthcheck.timeout: 25h is longer than a day",
            "4:37",
        ),
        (
            "    healthcheck: {test: a, retries: 0}",
            "services.web.healthcheck.retries: wants a number from 1 to 1000, not 0",
            "4:37",
        ),
        (
            "    healthcheck: {test: a, retries: 1.5}",
            "services.web.healthcheck.retries: wants a number from 1 to 1000, not 1.5",
            "4:37",
        ),
        (
            "    healthcheck: {test: a, disable: true}",
            "services.web.healthcheck.disable: a disabled health check with a test",
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
        ("    init: yes", "services.web.init: wants true or false, not yes", "4:11"),
        ("    init: 1", "services.web.init: wants true or false, not 1", "4:11"),
        ("    init:", "services.web.init: wants true or false, not null", "4:10"),
        ("    user: 1000", "services.web.user: wants text, and 1000 is a number", "4:11"),
        ("    user: ''", "services.web.user: an empty user", "4:11"),
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
            "    depends_on:\n      db: {condition: service_healthy}\n  db: {image: docker.io/x/y}",
            "services.web.depends_on: db can't become healthy, it has no healthcheck",
            "5:7",
        ),
        (
            "    depends_on: {db: {condition: service_healthy}}\n"
            "  db: {image: docker.io/x/y, healthcheck: {disable: true}}",
            "services.web.depends_on: db can't become healthy, it has no healthcheck",
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


def test_the_hint_names_the_nearest_key_and_those_that_are_taken() -> None:
    hint = refusal(f"{WEB}    comand: x\n").detail.hint
    assert hint.startswith("did you mean command? sand-boxer takes image, command, ")


def test_what_a_merge_key_brings_is_refused_where_it_stands() -> None:
    error = refusal(
        "x-base: &base\n  build: .\nservices:\n  web:\n    <<: *base\n    image: docker.io/x/y\n"
    )
    assert error.detail.message == "not supported yet: services.web.build, compose.yml:2:3"


def test_a_message_holds_no_control_characters_and_ends() -> None:
    error = refusal(WEB + '    "a\\e[31m\\ud800\\n": x\n')
    assert error.detail.message == (
        "not supported yet: services.web.a\\x1b[31m\\ud800\\n, compose.yml:4:5"
    )
    error = refusal(f"{WEB}    restart: {'x' * 100_000}\n")
    assert len(error.detail.message) < 500
    assert error.detail.message.endswith("…, compose.yml:4:14")
