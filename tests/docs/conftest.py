"""A private machine that the pages' commands may do anything to: `make pages` starts it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.lab.command import run
from tests.sshd import Sshd, started

# This machine's busybox under the name of an image that the pages use: no registry is asked.
STAND_IN = "docker.io/library/nginx:alpine"


@pytest.fixture(autouse=True)
def machine() -> None:
    """Folders, network and containers are private already; so is now what ssh knows."""
    if "private /var/lib/sandboxer tmpfs" not in Path("/proc/self/mounts").read_text():
        pytest.fail("these tests want a machine of their own: run `make pages`", pytrace=False)
    ssh = Path("~/.ssh").expanduser()
    ssh.mkdir(mode=0o700, exist_ok=True)
    run(["mount", "-t", "tmpfs", "-o", "mode=0700", "private", str(ssh)])


@pytest.fixture
def image(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("image")
    (root / "bin").mkdir()
    run(["cp", "/bin/busybox", str(root / "bin/busybox")])
    command = 'CMD ["/bin/busybox", "httpd", "-f", "-p", "80", "-h", "/"]'
    layer = subprocess.run(["tar", "-C", root, "-c", "."], capture_output=True, check=True).stdout
    argv = ["podman", "import", "--quiet", "--change", command, "-", STAND_IN]
    subprocess.run(argv, input=layer, capture_output=True, check=True)


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Sshd]]:
    """A function that gives this machine one more address, with an sshd that knows our key. Its
    own key isn't known yet."""
    key = Path("~/.ssh/id_ed25519").expanduser()
    with ExitStack() as stack:
        control = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sbx-")))
        monkeypatch.setenv("ANSIBLE_SSH_CONTROL_PATH_DIR", str(control))

        def serve(address: str, port: int = 22) -> Sshd:
            run(["ip", "address", "add", f"{address}/32", "dev", "lo"])
            stack.callback(run, ["ip", "address", "del", f"{address}/32", "dev", "lo"])
            server = stack.enter_context(started(tmp_path / address, control, address, port))
            if not key.exists():
                run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
            for end in ("", ".pub"):
                Path(f"{server.client_key}{end}").write_bytes(Path(f"{key}{end}").read_bytes())
            return server

        yield serve


@pytest.fixture
def h1(hosts: Callable[..., Sshd]) -> Sshd:
    """What the pages call the host h1; it is this machine."""
    return hosts("192.0.2.11")
