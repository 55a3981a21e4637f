"""A private machine that the pages' commands may do anything to: `make pages` starts it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.command import run
from tests.sshd import Sshd, sshd

__all__ = ["sshd"]

# what the pages call the host h1; it is this machine
ADDRESS = "192.0.2.11"
# This machine's busybox under the name of an image that the pages use: no registry is asked.
STAND_IN = "docker.io/library/nginx:alpine"


@pytest.fixture(scope="session", autouse=True)
def machine() -> None:
    """Folders, network and containers are private already; so is now what ssh reads."""
    if "private /var/lib/sandboxer tmpfs" not in Path("/proc/self/mounts").read_text():
        pytest.fail("these tests want a machine of their own: run `make pages`", pytrace=False)
    ssh = Path("~/.ssh").expanduser()
    ssh.mkdir(mode=0o700, exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", "mode=0700", "private", str(ssh)])


@pytest.fixture(autouse=True)
def image(machine: None, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("image")
    (root / "bin").mkdir()
    run(["cp", "/bin/busybox", str(root / "bin/busybox")])
    command = 'CMD ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/"]'
    layer = subprocess.run(["tar", "-C", root, "-c", "."], capture_output=True, check=True).stdout
    argv = ["podman", "import", "--quiet", "--change", command, "-", STAND_IN]
    subprocess.run(argv, input=layer, capture_output=True, check=True)


@pytest.fixture
def h1(sshd: Sshd) -> Iterator[Sshd]:
    """This machine once more, at an address of its own and over SSH. Its key isn't known yet."""
    run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"])
    sshd.stop()
    sshd.address, sshd.port = ADDRESS, 22
    sshd.start()
    key = Path("~/.ssh/id_ed25519").expanduser()
    key.write_bytes(sshd.client_key.read_bytes())
    key.chmod(0o600)
    try:
        yield sshd
    finally:
        run(["ip", "address", "del", f"{ADDRESS}/32", "dev", "lo"])
