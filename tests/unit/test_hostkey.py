"""What key a host shows, whether it is known, and how it becomes known."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandboxer_cli import connection, hostkey
from sandboxer_cli.errors import ConnectionRefused, HostUnreachable, Usage
from tests.sshd import Sshd, free_port, sshd

__all__ = ["sshd"]

PROGRAM = Path(sys.executable).with_name("sandboxer")
OTHERS = (
    b"# kept as it is \xff\r\n"
    b"\n"
    b"other.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIISlHKEZ6Uk1yWF6028GWAavXFdqjU5PGASGj3JCZbis"
    b"  a comment\n"
)


@pytest.fixture(autouse=True)
def quiet_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of this machine's user, and a working folder of the test's own."""
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        if name != "ANSIBLE_SSH_CONTROL_PATH_DIR":
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def look_up(sshd: Sshd, **variables: object) -> hostkey.Offer:
    return hostkey.look_up(connection.reach("box", [sshd.inventory(**variables)]))


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
    way = connection.reach("box", [sshd.inventory()])
    return connection.run(way, ["true"], timeout=20).returncode == 0


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
    way = connection.reach("box", [sshd.inventory(ansible_ssh_common_args=arguments)])
    assert connection.run(way, ["true"], timeout=20).returncode == 0


@contextmanager
def ecdsa_as_well(sshd: Sshd) -> Iterator[str]:
    """The sshd with a second host key, of another kind; the key."""
    path = sshd.folder / "ecdsa"
    argv = ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(path)]
    subprocess.run(argv, check=True)
    sshd.stop()
    # of two options the first counts, of host keys each one
    client = sshd.client_key
    sshd.folder.joinpath("host").write_text((sshd.folder / "host").read_text())
    start = sshd.start
    try:
        original = Path.write_text

        def write_text(self: Path, text: str, *rest: object) -> int:
            if self == sshd.folder / "config":
                text += f"HostKey {path}\n"
            return original(self, text)

        patch = pytest.MonkeyPatch()
        patch.setattr(Path, "write_text", write_text)
        start()
        patch.undo()
        assert client.exists()
        yield shown(sshd, "ecdsa")
    finally:
        pass
