"""What the hosts are made of. A changed recipe is another digest, hence another image."""

import hashlib
from dataclasses import dataclass

from tests.lab.layout import ARCHIVE_URL, IMAGE_SCRIPTS

BARE = (
    "systemd-sysv",
    "udev",
    "dbus",
    "libpam-systemd",
    "openssh-server",
    "iproute2",
    "python3",
)

# what role `host` installs
ENGINE = (
    "podman",
    "runc",
    "netavark",
    "aardvark-dns",
    "nftables",
    "iptables",
    "catatonit",
    "uidmap",
    "slirp4netns",
    "passt",
    "fuse-overlayfs",
    "busybox-static",
    "rsync",
    "cron",
)

SERVER = (
    *BARE,
    *ENGINE,
    "podman-compose",
    "python3-yaml",
    "curl",
    "ca-certificates",
    "dbus-user-session",
)

# as Debian 13 has it: its docker.io only recommends the command, which recommends the others
DOCKER = (
    *BARE,
    "docker.io",
    "docker-cli",
    "docker-compose",
    "docker-buildx",
    "iptables",
    "busybox-static",
    "rsync",
    "cron",
    "curl",
    "ca-certificates",
)

# in the archive beside these: python3-apt is what Ansible's apt module asks for
ARCHIVE = (*SERVER, "python3-apt", "crun", "sudo", "procps")


@dataclass(frozen=True)
class Recipe:
    name: str
    suite: str
    packages: tuple[str, ...]
    scripts: tuple[str, ...]
    # a third of all files, of which each host costs time to make and to remove
    left_out: tuple[str, ...] = ("/usr/share/doc", "/usr/share/man", "/usr/share/locale")

    @property
    def digest(self) -> str:
        texts = [(IMAGE_SCRIPTS / script).read_text() for script in self.scripts]
        return digest(self.suite, ARCHIVE_URL, *self.packages, *self.left_out, *texts)

    @property
    def alias(self) -> str:
        return f"{self.name}-{self.digest}"


def digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:12]


# made like the server called CoulombCore: an older podman, short image names refused
BOOKWORM = Recipe("bookworm-server", "bookworm", SERVER, ("base.sh", "engine.sh", "qualified.sh"))
TRIXIE = Recipe("trixie-server", "trixie", SERVER, ("base.sh", "engine.sh"))
TRIXIE_DOCKER = Recipe("trixie-docker", "trixie", DOCKER, ("base.sh",))
TRIXIE_BARE = Recipe("trixie-bare", "trixie", BARE, ("base.sh",))

RECIPES = (BOOKWORM, TRIXIE, TRIXIE_DOCKER, TRIXIE_BARE)
SUITES = tuple(dict.fromkeys(recipe.suite for recipe in RECIPES))


def archived(suite: str) -> tuple[str, ...]:
    """What the archive of a suite has to have, with all that it depends on."""
    made = (name for recipe in RECIPES if recipe.suite == suite for name in recipe.packages)
    return tuple(dict.fromkeys((*ARCHIVE, *made)))
