"""What doctor says of this machine and of hosts, and what it exits with."""

from __future__ import annotations

import importlib.metadata
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import clock, reap
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State
from sandboxer_cli import __version__, connection, doctor
from sandboxer_cli.doctor import checks, controller, host
from sandboxer_cli.doctor.row import fail, warn
from sandboxer_cli.errors import ProvisioningFailed, TryAgain
from tests.sshd import Sshd, free_port

pytestmark = pytest.mark.usefixtures("quiet_surroundings")

PROGRAM = Path(sys.executable).with_name("sandboxer")
# what the script on a host calls; all else a test says itself
TOOLS = ("cat", "cut", "date", "df", "head", "id", "python3", "sed", "tail", "timeout", "tr")
PODMAN = """\
#!/bin/sh
echo 'WARN a warning, and then the answer' >&2
cat >/dev/null # takes what it can get
case $1 in
--version) echo podman version 5.4.2 ;;
ps) echo 0123456789ab ;;
esac
"""
REGISTRIES = """\
# unqualified-search-registries = ["not.example"]
unqualified-search-registries = [
  "docker.io", # comes first
  'quay.io:443',
]
short-name-mode = "enforcing"
"""


@dataclass
class Box:
    """A host: the private sshd, with programs and a state of its own."""

    sshd: Sshd
    programs: Path
    state: State

    def program(self, name: str, text: str) -> None:
        path = self.programs / name
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def prepared(self, reaper: str = "systemd", ago: float = 5, boot_id: str = "") -> None:
        """As role `host` leaves it, the reaper's last pass so many seconds ago."""
        root = Path(self.state.root)
        root.mkdir(parents=True, exist_ok=True)
        Path(self.state.host_file).write_text(json.dumps({"uuid": "u", "reaper": reaper}, indent=1))
        now = clock.now()
        at = clock.Now(now.wall - ago, now.boot - ago, boot_id or now.boot_id)
        Path(self.state.beat_file).write_text(json.dumps(at._asdict(), indent=1))

    def rows(self, **variables: object) -> dict[str, doctor.Row]:
        way = connection.reach("box", [self.sshd.inventory(**variables)])
        return {row["check"]: row for row in host.check(way)}


@pytest.fixture
def box(sshd: Sshd, tmp_path: Path) -> Box:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    sshd.stop()
    moved = str(tmp_path / "moved")
    # nothing that is called lies in /usr/sbin
    environment = {"PATH": f"{programs}:/usr/sbin", "SANDBOXER_STATE": moved, "HOME": str(tmp_path)}
    (tmp_path / "registries").write_text(REGISTRIES)
    sshd.start({**environment, "CONTAINERS_REGISTRIES_CONF": str(tmp_path / "registries")})
    made = Box(sshd, programs, State(str(tmp_path / "moved/state"), str(tmp_path / "moved/srv")))
    made.program("podman", PODMAN)
    # of a machine that is well, whatever the one is that runs this
    made.program("id", '#!/bin/sh\n[ "$1" = -u ] && echo 0 || echo root\n')
    made.program("df", "#!/bin/sh\necho '/dev/vda 264212084 27495692 78895220 26% /'\n")
    return made


def said(row: doctor.Row) -> tuple[str, int]:
    return row["result"], row["exit_status"]


def tree(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.lstat().st_mtime_ns) for path in folder.rglob("*"))


