"""Images under their true names, each the same root with another start: none is ever pulled.

They travel as one archive that `podman load` and `docker load` read: the root's layer, a layer of
our own programs, and a small configuration for each way to start.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.corpus import rootfs
from tests.lab.incus import incus
from tests.lab.layout import CACHE
from tests.lab.places import Place
from tests.lab.recipe import digest

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LABEL = "io.sandboxer.stand-ins"
PROGRAMS = rootfs.SCRIPTS / "root"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Start:
    """What an image says of how it is started."""

    command: tuple[str, ...]
    entrypoint: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def configuration(self, layers: Sequence[str], label: str) -> bytes:
        words = {"PATH": PATH, "LANG": "C.UTF-8", **self.environment}
        made = {
            "architecture": ARCHITECTURES[platform.machine()],
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": {
                "Env": [f"{name}={value}" for name, value in words.items()],
                "Entrypoint": list(self.entrypoint) or None,
                "Cmd": list(self.command) or None,
                "ExposedPorts": {port: {} for port in self.ports},
                "Volumes": {path: {} for path in self.volumes},
                "Labels": {LABEL: label},
            },
            # builds upon it look for one entry a layer
            "history": [{"created_by": "sandboxer's corpus"}] * len(layers),
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{each}" for each in layers]},
        }
        return json.dumps(made, sort_keys=True).encode()


def server(program: str, port: str, *words: str, volumes: Sequence[str] = ()) -> Start:
    """As the official images are: bare options are the server's own."""
    return Start(
        (program, *words),
        ("docker-entrypoint.sh",),
        (port,),
        tuple(volumes),
        {"STAND_IN": program},
    )


def service(
    *ports: int,
    rows: str = "",
    queue: str = "",
    worker: str = "",
    once: str = "",
    command: str = "",
) -> Start:
    """Some project's own program: see image/root/usr/local/bin/service."""
    words = [f"--port={port}" for port in ports]
    settings = {"rows": rows, "queue": queue, "worker": worker, "once": once}
    words += [f"--{name}={value}" for name, value in settings.items() if value]
    return Start(
        tuple(command.split()),
        ("service", *words, "--"),
        tuple(f"{port}/tcp" for port in ports),
    )


POSTGRES = server("postgres", "5432/tcp", volumes=["/var/lib/postgresql/data"])
MARIADB = server("mariadbd", "3306/tcp", volumes=["/var/lib/mysql"])
REDIS = server("redis-server", "6379/tcp", volumes=["/data"])
NGINX = server("nginx", "80/tcp", "-g", "daemon off;")
MOSQUITTO = server("mosquitto", "1883/tcp", "-c", "/mosquitto/config/mosquitto.conf")
NATS = server("nats-server", "4222/tcp", "--http_port", "8222")
MEMCACHED = server("memcached", "11211/tcp")
PYTHON = Start(("python3",))
NODE = Start(
    ("node",),
    ("docker-entrypoint.sh",),
    environment={"NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs", "STAND_IN": "node"},
)
SHELL = Start(("sh",))
OFFICIAL = {
    "postgres": (
        POSTGRES,
        "latest 12-alpine 12.3 13 14-alpine 15-alpine 16 16-alpine 17 17-alpine 17.1 18 18-alpine",
    ),
    "mariadb": (MARIADB, "10-jammy 10.11 11.4 11.8 lts"),
    "mysql": (MARIADB, "8.0.39"),
    "redis": (REDIS, "6 7 7-alpine 7.4 7.4-alpine 8.6-alpine alpine"),
    "memcached": (MEMCACHED, "1.6-alpine alpine"),
    "nats": (NATS, "2.9-alpine"),
    "eclipse-mosquitto": (MOSQUITTO, "2"),
    "nginx": (NGINX, "1-alpine 1.19-alpine alpine-slim stable-alpine"),
    "python": (PYTHON, "3.10-slim 3.12-slim 3.12-trixie"),
    "node": (NODE, "20 20-slim"),
}
_FLOWS = "{STORE_USER}:{STORE_PASSWORD}@{STORE_HOST}/{STORE_NAME}"
_POSTS = "postgres://{ROWS_USER}@{ROWS_HOST}/{ROWS_NAME}"
_RACKS = "postgres://{DB_USER}:{DB_PASSWORD}@{DB_HOST}/{DB_NAME}"
_BOARD = "postgres://{POSTGRES_USER}:{POSTGRES_PASSWORD}@{POSTGRES_HOST}/{POSTGRES_DB}"
_FILES = "mysql://{MYSQL_USER}:{MYSQL_PASSWORD}@{MYSQL_HOST}/{MYSQL_DATABASE}"
_WATCH = "postgres://{<POSTGRES_USER_FILE}:{<POSTGRES_PASSWORD_FILE}@{ROWS_HOST}/{POSTGRES_DB}"
_ROWS_OF_CHAT = "/run/secrets/chat__rows_password"
_JOBS_OF_CHAT = "/run/secrets/chat__jobs_password"

