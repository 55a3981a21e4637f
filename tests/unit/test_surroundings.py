"""Surroundings that are not as one hopes, on the controller, on the host and between them: each
has its code and its exit status, and nothing waits for ever."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.awx import READ_ONLY
from tests.sshd import Sshd

PROGRAM = str(Path(sys.executable).parent / "sandboxer")

pytestmark = [
    pytest.mark.usefixtures("quiet_surroundings"),
    pytest.mark.skipif(os.getuid() != 0, reason="a host is used as root"),
]


def start(*words: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*prefix, PROGRAM, *words, "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(child: subprocess.Popen[str]) -> tuple[int, Any]:
    """Its exit status, and what it said."""
    out, err = child.communicate(timeout=60)
    assert out, err
    return child.returncode, json.loads(out)


def run(*words: str, prefix: tuple[str, ...] = ()) -> tuple[int, Any]:
    return end(start(*words, prefix=prefix))


def await_condition(what: Callable[[], bool], seconds: float = 30.0) -> None:
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit, "it never came"
        time.sleep(0.02)


# On the controller


def test_a_source_and_a_working_folder_that_are_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    (shop / "compose.yml").write_text("services: {web: {image: docker.io/library/nginx:1}}\n")
    (shop / "hosts.yml").write_text(
        "all: {hosts: {here: {ansible_connection: local, ansible_python_interpreter: "
        f"{sys.executable}}}}}}}\n"
    )
    monkeypatch.setenv("SANDBOXER_STATE", str(tmp_path / "state"))
    create = ("create", ".", "-i", "hosts.yml", "--dry-run")
    inside = (*READ_ONLY, str(shop), "env", f"--chdir={shop}")
    status, answer = run(*create, prefix=inside)
    assert (status, answer["results"]["here"]["action"]) == (0, "make")
    assert {path.name for path in shop.iterdir()} == {"compose.yml", "hosts.yml"}


# Between them: a jump host


@pytest.fixture
def behind(sshd: Sshd, jump: Sshd, tmp_path: Path) -> Path:
    """An inventory whose one host is reached through the other."""
    config = tmp_path / "ssh_config"
    config.write_text(
        f"Host jump\n HostName 127.0.0.1\n Port {jump.port}\n User root\n"
        f" IdentityFile {jump.client_key}\n UserKnownHostsFile {jump.known_hosts}\n"
        f"Host *\n UserKnownHostsFile {sshd.known_hosts}\n GlobalKnownHostsFile none\n"
        " IdentitiesOnly yes\n StrictHostKeyChecking yes\n"
    )
    return sshd.inventory(ansible_ssh_common_args=f"-F {config} -J jump")


@pytest.fixture
def waiting(sshd: Sshd, tmp_path: Path) -> Iterator[Path]:
    """A host program and a Python there that say their pid in this file, and then nothing."""
    said = tmp_path / "waiting"
    code = f"import os, time\nopen({str(said)!r}, 'w').write(f'{{os.getpid()}}\\n')\n"
    programs = tmp_path / "moved/state/programs"
    programs.mkdir(parents=True)
    (programs / "read-1.pyz").write_text(f"{code}time.sleep(300)\n")
    python = tmp_path / "python3"
    python.write_text(f"#!/bin/sh\necho $$ >{said}\nexec sleep 300\n")
    python.chmod(0o755)
    sshd.stop()
    sshd.start({"SANDBOXER_STATE": str(tmp_path / "moved")})
    yield said
    os.kill(int(said.read_text()), signal.SIGKILL)


@pytest.mark.parametrize(
    ("verb", "shared"),
    [
        ("list", False),
        ("reap", True),
        pytest.param("list", True, marks=pytest.mark.soak),
    ],
)
def test_a_jump_host_that_drops_in_the_middle(
    behind: Path, jump: Sshd, waiting: Path, verb: str, shared: bool
) -> None:
    """By a read over the connection, and by a play."""
    text = behind.read_text()
    if verb == "reap":
        text = text.replace("/usr/bin/python3", str(waiting.with_name("python3")))
    if not shared:
        text += "      ansible_ssh_args: -C\n"
    behind.write_text(text)
    child = start(verb, "-i", str(behind))
    await_condition(lambda: waiting.exists() and waiting.read_text().endswith("\n"))
    pids = Path(f"/proc/{jump.process.pid}/task/{jump.process.pid}/children").read_text().split()
    assert pids
    jump.process.kill()
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)
    status, answer = end(child)
    assert (status, answer["error"]["code"]) == (11, "host_unreachable")
    # which of ssh's own two words it is depends on what it was doing
    words = ("the connection to box was lost",) if shared else ("Broken pipe", "closed by remote")
    assert any(lost in answer["error"]["message"] for lost in words)


@pytest.mark.parametrize("verb", ["list", pytest.param("reap", marks=pytest.mark.soak)])
def test_a_jump_host_that_is_not_there(behind: Path, jump: Sshd, verb: str) -> None:
    jump.stop()
    status, answer = run(verb, "-i", str(behind))
    assert (status, answer["error"]["code"]) == (11, "host_unreachable")
    assert f"port {jump.port}: Connection refused" in answer["error"]["message"]


def test_a_jump_host_that_lets_nobody_in(behind: Path, jump: Sshd) -> None:
    Path(f"{jump.client_key}.pub").write_text("")
    status, answer = run("list", "-i", str(behind))
    assert (status, answer["error"]["code"]) == (3, "auth_failed")
    assert "Permission denied (publickey)" in answer["error"]["message"]


@pytest.mark.parametrize(
    ("verb", "key"),
    [
        ("list", "changed"),
        ("reap", "unknown"),
        pytest.param("list", "unknown", marks=pytest.mark.soak),
    ],
)
def test_a_jump_host_whose_key_is_not_known(
    behind: Path, jump: Sshd, sshd: Sshd, verb: str, key: str
) -> None:
    if key == "changed":
        jump.new_host_key()
    else:
        jump.known_hosts.write_text("")
    status, answer = run(verb, "-i", str(behind))
    assert (status, answer["error"]["code"]) == (3, f"host_key_{key}")
    assert "jump host on the way to box" in answer["error"]["message"]
    assert "trust" not in answer["error"]["hint"]
    assert not jump.logged_in
    assert not sshd.logged_in


# On the host


def test_a_home_that_is_not_there(sshd: Sshd, tmp_path: Path) -> None:
    sshd.stop()
    sshd.start({"HOME": "/proc/nowhere", "SANDBOXER_STATE": str(tmp_path / "moved")})
    inventory = str(sshd.inventory())
    assert run("list", "-i", inventory) == (0, [])
    status, answer = run("create", "--profile", "profile.hello", "--dry-run", "-i", inventory)
    assert (status, answer["results"]["box"]["action"]) == (0, "make")


def test_a_path_without_an_engine(sshd: Sshd, tmp_path: Path) -> None:
    """It says where it looked: one may be there, where only a person's own shell looks."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name not in ("podman", "dockerd"):
            (programs / program.name).symlink_to(program)
    sshd.stop()
    sshd.start({"PATH": str(programs), "SANDBOXER_STATE": str(tmp_path / "moved")})
    create = ("create", "--profile", "profile.hello", "-i", str(sshd.inventory()))
    status, answer = run(*create)
    assert (status, answer["error"]["code"]) == (7, "engine_missing")
    assert answer["error"]["message"].startswith("there is neither podman nor docker in ")
    assert str(programs) in answer["error"]["message"]
    assert "/usr/local/bin" in answer["error"]["hint"]


@pytest.mark.parametrize("verb", ["reap", pytest.param("list", marks=pytest.mark.soak)])
def test_su_that_asks_for_a_password(sshd: Sshd, tmp_path: Path, verb: str) -> None:
    """The real one, by an account that is not root."""
    su = tmp_path / "su"
    drop = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    su.write_text(f'#!/bin/sh\nexec {drop} /bin/su "$@"\n')
    su.chmod(0o755)
    inventory = sshd.inventory(
        ansible_become=True,
        ansible_become_method="su",
        ansible_become_exe=su,
        ansible_ssh_timeout=3,  # Ansible waits as long for su as it does for a connection
    )
    status, answer = run(verb, "-i", str(inventory))
    assert (status, answer["error"]["code"]) == (3, "become_password_missing")
    assert answer["error"]["hint"]