def test_a_host_that_is_well(box: Box, tmp_path: Path) -> None:
    box.prepared()
    before = tree(tmp_path / "moved")
    rows = box.rows()
    assert [row["result"] for row in rows.values()] == ["ok"] * len(rows)
    first = ["connection", "host-key", "account", "python", "path", "engine", "compose"]
    assert list(rows)[:7] == first
    others = {"short-names", "reaper", "subuid", "linger", "disk", "inodes", "memory", "clock"}
    assert others < set(rows)
    assert rows["connection"]["said"].endswith(f"127.0.0.1:{box.sshd.port}")
    assert rows["compose"]["said"].startswith("none is named")
    assert rows["path"]["said"] == f"{box.programs}:/usr/sbin"
    assert rows["engine"]["said"] == "podman 5.4.2"
    searched = "looked for on docker.io, quay.io:443 (mode enforcing)"
    assert rows["short-names"]["said"] == searched
    assert rows["reaper"]["said"].startswith("systemd, ran")
    assert rows["disk"]["said"] == "75.2 GiB free on /"
    assert {row["mend"] for row in rows.values()} == {""}
    assert doctor.exit_status(list(rows.values())) == 0
    assert tree(tmp_path / "moved") == before


def test_it_is_one_login(box: Box) -> None:
    box.rows()
    assert sum("Accepted publickey" in line for line in box.sshd.log) == 1


def test_the_questions_where_sh_is_bash(box: Box) -> None:
    """It reads a script piece by piece: what it calls could take the rest."""
    bash = shutil.which("bash")
    assert bash
    done = subprocess.run(
        [bash, "--posix", "-s", "--"],
        input=host._QUESTIONS.read_bytes(),
        env={"PATH": str(box.programs), "HOME": str(box.programs)},
        capture_output=True,
        check=True,
    )
    assert done.stdout.endswith(b"\nend=1\n")


def test_a_bare_host(box: Box, tmp_path: Path) -> None:
    (box.programs / "podman").unlink()
    rows = box.rows()
    assert said(rows["engine"]) == ("fail", 7)
    assert rows["engine"]["said"].startswith("there is neither podman nor docker in ")
    assert str(box.programs) in rows["engine"]["said"]
    assert rows["engine"]["mend"] == "sandboxer host prepare box"
    assert "short-names" not in rows
    assert said(rows["reaper"]) == ("warn", 0)
    assert rows["reaper"]["mend"] == "sandboxer host prepare box"
    assert doctor.exit_status(list(rows.values())) == 7
    assert not (tmp_path / "moved").exists()


DOCKER = """\
#!/bin/sh
[ "$DOCKER_HOST" = unix:///var/run/docker.sock ] || exit 3
case $* in
"version --format {{.Server.Version}}") echo 26.1.5 ;;
"compose version") echo Docker Compose version v2.26.1 ;;
esac
"""


