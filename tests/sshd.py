"""A private sshd on loopback: its own port, host key, authorized key and known hosts."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = shutil.which("sshd", path="/usr/sbin:/usr/bin")


@dataclass
class Sshd:
    """A running sshd. `restart` gives it a new host key or another environment."""

    folder: Path
    port: int
    control: Path
    process: subprocess.Popen[str]
    log: list[str]
    address: str = "127.0.0.1"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def client_key(self) -> Path:
        return self.folder / "client"

    @property
    def logged_in(self) -> bool:
        """Whether anybody was let in since the start."""
        return any("Accepted publickey" in line for line in self.log)

    def trust(self) -> None:
        """Write the host's present key into the known hosts."""
        key = (self.folder / "host.pub").read_text().split()[:2]
        name = self.address if self.port == 22 else f"[{self.address}]:{self.port}"
        self.known_hosts.write_text(f"{name} {' '.join(key)}\n")

    def new_host_key(self) -> None:
        """Another key for the same address, as after a reinstallation, or an attack."""
        self.stop()
        _key(self.folder / "host")
        self.start()

    def inventory(self, name: str = "box", **variables: object) -> Path:
        """An inventory with this one host, given further variables."""
        values: dict[str, object] = {
            "ansible_host": self.address,
            "ansible_port": self.port,
            "ansible_ssh_private_key_file": str(self.client_key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.known_hosts}"
            " -o GlobalKnownHostsFile=none -o IdentitiesOnly=yes -F none",
            "ansible_python_interpreter": "/usr/bin/python3",
            **variables,
        }
        path = self.folder / f"{name}.yml"
        lines = [f"      {key}: {_yaml(value)}" for key, value in values.items()]
        path.write_text("\n".join(["all:", "  hosts:", f"    {name}:", *lines, ""]))
        return path

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        assert PROGRAM
        config = self.folder / "config"
        config.write_text(
            "\n".join(
                [
                    f"Port {self.port}",
                    f"ListenAddress {self.address}",
                    f"HostKey {self.folder / 'host'}",
                    f"AuthorizedKeysFile {self.client_key}.pub",
                    f"PidFile {self.folder / 'pid'}",
                    "UsePAM no",
                    "StrictModes no",
                    "PermitRootLogin prohibit-password",
                    "PasswordAuthentication no",
                    "KbdInteractiveAuthentication no",
                    "LogLevel VERBOSE",
                    "Subsystem sftp internal-sftp",
                    *_set_env(environment or {}),
                    "",
                ]
            )
        )
        self.log.clear()
        self.process = subprocess.Popen(
            [PROGRAM, "-D", "-e", "-f", str(config)], stderr=subprocess.PIPE, text=True
        )
        listening = threading.Event()
        threading.Thread(target=self._read, args=(self.process, listening), daemon=True).start()
        listening.wait(10)
        if self.process.poll() is not None:
            raise RuntimeError(f"sshd did not start: {self.log}")

    def _read(self, process: subprocess.Popen[str], listening: threading.Event) -> None:
        assert process.stderr
        for line in process.stderr:
            self.log.append(line.rstrip())
            if "Server listening" in line:
                listening.set()
        listening.set()

    def close_masters(self) -> None:
        """End the connections that ssh keeps open, so that the next one is a new one."""
        for path in self.control.iterdir():
            subprocess.run(
                ["ssh", "-F", "none", "-o", f"ControlPath={path}", "-O", "exit", "box"],
                capture_output=True,
                check=False,
            )

    def stop(self) -> None:
        self.close_masters()
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    """A private sshd whose key is known and whose client key is let in."""
    if PROGRAM is None:
        # root has `make unit` install it
        missing = pytest.fail if os.getuid() == 0 else pytest.skip
        missing("there is no sshd on this machine: install openssh-server")
    # Sockets need a short path, which pytest's own folders aren't.
    with tempfile.TemporaryDirectory(prefix="sbx-", dir="/tmp") as control:
        monkeypatch.setenv("ANSIBLE_SSH_CONTROL_PATH_DIR", control)
        with started(tmp_path / "sshd", Path(control)) as server:
            yield server


@pytest.fixture
def jump(sshd: Sshd, tmp_path: Path) -> Iterator[Sshd]:
    """Another one, to go through on the way to the first."""
    with started(tmp_path / "jump", sshd.control) as server:
        yield server


@contextmanager
def started(
    folder: Path, control: Path, address: str = "127.0.0.1", port: int | None = None
) -> Iterator[Sshd]:
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    folder.mkdir()
    _key(folder / "host")
    _key(folder / "client")
    server = Sshd(folder, port or free_port(), control, None, [], address)  # type: ignore[arg-type]
    server.start()
    server.trust()
    try:
        yield server
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _key(path: Path) -> None:
    path.unlink(missing_ok=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)],
        check=True,
        stdin=subprocess.DEVNULL,
    )


def _set_env(environment: Mapping[str, str]) -> list[str]:
    # sshd takes the first SetEnv line alone.
    words = " ".join(f'"{name}={value}"' for name, value in environment.items())
    return [f"SetEnv {words}"] if words else []


def _yaml(value: object) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    return "'" + str(value).replace("'", "''") + "'"