# what the projects make themselves, by the names in our shapes
OWN = {
    "docker.io/answers/answers:v0.20": service(
        80, 443, 9380, rows="mysql://root:{MYSQL_PASSWORD}@rows/mysql"
    ),
    "docker.io/answers/index:8.11.3": service(9200),
    "docker.io/board/board-back:latest": service(8000, rows=_BOARD, queue="nats://{QUEUE_HOST}"),
    "docker.io/board/board-front:latest": service(80),
    "docker.io/browsers/hub:4.25": service(4442, 4443, 4444),
    "docker.io/browsers/node-blue:4.25": service(5555),
    "docker.io/browsers/node-red:4.25": service(5555),
    "docker.io/bytes/smtp:latest": service(25),
    "docker.io/catalogue/index:2.11-solr9": service(8983),
    "docker.io/catalogue/pusher:0.0.21": service(8800, rows="{ROWS_URL}"),
    "docker.io/chat/chat-postgres:14": POSTGRES,
    "docker.io/events/events-server:23.3-alpine": service(8123, 9000),
    "docker.io/files/files:fpm-alpine": service(9000, rows=_FILES, queue="redis://{REDIS_HOST}"),
    "docker.io/flows/engine:1.80": service(
        5670, rows=f"postgres://{_FLOWS}", queue="redis://{QUEUE_HOST}", worker="worker"
    ),
    "docker.io/flows/runner:1.80": service(5680),
    "docker.io/forge/forge:19.2.0": service(
        80, 22, rows="postgres://{DB_USER}:{DB_PASS}@{DB_HOST}/{DB_NAME}"
    ),
    "docker.io/forum/pages:nightly": service(1234, rows="http://{FORUM_BACKEND}"),
    "docker.io/forum/pictures:0.5": service(8080),
    "docker.io/mail/maildev:2": service(1080, 1025),
    "docker.io/printer/printer:8.34": service(3000),
    "docker.io/pushes/pushes:1.0": service(8000),
    "docker.io/racks/racks:v4.1-3.0": service(
        8080, rows=_RACKS, queue="redis://:{REDIS_PASSWORD}@{REDIS_HOST}", worker="worker"
    ),
    "docker.io/reader/reader:latest": service(9998),
    "docker.io/sensors/bridge:4": service(3001),
    "docker.io/sensors/rest:4": service(8090, queue="mqtt://mosquitto", rows="http://sensors:8080"),
    "docker.io/sensors/sensors:4": service(
        8080,
        rows="postgres://sensors:sensors@{ROWS_HOST}/sensors",
        queue="mqtt://{MQTT_BROKER_HOST}",
        worker="/etc/sensors",
    ),
    "docker.io/shelf/erp:v15.2": service(
        8000,
        8080,
        rows="mysql://root:abc@rows/shelf",
        queue="redis://jobs",
        worker="bench worker",
    ),
    "docker.io/siem/indexer:5.0.1": service(9200),
    "docker.io/siem/manager:5.0.1": service(1514, 55000),
    "docker.io/siem/pages:5.0.1": service(5601),
    "docker.io/stats/stats:v2.0": SHELL,
    "docker.io/steps/auto-setup:1.29.1": service(
        7233, rows="postgres://{POSTGRES_USER}:{POSTGRES_PWD}@{POSTGRES_SEEDS}/{POSTGRES_USER}"
    ),
    "docker.io/steps/tools:1.29.1-tctl": Start(("bash",)),
    "docker.io/steps/ui:2.34.0": service(8080, rows="http://{STEPS_ADDRESS}"),
    "docker.io/streams/broker:8.2.0": service(9092, 9101, 29092),
    "docker.io/streams/connect:8.2.0": service(8083),
    "docker.io/streams/schemas:8.2.0": service(8081),
    "docker.io/watch/proxy:alpine-7.2-latest": service(10051),
    "docker.io/watch/server:alpine-7.2-latest": service(10051, rows=_WATCH),
    "docker.io/watch/web:alpine-7.2-latest": service(8080, rows=_WATCH),
    "ghcr.io/bazaar/flags:v0.12": service(8013),
    "ghcr.io/chat/chat-server:12.1-0": service(
        25,
        80,
        rows=f"postgres://chat:{{<|{_ROWS_OF_CHAT}}}@{{SETTING_ROWS_HOST}}/chat",
        queue=f"redis://:{{<|{_JOBS_OF_CHAT}}}@{{SETTING_JOBS_HOST}}",
        worker="^$",
    ),
    "ghcr.io/meet/bridge:unstable": service(8080),
    "ghcr.io/meet/web:unstable": service(8000, 8443, rows="http://bridge:8080"),
    "ghcr.io/meet/xmpp:unstable": service(5222, 5280, 5347),
    "ghcr.io/papers/papers:latest": service(
        8000,
        rows="postgres://papers:papers@{PAPERS_DBHOST}/papers",
        queue="{PAPERS_REDIS}",
        worker="^$",
    ),
    "ghcr.io/posts/posts:v4.3": service(
        3000, rows=_POSTS, queue="redis://{CACHE_HOST}", worker="later"
    ),
    "ghcr.io/posts/stream:v4.3": service(4000, rows=_POSTS),
    "ghcr.io/threats/smtp:1.1.3": service(25),
    "ghcr.io/visits/visits:latest": service(3000, rows="{DATABASE_URL}"),
}
# what the originals name, as far as a stand-in can play it
_N8N = "{DB_POSTGRESDB_USER}:{DB_POSTGRESDB_PASSWORD}@{DB_POSTGRESDB_HOST}/{DB_POSTGRESDB_DATABASE}"
_GITLAB = "POSTGRES_USER=$DB_USER POSTGRES_PASSWORD=$DB_PASS POSTGRES_DB=$DB_NAME"
PUBLISHED = {
    "docker.io/apache/tika:latest": service(9998),
    "docker.io/bytemark/smtp:latest": service(25),
    "docker.io/caronc/apprise:1.0": service(8000),
    "docker.io/chirpstack/chirpstack:4": service(
        8080,
        rows="postgres://chirpstack:chirpstack@{POSTGRESQL_HOST}/chirpstack",
        queue="mqtt://{MQTT_BROKER_HOST}",
        worker="/etc/chirpstack",
    ),
    "docker.io/chirpstack/chirpstack-gateway-bridge:4": service(3001),
    "docker.io/chirpstack/chirpstack-rest-api:4": service(
        8090, queue="mqtt://mosquitto", rows="http://chirpstack:8080"
    ),
    "docker.io/clickhouse/clickhouse-server:23.3.7.5-alpine": service(8123, 9000),
    "docker.io/cnfldemos/flink-kafka:1.19.1-scala_2.12-java17": service(9081),
    "docker.io/cnfldemos/flink-sql-client-kafka:1.19.1-scala_2.12-java17": service(8083),
    "docker.io/cnfldemos/kafka-connect-datagen:0.6.4-7.6.0": service(8083),
    "docker.io/confluentinc/cp-kafka:8.2.0": service(9092, 9101, 29092),
    "docker.io/confluentinc/cp-kafka-rest:8.2.0": service(8082),
    "docker.io/confluentinc/cp-ksqldb-server:8.2.0": service(8088),
    "docker.io/confluentinc/cp-schema-registry:8.2.0": service(8081),
    "docker.io/frappe/erpnext:v16.32.3": service(
        8000,
        8080,
        rows="mysql://root:123@db/mysql",
        queue="redis://redis-queue",
        worker="bench worker",
    ),
    "docker.io/gotenberg/gotenberg:8.34": service(3000),
    "docker.io/kkimurak/sameersbn-postgresql:17": Start(
        ("postgres",), ("sh", "-c", f'{_GITLAB} exec docker-entrypoint.sh "$0"')
    ),
    "docker.io/library/rabbitmq:3.8-management-alpine": service(5672, 15672),
    "docker.io/n8nio/runners:stable": service(5680),
    "docker.io/plausible/analytics:v2.0": service(
        8000, rows="postgres://postgres:postgres@plausible_db/postgres"
    ),
    "docker.io/sameersbn/gitlab:19.2.0": service(
        80, 22, rows="postgres://{DB_USER}:{DB_PASS}@{DB_HOST}/{DB_NAME}"
    ),
    "docker.io/selenium/hub:4.25.0-20241024": service(4442, 4443, 4444),
    **{
        f"docker.io/selenium/node-{name}:4.25.0-20241024": service(5555)
        for name in ("chrome", "edge", "firefox")
    },
    "docker.io/taigaio/taiga-back:latest": service(8000, rows=_BOARD),
    "docker.io/taigaio/taiga-events:latest": service(8888),
    "docker.io/taigaio/taiga-front:latest": service(80, rows="http://taiga-back:8000"),
    "docker.io/taigaio/taiga-protected:latest": service(8003),
    "docker.io/temporalio/admin-tools:1.29.1-tctl-1.18.4-cli-1.5.0": Start(("bash",)),
    "docker.io/temporalio/auto-setup:1.29.1": service(
        7233, rows="postgres://{POSTGRES_USER}:{POSTGRES_PWD}@{POSTGRES_SEEDS}/{POSTGRES_USER}"
    ),
    "docker.io/temporalio/ui:2.34.0": service(8080, rows="http://{TEMPORAL_ADDRESS}"),
    "docker.n8n.io/n8nio/n8n:stable": service(
        5678, rows=f"postgres://{_N8N}", queue="redis://{QUEUE_BULL_REDIS_HOST}", worker="worker"
    ),
    "ghcr.io/jitsi/jicofo:unstable": service(8888),
    "ghcr.io/jitsi/jvb:unstable": service(8080),
    "ghcr.io/jitsi/prosody:unstable": service(5222, 5280, 5347),
    "ghcr.io/jitsi/web:unstable": service(80, 443),
    "ghcr.io/paperless-ngx/paperless-ngx:latest": service(
        8000,
        rows="postgres://paperless:paperless@{PAPERLESS_DBHOST}/paperless",
        queue="{PAPERLESS_REDIS}",
        worker="^$",
    ),
    "ghcr.io/umami-software/umami:latest": service(3000, rows="{DATABASE_URL}"),
    "mcr.microsoft.com/devcontainers/go:1-trixie": SHELL,
}
IMAGES: Mapping[str, Start] = {
    **{
        f"docker.io/library/{name}:{tag}": start
        for name, (start, tags) in OFFICIAL.items()
        for tag in tags.split()
    },
    **{
        f"docker.io/valkey/valkey:{tag}": REDIS
        for tag in ["7.2", "8", "8.0-alpine", "8.1-alpine", "9-alpine", "9.0-alpine"]
    },
    **OWN,
    **PUBLISHED,
}


