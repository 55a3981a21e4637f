"""Role `host`: from a bare machine to a host that ends leases by itself.

h4 is put back to bare first, if it isn't, and in the end. h1 and h2 stay prepared.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import program, timer, trial
from tests.lab.command import await_until
from tests.lab.doors import ROOT, Controller, Said, recap
from tests.lab.hosts import Host
from tests.lab.listing import here, whole_listing
from tests.lab.places import HERE

pytestmark = [pytest.mark.lab, pytest.mark.on("h4")]

STATE = "/var/lib/sandboxer"
TIMER = f"{timer.NAME}.timer"
# the timer fires once a minute, and a pass takes a while
MINUTE = 75.0
CONF_D = "/etc/containers/containers.conf.d"
# an engine that is told to use a runtime that isn't there
BROKEN = '[engine]\nruntime="crun"\n'
RELEASE = "/usr/lib/os-release"


@pytest.fixture(scope="module")
def bare(lab: dict[str, Host]) -> Iterator[Host]:
    host = lab["h4"]
    if host.run(["test", "-e", STATE], check=False).returncode == 0:
        host.reset()
    yield host
    host.reset()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def controller(home: Path) -> Controller:
    # no connection is kept: once a play has ended nothing of the controller runs
    return Controller(home, environment={"ANSIBLE_SSH_ARGS": "-o ControlMaster=no"})


@pytest.fixture
def prepared(controller: Controller, bare: Host) -> Host:
    prepare(controller, bare)
    return bare


def prepare(controller: Controller, host: Host, **variables: Any) -> Said:
    said = controller.playbook("prepare", host=host.name, **variables)
    assert said.status == 0, said
    return said


def refused(said: Said) -> Any:
    """The error of a play that failed, from its own output."""
    assert said.status != 0, said
    text = said.out[said.out.index('"sandboxer_error": ') + len('"sandboxer_error": ') :]
    return json.JSONDecoder().raw_decode(text)[0]


def put(host: Host, path: str, text: str) -> None:
    host.run(["sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1"', "sh", path], stdin=text)


def read(host: Host, path: str) -> str:
    return host.run(["cat", path]).stdout


def ask(host: Host, verb: str) -> Any:
    """The installed host program, past the controller."""
    argv = ["/usr/bin/python3", "-I", "-S", f"{STATE}/programs/read-1.pyz", verb]
    return json.loads(host.run(argv, stdin="{}").stdout)


def beat(host: Host, state: str = STATE) -> float:
    found = host.run(["cat", f"{state}/beat.json"], check=False)
    return float(json.loads(found.stdout)["boot"]) if found.returncode == 0 else 0.0


def settled(host: Host) -> dict[str, list[str]]:
    """The listing, without what the engine's packages and its last container leave for a moment."""
    host.run(["systemctl", "stop", "netavark-dhcp-proxy.service"])  # ends 30 s after its package
    await_until(lambda: "aardvark-dns" not in whole_listing(host.run)["processes"], 10, "it ends")
    return whole_listing(host.run)


def is_on(host: Host) -> bool:
    argv = ["systemctl", "is-enabled", TIMER]
    return host.run(argv, check=False).stdout == "enabled\n" and is_active(host)


def is_active(host: Host) -> bool:
    return host.run(["systemctl", "is-active", TIMER], check=False).stdout == "active\n"


# On a bare machine. Whatever is asked for the first time stands before the first test that
# takes `prepared`.


def test_a_check_writes_nothing(controller: Controller, bare: Host) -> None:
    before = whole_listing(bare.run)
    bare.run(["touch", "/run/marker"])
    said = controller.playbook("prepare", host="h4", check=True)
    assert said.status == 0, said
    assert recap(said, "h4")["changed"] == 1
    for line in ("-missing package podman", "+folder /srv/sandboxer 0755", "+OnCalendar=minutely"):
        assert line in said.out
    find = "find /etc /srv /usr /var/lib /root -newer /run/marker ! -path '/var/lib/systemd*'"
    assert bare.run(["sh", "-c", find]).stdout == ""
    assert whole_listing(bare.run) == before


