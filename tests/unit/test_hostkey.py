"""What key a host shows, whether it is known, and how it becomes known."""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest

from sandboxer_cli import connection, hostkey
from sandboxer_cli.errors import ConnectionRefused, HostUnreachable, SandboxerError, Usage
from tests.sshd import Sshd, free_port

pytestmark = pytest.mark.usefixtures("quiet_surroundings")

PROGRAM = Path(sys.executable).with_name("sandboxer")
OTHERS = (
    b"# kept as it is \xff\r\n"
    b"\n"
    b"other.example ssh-ed25519 "
    b"AAAAC3NzaC1lZDI1NTE5AAAAIISlHKEZ6Uk1yWF6028GWAavXFdqjU5PGASGj3JCZbis  a comment\n"
)


def reach(sshd: Sshd, **variables: object) -> connection.Reach:
    inventory = sshd.inventory("box", **variables)
    return reach_once(inventory, inventory.read_text())


@cache
def reach_once(inventory: Path, content: str) -> connection.Reach:
    """Ansible takes its time, and of the same inventory it says the same."""
    return connection.reach("box", [inventory])


def look_up(sshd: Sshd, **variables: object) -> hostkey.Offer:
    return hostkey.look_up(reach(sshd, **variables))


def shown(sshd: Sshd, name: str = "host") -> str:
    """The key that the host shows, without its comment."""
    return " ".join((sshd.folder / f"{name}.pub").read_text().split()[:2])


def ssh_arguments(sshd: Sshd, more: str) -> str:
    return (
        f"-F none -o UserKnownHostsFile={sshd.known_hosts} -o GlobalKnownHostsFile=none "
        f"-o IdentitiesOnly=yes {more}"
    )


def lets_in(sshd: Sshd) -> bool:
    """Whether ssh takes the host's key by a connection of its own, as every verb does."""
    sshd.close_masters()
    return connection.run(reach(sshd), ["true"], timeout=20).returncode == 0


def fingerprint(sshd: Sshd) -> str:
    argv = ["ssh-keygen", "-l", "-f", str(sshd.folder / "host.pub")]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()[1]