def test_a_host_that_has_docker(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOXER_COMPOSE_CMD", "docker compose")
    (box.programs / "podman").unlink()
    box.program("docker", DOCKER)
    assert box.rows()["engine"]["result"] == "fail"  # a command alone is for another machine
    box.program("dockerd", "#!/bin/sh\n")
    rows = box.rows()
    assert rows["engine"]["said"] == "docker 26.1.5"
    assert rows["compose"]["said"] == "docker compose 2.26.1"
    assert rows["short-names"]["said"] == "looked for on docker.io"
    box.program("docker", "#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    row = box.rows()["engine"]
    assert said(row) == ("fail", 7)
    assert row["said"] == "docker fails: Cannot connect to the Docker daemon"
    assert "systemctl start docker" in row["mend"]


def test_an_engine_and_a_compose_program_that_are_too_old(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOXER_COMPOSE_CMD", "podman-compose")
    box.program("podman", PODMAN.replace("5.4.2", "4.2.0"))
    box.program("podman-compose", "#!/bin/sh\necho podman-compose version 0.1.11\n")
    rows = box.rows()
    assert said(rows["engine"]) == said(rows["compose"]) == ("fail", 7)
    assert rows["engine"]["said"].startswith("podman 4.2.0 is too old: 4.3 is the least")
    assert rows["compose"]["said"].startswith("podman-compose 0.1.11 is too old: 1.0 is the least")
    assert rows["engine"]["mend"] == "on box: install a newer one"


def test_an_engine_that_fails(box: Box) -> None:
    box.program("podman", "#!/bin/sh\necho 'Error: no space'\necho '\x1b[2Jboom' >&2\nexit 125\n")
    row = box.rows()["engine"]
    assert said(row) == ("fail", 7)
    assert "boom" in row["said"]


@pytest.mark.parametrize(
    ("reaper", "ago", "boot_id", "result", "status"),
    [
        ("systemd", 5, "", "ok", 0),
        ("cron", 170, "", "ok", 0),
        ("cron", 185, "", "fail", 12),
        ("systemd", 5, "another-1", "fail", 12),
        ("none", 5, "", "warn", 0),
    ],
)
def test_the_reaper(
    box: Box, reaper: str, ago: float, boot_id: str, result: str, status: int
) -> None:
    box.prepared(reaper, ago, boot_id)
    row = box.rows()["reaper"]
    assert said(row) == (result, status)
    assert bool(row["mend"]) == (result != "ok")
    library = {"ok": "ok", "fail": "late", "warn": "none"}[result]
    assert reap.beat(box.state, clock.now()) == library


def test_late_is_what_the_host_calls_late() -> None:
    assert checks.LATE_SECONDS == reap.LATE_SECONDS


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"reaper": 3}', "[" * 4000, '{"boot": "x"}', "\x1b[2J\n="]
)
def test_a_state_that_cannot_be_read(box: Box, text: str) -> None:
    box.prepared()
    Path(box.state.beat_file).write_text(text)
    Path(box.state.host_file).write_text(text)
    row = box.rows()["reaper"]
    assert row["result"] in ("warn", "fail")
    assert row["mend"]


@pytest.mark.parametrize(
    ("check", "free", "result", "status"),
    [
        ("disk", 78895220, "ok", 0),
        ("disk", 900_000, "warn", 0),
        ("disk", 90_000, "fail", 6),
        ("inodes", 9_000, "warn", 0),
        ("inodes", 900, "fail", 6),
    ],
)
def test_room(box: Box, check: str, free: int, result: str, status: int) -> None:
    option = {"disk": "-Pk", "inodes": "-Pi"}[check]
    box.program("df", f"#!/bin/sh\n[ $1 = {option} ] && echo '/dev/x 99999999 1 {free} 9% /srv'\n")
    row = box.rows()[check]
    assert said(row) == (result, status)
    assert "/srv" in row["said"]


def test_what_is_not_counted_is_not_judged(box: Box) -> None:
    box.program("df", "#!/bin/sh\necho '/dev/btrfs 0 0 0 - /'\n")
    assert not {"disk", "inodes"} & set(box.rows())


@pytest.mark.parametrize(("by", "word"), [(-3600, "behind"), (+3600, "ahead of")])
def test_a_clock_that_is_wrong(box: Box, by: int, word: str) -> None:
    date = shutil.which("date")
    box.program("date", f"#!/bin/sh\n{date} -d '{by} seconds' \"$@\"\n")
    row = box.rows()["clock"]
    assert said(row) == ("warn", 0)
    assert f"60 min {word} ours" in row["said"]
    assert "timedatectl" in row["mend"]


def test_an_account_that_is_not_root(box: Box) -> None:
    box.program("id", '#!/bin/sh\n[ "$1" = -u ] && echo 1000 || echo eve\n')
    row = box.rows()["account"]
    assert said(row) == ("fail", 2)
    assert "eve" in row["said"]
    assert "ansible_become" in row["mend"]


def test_a_path_of_a_plain_login_without_sbin(box: Box, tmp_path: Path) -> None:
    box.sshd.stop()
    box.sshd.start({"PATH": str(box.programs), "HOME": str(tmp_path)})
    row = box.rows()["path"]
    assert said(row) == ("warn", 0)
    assert row["said"].startswith(f"{box.programs}:")
    assert "add :/usr/sbin to PATH" in row["mend"]


def install(program: str, text: str, home: Path) -> Path:
    """As `pip install --user` does: where a plain login does not look."""
    path = home / ".local/bin" / program
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def mend_by_link(box: Box, mend: str) -> None:
    """Do what it says, with a folder of the test's own for /usr/bin."""
    words = shlex.split(mend.removeprefix("on box: "))
    assert words[:2] == ["ln", "-s"]
    (box.programs / words[3].removeprefix("/usr/bin/")).symlink_to(words[2])


def test_an_engine_that_a_plain_login_does_not_find(box: Box, tmp_path: Path) -> None:
    (box.programs / "podman").unlink()
    installed = install("podman", PODMAN, tmp_path)
    row = box.rows()["engine"]
    assert said(row) == ("fail", 7)
    assert str(installed) in row["said"]
    mend_by_link(box, row["mend"])
    assert box.rows()["engine"]["result"] == "ok"


# as podman-compose 1.0.3, docker compose and docker-compose 1 say it
@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("podman-compose version: 1.0.3\n['podman', '--version']\nusing podman 4.3.1", "1.0.3"),
        ("Docker Compose version v2.24.5", "2.24.5"),
        ("docker-compose version 1.29.2, build 5becea4c", "1.29.2"),
    ],
)
def test_the_compose_program_of_a_host(
    box: Box, monkeypatch: pytest.MonkeyPatch, answer: str, version: str
) -> None:
    monkeypatch.setenv("SANDBOXER_COMPOSE_CMD", "not-this-one")
    box.program("a compose", f'#!/bin/sh\n[ "$1 $2" = "-x version" ] && echo "{answer}"\n')
    rows = box.rows(sandboxer_compose_cmd="{{ program }} -x", program="'a compose'")
    assert said(rows["compose"]) == ("ok", 0)
    assert rows["compose"]["said"] == f"'a compose' -x {version}"