def test_only_debian(controller: Controller, bare: Host) -> None:
    put(bare, "/root/os-release", 'ID=ubuntu\nVERSION_ID="24.04"\n')
    bare.run(["mount", "--bind", "/root/os-release", RELEASE])
    try:
        error = refused(controller.playbook("prepare", host="h4"))
    finally:
        bare.run(["umount", RELEASE])
    assert error["code"] == "host_unsupported"
    assert "ubuntu 24.04" in error["message"]
    assert bare.run(["test", "-e", STATE], check=False).returncode == 1


def test_packages_that_cannot_be_had(controller: Controller, bare: Host) -> None:
    bare.run(["mv", "/etc/apt/sources.list", "/root/"])
    put(bare, "/etc/apt/sources.list", "deb [trusted=yes] http://10.77.0.1:9/trixie ./\n")
    try:
        error = refused(controller.playbook("prepare", host="h4"))
    finally:
        bare.run(["mv", "/root/sources.list", "/etc/apt/"])
    assert error["code"] == "packages_missing"
    assert "podman" in error["message"]
    assert bare.run(["test", "-e", STATE], check=False).returncode == 1


def test_from_bare_to_prepared(controller: Controller, bare: Host) -> None:
    assert bare.run(["sh", "-c", "command -v podman"], check=False).stdout == ""
    first = prepare(controller, bare)
    assert f"sandboxer: h4: wrote {timer.TIMER}: " in first.out
    assert recap(first, "h4")["changed"] == 2  # packages, and the host
    facts = json.loads(read(bare, f"{STATE}/host.json"))
    assert (facts["ports"], facts["reaper"]) == ([20000, 29999], "systemd")
    assert bare.run(["id", "-un", facts["run_account"]]).stdout == "sandboxer-run\n"
    assert is_on(bare)
    assert beat(bare) > 0
    # the trial left nothing
    found = whole_listing(bare.run)
    for kind in ("containers", "images", "volumes", "folders", "mounts"):
        assert found[kind] == [], kind
    assert [line.split()[1] for line in found["networks"]] == ["podman"]

    second = prepare(controller, bare)
    assert recap(second, "h4")["changed"] == 0
    assert "wrote" not in second.out
    assert json.loads(read(bare, f"{STATE}/host.json")) == facts


# On a prepared one.


def test_the_second_run_makes_no_trial(controller: Controller, prepared: Host) -> None:
    """Without busybox no trial image can be made."""
    prepared.run(["mv", "/bin/busybox", "/root/"])
    try:
        again = prepare(controller, prepared)
    finally:
        prepared.run(["mv", "/root/busybox", "/bin/"])
    assert recap(again, "h4")["changed"] == 0


def test_the_host_ends_a_lease_by_itself(controller: Controller, prepared: Host) -> None:
    variables = {"host": "h4", "profile": "profile.hello", "name": "short"}
    controller.playbook("create", **variables)
    controller.playbook("destroy", host="h4", name="short")
    before = settled(prepared)
    made = controller.playbook("create", **variables, ttl="10s")
    assert made.status == 0, made
    [shown] = ask(prepared, "list")
    assert (shown["state"], shown["reaper"]) == ("ready", "ok")
    [folder] = prepared.run(["sh", "-c", "stat -c '%a %U %G' /srv/sandboxer/*"]).stdout.splitlines()
    assert folder == "750 root sandboxer-run"
    last, started = beat(prepared), time.monotonic()
    # from here on the test only looks, through Incus
    await_until(lambda: whole_listing(prepared.run) == before, 100, "h4 is clean again")
    assert time.monotonic() - started < 10 + 90
    assert beat(prepared) > last


@pytest.mark.soak
def test_a_reaper_that_stopped(controller: Controller, prepared: Host) -> None:
    prepared.run(["systemctl", "stop", TIMER])
    late = json.loads(read(prepared, f"{STATE}/beat.json"))
    put(prepared, f"{STATE}/beat.json", json.dumps({**late, "boot": late["boot"] - 200}))
    variables = {"host": "h4", "profile": "profile.hello", "name": "late"}
    assert refused(controller.playbook("create", **variables))["code"] == "reaper_late"
    again = prepare(controller, prepared)
    assert recap(again, "h4")["changed"] == 1
    assert is_on(prepared)
    assert controller.playbook("create", **variables).status == 0
    assert controller.playbook("destroy", host="h4", name="late").status == 0