def temporaries(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_known_key(sshd: Sshd) -> None:
    offer = look_up(sshd)
    assert (offer.is_known, offer.replaces) == (True, False)
    assert offer.address == f"127.0.0.1:{sshd.port}"
    assert offer.kind == "ssh-ed25519"
    assert offer.line == f"[127.0.0.1]:{sshd.port} {shown(sshd)}"
    assert offer.fingerprint == fingerprint(sshd)
    assert offer.file == sshd.known_hosts


def test_an_unknown_key_becomes_known(sshd: Sshd) -> None:
    sshd.known_hosts.write_bytes(OTHERS)
    sshd.known_hosts.chmod(0o640)
    offer = look_up(sshd)
    assert (offer.is_known, offer.replaces, offer.file) == (False, False, sshd.known_hosts)
    assert sshd.known_hosts.read_bytes() == OTHERS
    hostkey.record(offer)
    assert sshd.known_hosts.read_bytes() == OTHERS + offer.line.encode() + b"\n"
    assert sshd.known_hosts.stat().st_mode & 0o777 == 0o640
    assert temporaries(sshd.folder) == []
    assert look_up(sshd).is_known
    assert lets_in(sshd)


def test_recording_twice_is_once(sshd: Sshd) -> None:
    sshd.known_hosts.unlink()
    offer = look_up(sshd)
    hostkey.record(offer)
    hostkey.record(offer)
    assert sshd.known_hosts.read_text() == f"{offer.line}\n"
    assert sshd.known_hosts.stat().st_mode & 0o777 == 0o600


def test_a_changed_key_takes_the_place_of_the_old_one(sshd: Sshd) -> None:
    old = sshd.known_hosts.read_bytes()
    other_port = b"[127.0.0.1]:1 " + old.split(b" ", 1)[1]
    sshd.known_hosts.write_bytes(OTHERS + old + other_port.rstrip(b"\n"))
    sshd.new_host_key()
    offer = look_up(sshd)
    assert (offer.is_known, offer.replaces) == (False, True)
    hostkey.record(offer)
    kept = OTHERS + other_port + offer.line.encode() + b"\n"
    assert sshd.known_hosts.read_bytes() == kept
    assert lets_in(sshd)


def test_a_line_for_several_hosts_stays_for_the_others(sshd: Sshd) -> None:
    key = shown(sshd)
    sshd.known_hosts.write_text(f"first,[127.0.0.1]:{sshd.port},10.0.0.9 {key} note\n")
    assert look_up(sshd).is_known
    sshd.new_host_key()
    offer = look_up(sshd)
    hostkey.record(offer)
    assert sshd.known_hosts.read_text() == f"first,10.0.0.9 {key} note\n{offer.line}\n"


def test_hashed_entries(sshd: Sshd) -> None:
    sshd.known_hosts.write_bytes(OTHERS + sshd.known_hosts.read_bytes())
    argv = ["ssh-keygen", "-q", "-H", "-f", str(sshd.known_hosts)]
    subprocess.run(argv, capture_output=True, check=True)
    hashed = sshd.known_hosts.read_bytes()
    assert b"127.0.0.1" not in hashed
    assert look_up(sshd).is_known
    sshd.new_host_key()
    offer = look_up(sshd)
    assert offer.replaces
    hostkey.record(offer)
    kept = sshd.known_hosts.read_bytes().splitlines()
    assert kept == [*hashed.splitlines()[:-1], offer.line.encode()]
    assert lets_in(sshd)


def test_new_entries_are_hashed_where_ssh_would(sshd: Sshd) -> None:
    sshd.known_hosts.unlink()
    arguments = ssh_arguments(sshd, "-o HashKnownHosts=yes")
    hostkey.record(look_up(sshd, ansible_ssh_common_args=arguments))
    assert "127.0.0.1" not in sshd.known_hosts.read_text()
    assert look_up(sshd).is_known
    assert lets_in(sshd)


def test_a_pattern_is_left_to_a_person(sshd: Sshd) -> None:
    line = f"[127.0.0.*]:{sshd.port} {shown(sshd)}\n"
    sshd.known_hosts.write_text(line)
    assert look_up(sshd).is_known
    sshd.new_host_key()
    with pytest.raises(Usage) as caught:
        hostkey.record(look_up(sshd))
    assert caught.value.detail.code == "known_hosts_by_hand"
    assert shown(sshd) in caught.value.detail.hint
    assert sshd.known_hosts.read_text() == line


def test_a_revoked_key_is_never_offered(sshd: Sshd) -> None:
    sshd.known_hosts.write_text(f"@revoked * {shown(sshd)}\n")
    with pytest.raises(ConnectionRefused) as caught:
        look_up(sshd)
    assert caught.value.detail.code == "host_key_revoked"


def test_an_alias_stands_for_address_and_port(sshd: Sshd) -> None:
    arguments = ssh_arguments(sshd, "-o HostKeyAlias=Box.Example")
    sshd.known_hosts.unlink()
    offer = look_up(sshd, ansible_ssh_common_args=arguments)
    assert offer.line.split()[0] == "box.example"
    assert offer.address == f"127.0.0.1:{sshd.port}"
    hostkey.record(offer)
    way = reach(sshd, ansible_ssh_common_args=arguments)
    assert connection.run(way, ["true"], timeout=20).returncode == 0


def add_ecdsa_key(sshd: Sshd) -> str:
    """Give the running sshd a second host key, of another kind."""
    assert lets_in(sshd)  # it minds the signal only once it serves
    path = sshd.folder / "ecdsa"
    argv = ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(path)]
    subprocess.run(argv, check=True)
    with (sshd.folder / "config").open("a") as config:
        config.write(f"HostKey {path}\n")
    sshd.log.clear()
    sshd.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 10
    while not any("Server listening" in line for line in sshd.log) and time.monotonic() < end:
        time.sleep(0.02)
    return shown(sshd, "ecdsa")


def test_of_several_keys_it_is_the_one_that_ssh_will_ask_for(sshd: Sshd) -> None:
    ecdsa = add_ecdsa_key(sshd)
    sshd.known_hosts.unlink()
    assert look_up(sshd).kind == "ssh-ed25519"
    wanted = ssh_arguments(sshd, "-o HostKeyAlgorithms=ecdsa-sha2-nistp256,ssh-ed25519")
    offer = look_up(sshd, ansible_ssh_common_args=wanted)
    assert offer.line == f"[127.0.0.1]:{sshd.port} {ecdsa}"
    hostkey.record(offer)
    # from here on ssh itself prefers the kind that is known
    assert (look_up(sshd).kind, look_up(sshd).is_known) == ("ecdsa-sha2-nistp256", True)
    assert lets_in(sshd)