def test_a_compose_program_that_the_environment_names(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOXER_COMPOSE_CMD", "podman-compose")
    box.program("podman-compose", "#!/bin/sh\necho podman-compose version 1.0.3\n")
    assert box.rows()["compose"]["said"] == "podman-compose 1.0.3"
    assert "none is named" in box.rows(sandboxer_compose_cmd="")["compose"]["said"]


def test_a_compose_program_that_is_missing(box: Box) -> None:
    [row] = checks.compose("h", {}, ["podman-compose"])
    assert (*said(row), row["said"]) == ("fail", 7, "there is no podman-compose")
    assert row["mend"] == "on h: apt-get install podman-compose"
    row = box.rows(sandboxer_compose_cmd="my-own up")["compose"]
    assert (*said(row), row["said"]) == ("fail", 7, "there is no my-own")
    assert "sandboxer_compose_cmd" in row["mend"]


def test_a_compose_program_that_a_plain_login_does_not_find(box: Box, tmp_path: Path) -> None:
    installed = install("my-compose", "#!/bin/sh\necho my-compose version 3.1\n", tmp_path)
    row = box.rows(sandboxer_compose_cmd="my-compose")["compose"]
    assert said(row) == ("fail", 7)
    assert str(installed) in row["said"]
    mend_by_link(box, row["mend"])
    assert box.rows(sandboxer_compose_cmd="my-compose")["compose"]["said"] == "my-compose 3.1"


def test_a_compose_program_that_fails(box: Box) -> None:
    box.program("broken", "#!/bin/sh\necho no module yaml >&2\nexit 1\n")
    row = box.rows(sandboxer_compose_cmd="broken")["compose"]
    assert said(row) == ("warn", 0)
    assert "no module yaml" in row["said"]


@pytest.mark.parametrize("command", ["'", "./compose", " "])
def test_a_compose_command_that_cannot_be_one(box: Box, command: str) -> None:
    row = box.rows(sandboxer_compose_cmd=command)["compose"]
    assert said(row) == ("fail", 2)
    assert row["mend"].startswith("name another")


@pytest.mark.parametrize("command", ["$(touch {0})", "; touch {0}", "x'; touch {0}; '"])
def test_a_compose_command_is_words(box: Box, tmp_path: Path, command: str) -> None:
    box.program("compose", "#!/bin/sh\necho compose version 1.0\n")
    word = shlex.quote(command.format(tmp_path / "touched"))
    row = box.rows(sandboxer_compose_cmd=f"compose {word}")["compose"]
    assert row["result"] == "ok"
    assert not (tmp_path / "touched").exists()


def test_a_compose_program_that_the_hosts_facts_decide(box: Box) -> None:
    command = "{{ 'a' if ansible_facts.distribution == 'Debian' else 'b' }}"
    row = box.rows(sandboxer_compose_cmd=command)["compose"]
    assert row["result"] == "ok"
    assert "a play will tell" in row["said"]


def test_users_of_an_accounts_own(box: Box) -> None:
    box.program("id", '#!/bin/sh\n[ "$1" = -u ] && echo 1000 || echo eve\n')
    row = box.rows()["subuid"]
    assert said(row) == ("warn", 0)
    assert row["said"].startswith("0 uids and 0 gids")
    assert "--add-subuids 65536000-65601535 --add-subgids 65536000-65601535 eve" in row["mend"]
    told = '#!/bin/sh\n[ "$1" = -g ] && shift\necho "0: $1 65536000 65536"\n'
    box.program("getsubids", told)
    assert box.rows()["subuid"]["result"] == "ok"
    box.program("getsubids", told.replace("shift", "exit 1"))
    assert box.rows()["subuid"]["said"].startswith("65536 uids and 0 gids")


@pytest.mark.parametrize(("most", "result"), [("10", "ok"), ("3", "warn")])
def test_how_many_commands_a_connection_carries(most: str, result: str) -> None:
    [row] = checks.max_sessions("h", {"sessions": [most]})
    assert said(row) == (result, 0)
    assert ("MaxSessions 10" in row["mend"]) == (result == "warn")


@pytest.mark.parametrize(("kib", "result"), [("8000000", "ok"), ("200000", "warn")])
def test_memory(kib: str, result: str) -> None:
    [row] = checks.memory("h", {"memory": [kib]})
    assert said(row) == (result, 0)
    assert ("sandboxer list --all --host h" in row["mend"]) == (result == "warn")


def test_what_lingers() -> None:
    [row] = checks.linger("h", {"uid": ["1000"], "user": ["eve"]})
    assert (*said(row), row["mend"]) == ("warn", 0, "on h: loginctl enable-linger eve")
    [row] = checks.linger("h", {"uid": ["1000"], "user": ["eve"], "linger": ["1"]})
    assert row["result"] == "ok"


@pytest.mark.parametrize(
    "told", ["sh: 1: python3: not found", "", "3.8.10 12.5", "2.7.18 12.5", "3.x.1 2"]
)
def test_a_python_that_modules_cannot_use(told: str) -> None:
    # /usr/bin/python3 counts first, and no test may take that away
    [row] = checks.python("h", {"python": [told]})
    assert said(row) == ("fail", 7)
    assert row["mend"] == "on h: apt-get install python3"


def test_hostile_words(box: Box) -> None:
    flood = "print('9' * 5000 + '=' * 10**6)"
    box.program("podman", f'#!/bin/sh\n{sys.executable} -c "{flood}"\n')
    box.program("df", f"#!/bin/sh\necho '/dev/x {'9' * 5000} 1 {'9' * 5000} 9% /'\n")
    box.program("date", "#!/bin/sh\necho nan\necho uid=7\n")
    rows = box.rows()
    assert rows["connection"]["result"] == "ok"
    assert rows["account"]["said"] == "root"


def only_runs(sshd: Sshd, command: str) -> None:
    key = Path(f"{sshd.client_key}.pub")
    key.write_text(f'command="{command}" {key.read_text()}')


def test_an_account_that_runs_no_command(sshd: Sshd) -> None:
    only_runs(sshd, "echo no shell for you")
    row, key = host.check(connection.reach("box", [sshd.inventory()]))
    assert key["check"] == "host-key"
    assert (row["check"], *said(row)) == ("connection", "fail", 3)
    assert "no shell for you" in row["said"]
    assert row["mend"]


def test_a_silent_host(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    only_runs(sshd, "sleep 60")
    monkeypatch.setattr(host, "SECONDS", 1.0)
    row, key = host.check(connection.reach("box", [sshd.inventory()]))
    assert (key["check"], key["result"]) == ("host-key", "ok")
    assert (row["check"], *said(row)) == ("connection", "fail", 11)
    assert row["mend"]


def fingerprint(sshd: Sshd) -> str:
    argv = ["ssh-keygen", "-l", "-f", str(sshd.folder / "host.pub")]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()[1]


def key_files(sshd: Sshd) -> dict[str, bytes]:
    ours = ("box.yml", "pid")
    return {one.name: one.read_bytes() for one in sshd.folder.iterdir() if one.name not in ours}


@pytest.mark.parametrize("key", ["unknown", "changed"])
def test_a_host_key_that_is_not_right(sshd: Sshd, key: str) -> None:
    if key == "changed":
        sshd.new_host_key()
    else:
        sshd.known_hosts.unlink()
    before = key_files(sshd)
    rows = host.check(connection.reach("box", [sshd.inventory()]))
    assert [row["check"] for row in rows] == ["connection", "host-key"]
    for row in rows:
        assert said(row) == ("fail", 3)
        assert "sandboxer host trust box" in row["mend"]
    assert f"ssh-ed25519 {fingerprint(sshd)}" in rows[1]["said"]
    assert ("NOT the one that was known" in rows[1]["said"]) == (key == "changed")
    assert not sshd.logged_in
    assert key_files(sshd) == before
    done = program("host", "trust", "box", "--yes", "-i", str(sshd.inventory()))
    assert done.returncode == 0, done.stderr
    mended = {row["check"]: row for row in host.check(connection.reach("box", [sshd.inventory()]))}
    assert mended["connection"]["result"] == mended["host-key"]["result"] == "ok"


def test_an_open_connection_does_not_hide_that_the_key_is_another(box: Box) -> None:
    assert box.rows()["host-key"]["result"] == "ok"
    box.sshd.known_hosts.unlink()
    rows = box.rows()
    assert rows["connection"]["result"] == "ok"  # ssh asks for no key where it is let in already
    assert said(rows["host-key"]) == ("warn", 0)
    assert fingerprint(box.sshd) in rows["host-key"]["said"]
    assert "sandboxer host trust box" in rows["host-key"]["mend"]


def test_a_host_behind_another(sshd: Sshd, tmp_path: Path) -> None:
    """Its key is not looked up past the jump host; where ssh refused it, it says how to."""
    known = tmp_path / "known-to-the-jump"
    known.write_text(sshd.known_hosts.read_text())
    jump = (
        f"ssh -F none -o UserKnownHostsFile={known} -o IdentitiesOnly=yes -i {sshd.client_key} "
        f"-p {sshd.port} -W 127.0.0.1:{sshd.port} 127.0.0.1"
    )
    arguments = f"-F none -o UserKnownHostsFile={sshd.known_hosts} -o GlobalKnownHostsFile=none"
    arguments += f" -o IdentitiesOnly=yes -o 'ProxyCommand={jump}'"
    way = connection.reach("box", [sshd.inventory(ansible_ssh_common_args=arguments)])
    assert "host-key" not in [row["check"] for row in host.check(way)]
    sshd.close_masters()
    sshd.known_hosts.unlink()
    row, key = host.check(way)
    assert (row["check"], *said(row)) == ("connection", "fail", 3)
    assert (key["check"], *said(key)) == ("host-key", "warn", 0)
    assert "ssh-keyscan" in key["mend"]


def test_a_revoked_host_key(sshd: Sshd) -> None:
    revoked = " ".join((sshd.folder / "host.pub").read_text().split()[:2])
    sshd.known_hosts.write_text(f"{sshd.known_hosts.read_text()}@revoked * {revoked}\n")
    rows = host.check(connection.reach("box", [sshd.inventory()]))
    assert [(row["check"], *said(row)) for row in rows][1] == ("host-key", "fail", 3)
    assert "revoked" in rows[1]["said"]
    assert all(row["mend"] for row in rows)


def test_one_dead_host_of_two(box: Box) -> None:
    inventory = box.sshd.inventory()
    dead = f"{{ansible_host: 127.0.0.1, ansible_port: {free_port()}}}"
    inventory.write_text(f"{inventory.read_text()}    dead: {dead}\n")
    rows = doctor.run("all", [inventory])
    assert [row["check"] for row in rows if row["host"] == "dead"] == ["connection"]
    assert doctor.exit_status(rows) == 11
    assert "engine" in [row["check"] for row in rows if row["host"] == "box"]


def test_the_first_failure_decides() -> None:
    failures = [fail("h", "a", "", "", kind) for kind in (ProvisioningFailed, TryAgain)]
    rows = [warn("h", "a", "", ""), *failures]
    assert doctor.exit_status(rows) == 7
    assert doctor.exit_status(rows[:1]) == 0


@pytest.mark.parametrize(
    ("pattern", "inventory", "status"),
    [("nobody", "h.ini", 4), ("all", "nowhere", 2), ("off", "h.ini", 2)],
)
def test_an_inventory_that_cannot_be_used(
    tmp_path: Path, pattern: str, inventory: str, status: int
) -> None:
    off = "ansible_ssh_common_args='-o StrictHostKeyChecking=no'"
    (tmp_path / "h.ini").write_text(f"h ansible_connection=local\noff {off}\n")
    rows = doctor.run(pattern, [inventory])
    assert (rows[-1]["check"], *said(rows[-1])) == ("inventory", "fail", status)
    assert {row["host"] for row in rows[:-1]} == {controller.NAME}


@pytest.mark.parametrize("inventories", [["in v.yml"], [Path("in v.yml"), "far,"]])
def test_a_command_of_ours_that_mends_can_be_pasted(
    box: Box, tmp_path: Path, inventories: list[Path | str]
) -> None:
    (box.programs / "podman").unlink()
    box.sshd.inventory().rename(tmp_path / "in v.yml")
    rows = {row["check"]: row for row in doctor.run("box", inventories)}
    given = " ".join(f"-i {shlex.quote(str(one))}" for one in inventories)
    assert rows["engine"]["mend"] == f"sandboxer {given} host prepare box"
    box.sshd.new_host_key()
    mend = doctor.run("box", inventories)[-1]["mend"]
    assert mend.endswith(f"sandboxer {given} host trust box")


@pytest.mark.parametrize(
    ("mend", "wanted"),
    [
        ("sandboxer host trust my-sandboxer host", "sandboxer -i x host trust my-sandboxer host"),
        ("sandboxer list --all --host h, and", "sandboxer -i x list --all --host h, and"),
        ("on sandboxer: apt-get install python3", "on sandboxer: apt-get install python3"),
        ("rm -r /a/sandboxer host ", "rm -r /a/sandboxer host "),
    ],
)
def test_other_words_that_mend_stay(mend: str, wanted: str) -> None:
    assert doctor._with_inventories(mend, ["x"]) == wanted
    assert doctor._with_inventories(mend, []) == mend


# This machine


def this_machine() -> dict[str, doctor.Row]:
    return {row["check"]: row for row in controller.check()}


def test_this_machine() -> None:
    rows = this_machine()
    assert rows.keys() >= {"sandboxer", "ansible-core", "ansible-runner", "collection", "ssh"}
    assert rows["ansible-core"]["said"] == importlib.metadata.version("ansible-core")
    assert rows["ansible-playbook"]["said"] == str(PROGRAM.with_name("ansible-playbook"))
    assert not [row for row in rows.values() if row["result"] == "fail"]


def test_a_library_of_a_version_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.0")
    row = this_machine()["ansible-core"]
    assert said(row) == ("fail", 1)
    assert "-m pip install 'ansible-core" in row["mend"]


def other_copy(root: Path, version: str) -> Path:
    copy = root / "ansible_collections/coulomb/sandboxer"
    copy.mkdir(parents=True)
    manifest = {"collection_info": {"version": version}}
    (copy / "MANIFEST.json").write_text(json.dumps(manifest))
    return copy


def test_an_older_copy_below_the_home(tmp_path: Path) -> None:
    copy = other_copy(tmp_path / ".ansible/collections", "0.0.1")
    rows = this_machine()
    assert rows["collection"]["result"] == "ok"
    assert str(copy) not in rows["collection"]["said"]
    assert said(rows["other-collection"]) == ("warn", 0)
    assert rows["other-collection"]["mend"] == f"rm -r {copy}"


def test_a_broken_copy_below_the_home(tmp_path: Path) -> None:
    other_copy(tmp_path / ".ansible/collections", "0.0.1").joinpath("MANIFEST.json").write_text("[")
    assert this_machine()["other-collection"]["result"] == "warn"


def test_another_copy_of_the_same_version(tmp_path: Path) -> None:
    other_copy(tmp_path / ".ansible/collections", __version__)
    assert "other-collection" not in this_machine()


def test_a_collection_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller, "__version__", "9.9.9")
    row = this_machine()["collection"]
    assert said(row) == ("fail", 1)
    assert "9.9.9" in row["said"]
    assert "sand-boxer==9.9.9" in row["mend"]


def test_an_ansible_playbook_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(PROGRAM.parent))
    assert this_machine()["ansible-playbook"]["result"] == "warn"
    monkeypatch.setenv("PATH", str(tmp_path))
    rows = this_machine()
    assert said(rows["ansible-playbook"]) == ("fail", 1)
    assert said(rows["ssh"]) == ("warn", 0)


