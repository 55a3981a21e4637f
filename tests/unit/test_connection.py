"""How hosts are reached: what Ansible says, what ssh answers, and what is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sandboxer_cli import ansible_env, connection, folders
from sandboxer_cli.errors import (
    ConnectionRefused,
    HostUnreachable,
    NotFound,
    SandboxerError,
    Usage,
)
from tests.sshd import Sshd, free_port

pytestmark = pytest.mark.usefixtures("quiet_surroundings")


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_command_runs_on_the_host(sshd: Sshd) -> None:
    way = connection.reach("box", [sshd.inventory()])
    script = "cat; echo err >&2; exit 3"
    done = connection.run(way, ["sh", "-c", script], stdin=b"in \xff", timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"in \xff", b"err\n")
    assert way.ssh == {
        "host": "127.0.0.1",
        "port": sshd.port,
        "user": os.environ.get("USER", "root"),
    }
    assert way.known_hosts == (str(sshd.known_hosts),)


def test_words_arrive_as_they_were(sshd: Sshd) -> None:
    way = connection.reach("box", [sshd.inventory()])
    hostile = ["$(id)", "a b", "'", '"', ";true", "", "*", "\n", "é", "-v"]
    done = connection.run(way, ["printf", "%s|", *hostile], timeout=20)
    assert done.stdout.decode() == "".join(f"{word}|" for word in hostile)


def test_the_hosts_environment_can_be_given(sshd: Sshd) -> None:
    sshd.stop()
    sshd.start({"SANDBOXER_STATE": "/tmp/of the test"})
    way = connection.reach("box", [sshd.inventory()])
    done = connection.run(way, ["printenv", "SANDBOXER_STATE"], timeout=20)
    assert done.stdout == b"/tmp/of the test\n"


def test_a_changed_host_key_is_refused(sshd: Sshd) -> None:
    sshd.new_host_key()
    way = connection.reach("box", [sshd.inventory()])
    with pytest.raises(ConnectionRefused) as caught:
        connection.run(way, ["true"], timeout=20)
    assert caught.value.detail.code == "host_key_changed"
    assert "sandboxer host trust box" in caught.value.detail.hint
    assert not sshd.logged_in


def test_an_unknown_host_key_is_refused_and_not_learnt(sshd: Sshd) -> None:
    sshd.known_hosts.write_text("")
    way = connection.reach("box", [sshd.inventory()])
    with pytest.raises(ConnectionRefused) as caught:
        connection.run(way, ["true"], timeout=20)
    assert caught.value.detail.code == "host_key_unknown"
    assert not sshd.logged_in
    assert sshd.known_hosts.read_text() == ""


def test_a_key_that_is_not_let_in(sshd: Sshd) -> None:
    Path(f"{sshd.client_key}.pub").write_text("")
    way = connection.reach("box", [sshd.inventory()])
    with pytest.raises(ConnectionRefused) as caught:
        connection.run(way, ["true"], timeout=20)
    assert caught.value.detail.code == "auth_failed"


def test_a_wrong_port_is_unreachable(sshd: Sshd) -> None:
    way = connection.reach("box", [sshd.inventory(ansible_port=free_port())])
    with pytest.raises(HostUnreachable) as caught:
        connection.run(way, ["true"], timeout=20)
    assert caught.value.exit_status == 11


def test_a_silent_host_is_unreachable_in_time(sshd: Sshd) -> None:
    way = connection.reach("box", [sshd.inventory()])
    with pytest.raises(HostUnreachable) as caught:
        connection.run(way, ["sleep", "60"], timeout=1)
    assert caught.value.detail.code == "host_silent"


@pytest.mark.parametrize(
    "complaint",
    [
        "sudo: a password is required",
        "sudo: interactive authentication is required",  # sudo-rs
        "su: Authentication failure",
        "doas: Authentication required",
    ],
)
def test_become_that_needs_a_password(sshd: Sshd, tmp_path: Path, complaint: str) -> None:
    sudo = write(tmp_path / "sudo", f"#!/bin/sh\necho '{complaint}' >&2\nexit 1\n")
    sudo.chmod(0o755)
    inventory = sshd.inventory(ansible_become=True, ansible_become_exe=sudo)
    with pytest.raises(ConnectionRefused) as caught:
        connection.run(connection.reach("box", [inventory]), ["true"], timeout=20)
    assert caught.value.detail.code == "become_password_missing"


@pytest.mark.skipif(os.getuid() != 0, reason="su without a password needs root")
@pytest.mark.parametrize("variables", [{}, {"ansible_connection": "local"}])
def test_become_by_su(sshd: Sshd, variables: dict[str, str]) -> None:
    inventory = sshd.inventory(
        ansible_become=True,
        ansible_become_method="su",
        ansible_become_user="{{ 'no' + 'body' }}",
        ansible_become_flags="-s /bin/sh",
        **variables,
    )
    way = connection.reach("box", [inventory])
    done = connection.run(way, ["sh", "-c", "id -un; echo \"$0 '$1'\"", "a b", "c"], timeout=20)
    assert done.stdout == b"nobody\na b 'c'\n"


def test_become_never_asks(sshd: Sshd) -> None:
    way = connection.reach("box", [sshd.inventory(ansible_become=True, ansible_become_user="eve")])
    assert way.become == ("sudo", "-n", "-H", "-S", "-n", "-u", "eve", "/bin/sh", "-c")


def test_a_become_method_that_is_not_here(sshd: Sshd) -> None:
    inventory = sshd.inventory(ansible_become=True, ansible_become_method="nobody.wrote.this")
    with pytest.raises(Usage, match=r"nobody\.wrote\.this"):
        connection.reach("box", [inventory])


def test_a_master_is_shared(sshd: Sshd) -> None:
    way = connection.reach("box", [sshd.inventory()])
    opening = connection.start_master(way)
    assert opening is not None
    assert opening.wait(20) == 0
    assert connection.run(way, ["true"], timeout=20).returncode == 0
    assert sum("Accepted publickey" in line for line in sshd.log) == 1


def test_without_control_persist_there_is_no_master(sshd: Sshd) -> None:
    way = connection.reach("box", [sshd.inventory(ansible_ssh_args="-C")])
    assert connection.start_master(way) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ansible_ssh_common_args", "-o StrictHostKeyChecking=no"),
        ("ansible_ssh_common_args", '-o "stricthostkeychecking off"'),
        ("ansible_ssh_extra_args", "-oStrictHostKeyChecking=accept-new"),
        ("ansible_ssh_args", "-C -o UserKnownHostsFile=/dev/null"),
        ("ansible_sftp_extra_args", "-o StrictHostKeyChecking=no"),
        ("ansible_ssh_args", "-o NoHostAuthenticationForLocalhost=yes"),
        ("ansible_ssh_common_args", "-o ProxyCommand='ssh -o StrictHostKeyChecking=no -W %h:%p j'"),
        ("ansible_ssh_common_args", """-o 'ProxyCommand ssh -o StrictHostKeyChecking=no "j'"""),
        ("ansible_ssh_common_args", """-o 'ProxyCommand="ssh -o StrictHostKeyChecking=no j"'"""),
        (
            "ansible_ssh_common_args",
            """-o 'ProxyCommand ssh -o "StrictHostKeyChecking no" -W %h:%p "j"'""",
        ),
        ("ansible_ssh_common_args", "{{ '-o StrictHostKeyChecking=' + 'no' }}"),
        ("ansible_host_key_checking", False),
        ("ansible_ssh_host_key_checking", "no"),
    ],
)
def test_switching_host_key_checks_off_is_refused(sshd: Sshd, name: str, value: object) -> None:
    with pytest.raises(Usage) as caught:
        connection.reach_all("all", [sshd.inventory("box", **{name: value})])
    assert caught.value.detail.code == "host_key_check_disabled"
    assert name in str(caught.value)
    assert "box" in str(caught.value)


def test_arguments_that_can_not_be_taken_apart(sshd: Sshd) -> None:
    inventory = sshd.inventory(ansible_sftp_extra_args="-o 'ProxyCommand nc")
    with pytest.raises(Usage) as caught:
        connection.reach("box", [inventory])
    assert caught.value.detail.code == "connection_arguments"


def test_a_proxy_command_that_ends_in_a_quoted_word(sshd: Sshd) -> None:
    inventory = sshd.inventory(ansible_ssh_common_args="""-o 'ProxyCommand nc "%h" "%p"'""")
    assert connection.reach("box", [inventory]).host == "box"


def test_the_same_from_the_environment(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_SSH_EXTRA_ARGS", "-o StrictHostKeyChecking=no")
    with pytest.raises(Usage, match="ANSIBLE_SSH_EXTRA_ARGS"):
        connection.reach("box", [sshd.inventory()])


def test_the_same_from_ansible_cfg(sshd: Sshd, tmp_path: Path) -> None:
    write(tmp_path / "ansible.cfg", "[ssh_connection]\nssh_args = -o StrictHostKeyChecking=no\n")
    with pytest.raises(Usage, match=re.escape("ansible.cfg")):
        connection.reach("box", [sshd.inventory()])


@pytest.mark.parametrize(
    "text",
    [
        "-o Compression=yes -o LogLevel=ERROR",
        '"-o Compression=yes -o LogLevel=ERROR"',
        "'-o Compression=yes'",
        "-o 'Compression yes'",
        "\"-o 'Compression yes'\"",
        "\"-o Compression=yes'",
        r'"-o Compression=yes\"',
        '"',
        '""',
        "",
    ],
)
def test_ssh_args_are_read_as_ansible_reads_them(tmp_path: Path, text: str) -> None:
    config = write(tmp_path / "ansible.cfg", f"[ssh_connection]\nssh_args = {text}\n")
    asked = (
        "import ansible.plugins.loader as l; l.connection_loader.get('ssh', class_only=True); "
        "from ansible import constants as c; "
        "print(c.config.get_config_value('ssh_args', plugin_type='connection', plugin_name='ssh'))"
    )
    theirs = subprocess.run(
        [sys.executable, "-P", "-c", asked],
        env={**os.environ, "ANSIBLE_CONFIG": str(config)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.removesuffix("\n")
    strict = " ".join(ansible_env.STRICT_HOST_KEYS)
    assert ansible_env.settings()["ANSIBLE_SSH_ARGS"] == f"{strict} {theirs}"


def test_the_same_from_an_ssh_configuration(sshd: Sshd, tmp_path: Path) -> None:
    config = write(tmp_path / "ssh_config", "Host *\n  StrictHostKeyChecking accept-new\n")
    inventory = sshd.inventory(
        ansible_ssh_args="-C",
        ansible_ssh_common_args=f"-F {config} -o UserKnownHostsFile={sshd.known_hosts}",
    )
    with pytest.raises(Usage, match="configuration"):
        connection.reach("box", [inventory])


@pytest.mark.parametrize("name", ["ANSIBLE_HOST_KEY_CHECKING", "ANSIBLE_SSH_HOST_KEY_CHECKING"])
def test_the_environment_cannot_switch_the_check_off(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "False")
    sshd.known_hosts.write_text("")
    with pytest.raises(ConnectionRefused):
        connection.run(connection.reach("box", [sshd.inventory()]), ["true"], timeout=20)


def test_an_unknown_host_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "hosts.ini", "web-1\nweb-2\n[db]\ndb-1\n")
    with pytest.raises(NotFound) as caught:
        connection.reach("web1", ["hosts.ini"])
    assert caught.value.detail.code == "host_unknown"
    assert "web-1" in caught.value.detail.hint
    with pytest.raises(NotFound, match="db-9"):
        connection.hosts(["hosts.ini"], "web-1,db-9")


def test_patterns_and_groups(tmp_path: Path) -> None:
    write(tmp_path / "hosts.ini", "web-1\nweb-2\n[db]\ndb-1\n")
    assert connection.hosts(["hosts.ini"]) == ["web-1", "web-2", "db-1"]
    assert connection.hosts(["hosts.ini"], "db,web-*,!web-2") == ["db-1", "web-1"]
    assert [way.host for way in connection.reach_all("web-*", ["hosts.ini"])] == ["web-1", "web-2"]
    with pytest.raises(Usage, match="2 hosts"):
        connection.reach("web-*", ["hosts.ini"])


def test_no_terminal_to_ask_on(sshd: Sshd) -> None:
    way = connection.reach("localhost")
    done = connection.run(way, ["sh", "-c", "ps -o sid= -p $$; echo $$"], timeout=20)
    session, pid = done.stdout.split()
    assert session == pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    ("handler", "status"), [(signal.SIG_IGN, 0), (signal.SIG_DFL, -signal.SIGTERM)]
)
def test_a_signal_that_is_ignored_ends_no_stream(
    number: signal.Signals, handler: signal.Handlers, status: int
) -> None:
    """As under nohup."""
    before = signal.signal(number, handler)
    try:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        with connection._ended_by_signals(child):
            signal.raise_signal(number)
            child.communicate()
        assert signal.getsignal(number) is handler
    finally:
        signal.signal(number, before)
    assert child.returncode == status


def test_a_vaulted_variable_counts(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = write(tmp_path / "vault", "secret\n")
    program = Path(sys.executable).with_name("ansible-vault")
    sealed = subprocess.run(
        [program, "encrypt_string", "--vault-password-file", password, str(sshd.port)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "vault")
    inventory = sshd.inventory(ansible_port=1)
    inventory.write_text(
        inventory.read_text().replace("ansible_port: 1", f"ansible_port: {sealed}")
    )
    way = connection.reach("box", [inventory])
    assert connection.run(way, ["true"], timeout=20).returncode == 0


def test_without_an_inventory_it_is_this_machine() -> None:
    way = connection.reach("localhost")
    assert (way.kind, way.argv, way.become, way.ssh) == ("local", (), (), None)
    assert connection.run(way, ["cat"], stdin=b"x", timeout=20).stdout == b"x"
    assert connection.run(way, ["no-such-program"], timeout=20).returncode == 127
    with pytest.raises(HostUnreachable):
        connection.run(way, ["sleep", "60"], timeout=0.1)


def test_the_checkout_has_the_same_inventory_of_this_machine() -> None:
    checkout = Path(connection.__file__).parents[1] / "inventories/local/hosts.yml"
    ours, theirs = (
        [line for line in path.read_text().splitlines() if not line.startswith("#")]
        for path in (connection.THIS_MACHINE, checkout)
    )
    assert ours == theirs


def test_where_inventories_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    for name in ("etc/a.ini", "b.ini", "c.ini"):
        write(tmp_path / name, "h\n")
    cfg = write(tmp_path / "etc/ansible.cfg", "[defaults]\ninventory = a.ini\n")
    monkeypatch.setenv("ANSIBLE_CONFIG", str(cfg))
    assert connection.sources() == (str(tmp_path / "etc/a.ini"),)
    monkeypatch.setenv("ANSIBLE_INVENTORY", "b.ini,c.ini")
    assert connection.sources() == (str(tmp_path / "b.ini"), str(tmp_path / "c.ini"))
    assert connection.sources([Path("c.ini"), "x,y"]) == (str(tmp_path / "c.ini"), "x,y")


def test_inventories_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(Usage) as caught:
        connection.hosts(["nowhere.yml"])
    assert caught.value.detail.code == "inventory_missing"
    with pytest.raises(Usage) as caught:
        connection.hosts([""])  # which is the current folder, as a path
    assert caught.value.detail.code == "inventory_missing"
    write(tmp_path / "broken.yml", "all: [\n")
    with pytest.raises(Usage) as caught:
        connection.hosts(["broken.yml"])
    assert str(caught.value.detail.message) == (
        "the inventory is broken: YAML parsing failed: While parsing a flow node did not find "
        f"expected node content, {tmp_path}/broken.yml:2:1"
    )
    assert caught.value.detail.code == "inventory_broken"
    write(tmp_path / "half.ini", "[a\nh1\n")
    with pytest.raises(Usage, match=r"the inventory is broken: .*half\.ini$") as caught:
        connection.hosts(["half.ini"])
    assert caught.value.detail.code == "inventory_broken"
    write(tmp_path / "misspelt.yml", "all: {host: {h1: }}\n")
    with pytest.raises(Usage, match="there is no host in") as caught:
        connection.hosts(["misspelt.yml"])
    assert caught.value.detail.code == "inventory_empty"
    assert "unexpected key (host)" in caught.value.detail.hint
    write(tmp_path / "empty.yml", "all: {hosts: {}}\n")
    with pytest.raises(Usage, match="there is no host in") as caught:
        connection.hosts(["empty.yml"])
    assert caught.value.detail.code == "inventory_empty"
    write(
        tmp_path / "undefined.yml", "all: {hosts: {h: {ansible_user: '{{ nobody_set_this }}'}}}\n"
    )
    with pytest.raises(Usage) as caught:
        connection.reach("h", ["undefined.yml"])
    assert caught.value.detail.code == "inventory_broken"
    assert "nobody_set_this" in str(caught.value)


def test_ways_that_are_not_ours(tmp_path: Path) -> None:
    write(
        tmp_path / "h.yml", "all: {hosts: {h: {ansible_connection: psrp}, d: {ansible_host: -x}}}\n"
    )
    with pytest.raises(Usage, match="psrp") as caught:
        connection.reach("h", ["h.yml"])
    assert caught.value.detail.code == "connection_unsupported"
    with pytest.raises(Usage, match="-x can't be the address") as caught:
        connection.reach("d", ["h.yml"])
    assert caught.value.detail.code == "connection_arguments"


def test_without_ssh(sshd: Sshd) -> None:
    inventory = sshd.inventory(ansible_ssh_executable="/nowhere/ssh")
    with pytest.raises(SandboxerError, match="/nowhere/ssh is missing here") as caught:
        connection.reach("box", [inventory])
    assert caught.value.detail.code == "program_missing"


def test_modules_in_the_working_folder_are_not_run(tmp_path: Path) -> None:
    write(tmp_path / "json.py", "raise SystemExit('ran')\n")
    (tmp_path / "ansible").mkdir()
    write(tmp_path / "ansible/__init__.py", "raise SystemExit('ran')\n")
    assert connection.hosts() == ["localhost"]


def test_the_control_folder_is_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/nowhere")
    base = Path(f"/tmp/sbx-{os.getpid()}")
    base.mkdir(mode=0o700)
    try:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
        found = Path(ansible_env.settings()["ANSIBLE_SSH_CONTROL_PATH_DIR"])
        assert found == base / "sandboxer"
        assert found.stat().st_mode & 0o777 == 0o700
        found.chmod(0o755)
        refuse_control_folder()
        found.chmod(0o700)
        if os.getuid() == 0:
            os.chown(found, 12345, -1)
            refuse_control_folder()
    finally:
        shutil.rmtree(base)


def refuse_control_folder() -> None:
    with pytest.raises(ConnectionRefused) as caught:
        ansible_env.settings()
    assert caught.value.detail.code == "control_path_unsafe"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_the_runtime_folder_of_another_account_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `su`."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert folders.runtime_directory() == tmp_path
    os.chown(tmp_path, 12345, -1)
    assert folders.runtime_directory() == Path(tempfile.gettempdir())


def test_a_localhost_that_no_inventory_has_is_unknown(tmp_path: Path) -> None:
    """Ansible has one of its own, and plays nothing there."""
    (tmp_path / "hosts").write_text("web\n")
    with pytest.raises(NotFound) as unknown:
        connection.reach_all("localhost", [tmp_path / "hosts"])
    assert unknown.value.detail.code == "host_unknown"
    assert connection.hosts([Path("localhost,")], "localhost") == ["localhost"]


def test_a_host_that_is_refused_keeps_nobody_from_the_others(tmp_path: Path) -> None:
    fleet = tmp_path / "hosts.yml"
    fleet.write_text(
        "all: {hosts: {here: {ansible_connection: local}, windows: {ansible_connection: winrm},"
        " broken: {ansible_host: '{{ nowhere }}'},"
        " careless: {ansible_ssh_common_args: '-o StrictHostKeyChecking=no'}}}\n"
    )
    found = {way.host: way for way in connection.reach_each("all", [fleet])}
    refused = {name: way.refused.detail.code for name, way in found.items() if way.refused}
    assert refused == {
        "windows": "connection_unsupported",
        "broken": "inventory_broken",
        "careless": "host_key_check_disabled",
    }
    assert connection.run(found["here"], ["true"], timeout=30).returncode == 0
    for name in refused:
        with pytest.raises(Usage, match=name):
            connection.run(found[name], ["true"], timeout=30)
        with pytest.raises(Usage, match=name):
            connection.reach_each(name, [fleet])
    with pytest.raises(Usage):
        connection.reach_all("all", [fleet])


def test_nobody_is_asked_for_a_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible would ask the terminal that ansible-runner makes, and wait for ever."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ansible.cfg").write_text("[privilege_escalation]\nbecome_ask_pass = True\n")
    said = subprocess.run(
        [Path(sys.executable).with_name("ansible-config"), "dump", "--only-changed", "-f", "json"],
        env={**os.environ, **ansible_env.settings()},
        capture_output=True,
        text=True,
        check=True,
    )
    found = {one["name"]: one["value"] for one in json.loads(said.stdout) if "value" in one}
    assert found.get("DEFAULT_BECOME_ASK_PASS", False) is False
    assert found.get("DEFAULT_ASK_PASS", False) is False
    assert found.get("DEFAULT_ASK_VAULT_PASS", False) is False


def test_sixteen_hosts_at_once_where_nobody_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ANSIBLE_CONFIG", "ANSIBLE_FORKS"):
        monkeypatch.delenv(name, raising=False)
    assert ansible_env.settings()["ANSIBLE_FORKS"] == "16"
    (tmp_path / "ansible.cfg").write_text("[defaults]\nforks = 3\n")
    assert "ANSIBLE_FORKS" not in ansible_env.settings()
    (tmp_path / "ansible.cfg").unlink()
    monkeypatch.setenv("ANSIBLE_FORKS", "2")
    assert "ANSIBLE_FORKS" not in ansible_env.settings()


@pytest.mark.parametrize(
    ("message", "code", "status"),
    [
        ("@@@\nWARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!\nHost key verification failed.",
         "host_key_changed", 3),
        ("No ED25519 host key is known for x and you have requested strict checking.",
         "host_key_unknown", 3),
        ("Task failed: Failed to connect to the host via ssh: Host key verification failed.",
         "host_key_unknown", 3),
        ("root@h: Permission denied (publickey).", "auth_failed", 3),
        ("Missing sudo password", "become_password_missing", 3),
        ("ssh: connect to host h port 22: Connection refused", "host_unreachable", 11),
        ("ssh: Could not resolve hostname h: Name or service not known", "host_unreachable", 11),
        ("Connection timed out during banner exchange", "host_unreachable", 11),
        ("", "host_unreachable", 11),
    ],
)  # fmt: skip
def test_what_ssh_says_becomes_our_error(message: str, code: str, status: int) -> None:
    error: SandboxerError = connection.refusal(message, "h")
    assert (error.detail.code, error.exit_status) == (code, status)
