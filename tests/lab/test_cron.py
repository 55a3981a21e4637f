"""cron as a door: h4, without a way out, is a controller from a wheelhouse; h1 is its host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import timer
from tests.lab.access import host_key
from tests.lab.command import await_until, run
from tests.lab.doors import ROOT, Controller
from tests.lab.hosts import Host
from tests.lab.incus import incus
from tests.lab.layout import SSH_KEY
from tests.lab.listing import whole_listing

pytestmark = [pytest.mark.lab, pytest.mark.soak]

# cron looks once a minute; a job takes its time
MINUTE = 100.0
FOLDER = "/etc/sandboxer-cron"
LOG, STATUS = "/var/log/sandboxer.log", "/var/log/sandboxer.status"
PROGRAM = f"/opt/sand-boxer/bin/sandboxer -i {FOLDER}/hosts.yml"
CREATE = f"{PROGRAM} create --profile profile.hello --host h1 --name nightly --ttl 30s --quiet"
REAP = f"{PROGRAM} reap --host h1 --quiet"

# as scripts/wheelhouse.sh says
INSTALL = """
set -eu
apt-get -q update >/dev/null
apt-get -q -y install cron >/dev/null
python3 -m venv --without-pip /opt/sand-boxer
PYTHONPATH=$(echo /opt/wheels/pip-*.whl) /opt/sand-boxer/bin/python -m pip install \
    --quiet --no-index --find-links /opt/wheels sand-boxer
"""


@pytest.fixture
def controller(lab: dict[str, Host], tmp_path: Path) -> Iterator[Host]:
    """h4 with the program and cron, and everything that it needs to log in on h1."""
    h1, h4 = lab["h1"], lab["h4"]
    wheels = tmp_path / "wheels"
    run([str(ROOT / "scripts/wheelhouse.sh"), str(wheels), "3.13"])
    values = {
        "ansible_host": h1.address,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": f"{FOLDER}/key",
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={FOLDER}/known_hosts",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    files = {
        "key": SSH_KEY.read_text(),
        "known_hosts": f"{h1.address} {host_key(h1)}\n",
        "hosts.yml": json.dumps({"all": {"hosts": {"h1": values}}}),
    }
    try:
        incus("file", "push", "--recursive", str(wheels), "h4/opt/")
        h4.run(["mkdir", "-m", "0700", FOLDER])
        for name, text in files.items():
            h4.run(["sh", "-c", f"umask 077; cat > {FOLDER}/{name}"], stdin=text)
        h4.run(["sh", "-c", INSTALL], timeout=300)
        yield h4
    finally:
        h4.reset()


@pytest.fixture
def host(lab: dict[str, Host], tmp_path: Path) -> Iterator[Host]:
    """h1, prepared, and then with its own timer stopped: only the controller reaps."""
    h1 = lab["h1"]
    home = Controller(tmp_path)
    assert home.sandboxer("host", "prepare", "h1").status == 0
    made = home.sandboxer("create", "--profile", "profile.hello", "--host", "h1", "--name", "warm")
    assert made.status == 0, made
    assert home.sandboxer("destroy", "warm", "--host", "h1").status == 0
    h1.run(["systemctl", "start", f"{timer.NAME}.service"])
    h1.run(["systemctl", "stop", f"{timer.NAME}.timer"])
    try:
        yield h1
    finally:
        h1.run(["systemctl", "start", f"{timer.NAME}.timer"])


def crontab(host: Host, *commands: str) -> None:
    """Each command each minute. cron gives it HOME, LOGNAME, SHELL, a short PATH and no more."""
    lines = [f"* * * * * {one} >>{LOG} 2>&1; echo $? >>{STATUS}\n" for one in commands]
    host.run(["crontab", "-"], stdin="".join(lines))


def lines(host: Host, path: str) -> list[str]:
    return host.run(["cat", path], check=False).stdout.splitlines()


def test_a_controller_that_has_cron_and_no_internet(controller: Host, host: Host) -> None:
    before = whole_listing(host.run)
    # Two of the same in one minute: the host's own locks let one make it and the other follow.
    crontab(controller, CREATE, CREATE, REAP)
    await_until(lambda: len(lines(controller, STATUS)) >= 3, MINUTE, "the jobs have run")
    crontab(controller, REAP)
    said = lines(controller, LOG)
    assert lines(controller, STATUS)[:3] == ["0", "0", "0"], said
    [made] = said  # by the one that made it; the other two changed nothing and are silent
    found = controller.run(["sh", "-c", f"{PROGRAM} show nightly --host h1 --json"]).stdout
    assert (json.loads(found)["id"], json.loads(found)["state"]) == (made, "ready")

    def seen() -> str:
        by_cron = [*lines(controller, LOG), *lines(controller, STATUS)]
        shown = controller.run(["sh", "-c", f"{PROGRAM} list --host h1"], check=False).stdout
        return "\n".join([*by_cron, shown, *lines(host, "/var/lib/sandboxer/beat.json")])

    await_until(lambda: len(lines(controller, LOG)) > 1, MINUTE, "it was reaped", seen)
    assert lines(controller, LOG) == [made, made]
    assert set(lines(controller, STATUS)) == {"0"}
    assert whole_listing(host.run) == before