def test_a_second_kind_of_key_replaces_none(sshd: Sshd) -> None:
    add_ecdsa_key(sshd)
    before = sshd.known_hosts.read_text()
    only = ssh_arguments(sshd, "-o HostKeyAlgorithms=ecdsa-sha2-nistp256")
    offer = look_up(sshd, ansible_ssh_common_args=only)
    assert (offer.is_known, offer.replaces) == (False, False)
    hostkey.record(offer)
    assert sshd.known_hosts.read_text() == f"{before}{offer.line}\n"


def test_no_kind_of_key_that_ssh_may_use(sshd: Sshd) -> None:
    only = ssh_arguments(sshd, "-o HostKeyAlgorithms=rsa-sha2-512")
    with pytest.raises(HostUnreachable) as caught:
        look_up(sshd, ansible_ssh_common_args=only)
    assert caught.value.detail.code == "host_key_type"
    assert "ssh-ed25519" in str(caught.value)


def test_old_keys_go_from_every_file(sshd: Sshd, tmp_path: Path) -> None:
    second = tmp_path / "second"
    second.write_bytes(OTHERS + sshd.known_hosts.read_bytes())
    sshd.known_hosts.unlink()
    # ssh's own order: of an option that comes twice the first counts
    arguments = f"-F none -o 'UserKnownHostsFile={sshd.known_hosts} {second}'"
    offer = look_up(sshd, ansible_ssh_common_args=arguments)
    assert (offer.is_known, offer.file) == (True, second)
    sshd.new_host_key()
    offer = look_up(sshd, ansible_ssh_common_args=arguments)
    assert (offer.replaces, offer.file) == (True, sshd.known_hosts)
    hostkey.record(offer)
    assert sshd.known_hosts.read_text() == f"{offer.line}\n"
    assert second.read_bytes() == OTHERS