@pytest.mark.soak
def test_a_timer_that_would_not_survive_a_boot(controller: Controller, prepared: Host) -> None:
    prepared.run(["systemctl", "disable", TIMER])
    assert recap(prepare(controller, prepared), "h4")["changed"] == 1
    assert is_on(prepared)


@pytest.mark.soak
def test_a_unit_that_systemd_has_not_read(controller: Controller, prepared: Host) -> None:
    """As a prepare leaves it that was killed before it told systemd."""
    put(prepared, timer.SERVICE, read(prepared, timer.SERVICE))
    assert recap(prepare(controller, prepared), "h4")["changed"] == 1
    assert recap(prepare(controller, prepared), "h4")["changed"] == 0


@pytest.mark.soak
def test_a_timer_whose_command_fails(controller: Controller, prepared: Host) -> None:
    """The proving pass goes by the timer's own line, so it sees what the timer would."""
    override = f"/etc/systemd/system/{timer.NAME}.service.d/broken.conf"
    put(prepared, override, "[Service]\nExecStart=\nExecStart=/bin/true\n")
    try:
        error = refused(controller.playbook("prepare", host="h4"))
        assert error["code"] == "reaper_failed"
        assert "no beat" in error["message"]
        put(prepared, override, "[Service]\nExecStart=\nExecStart=/bin/false\n")
        error = refused(controller.playbook("prepare", host="h4"))
        assert error["code"] == "reaper_failed"
    finally:
        prepared.run(["rm", "-r", f"/etc/systemd/system/{timer.NAME}.service.d"])
        prepared.run(["systemctl", "daemon-reload"])
        prepared.run(["systemctl", "reset-failed"])
    prepare(controller, prepared)


def test_many_passes_do_not_end_the_timer(prepared: Host) -> None:
    """systemd would refuse the sixth start within ten seconds, the timer's next one too."""
    starts = f"for n in 1 2 3 4 5 6 7 8; do systemctl start {timer.NAME}.service || exit 1; done"
    prepared.run(["sh", "-c", starts])
    assert is_on(prepared)


@pytest.mark.soak
def test_the_range_of_ports_stays_as_it_was_asked_for(
    controller: Controller, prepared: Host
) -> None:
    asked = prepare(controller, prepared, ports_first=21000, ports_last=21001)
    assert recap(asked, "h4")["changed"] == 1
    assert recap(prepare(controller, prepared), "h4")["changed"] == 0
    assert json.loads(read(prepared, f"{STATE}/host.json"))["ports"] == [21000, 21001]
    error = refused(controller.playbook("prepare", host="h4", ports_last=40000))
    assert (error["code"], "32768-60999" in error["message"]) == ("usage", True)
    prepare(controller, prepared, ports_first=20000, ports_last=29999)


@pytest.mark.soak
def test_engine_settings_where_they_help(controller: Controller, prepared: Host) -> None:
    before = settled(prepared)
    put(prepared, f"{CONF_D}/50-broken.conf", BROKEN)
    try:
        error = refused(controller.playbook("prepare", host="h4"))
        assert error["code"] == "engine_failed"
        assert "--fix-engine" in error["hint"]
        assert prepared.run(["ls", CONF_D]).stdout == "50-broken.conf\n"

        fixed = prepare(controller, prepared, fix_engine=True)
        assert f"sandboxer: h4: wrote {trial.SETTINGS_FILE}: runtime=runc" in fixed.out
        assert recap(fixed, "h4")["changed"] == 1
        assert read(prepared, trial.SETTINGS_FILE) == trial.SETTINGS
        for fix_engine in (True, False):
            again = prepare(controller, prepared, fix_engine=fix_engine)
            assert recap(again, "h4")["changed"] == 0
        assert settled(prepared) == before
    finally:
        prepared.run(["rm", "-r", CONF_D])


