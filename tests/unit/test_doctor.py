"""What doctor says of this machine and of hosts, and what it exits with."""

from __future__ import annotations

import importlib.metadata
import json
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import clock, reap
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State
from sandboxer_cli import __version__, connection, doctor
from tests.sshd import Sshd, free_port

pytestmark = pytest.mark.usefixtures("quiet_surroundings")

PROGRAM = Path(sys.executable).with_name("sandboxer")
# what the script on a host calls; all else a test says itself
TOOLS = ("cat", "cut", "date", "df", "head", "id", "python3", "sed", "tail", "timeout", "tr")
PODMAN = """\
#!/bin/sh
echo 'WARN a warning, and then the answer' >&2
echo '5.4.2 {"search":["docker.io"]}'
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
        Path(self.state.beat_file).write_text(json.dumps(asdict(at), indent=1))

    def rows(self) -> dict[str, doctor.Row]:
        way = connection.reach("box", [self.sshd.inventory()])
        return {row["check"]: row for row in doctor.check_host(way)}


@pytest.fixture
def box(sshd: Sshd, tmp_path: Path) -> Box:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    sshd.stop()
    sshd.start({"PATH": str(programs), "SANDBOXER_STATE": str(tmp_path / "moved")})
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
    assert list(rows)[:7] == [
        "connection",
        "account",
        "python",
        "engine",
        "short-names",
        "reaper",
        "disk",
    ]
    assert {"inodes", "memory", "clock"} < set(rows)
    assert rows["connection"]["said"].endswith(f"127.0.0.1:{box.sshd.port}, its key is known")
    assert rows["engine"]["said"] == "podman 5.4.2"
    assert rows["short-names"]["said"].startswith("looked for on docker.io")
    assert rows["reaper"]["said"].startswith("systemd, ran")
    assert rows["disk"]["said"] == "75.2 GiB free on /"
    assert {row["mend"] for row in rows.values()} == {""}
    assert doctor.exit_status(list(rows.values())) == 0
    assert tree(tmp_path / "moved") == before


def test_it_is_one_login(box: Box) -> None:
    box.rows()
    assert sum("Accepted publickey" in line for line in box.sshd.log) == 1


def test_a_bare_host(box: Box, tmp_path: Path) -> None:
    (box.programs / "podman").unlink()
    rows = box.rows()
    assert said(rows["engine"]) == ("fail", 7)
    assert rows["engine"]["said"].startswith("there is no podman in ")
    assert str(box.programs) in rows["engine"]["said"]
    assert rows["engine"]["mend"] == "sandboxer host prepare box"
    assert "short-names" not in rows
    assert said(rows["reaper"]) == ("warn", 0)
    assert rows["reaper"]["mend"] == "sandboxer host prepare box"
    assert doctor.exit_status(list(rows.values())) == 7
    assert not (tmp_path / "moved").exists()


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
    assert doctor.LATE_SECONDS == reap.LATE_SECONDS


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


@pytest.mark.parametrize(
    "told", ["sh: 1: python3: not found", "", "3.8.10 12.5", "2.7.18 12.5", "3.x.1 2"]
)
def test_a_python_that_modules_cannot_use(told: str) -> None:
    # /usr/bin/python3 counts first, and no test may take that away
    [row] = doctor._python("h", {"python": [told]})
    assert said(row) == ("fail", 7)
    assert row["mend"] == "on h: apt-get install python3"


def test_hostile_words(box: Box) -> None:
    flood = "print('9' * 5000 + ' {\\\"search\\\": 7}' + '=' * 10**6)"
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
    [row] = doctor.check_host(connection.reach("box", [sshd.inventory()]))
    assert (row["check"], *said(row)) == ("connection", "fail", 3)
    assert "no shell for you" in row["said"]
    assert row["mend"]


def test_a_silent_host(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    only_runs(sshd, "sleep 60")
    monkeypatch.setattr(doctor, "SECONDS", 1.0)
    [row] = doctor.check_host(connection.reach("box", [sshd.inventory()]))
    assert (row["check"], *said(row)) == ("connection", "fail", 11)
    assert row["mend"]


@pytest.mark.parametrize("key", ["unknown", "changed"])
def test_a_host_key_that_is_not_right(sshd: Sshd, key: str) -> None:
    if key == "changed":
        sshd.new_host_key()
    else:
        sshd.known_hosts.unlink()
    [row] = doctor.check_host(connection.reach("box", [sshd.inventory()]))
    assert (row["check"], *said(row)) == ("connection", "fail", 3)
    assert "sandboxer host trust box" in row["mend"]
    assert not sshd.logged_in


def test_one_dead_host_of_two(box: Box) -> None:
    inventory = box.sshd.inventory()
    dead = f"{{ansible_host: 127.0.0.1, ansible_port: {free_port()}}}"
    inventory.write_text(f"{inventory.read_text()}    dead: {dead}\n")
    rows = doctor.run("all", [inventory])
    assert [row["check"] for row in rows if row["host"] == "dead"] == ["connection"]
    assert doctor.exit_status(rows) == 11
    assert "engine" in [row["check"] for row in rows if row["host"] == "box"]


def test_the_first_failure_decides() -> None:
    rows = [doctor._warn("h", "a", "", ""), *(_failed(status) for status in (7, 12))]
    assert doctor.exit_status(rows) == 7
    assert doctor.exit_status(rows[:1]) == 0


def _failed(status: int) -> doctor.Row:
    return doctor._row("h", "a", "fail", "", "", status)


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
    assert {row["host"] for row in rows[:-1]} == {doctor.CONTROLLER}


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


def controller() -> dict[str, doctor.Row]:
    return {row["check"]: row for row in doctor._controller()}


def test_this_machine() -> None:
    rows = controller()
    assert rows.keys() >= {"sandboxer", "ansible-core", "ansible-runner", "collection", "ssh"}
    assert rows["ansible-core"]["said"] == importlib.metadata.version("ansible-core")
    assert rows["ansible-playbook"]["said"] == str(PROGRAM.with_name("ansible-playbook"))
    assert not [row for row in rows.values() if row["result"] == "fail"]


def test_a_library_of_a_version_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.0")
    row = controller()["ansible-core"]
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
    rows = controller()
    assert rows["collection"]["result"] == "ok"
    assert str(copy) not in rows["collection"]["said"]
    assert said(rows["other-collection"]) == ("warn", 0)
    assert rows["other-collection"]["mend"] == f"rm -r {copy}"


def test_a_broken_copy_below_the_home(tmp_path: Path) -> None:
    other_copy(tmp_path / ".ansible/collections", "0.0.1").joinpath("MANIFEST.json").write_text("[")
    assert controller()["other-collection"]["result"] == "warn"


def test_another_copy_of_the_same_version(tmp_path: Path) -> None:
    other_copy(tmp_path / ".ansible/collections", __version__)
    assert "other-collection" not in controller()


def test_a_collection_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "__version__", "9.9.9")
    row = controller()["collection"]
    assert said(row) == ("fail", 1)
    assert "9.9.9" in row["said"]
    assert "sand-boxer==9.9.9" in row["mend"]


def test_an_ansible_playbook_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(PROGRAM.parent))
    assert controller()["ansible-playbook"]["result"] == "warn"
    monkeypatch.setenv("PATH", str(tmp_path))
    rows = controller()
    assert said(rows["ansible-playbook"]) == ("fail", 1)
    assert said(rows["ssh"]) == ("warn", 0)


def test_an_ansible_that_is_not_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path))
    row = controller()["bytecode"]
    assert said(row) == ("warn", 0)
    assert "-m compileall" in row["mend"]


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