def build() -> Path:
    """The archive, made once for each root, set of programs and table."""
    root = rootfs.build()
    made = CACHE / f"stand-in-images-{_digest()}.tar"
    if not made.exists():
        new = CACHE / f".stand-in-images-{os.getpid()}.tar"
        _write(new, root, _programs())
        new.replace(made)
        for old in CACHE.glob("stand-in-images-*.tar"):
            if old != made:
                old.unlink()
    return made


def _digest() -> str:
    table = [f"{name} {start.configuration(['root'], '')!r}" for name, start in IMAGES.items()]
    return digest(rootfs.recipe(), hashlib.sha256(_programs()).hexdigest(), *table)


def _programs() -> bytes:
    """A layer of what lies in image/root."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path in sorted(path for path in PROGRAMS.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(str(path.relative_to(PROGRAMS)))
            entry.size = path.stat().st_size
            entry.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            tar.addfile(entry, io.BytesIO(path.read_bytes()))
    return packed.getvalue()


def _write(archive: Path, root: Path, programs: bytes) -> None:
    with root.open("rb") as file:
        layers = [hashlib.file_digest(file, "sha256").hexdigest()]
    layers.append(hashlib.sha256(programs).hexdigest())
    named: dict[bytes, list[str]] = {}
    for name, start in IMAGES.items():
        named.setdefault(start.configuration(layers, _digest()), []).append(name)
    manifest = []
    with tarfile.open(archive, "w") as tar:
        tar.add(root, f"{layers[0]}.tar")
        _add(tar, f"{layers[1]}.tar", programs)
        for configuration, names in named.items():
            file_name = f"{hashlib.sha256(configuration).hexdigest()}.json"
            _add(tar, file_name, configuration)
            layer_files = [f"{each}.tar" for each in layers]
            manifest.append({"Config": file_name, "RepoTags": names, "Layers": layer_files})
        _add(tar, "manifest.json", json.dumps(manifest).encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))


def load(place: Place) -> None:
    """Have the images there; the archive travels only where other ones are."""
    engine = _engine(place)
    archive = build()
    ask = [engine, "image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}']
    there = place.run([*ask, *IMAGES], check=False)
    if there.returncode == 0 and set(there.stdout.split()) == {_digest()}:
        return
    if place.host is None:
        place.run([engine, "load", "--quiet", "--input", str(archive)])
    else:
        carried = "/var/tmp/stand-in-images.tar"
        incus("file", "push", str(archive), f"{place.host.name}{carried}")
        place.host.run([engine, "load", "--quiet", "--input", carried], timeout=600)
        place.run(["rm", carried])
    # those of an older archive, which have lost their names
    place.run([engine, "image", "prune", "--force", "--filter", f"label={LABEL}"])


def remove(place: Place) -> None:
    place.run([_engine(place), "rmi", "--force", *IMAGES], check=False)


def _engine(place: Place) -> str:
    found = place.run(["sh", "-c", "command -v podman || command -v docker"]).stdout
    return Path(found.strip()).name