def test_the_first_file_that_can_be_written(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    new = tmp_path / "new" / "known_hosts"
    arguments = f"-F none -o 'UserKnownHostsFile={tmp_path}/a-file/known_hosts {new}'"
    offer = look_up(sshd, ansible_ssh_common_args=arguments)
    assert offer.file == new
    hostkey.record(offer)
    assert new.read_text() == f"{offer.line}\n"
    assert new.parent.stat().st_mode & 0o777 == 0o700


def test_no_file_that_can_be_written(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    arguments = f"-F none -o UserKnownHostsFile={tmp_path}/a-file/known_hosts"
    with pytest.raises(Usage) as caught:
        look_up(sshd, ansible_ssh_common_args=arguments)
    assert caught.value.detail.code == "known_hosts_unwritable"
    assert "UserKnownHostsFile" in caught.value.detail.hint


def test_a_write_that_is_refused_changes_nothing(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sshd.known_hosts.read_bytes()
    sshd.new_host_key()
    offer = look_up(sshd)

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)  # root is refused nothing by modes
    with pytest.raises(Usage, match="Permission denied") as caught:
        hostkey.record(offer)
    assert caught.value.detail.code == "known_hosts_unwritable"
    assert offer.line in caught.value.detail.hint
    assert sshd.known_hosts.read_bytes() == before
    assert temporaries(sshd.folder) == []


def test_a_link_stays_a_link(sshd: Sshd, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_bytes(OTHERS)
    sshd.known_hosts.unlink()
    sshd.known_hosts.symlink_to(real)
    hostkey.record(look_up(sshd))
    assert sshd.known_hosts.is_symlink()
    assert real.read_bytes().startswith(OTHERS)
    assert lets_in(sshd)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can own another's file")
def test_the_file_stays_its_owners(sshd: Sshd) -> None:
    os.chown(sshd.known_hosts, 12345, 23456)
    sshd.new_host_key()
    hostkey.record(look_up(sshd))
    found = sshd.known_hosts.stat()
    assert (found.st_uid, found.st_gid) == (12345, 23456)


def test_many_at_once_lose_nothing(sshd: Sshd) -> None:
    sshd.known_hosts.write_bytes(OTHERS)
    offer = look_up(sshd)
    offers = [dataclasses.replace(offer, line=f"h{number} {shown(sshd)}") for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hostkey.record, offers))
    written = sshd.known_hosts.read_bytes()
    assert written.startswith(OTHERS)
    lines = written.removeprefix(OTHERS).decode().splitlines()
    assert sorted(lines) == sorted(one.line for one in offers)


def test_this_machine_has_no_key() -> None:
    with pytest.raises(Usage) as caught:
        hostkey.look_up(connection.reach("localhost"))
    assert caught.value.detail.code == "host_key_local"
    assert "no host key to trust" in str(caught.value)


@pytest.mark.parametrize(
    ("more", "hint"),
    [
        ("-J gate", "`ssh ssh://gate ssh-keyscan -p"),
        ("-J me@one:2222,two", "`ssh -J me@one:2222 ssh://two ssh-keyscan -p"),
        ("-o ProxyCommand='nc %h %p'", "`ssh-keyscan -p"),
    ],
)
def test_behind_a_jump_host_it_is_done_by_hand(sshd: Sshd, more: str, hint: str) -> None:
    with pytest.raises(Usage) as caught:
        look_up(sshd, ansible_ssh_common_args=ssh_arguments(sshd, more))
    assert caught.value.detail.code == "host_key_behind_jump"
    assert hint in caught.value.detail.hint
    assert str(sshd.known_hosts) in caught.value.detail.hint


def test_nothing_listens(sshd: Sshd) -> None:
    with pytest.raises(HostUnreachable) as caught:
        look_up(sshd, ansible_port=free_port())
    assert caught.value.exit_status == 11


def test_no_such_name(sshd: Sshd) -> None:
    with pytest.raises(HostUnreachable, match=r"nowhere\.invalid"):
        look_up(sshd, ansible_host="nowhere.invalid")


@contextmanager
def listener(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """Something else than sshd on a port of its own."""
    server = socket.create_server(("127.0.0.1", 0))
    taken: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                client = server.accept()[0]
            except OSError:
                return
            taken.append(client)
            with suppress(OSError):  # the other end may have seen enough
                answer(client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(server.getsockname()[1])
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for client in taken:
            client.close()
        thread.join(5)


def garbage(client: socket.socket) -> None:
    client.sendall(os.urandom(4096) + b"\r\n\x1b[2J" * 100)
    client.close()


def false_key(client: socket.socket) -> None:
    client.sendall(b"SSH-2.0-x\r\nhost ssh-ed25519 AAAA\r\n")
    client.close()


def silence(client: socket.socket) -> None:
    """Takes the connection and says nothing."""


def greeting_alone(client: socket.socket) -> None:
    client.sendall(b"SSH-2.0-x\r\n")


@pytest.mark.parametrize("answer", [garbage, false_key, silence, greeting_alone])
def test_what_is_no_ssh_server(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch, answer: Callable[[socket.socket], object]
) -> None:
    monkeypatch.setattr(hostkey, "SECONDS", 1)
    before = sshd.known_hosts.read_bytes()
    with listener(answer) as port, pytest.raises(HostUnreachable) as caught:
        look_up(sshd, ansible_port=port)
    assert caught.value.exit_status == 11
    assert sshd.known_hosts.read_bytes() == before
    if answer is greeting_alone:  # where the library's own limit would count anew
        assert caught.value.detail.code == "host_silent"


def test_one_connection_shows_one_key(sshd: Sshd) -> None:
    """An sshd counts against an address what connects and doesn't log in."""
    add_ecdsa_key(sshd)
    way = reach(sshd)
    sshd.log.clear()
    assert hostkey.look_up(way).is_known
    assert len([line for line in sshd.log if line.startswith("Connection from")]) == 1


def test_only_addresses_of_the_wanted_family(sshd: Sshd) -> None:
    arguments = ssh_arguments(sshd, "-o AddressFamily=inet6")
    with pytest.raises(HostUnreachable) as caught:
        look_up(sshd, ansible_ssh_common_args=arguments)
    assert caught.value.detail.code == "host_unreachable"


def test_a_host_that_falls_silent_has_not_lost_a_key(sshd: Sshd) -> None:
    """Both known kinds are asked for; after the first the host is gone."""
    ecdsa = add_ecdsa_key(sshd)
    left = [True]

    def once(client: socket.socket) -> None:
        if not left:
            client.close()
            return
        left.clear()
        with socket.create_connection(("127.0.0.1", sshd.port)) as server:
            back = threading.Thread(target=relay, args=(server, client))
            back.start()
            relay(client, server)
            back.join(5)

    with listener(once) as port:
        lines = [f"[127.0.0.1]:{port} {key}\n" for key in (shown(sshd), ecdsa)]
        sshd.known_hosts.write_text("".join(lines))
        with pytest.raises(HostUnreachable):
            look_up(sshd, ansible_port=port)


def relay(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(4096):
            target.sendall(chunk)
        target.shutdown(socket.SHUT_WR)


def test_a_library_that_is_broken(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "fake.py"
    fake.write_text("import os\nos.abort()\n")
    monkeypatch.setattr(hostkey, "_SHOW_KEYS", fake)
    with pytest.raises(SandboxerError, match="status -6") as caught:
        look_up(sshd)
    assert caught.value.exit_status == 1
    assert caught.value.detail.hint.endswith("ansible-pylibssh")


def beside_a_system_with(folder: Path, sshd: Sshd) -> dict[str, object]:
    """What is shown where this folder stands in the place of /etc/ssh, which the library reads."""
    answers = sshd.folder / "answers"
    answers.mkdir()
    request = {
        "host": "127.0.0.1",
        "port": sshd.port,
        "family": "any",
        "folder": str(answers),
        "asked": [[["ssh-ed25519"], True]],
    }
    mounted = 'mount --bind "$1" /etc/ssh && shift && exec "$@"'
    child = [sys.executable, "-P", str(hostkey._SHOW_KEYS)]
    done = subprocess.run(
        ["unshare", "--mount", "/bin/sh", "-c", mounted, "sh", str(folder), *child],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


only_root_mounts = pytest.mark.skipif(os.getuid() != 0, reason="only root can mount")


@only_root_mounts
def test_a_key_does_not_become_known_by_looking(sshd: Sshd, tmp_path: Path) -> None:
    add_ecdsa_key(sshd)
    system = tmp_path / "system"
    system.mkdir()
    own, started = tmp_path / "own", tmp_path / "started"
    (system / "ssh_config").write_text(
        f"Host *\n UserKnownHostsFile {own}\n HostKeyAlgorithms ecdsa-sha2-nistp256\n"
        f" Hostname 127.9.9.9\n Port 1\n ProxyCommand touch {started}\n"
    )
    key = shown(sshd).split()[1]
    assert beside_a_system_with(system, sshd) == {"shown": {"ssh-ed25519": key}}
    assert not own.exists()
    assert not started.exists()


@only_root_mounts
def test_it_never_tries_to_log_in(sshd: Sshd, tmp_path: Path) -> None:
    system = tmp_path / "system"
    system.mkdir()
    (system / "ssh_known_hosts").write_text(f"* {shown(sshd)}\n")
    (system / "ssh_config").write_text("")
    sshd.log.clear()
    beside_a_system_with(system, sshd)
    end = time.monotonic() + 10
    while not any("[preauth]" in line for line in sshd.log) and time.monotonic() < end:
        time.sleep(0.02)
    assert [line for line in sshd.log if "[preauth]" in line]
    assert not [line for line in sshd.log if "authenticating user" in line or "Failed" in line]


def program(sshd: Sshd, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [str(PROGRAM), "host", "trust", "box", "-i", str(sshd.inventory()), *words]
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_the_program_records_a_key_with_yes(sshd: Sshd) -> None:
    sshd.known_hosts.unlink()
    done = program(sshd, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "host": "box",
        "fingerprint": fingerprint(sshd),
        "known_hosts": str(sshd.known_hosts),
        "changed": True,
    }
    assert fingerprint(sshd) in done.stderr
    assert lets_in(sshd)
    again = program(sshd, "--yes", "--json")
    assert json.loads(again.stdout)["changed"] is False


def test_the_program_says_that_a_key_has_changed(sshd: Sshd) -> None:
    sshd.new_host_key()
    done = program(sshd, "--yes")
    assert done.returncode == 0, done.stderr
    assert "NOT the one" in done.stderr
    assert done.stdout == f"box is known in {sshd.known_hosts}\n"
    assert lets_in(sshd)


def test_without_a_terminal_nobody_can_say_yes(sshd: Sshd) -> None:
    sshd.known_hosts.unlink()
    done = program(sshd)
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert not sshd.known_hosts.exists()


@pytest.mark.parametrize(("answer", "status"), [(b"n\n", 130), (b"\n", 130), (b"y\n", 0)])
def test_on_a_terminal_it_asks(sshd: Sshd, answer: bytes, status: int) -> None:
    sshd.known_hosts.unlink()
    ours, theirs = pty.openpty()
    argv = [str(PROGRAM), "host", "trust", "box", "-i", str(sshd.inventory())]
    with subprocess.Popen(argv, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs) as child:
        os.close(theirs)
        said = b""
        while b"Is that the host's key?" not in said:
            said += os.read(ours, 1024)
        os.write(ours, answer)
        assert child.wait(20) == status
    os.close(ours)
    assert fingerprint(sshd).encode() in said
    assert sshd.known_hosts.exists() == (status == 0)
