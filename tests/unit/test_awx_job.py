"""Jobs as AWX starts them, as far as no engine is needed: real ansible-runner, a real sshd."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.program import VERSION
from tests import awx
from tests.sshd import Sshd, free_port

COMMON = "-o UserKnownHostsFile={{ lookup('env', 'SANDBOXER_KNOWN_HOSTS') }}"


@pytest.fixture
def box(sshd: Sshd, tmp_path: Path) -> Sshd:
    """A host with a state of its own."""
    sshd.stop()
    sshd.start({"SANDBOXER_STATE": str(tmp_path / "state")})
    return sshd


def job(box: Sshd, folder: Path, playbook: str = "list", **more: object) -> awx.Job:
    args = f"{COMMON} -o GlobalKnownHostsFile=none -o IdentitiesOnly=yes -F none"
    surroundings = {
        "SANDBOXER_KNOWN_HOSTS": str(box.known_hosts),
        "SANDBOXER_OWNER": "team",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(box.control),
    }
    variables = more.pop("variables", {})
    changes = more.pop("surroundings", {})
    connection = more.pop("connection", {})
    assert isinstance(variables, dict)
    assert isinstance(changes, dict)
    assert isinstance(connection, dict)
    return awx.Job(
        folder=folder / "job",
        playbook=playbook,
        inventory=box.inventory(ansible_ssh_common_args=args, **connection),
        variables=variables or {"sandboxer_host": "box"},
        surroundings={**surroundings, **changes},
        **more,  # type: ignore[arg-type]
    )


def test_what_ansible_builder_is_told(tmp_path: Path) -> None:
    told = awx.needs()
    origin = "  # from collection coulomb.sandboxer"
    assert told["python"] == [f"sand-boxer=={VERSION}{origin}"]
    asked = tmp_path / "bindep.txt"
    asked.write_text("".join(line.replace(origin, "\n") for line in told["system"]))
    argv = [str(awx.BIN / "bindep"), "--brief", "--file", str(asked)]
    said = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")
    assert told.keys() == {"python", "system"}


def test_a_job_lists(box: Sshd, tmp_path: Path) -> None:
    ran = job(box, tmp_path).run()
    assert ran.status == 0, ran.out
    assert ran.artifacts == {"sandboxer_results": {"box": []}, "sandboxer_result": []}
    assert box.logged_in


@pytest.mark.parametrize(
    "given",
    [
        {"sandboxer_name": "other"},
        pytest.param({}, marks=pytest.mark.soak),
        pytest.param({"sandboxer_id": "sbx-other"}, marks=pytest.mark.soak),
    ],
)
def test_a_job_is_about_what_the_job_before_it_made(
    box: Sshd, tmp_path: Path, given: dict[str, str]
) -> None:
    """In a workflow it gets the artifacts, and no host: others of the inventory are left alone.

    The id is one that a host refuses by name, so that it can be seen whether it was asked about.
    """
    handed = {"sandboxer_result": {"id": "sbx-HANDED", "host": "box", "state": "ready"}}
    second = job(box, tmp_path, "destroy", variables=handed | given)
    with second.inventory.open("a") as inventory:
        inventory.write(f"    nobody: {{ansible_host: 127.0.0.1, ansible_port: {free_port()}}}\n")
    ran = second.run()
    assert "nobody" not in ran.out
    if given:
        assert ran.status == 0, ran.out
        assert ran.artifacts["sandboxer_results"].keys() == {"box"}
    else:
        assert ran.status != 0
        assert "sbx-HANDED" in ran.failure["msg"]


def test_a_check_shows_the_plan_and_the_project_stays_as_it_is(box: Sshd, tmp_path: Path) -> None:
    variables = {"sandboxer_profile": "profile.hello", "sandboxer_host": "box"}
    checked = job(box, tmp_path, "create", check=True, variables=variables)
    ran = checked.run()
    assert ran.status == 0, ran.out
    assert ran.artifacts["sandboxer_result"]["action"] == "make"
    assert not list(checked.project.rglob("__pycache__")), "the project was written to"
    assert not (tmp_path / "state").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="modes hold for others")
def test_the_project_is_read_only(tmp_path: Path) -> None:
    """Of the stage itself: a job that wrote there would have failed."""
    argv = [*awx.READ_ONLY, str(tmp_path), "touch", str(tmp_path / "x")]
    said = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (said.returncode, "Read-only" in said.stderr) == (1, True), said


@pytest.mark.parametrize(
    ("playbook", "key"),
    [
        ("list", "unknown"),
        ("destroy", "changed"),
        pytest.param("list", "changed", marks=pytest.mark.soak),
        pytest.param("destroy", "unknown", marks=pytest.mark.soak),
    ],
)
def test_a_host_key_that_is_not_known_fails_the_job(
    box: Sshd, tmp_path: Path, key: str, playbook: str
) -> None:
    """Although AWX says ANSIBLE_HOST_KEY_CHECKING=False in each job's environment."""
    if key == "changed":
        box.new_host_key()
    else:
        box.known_hosts.write_text("")
    ran = job(box, tmp_path, playbook, variables={"sandboxer_name": "one"}).run()
    assert ran.status != 0
    assert "host key" in ran.failure["msg"].lower()
    assert not box.logged_in


def test_a_become_password_that_is_not_there_fails_the_job(box: Sshd, tmp_path: Path) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    sudo.chmod(0o755)
    become = {"ansible_become": True, "ansible_become_exe": sudo}
    ran = job(box, tmp_path, connection=become).run()
    assert ran.status != 0
    assert "password" in str(ran.failure)


def test_a_wheel_of_another_version_is_refused(box: Sshd, tmp_path: Path) -> None:
    """The project has a newer collection than the environment's wheel."""
    (tmp_path / "newer").mkdir()
    code = "import sandboxer_cli; sandboxer_cli.__version__ = '0.0.9'\n"
    (tmp_path / "newer/sitecustomize.py").write_text(code)
    variables = {"sandboxer_profile": "profile.hello", "sandboxer_host": "box"}
    surroundings = {"PYTHONPATH": str(tmp_path / "newer")}
    ran = job(
        box, tmp_path, "create", check=True, variables=variables, surroundings=surroundings
    ).run()
    assert ran.status != 0
    python = awx.environment() / "bin/python"
    assert "sand-boxer 0.0.9" in ran.failure["msg"]
    assert f"-m pip install sand-boxer=={VERSION}" in ran.failure["msg"]
    assert str(python) in ran.failure["msg"]
    assert ran.failure["sandboxer_error"]["code"] == "package_version"


@pytest.mark.parametrize("home", ["/proc/nowhere", pytest.param("", marks=pytest.mark.soak)])
def test_a_home_that_is_not_there(box: Sshd, tmp_path: Path, home: str) -> None:
    surroundings = {"HOME": home, "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp")}
    ran = job(box, tmp_path, surroundings=surroundings).run()
    assert ran.status == 0, ran.out
    assert ran.artifacts["sandboxer_result"] == []
