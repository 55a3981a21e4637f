"""The runner, and each trap of ansible-runner that it closes: real plays, a real sshd."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxer_cli import ansible_env, runner
from sandboxer_cli.errors import (
    Cancelled,
    CapacityExceeded,
    ConnectionRefused,
    HostUnreachable,
    NotFound,
    SandboxerError,
    Usage,
)
from sandboxer_cli.runner import Cancel, Outcome, Play
from tests.sshd import Sshd, free_port

# Says a line, and then does what its arguments ask for.
ACTION = """
import os, subprocess, time
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        args = self._task.args
        for line in args.get("lines", []):
            Display().display("sandboxer: " + line)
        if "wait_for" in args:
            # until the test has seen the line, and no longer than the test itself would wait
            for _ in range(1000):
                if os.path.exists(args["wait_for"]):
                    break
                time.sleep(0.02)
            else:
                return {"failed": True, "msg": "nobody saw the line"}
        if "remote" in args:
            done = self._low_level_execute_command(args["remote"])
        if "error" in args:
            return {"failed": True, "msg": "no", "sandboxer_error": dict(args["error"])}
        host = task_vars["inventory_hostname"]
        return {
            "changed": False,
            "diff": {"before": "a", "after": "b"},
            "ansible_stats": {
                "data": {"sandboxer_results": {host: {"seen": args.get("give")}}},
                "per_host": False,
                "aggregate": True,
            },
        }
"""


class Plays:
    """A collection of the test's own, in which playbooks are written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "ansible_collections/test/plays"
        for name in ("playbooks", "plugins/action", "plugins/modules"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "galaxy.yml").write_text("namespace: test\nname: plays\nversion: 1.0.0\n")
        (self.folder / "plugins/action/say.py").write_text(ACTION)
        (self.folder / "plugins/modules/say.py").write_text("")

    def write(self, *tasks: dict[str, object], hosts: str = "all") -> str:
        """A playbook with these tasks; its name as the runner takes it."""
        play = {"hosts": hosts, "gather_facts": False, "tasks": list(tasks)}
        (self.folder / "playbooks/go.yml").write_text(json.dumps([play]))
        return "test.plays.go"

    def say(self, **arguments: object) -> str:
        return self.write({"test.plays.say": arguments})


@pytest.fixture
def plays(
    quiet_surroundings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Plays]:
    for name in ("home", "run", "here", "collections"):
        (tmp_path / name).mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(tmp_path / "collections"))
    monkeypatch.chdir(tmp_path / "here")
    yield Plays(tmp_path / "collections")
    left = [path.name for path in (tmp_path / "run").iterdir() if path.name != "sandboxer"]
    assert left == [], "a private folder was left behind"


def nothing(line: str) -> None:
    pass


def run(play: Play, **more: object) -> Outcome:
    return runner.run(play, on_line=nothing, **more)  # type: ignore[arg-type]


# -- what comes back ---------------------------------------------------------------------------


def test_a_result_comes_back(plays: Plays, capfd: pytest.CaptureFixture[str]) -> None:
    outcome = run(Play(plays.say(give={"n": 1}), hosts="localhost"))
    assert outcome.results == {"localhost": {"seen": {"n": 1}}}
    assert outcome.stats["localhost"]["ok"] == 1
    assert outcome.failures == {}
    assert list(outcome.diffs) == ["localhost"]
    assert all(seconds >= 0 for seconds in outcome.timings.values())
    assert capfd.readouterr() == ("", ""), "Ansible's own output reached ours"


def test_a_single_result_comes_back_too(plays: Plays) -> None:
    playbook = plays.write(
        {"ansible.builtin.set_stats": {"data": {"sandboxer_result": {"x": 1}}, "per_host": False}}
    )
    assert run(Play(playbook, hosts="localhost")).results == {"localhost": {"x": 1}}