def test_engine_settings_that_do_not_help_are_taken_back(
    controller: Controller, prepared: Host
) -> None:
    before = settled(prepared)
    put(prepared, f"{CONF_D}/99-broken.conf", BROKEN)
    try:
        error = refused(controller.playbook("prepare", host="h4", fix_engine=True))
        assert (error["code"], "crun" in error["message"]) == ("engine_failed", True)
        assert prepared.run(["ls", CONF_D]).stdout == "99-broken.conf\n"
    finally:
        prepared.run(["rm", "-r", CONF_D])
    assert settled(prepared) == before


@pytest.mark.parametrize("name", ["h1", "h2"])
def test_the_servers(controller: Controller, lab: dict[str, Host], name: str) -> None:
    prepare(controller, lab[name])
    again = prepare(controller, lab[name])
    assert recap(again, name)["changed"] == 0
    checked = controller.playbook("prepare", host=name, check=True)
    assert recap(checked, name)["changed"] == 0
    assert is_on(lab[name])


@pytest.mark.soak
@pytest.mark.on("h1")
def test_cron_where_there_is_no_systemd(
    controller: Controller, lab: dict[str, Host], tmp_path: Path
) -> None:
    """h1's own cron, and a prepare that doesn't see h1's systemd."""
    host, state = lab["h1"], "/var/tmp/sandboxer-cron"
    zipapp = tmp_path / "host.pyz"
    zipapp.write_bytes(program.build(program.sources()))
    push(host, zipapp, "/root/host.pyz")
    script = (
        "mount -t tmpfs none /run/systemd && exec env SANDBOXER_STATE=$1"
        " /usr/bin/python3 -I -S /root/host.pyz prepare"
    )
    argv = ["unshare", "--mount", "sh", "-c", script, "sh", state]
    try:
        first = json.loads(host.run(argv, stdin="{}").stdout)
        assert (first["reaper"], first["changed"]) == ("cron", True)
        assert f"{timer.CRON}: the reaper, each minute" in first["wrote"]
        second = json.loads(host.run(argv, stdin="{}").stdout)
        assert (second["reaper"], second["changed"]) == ("cron", False)
        last = beat(host, f"{state}/state")
        assert last > 0
        await_until(lambda: beat(host, f"{state}/state") > last, MINUTE, "cron has started it")
    finally:
        back = prepare(controller, host)
        host.run(["rm", "-rf", state, "/root/host.pyz"])
    assert f"sandboxer: h1: wrote {timer.CRON}: gone" in back.out
    assert is_on(host)


def push(host: Host, source: Path, target: str) -> None:
    argv = ["python3", "-c", "import sys; open(sys.argv[1], 'wb').write(bytes.fromhex(input()))"]
    host.run([*argv, target], stdin=source.read_bytes().hex())


# This machine, as one with neither systemd nor cron, whatever it has.

HIDDEN = """
[ ! -e /run/systemd ] || mount -t tmpfs none /run/systemd
[ ! -e /run/crond.pid ] || mount --bind /dev/null /run/crond.pid
exec "$@"
"""


@pytest.mark.soak
@pytest.mark.on(HERE)
def test_neither_systemd_nor_cron_is_said_aloud(tmp_path: Path) -> None:
    controller = Controller(
        tmp_path,
        inventory=ROOT / "inventories/local",
        environment={"SANDBOXER_STATE": str(tmp_path / "moved")},
        prefix=("unshare", "--mount", "sh", "-c", HIDDEN, "sh"),
    )
    before = whole_listing(here)
    variables = {"install_packages": False, "run_account": "nobody"}
    first = controller.playbook("prepare", **variables)
    assert first.status == 0, first
    assert "nothing ends a lease" in first.out
    assert "(reaper: none)" in first.out
    assert json.loads((tmp_path / "moved/state/host.json").read_text())["reaper"] == "none"
    second = controller.playbook("prepare", **variables)
    assert recap(second, "localhost")["changed"] == 0
    assert "(reaper: none)" in second.out
    assert whole_listing(here) == before