def test_an_ansible_that_is_not_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    row = this_machine()["bytecode"]
    assert said(row) == ("warn", 0)
    assert "-m compileall" in row["mend"]


def test_a_collection_that_is_not_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    row = this_machine()["collection-bytecode"]
    assert said(row) == ("warn", 0)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))
    subprocess.run(shlex.split(row["mend"]), check=True)
    assert this_machine()["collection-bytecode"]["result"] == "ok"


# Through the program


def program(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [str(PROGRAM), *words]
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_the_program_for_machines(box: Box) -> None:
    box.prepared(ago=600)
    done = program("doctor", "box", "-i", str(box.sshd.inventory()), "--json")
    rows = json.loads(done.stdout)
    assert done.returncode == 12, done.stderr
    assert {frozenset(row) for row in rows} == {frozenset(doctor.Row.__annotations__)}
    assert rows[0]["host"] == "controller"
    assert {row["host"] for row in rows} == {"controller", "box"}


@pytest.mark.parametrize("before_the_verb", [True, False])
def test_the_program_for_people(box: Box, before_the_verb: bool) -> None:
    box.program("podman", "#!/bin/sh\nprintf 'bo\\033[2Jom\\n' >&2\nexit 125\n")
    verb, given = ["doctor", "box"], ["-i", str(box.sshd.inventory())]
    done = program(*(given + verb if before_the_verb else verb + given))
    assert done.returncode == 7, done.stderr
    assert f"box engine: sandboxer {' '.join(given)} host prepare box" in done.stdout
    assert "\x1b" not in done.stdout


def test_without_an_inventory_it_is_this_machine() -> None:
    rows = doctor.run("all")
    row = next(row for row in rows if row["host"] == "localhost")
    assert (row["check"], row["said"]) == ("connection", "this machine")
    assert "max-sessions" not in [row["check"] for row in rows]