def test_lines_come_live_and_plain(plays: Plays, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        seen.touch()

    said = ["one é", "two \x1b[2J\x07", "x" * 500, "  indented"]
    runner.run(Play(plays.say(lines=said, wait_for=str(seen)), hosts="localhost"), on_line=on_line)
    assert lines == ["one é", "two  [2J", "x" * 500, "  indented"]


def test_a_reader_that_fails_does_not_undo_the_play(plays: Plays) -> None:
    calls = []

    def on_line(line: str) -> None:
        calls.append(line)
        raise BrokenPipeError

    outcome = runner.run(Play(plays.say(lines=["1", "2"]), hosts="localhost"), on_line=on_line)
    assert outcome.results
    assert calls == ["1"]


def test_check_mode_shows_diffs_and_reaches_the_play(plays: Plays) -> None:
    outcome = run(Play(plays.say(give="{{ ansible_check_mode }}"), hosts="localhost"), check=True)
    assert outcome.results == {"localhost": {"seen": True}}
    assert outcome.diffs["localhost"] == [{"before": "a", "after": "b"}]


# -- what a user typed is data -------------------------------------------------------------------


def test_templates_in_values_stay_text(plays: Plays, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    hostile = f"{{{{ lookup('pipe', 'touch {touched}') }}}}"
    values: dict[str, object] = {"text": hostile, "deep": [{hostile: (hostile, 1, None, True)}]}
    playbook = plays.write(
        {"ansible.builtin.assert": {"that": ["given.text is search('lookup')"]}},
        {"test.plays.say": {"give": "{{ given }}"}},
    )
    outcome = run(Play(playbook, hosts="localhost", variables={"given": values}))
    assert outcome.results["localhost"]["seen"] == {
        "text": hostile,
        "deep": [{hostile: [hostile, 1, None, True]}],
    }
    assert not touched.exists()


@pytest.mark.parametrize("key", ["__ansible_vault", "__ansible_unsafe"])
def test_keys_that_ansible_reads_are_refused(plays: Plays, key: str) -> None:
    with pytest.raises(Usage) as caught:
        run(Play(plays.say(), hosts="localhost", variables={"given": [{key: "x"}]}))
    assert caught.value.detail.code == "reserved_key"


def test_no_secret_in_arguments_or_on_disk(
    plays: Plays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary, secret = "canary-5150", "environment-6021"
    monkeypatch.setenv("SOME_TOKEN", secret)
    seen = tmp_path / "seen"
    arguments: list[bytes] = []
    during: list[Path] = []

    def on_line(line: str) -> None:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments.append(process.read_bytes())
            except OSError:
                continue
        during.extend(holding(tmp_path / "run", secret))
        seen.touch()

    playbook = plays.say(lines=["look"], wait_for=str(seen), give="{{ given }}")
    for _ in range(2):
        seen.unlink(missing_ok=True)
        arguments.clear()
        outcome = runner.run(
            Play(playbook, hosts="localhost", variables={"given": canary}), on_line=on_line
        )
        assert outcome.results["localhost"]["seen"] == canary
        assert any(b"_ansible_playbook" in words for words in arguments)
        assert not any(canary.encode() in words for words in arguments)
        assert not any(secret.encode() in words for words in arguments)
        assert during == []
        assert holding(tmp_path, canary) == []
        assert holding(tmp_path, secret) == []


def test_the_private_folder_is_ours_alone(plays: Plays, tmp_path: Path) -> None:
    modes: list[int] = []

    def on_line(line: str) -> None:
        found = [path for path in (tmp_path / "run").iterdir() if path.name != "sandboxer"]
        modes.extend(path.stat().st_mode & 0o777 for path in found)

    runner.run(Play(plays.say(lines=["look"]), hosts="localhost"), on_line=on_line)
    assert modes == [0o700]


def holding(folder: Path, text: str) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]


# -- which hosts ---------------------------------------------------------------------------------


def test_an_unknown_host_is_not_success(plays: Plays, tmp_path: Path) -> None:
    inventory = local_inventory(tmp_path, "web-1", "web-2")
    with pytest.raises(NotFound) as caught:
        run(Play(plays.say(), hosts="web1", inventories=(inventory,)))
    assert caught.value.detail.code == "host_unknown"
    assert "web-1" in caught.value.detail.hint


def test_a_play_that_leaves_the_wanted_host_out_is_not_success(
    plays: Plays, tmp_path: Path
) -> None:
    inventory = local_inventory(tmp_path, "web-1", "web-2")
    plays.say()
    playbook = plays.write({"test.plays.say": {}}, hosts="web-2")
    with pytest.raises(SandboxerError, match="web-1"):
        run(Play(playbook, hosts="web-1", inventories=(inventory,)))
    with pytest.raises(SandboxerError, match="web-1"):
        run(Play(playbook, hosts="web-1,web-2", inventories=(inventory,)))


def test_a_play_that_skips_everything_is_not_success(plays: Plays) -> None:
    playbook = plays.write({"test.plays.say": {}, "when": False})
    with pytest.raises(SandboxerError, match="localhost"):
        run(Play(playbook, hosts="localhost"))


@pytest.mark.parametrize("hosts", ["@/etc/hostname", "-x", "--version"])
def test_things_that_are_no_pattern(plays: Plays, hosts: str) -> None:
    with pytest.raises(Usage):
        run(Play(plays.say(), hosts=hosts))


def test_an_inventory_by_a_relative_path(plays: Plays, tmp_path: Path) -> None:
    local_inventory(tmp_path / "here", "web-1")
    outcome = run(Play(plays.say(), hosts="web-1", inventories=("hosts.yml",)))
    assert outcome.results.keys() == {"web-1"}


def test_an_inventory_that_is_not_there(plays: Plays) -> None:
    with pytest.raises(Usage) as caught:
        run(Play(plays.say(), inventories=("hosts.yml",)))
    assert caught.value.detail.code == "inventory_missing"


def test_several_hosts_each_have_their_own_end(plays: Plays, tmp_path: Path) -> None:
    playbook = plays.write(
        {
            "test.plays.say": {"error": {"code": "disk_full", "message": "full"}},
            "when": "inventory_hostname == 'b'",
        },
        {"test.plays.say": {"give": "{{ inventory_hostname }}"}},
    )
    inventory = local_inventory(tmp_path, "a", "b", "c")
    outcome = run(Play(playbook, hosts="a,b,c", inventories=(inventory,)))
    assert outcome.results == {"a": {"seen": "a"}, "c": {"seen": "c"}}
    assert isinstance(outcome.failures["b"], CapacityExceeded)
    assert outcome.failures.keys() == {"b"}


def local_inventory(folder: Path, *names: str) -> Path:
    local = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }
    path = folder / "hosts.yml"
    path.write_text(json.dumps({"all": {"hosts": dict.fromkeys(names, local)}}))
    return path


# -- errors --------------------------------------------------------------------------------------


def test_the_hosts_own_error_is_raised(plays: Plays) -> None:
    error = {"code": "ports_exhausted", "message": "none left", "hint": "h", "stage": "plan"}
    with pytest.raises(CapacityExceeded) as caught:
        run(Play(plays.say(error=error), hosts="localhost"))
    assert caught.value.detail.as_dict() == {**error, "retryable": True}


def test_a_rescued_failure_is_no_failure(plays: Plays) -> None:
    failing = {"test.plays.say": {"error": {"code": "busy", "message": "m"}}}
    playbook = plays.write(
        {"block": [failing], "rescue": [{"test.plays.say": {}}]},
        {**failing, "ignore_errors": True},
    )
    assert run(Play(playbook, hosts="localhost")).failures == {}


def test_another_failed_task_says_its_message(plays: Plays) -> None:
    playbook = plays.write({"ansible.builtin.fail": {"msg": "the moon is full"}})
    with pytest.raises(SandboxerError, match="the moon is full") as caught:
        run(Play(playbook, hosts="localhost"))
    assert (caught.value.exit_status, caught.value.detail.code) == (1, "task_failed")


def test_a_playbook_that_does_not_parse(plays: Plays) -> None:
    playbook = plays.write({"no_such.module.at_all": {}})
    with pytest.raises(SandboxerError, match="no_such"):
        run(Play(playbook, hosts="localhost"))


def test_a_fault_in_our_own_handler_is_not_lost(
    plays: Plays, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(result: object) -> list[object]:
        raise ZeroDivisionError

    monkeypatch.setattr(runner, "_diffs", broken)
    with pytest.raises(ZeroDivisionError):
        run(Play(plays.say(), hosts="localhost"))


def test_a_killed_playbook_is_an_error(plays: Plays, tmp_path: Path) -> None:
    playbook = plays.say(lines=["now"], wait_for=str(tmp_path / "never"))
    killed = []

    def on_line(line: str) -> None:
        killed.extend(children("_ansible_playbook"))
        os.kill(killed[0], signal.SIGKILL)
        (tmp_path / "never").touch()

    with pytest.raises(SandboxerError) as caught:
        runner.run(Play(playbook, hosts="localhost"), on_line=on_line)
    assert caught.value.detail.code == "killed"
    assert list((tmp_path / "home").rglob("ansible-local*")) == []


def children(name: str) -> list[int]:
    """Our own children whose command line has this word."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            words = status.with_name("cmdline").read_bytes()
        except OSError:
            continue
        if parent == os.getpid() and name.encode() in words:
            found.append(int(status.parent.name))
    return found


# -- host keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"])
@pytest.mark.parametrize("key", ["changed", "unknown"])
def test_a_host_key_that_is_not_known_is_refused(
    plays: Plays, sshd: Sshd, monkeypatch: pytest.MonkeyPatch, variable: str, key: str
) -> None:
    monkeypatch.setenv(variable, "False")
    Path("ansible.cfg").write_text("[defaults]\nhost_key_checking = False\n")
    if key == "changed":
        sshd.new_host_key()
    else:
        sshd.known_hosts.write_text("")
    play = Play(plays.say(remote="true"), hosts="box", inventories=(sshd.inventory(),))
    with pytest.raises(ConnectionRefused) as caught:
        run(play)
    assert caught.value.detail.code == f"host_key_{key}"
    assert caught.value.exit_status == 3
    assert not sshd.logged_in


def test_ssh_configuration_does_not_let_a_play_learn_a_key(
    plays: Plays, sshd: Sshd, tmp_path: Path
) -> None:
    config = tmp_path / "ssh_config"
    config.write_text("StrictHostKeyChecking accept-new\nNoHostAuthenticationForLocalhost yes\n")
    inventory = sshd.inventory(
        ansible_ssh_common_args=f"-F {config} -o UserKnownHostsFile={sshd.known_hosts}"
    )
    sshd.known_hosts.write_text("")
    with pytest.raises(ConnectionRefused):
        run(Play(plays.say(remote="true"), hosts="box", inventories=(inventory,)))
    assert not sshd.logged_in


def test_a_known_host_is_worked_on_over_the_shared_connection(plays: Plays, sshd: Sshd) -> None:
    from sandboxer_cli import connection

    inventory = sshd.inventory()
    opening = connection.start_master(connection.reach("box", [inventory]))
    assert opening is not None
    assert opening.wait(20) == 0
    outcome = run(Play(plays.say(remote="true"), hosts="box", inventories=(inventory,)))
    assert outcome.stats["box"]["ok"] == 1
    assert sum("Accepted publickey" in line for line in sshd.log) == 1


def test_a_wrong_port_is_unreachable(plays: Plays, sshd: Sshd) -> None:
    inventory = sshd.inventory(ansible_port=free_port())
    with pytest.raises(HostUnreachable) as caught:
        run(Play(plays.say(remote="true"), hosts="box", inventories=(inventory,)))
    assert caught.value.exit_status == 11


def test_a_key_that_is_not_let_in(plays: Plays, sshd: Sshd) -> None:
    Path(f"{sshd.client_key}.pub").write_text("")
    with pytest.raises(ConnectionRefused) as caught:
        run(Play(plays.say(remote="true"), hosts="box", inventories=(sshd.inventory(),)))
    assert caught.value.detail.code == "auth_failed"


@pytest.mark.parametrize("task", ["test.plays.say", "ansible.builtin.ping"])
def test_become_that_needs_a_password(plays: Plays, sshd: Sshd, tmp_path: Path, task: str) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    sudo.chmod(0o755)
    inventory = sshd.inventory(ansible_become=True, ansible_become_exe=sudo)
    playbook = plays.write({task: {} if "ping" in task else {"remote": "true"}})
    with pytest.raises(ConnectionRefused) as caught:
        run(Play(playbook, hosts="box", inventories=(inventory,)))
    assert caught.value.detail.code == "become_password_missing"


# -- surroundings --------------------------------------------------------------------------------


def test_a_venv_that_is_not_activated(plays: Plays, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert shutil.which("ansible-playbook") is None
    outcome = run(Play(plays.say(give="{{ ansible_playbook_python }}"), hosts="localhost"))
    assert outcome.results["localhost"]["seen"] == sys.executable


def test_no_ansible_at_all(plays: Plays, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(SandboxerError) as caught:
        run(Play(plays.say(), hosts="localhost"))
    assert caught.value.detail.code == "ansible_missing"


def test_our_own_collection_is_first(plays: Plays, tmp_path: Path) -> None:
    paths = ansible_env.settings()["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)
    assert Path(paths[0], "ansible_collections/coulomb/sandboxer/galaxy.yml").exists()
    assert paths[1:] == [str(tmp_path / "collections")]


def test_the_users_ansible_cfg_counts(
    plays: Plays, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ANSIBLE_COLLECTIONS_PATH")
    # relative to the file, though Ansible is started elsewhere
    Path("ansible.cfg").write_text(
        "[defaults]\ncollections_path = ../collections\ndisplay_args_to_stdout = True\n"
        "[inventory]\nhost_pattern_mismatch = error\n"
    )
    playbook = plays.say(give="{{ lookup('config', 'DISPLAY_ARGS_TO_STDOUT') }}")
    assert run(Play(playbook, hosts="localhost")).results["localhost"]["seen"] is True


@pytest.mark.parametrize(
    ("name", "value"),
    [("ANSIBLE_STDOUT_CALLBACK", "no.such.callback"), ("JOB_ID", "build-7"), ("LC_ALL", "C.UTF-8")],
)
def test_surroundings_that_would_break_the_events(
    plays: Plays, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert run(Play(plays.say(), hosts="localhost")).results


def test_the_working_folder_stays(
    plays: Plays, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANSIBLE_ROLES_PATH", "roles")
    playbook = plays.say(give="{{ lookup('config', 'DEFAULT_ROLES_PATH') }}")
    outcome = run(Play(playbook, hosts="localhost"))
    assert outcome.results["localhost"]["seen"] == [str(tmp_path / "here/roles")]


def test_variables_for_ansible_can_be_given(plays: Plays) -> None:
    playbook = plays.say(give="{{ lookup('env', 'SANDBOXER_X') }}")
    outcome = run(Play(playbook, hosts="localhost"), environment={"SANDBOXER_X": "y"})
    assert outcome.results["localhost"]["seen"] == "y"


# -- cancel --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_and_the_handlers_come_back(
    plays: Plays, tmp_path: Path, number: signal.Signals
) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    order: list[str] = []

    def on_line(line: str) -> None:
        order.append(line)
        os.kill(os.getpid(), number)

    with pytest.raises(Cancelled) as caught:
        runner.run(
            Play(plays.say(lines=["go"], wait_for=str(tmp_path / "never")), hosts="localhost"),
            on_line=on_line,
            cancel=Cancel(first=lambda: order.append("told the host")),
        )
    assert caught.value.exit_status == 130
    assert order == ["go", "told the host"]
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    assert children("_ansible_playbook") == []


def test_a_module_of_a_cancelled_play_ends_too(plays: Plays, tmp_path: Path) -> None:
    cancel = Cancel()
    pid = tmp_path / "pid"
    playbook = plays.write(
        {"test.plays.say": {"lines": ["go"]}},
        {"ansible.builtin.shell": f"echo $$ > {pid}.part; mv {pid}.part {pid}; exec sleep 300"},
    )

    def when_it_runs() -> None:
        waiting = threading.Event()
        while not pid.exists():
            waiting.wait(0.02)
        cancel.request()

    thread = threading.Thread(target=when_it_runs, daemon=True)
    thread.start()
    with pytest.raises(Cancelled):
        run(Play(playbook, hosts="localhost"), cancel=cancel)
    assert ends(int(pid.read_text())), "the module lived on"


def ends(pid: int) -> bool:
    """Whether a process is gone within ten seconds."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], 10)[0])
    finally:
        os.close(watched)


def test_a_playbook_deaf_to_sigint_is_killed(
    plays: Plays, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "GRACE", 0.3)
    monkeypatch.setattr(os, "kill", lambda pid, number: None)
    cancel = Cancel()
    never = tmp_path / "never"

    with pytest.raises(Cancelled):
        runner.run(
            Play(plays.say(lines=["go"], wait_for=str(never)), hosts="localhost"),
            on_line=lambda line: cancel.request(),
            cancel=cancel,
        )
    never.touch()
    assert children("_ansible_playbook") == []


def test_who_asks_twice_waits_for_no_host(plays: Plays, tmp_path: Path) -> None:
    """Which may be silent, and is told first."""
    answered = threading.Event()

    def tell() -> None:
        answered.wait(60)

    cancel = Cancel(tell)
    never = tmp_path / "never"

    def twice(_line: str) -> None:
        cancel.request()
        cancel.request()

    begin = time.monotonic()
    with pytest.raises(Cancelled):
        runner.run(
            Play(plays.say(lines=["go"], wait_for=str(never)), hosts="localhost"),
            on_line=twice,
            cancel=cancel,
        )
    answered.set()
    never.touch()
    assert time.monotonic() - begin < 50


def test_a_cancel_that_fails_to_reach_the_host_still_cancels(plays: Plays, tmp_path: Path) -> None:
    def unreachable() -> None:
        raise HostUnreachable("gone")

    cancel = Cancel(first=unreachable)
    with pytest.raises(Cancelled, match="could not be told: gone"):
        runner.run(
            Play(plays.say(lines=["go"], wait_for=str(tmp_path / "never")), hosts="localhost"),
            on_line=lambda line: cancel.request(),
            cancel=cancel,
        )


def test_it_runs_outside_the_main_thread(plays: Plays) -> None:
    outcomes: list[Outcome] = []
    playbook = plays.say()
    thread = threading.Thread(target=lambda: outcomes.append(run(Play(playbook, "localhost"))))
    thread.start()
    thread.join(60)
    assert outcomes[0].results


def test_ansible_is_imported_late() -> None:
    code = "import sys, sandboxer_cli.runner; print([m for m in sys.modules if 'ansible_r' in m])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
