"""The script of the page on CI, as a job runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pages
from tests.sshd import Sshd

pytestmark = pytest.mark.podman

PAGE = "docs/how-to/ci.md"


@pytest.fixture
def project(h1: Sshd, image: None, tmp_path: Path) -> Path:
    """A repository with the page's files in it."""
    folder = tmp_path / "project"
    (folder / "ci").mkdir(parents=True)
    (folder / "ci/sandbox.sh").write_text(pages.file(PAGE, "sandbox.sh"))
    (folder / "ci/hosts.yml").write_text(pages.file(PAGE, "ci/hosts.yml"))
    (folder / "compose.yml").write_text(pages.file("docs/tutorial.md", "compose.yml"))
    shutil.copy(h1.known_hosts, folder / "ci/known_hosts")
    return folder


def job(project: Path, key: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "ci/sandbox.sh", *command],
        cwd=project,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(project.parent),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": os.environ["ANSIBLE_SSH_CONTROL_PATH_DIR"],
            "SANDBOXER_KEY_FILE": str(key),
            "SANDBOXER_OWNER": "ci",
            "CI_RUN": "4711",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def left() -> list[str]:
    argv = ["podman", "ps", "--all", "--format", "{{.Names}}"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()


def test_what_tests_end_with_is_what_the_job_ends_with(project: Path, h1: Sshd) -> None:
    tests = 'echo "$URL" >url; curl --silent --fail "$URL/bin/busybox" >copy; exit 9'
    said = job(project, h1.client_key, "sh", "-c", tests)
    assert said.returncode == 9, said
    assert (project / "url").read_text().startswith(f"http://{h1.address}:")
    assert (project / "copy").read_bytes() == Path("/bin/busybox").read_bytes()
    assert left() == []


def test_a_host_that_is_down_is_no_test_that_fails(project: Path, h1: Sshd) -> None:
    h1.stop()
    said = job(project, h1.client_key, "touch", "ran")
    assert said.returncode == 11, said
    assert not (project / "ran").exists()
    h1.start()
