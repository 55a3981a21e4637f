"""What this machine's own Debian tells and gives: suites, sources, packages."""

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.lab.command import LabError, run, say

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
BACKPORTS = Path("/etc/apt/sources.list.d/sandboxer-lab.sources")
INCUSD = Path("/usr/libexec/incus/incusd")

# program → package; a program that is there needs no look at dpkg
NEEDS = {
    "dnsmasq": "dnsmasq-base",
    "mmdebstrap": "mmdebstrap",
    "apt-ftparchive": "apt-utils",
    "ip": "iproute2",
    "ssh-keygen": "openssh-client",
}


@dataclass(frozen=True)
class Source:
    uri: str
    suite: str

    def line(self) -> str:
        return f"deb [signed-by={KEYRING}] {self.uri} {self.suite} main"


def codename() -> str:
    release = platform.freedesktop_os_release()
    if release.get("ID") != "debian":
        raise LabError("the lab is built on Debian 12 or 13 only")
    return release["VERSION_CODENAME"]


def sources(suite: str) -> list[Source]:
    """The machine's own Debian sources, told for `suite`."""
    own = codename()
    listed = run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(REPO_URI) $(RELEASE) $(COMPONENT)",
            "Created-By: Packages",
        ]
    ).stdout
    found: dict[Source, None] = {}
    for line in listed.splitlines():
        uri, release, component = line.split()
        if component == "main" and release in (own, f"{own}-updates", f"{own}-security"):
            found[Source(uri, suite + release.removeprefix(own))] = None
    if not found:
        raise LabError(f"apt here knows no Debian source for {own} main")
    return list(found)


def install_programs() -> None:
    wanted = [package for program, package in NEEDS.items() if shutil.which(program) is None]
    incus = not INCUSD.exists()
    if not wanted and not incus:
        return
    say(f"installing {' '.join([*(['incus-base'] if incus else []), *wanted])}")
    if incus and codename() == "bookworm":
        write_backports()
    apt("update")
    if incus:
        # the release option is for this package alone: all else stays the stable one
        release = ["-t", "bookworm-backports"] if codename() == "bookworm" else []
        apt("install", *release, "incus-base")
    if wanted:
        apt("install", *wanted)


def write_backports() -> None:
    main = next(source for source in sources("bookworm") if source.suite == "bookworm")
    BACKPORTS.write_text(
        f"Types: deb\nURIs: {main.uri}\nSuites: bookworm-backports\nComponents: main\n"
        f"Signed-By: {KEYRING}\n"
    )


def apt(verb: str, *words: str) -> None:
    options = ["-q", "-y"]
    if verb == "install":
        options.append("--no-install-recommends")
    run(
        ["apt-get", *options, verb, *words],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
