"""A package archive for hosts that have no way out, served over HTTP on the lab's bridge."""

import os
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tests.lab.command import await_until, run, say
from tests.lab.daemon import Daemon
from tests.lab.debian import sources
from tests.lab.layout import ARCHIVE_PORT, ARCHIVE_URL, CACHE, GATEWAY, STATE
from tests.lab.recipe import SUITES, archived, digest

SERVER = Daemon("archive")
SERVED = STATE / "archive"

# what mmdebstrap's variant `minbase` takes by itself
BASE = ("?essential", "?priority(required)", "apt")


def source_line(suite: str) -> str:
    return f"deb [trusted=yes] {ARCHIVE_URL}/{suite} ./"


def build() -> None:
    wanted = [name for suite in SUITES for name in (suite, *archived(suite))]
    folder = CACHE / f"archive-{digest(*BASE, *wanted)}"
    for suite in SUITES:
        if not (folder / suite).is_dir():
            say(f"fetching the packages of {suite}")
            build_suite(suite, folder / suite)
    link = STATE / "archive.new"
    link.unlink(missing_ok=True)
    link.symlink_to(folder)
    link.replace(SERVED)


def build_suite(suite: str, target: Path) -> None:
    """By an apt whose status is empty, so that it takes every dependency there is."""
    work = target.with_name(f"{suite}.new")
    shutil.rmtree(work, ignore_errors=True)
    archives = work / "cache" / "archives"
    (archives / "partial").mkdir(parents=True)
    (work / "state" / "lists" / "partial").mkdir(parents=True)
    (work / "status").touch()
    listed = work / "sources.list"
    listed.write_text("".join(source.line() + "\n" for source in sources(suite)))
    settings = {
        "Dir::Etc::SourceList": str(listed),
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Preferences": "/dev/null",
        "Dir::Etc::PreferencesParts": "/dev/null",
        "Dir::State": str(work / "state"),
        "Dir::State::status": str(work / "status"),
        "Dir::Cache": str(work / "cache"),
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-q", "-y"]
    for name, value in settings.items():
        apt += ["-o", f"{name}={value}"]
    run([*apt, "update"])
    run([*apt, "install", "--download-only", *BASE, *archived(suite)])
    shutil.rmtree(archives / "partial")
    (archives / "lock").unlink(missing_ok=True)
    index = run(["apt-ftparchive", "packages", "."], cwd=archives).stdout
    (archives / "Packages").write_text(index)
    # the suite's name is what mmdebstrap chooses the essential packages by
    named = [f"-oAPT::FTPArchive::Release::{field}={suite}" for field in ("Suite", "Codename")]
    release = run(["apt-ftparchive", *named, "release", "."], cwd=archives).stdout
    (archives / "Release").write_text(release)
    archives.replace(target)
    shutil.rmtree(work)


def serve() -> None:
    if SERVER.pid() is None:
        SERVER.start(
            [
                sys.executable,
                "-m",
                "http.server",
                "--bind",
                GATEWAY,
                "--directory",
                str(SERVED),
                str(ARCHIVE_PORT),
            ],
            env=dict(os.environ),
        )
    await_until(answers, 10, f"{ARCHIVE_URL} doesn't answer; its log is {SERVER.log}")


def answers() -> bool:
    # straight there: a proxy of the environment knows nothing of the bridge
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{ARCHIVE_URL}/{SUITES[0]}/Release", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False
