"""The lab itself: what every other test on real hosts takes for granted."""

import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from tests.lab.access import host_key, ssh_argv
from tests.lab.archive import source_line
from tests.lab.command import await_until
from tests.lab.hosts import Host
from tests.lab.listing import here, whole_listing
from tests.lab.recipe import ENGINE

pytestmark = pytest.mark.lab

IMAGE = "docker.io/library/lab-web:1"
MAKE_IMAGE = """
set -eu
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir -p "$work/bin" "$work/www"
cp /bin/busybox "$work/bin/"
echo "from $(hostname)" > "$work/www/index.html"
tar -C "$work" -c . | podman import --change 'CMD ["/bin/busybox","httpd","-f","-h","/www"]' - "$1"
"""
PORT = 18080


@pytest.fixture(params=["h1", "h2"])
def server(lab: dict[str, Host], request: pytest.FixtureRequest) -> Host:
    return lab[request.param]


@pytest.fixture
def web(server: Host) -> Iterator[Host]:
    """A host on which a web container runs."""
    server.run(["sh", "-c", MAKE_IMAGE, "sh", IMAGE])
    try:
        server.run(["podman", "run", "-d", "--init", "--name=lab-web", f"-p={PORT}:80", IMAGE])
        yield server
    finally:
        server.run(["podman", "rm", "-f", "--ignore", "lab-web"])
        server.run(["podman", "rmi", IMAGE])


def fetch(host: Host) -> str:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"http://{host.address}:{PORT}/", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError as error:
        # httpd inside may not listen yet
        return str(error)


def ssh(host: Host, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(ssh_argv(host, *argv), capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["h1", "h2", "h3", "h4"])
def test_host_answers_over_ssh_under_its_own_name(lab: dict[str, Host], name: str) -> None:
    done = ssh(lab[name], "hostname; systemctl is-system-running")
    assert (done.stdout.split(), done.returncode) == ([name, "running"], 0), done.stderr


def test_every_host_has_a_key_of_its_own(lab: dict[str, Host]) -> None:
    assert len({host_key(host) for host in lab.values()}) == len(lab)


def test_hosts_are_what_they_are_called(lab: dict[str, Host]) -> None:
    versions = {
        name: lab[name].run(["podman", "version", "--format", "{{.Client.Version}}"]).stdout[:3]
        for name in ("h1", "h2")
    }
    assert versions == {"h1": "4.3", "h2": "5.4"}
    docker = lab["h3"].run(["docker", "version", "--format", "{{.Server.Version}}"]).stdout[:4]
    compose = lab["h3"].run(["docker", "compose", "version", "--short"]).stdout[:4]
    assert (docker, compose) == ("26.1", "2.26")
    assert lab["h3"].run(["sh", "-c", "command -v podman"], check=False).stdout == ""
    programs = ["sh", "-c", "command -v podman docker crontab"]
    assert lab["h4"].run(programs, check=False).stdout == ""


def test_published_port_answers_from_outside(web: Host) -> None:
    await_until(lambda: fetch(web) == f"from {web.name}\n", 10, f"{web.name} serves its page")


def test_listing_shows_a_container_and_is_the_same_after_it(server: Host) -> None:
    server.run(["sh", "-c", MAKE_IMAGE, "sh", IMAGE])
    before = whole_listing(server.run)
    server.run(["podman", "run", "-d", "--init", "--name=lab-web", f"-p={PORT}:80", IMAGE])
    try:
        during = whole_listing(server.run)
    finally:
        server.run(["podman", "rm", "-f", "lab-web"])
    after = whole_listing(server.run)
    server.run(["podman", "rmi", IMAGE])
    changed = {name for name in before if before[name] != during[name]}
    assert changed == {"containers", "mounts", "ports", "processes", "runtime"}
    assert after == before


def test_listing_works_on_this_machine() -> None:
    assert whole_listing(here).keys() >= {"folders", "mounts", "ports", "processes", "units"}


@pytest.mark.on("h1")
def test_short_image_names_are_refused(lab: dict[str, Host]) -> None:
    done = lab["h1"].run(["podman", "pull", "busybox"], check=False)
    assert done.returncode != 0
    assert "short-name" in done.stderr


@pytest.mark.on("h2")
def test_frozen_host_is_silent_until_it_is_unfrozen(lab: dict[str, Host]) -> None:
    host = lab["h2"]
    host.freeze()
    try:
        assert not host.answers()
        assert ssh(host, "true").returncode == 255
    finally:
        host.unfreeze()
    assert ssh(host, "true").returncode == 0


@pytest.mark.on("h2")
def test_cut_off_host_lives_on_unreached(lab: dict[str, Host]) -> None:
    host = lab["h2"]
    host.cut()
    try:
        assert not host.answers()
        assert host.run(["hostname"]).stdout == "h2\n"
    finally:
        host.mend()
    await_until(host.answers, 10, "h2 answers again")


@pytest.mark.soak
@pytest.mark.on("h4")
def test_bare_host_installs_from_the_archive_alone_and_is_reset(lab: dict[str, Host]) -> None:
    host = lab["h4"]
    before, key = whole_listing(host.run), host_key(host)
    find = "cat /etc/apt/sources.list $(find /etc/apt/sources.list.d -type f)"
    assert host.run(["sh", "-c", find]).stdout.split() == source_line("trixie").split()
    try:
        host.run(["apt-get", "-q", "update"])
        host.run(["apt-get", "-q", "-y", "install", *ENGINE])
        assert "containers" in whole_listing(host.run)
    finally:
        host.reset()
    assert (whole_listing(host.run), host_key(host)) == (before, key)
    assert ssh(host, "true").returncode == 0
