"""The one root below all stand-ins: packages of Debian, taken apart without being installed."""

import os
from pathlib import Path

from tests.lab.command import run, say
from tests.lab.debian import sources
from tests.lab.layout import CACHE
from tests.lab.recipe import digest

SCRIPTS = Path(__file__).resolve().parent / "image"
SUITE = "bookworm"
PACKAGES = (
    # a shell and what health checks call
    "base-files",
    "base-passwd",
    "libc-bin",
    "bash",
    "dash",
    "coreutils",
    "sed",
    "grep",
    "mawk",
    "findutils",
    "hostname",
    "netbase",
    "procps",
    "util-linux",
    "curl",
    "wget",
    "netcat-openbsd",
    "gettext-base",
    # what stacks are made of
    "postgresql-15",
    "mariadb-server",
    "redis-server",
    "memcached",
    "mosquitto",
    "mosquitto-clients",
    "nats-server",
    "nginx-light",
    "nodejs",
    "node-pg",
    "node-redis",
    "python3",
    "python3-paho-mqtt",
    "python3-psycopg2",
    "python3-pymysql",
    "python3-redis",
)


def recipe() -> str:
    texts = [(SCRIPTS / name).read_text() for name in ("links.sh", "trim.sh")]
    return digest(SUITE, *PACKAGES, *texts)


def build() -> Path:
    """A tar of the root, about 300 MB, made once for each recipe."""
    made = CACHE / f"stand-ins-{recipe()}.tar"
    if made.exists():
        return made
    say("building the root of the stand-ins, about half a minute")
    CACHE.mkdir(parents=True, exist_ok=True)
    new = CACHE / f".stand-ins-{os.getpid()}.tar"
    run(
        [
            "mmdebstrap",
            "--variant=extract",
            f"--include={','.join(PACKAGES)}",
            f'--setup-hook=sh {SCRIPTS}/links.sh "$1"',
            f'--extract-hook=sh {SCRIPTS}/trim.sh "$1"',
            SUITE,
            str(new),
            *(source.line() for source in sources(SUITE)),
        ]
    )
    new.replace(made)
    for old in CACHE.glob("stand-ins-*.tar"):
        if old != made:
            old.unlink()
    return made
