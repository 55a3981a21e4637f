"""The collection as an artifact: the same bytes twice, accepted by the importer, and running by
itself from an empty folder, before every other copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from scripts import artifact

BIN = Path(sys.executable).parent
IMPORTER = Path(__file__).with_name("importer.cfg")

DEFAULTS_OF_THE_GROUP = """
- hosts: all
  gather_facts: false
  module_defaults:
    group/coulomb.sandboxer.sandboxer:
      owner: somebody
  tasks:
    - coulomb.sandboxer.sandbox_info:
    - coulomb.sandboxer.sandbox: {name: none-such, state: absent}
    - coulomb.sandboxer.reap:
      check_mode: true
    - coulomb.sandboxer.lease: {name: none-such, ttl: 1h}
      ignore_errors: true
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return artifact.build(artifact.COLLECTION, tmp_path_factory.mktemp("artifact"))


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    run(folder, "ansible-galaxy", "collection", "install", "--offline", "--force", "-p", ".", built)
    return folder


def run(folder: Path, program: str, *words: str | Path, **more: str) -> str:
    """Run it where no configuration of ours lies, with this folder's collections first."""
    done = subprocess.run(
        [BIN / program, *words],
        cwd=folder,
        env={
            **{key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")},
            "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]]),
            "HOME": str(folder),
            "ANSIBLE_COLLECTIONS_PATH": str(folder),
            "SANDBOXER_STATE": str(folder / "state"),
            "ANSIBLE_INJECT_INVOCATION": "true",  # shows a module's arguments, with -vvv
            **more,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def play(folder: Path, playbook: str) -> str:
    local = f"ansible_python_interpreter={sys.executable}"
    words = ["-vvv", "-i", "localhost,", "-c", "local", "-e", local, playbook]
    return run(folder, "ansible-playbook", *words)


def test_the_same_bytes_from_another_clone(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another place, other times, other people's modes, and what running has left behind."""
    clone = tmp_path / "ansible_collections/coulomb/sandboxer"
    litter = shutil.ignore_patterns("output", "__pycache__", ".*")
    shutil.copytree(artifact.COLLECTION, clone, ignore=litter)
    for path in clone.rglob("*"):
        os.utime(path, (1, 1))
    (clone / "galaxy.yml").chmod(0o600)
    (clone / "README.md").chmod(0o664)
    for folder in ("plugins/__pycache__", "tests/output/junit", ".mypy_cache", ".ansible"):
        (clone / folder).mkdir(parents=True)
        (clone / folder / "left").touch()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    again = artifact.build(clone, tmp_path / "again")
    assert again.name == built.name
    assert again.read_bytes() == built.read_bytes()


def test_nothing_but_the_collection_is_in_it(built: Path) -> None:
    with tarfile.open(built) as archive:
        members = archive.getmembers()
    for member in members:
        assert "__pycache__" not in member.name
        assert not member.name.startswith((".", "extensions", "tests/output"))
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")


def test_it_is_what_its_manifest_says(installed: Path) -> None:
    run(installed, "ansible-galaxy", "collection", "verify", "--offline", "coulomb.sandboxer")


def test_it_runs_by_itself(installed: Path) -> None:
    """The wheel is there, and with it another copy, which must not be the one that runs."""
    said = play(installed, "coulomb.sandboxer.list")
    ours = installed / "ansible_collections/coulomb/sandboxer"
    assert f"Using module file {ours}/plugins/modules/sandbox_info.py" in said
    assert '"sandboxes": []' in said
    assert str(artifact.COLLECTION) not in said
    assert not (installed / "state").exists(), "a read writes nothing"


def test_the_action_group_has_defaults(installed: Path) -> None:
    (installed / "play.yml").write_text(DEFAULTS_OF_THE_GROUP)
    said = play(installed, "play.yml")
    assert said.count('"owner": "somebody"') == 3
    assert "Unsupported parameters" not in said


def test_the_importer_takes_it(built: Path, tmp_path: Path) -> None:
    said = run(
        tmp_path,
        "python",
        "-m",
        "galaxy_importer.main",
        built,
        GALAXY_IMPORTER_CONFIG=str(IMPORTER),
    )
    assert (tmp_path / "importer_result.json").exists(), said
