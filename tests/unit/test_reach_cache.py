"""How a host is reached is asked once, and again whenever the answer might be another."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli import connection, reach_cache
from sandboxer_cli.errors import Usage

pytestmark = pytest.mark.usefixtures("quiet_surroundings")

HOSTS = "all:\n  hosts:\n    one:\n      ansible_host: 192.0.2.1\n"


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the test's own for kept answers; it needs a short path, as sockets do."""
    with tempfile.TemporaryDirectory(prefix="sbx-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture
def asked(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of Ansible."""
    questions: list[str] = []
    run = subprocess.run

    def noted(argv: list[str], **how: Any) -> Any:
        if "_reach.py" in argv[-1]:
            questions.append(how["input"])
        return run(argv, **how)

    monkeypatch.setattr(subprocess, "run", noted)
    return questions


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    folder = tmp_path / "inventory"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "hosts.yml").write_text(HOSTS)
    (folder / "group_vars/all.yml").write_text("ansible_user: '{{ name_of_it }}'\nname_of_it: a\n")
    return folder


def test_what_was_asked_once_is_known(asked: list[str], inventory: Path) -> None:
    first = connection.reach("one", [inventory])
    assert connection.reach("one", [inventory]) == first
    assert first.ssh == {"host": "192.0.2.1", "port": 22, "user": "a"}
    assert len(asked) == 1
    assert connection.hosts([inventory]) == ["one"]
    assert len(asked) == 2


def test_another_process_knows_it_too(inventory: Path) -> None:
    for folder in (Path("group_vars"), inventory.parent / "other/group_vars"):
        folder.mkdir(parents=True)
        (folder / "all.yml").write_text("a: 1\n")
    (inventory.parent / "other/hosts.yml").write_text(HOSTS)
    code = (
        "import sys; from sandboxer_cli import reach_cache as c; "
        "print(c.fingerprint('', sys.argv[1:]))"
    )
    sources = [str(inventory), str(inventory.parent / "other/hosts.yml")]
    said = {
        subprocess.run(
            [sys.executable, "-c", code, *sources],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "1234"
    }
    assert len(said) == 1
    assert said != {"None\n"}


def test_a_kept_answer_is_judged_again(asked: list[str], inventory: Path) -> None:
    (inventory / "group_vars/all.yml").write_text("ansible_ssh_extra_args: -o CheckHostIP=no\n")
    connection.reach("one", [inventory])
    (inventory / "group_vars/all.yml").write_text(
        "ansible_ssh_extra_args: -o StrictHostKeyChecking=no\n"
    )
    for _ in range(2):
        with pytest.raises(Usage, match="switches the host-key check of one off"):
            connection.reach("one", [inventory])
    assert len(asked) == 2


def _another_address(inventory: Path, patch: pytest.MonkeyPatch) -> None:
    (inventory / "hosts.yml").write_text(HOSTS.replace(".1", ".2"))


def _another_group_variable(inventory: Path, patch: pytest.MonkeyPatch) -> None:
    (inventory / "group_vars/all.yml").write_text("ansible_user: b\n")


def _a_host_variable(inventory: Path, patch: pytest.MonkeyPatch) -> None:
    (inventory / "host_vars").mkdir()
    (inventory / "host_vars/one.yml").write_text("ansible_port: 23\n")


def _beside_the_working_folder(inventory: Path, patch: pytest.MonkeyPatch) -> None:
    Path("group_vars").mkdir()
    Path("group_vars/all.yml").write_text("ansible_port: 23\n")


def _a_configuration(inventory: Path, patch: pytest.MonkeyPatch) -> None:
    Path("ansible.cfg").write_text("[ssh_connection]\nssh_args = -o Compression=yes\n")


def _the_environment(inventory: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("ANSIBLE_REMOTE_PORT", "23")


@pytest.mark.parametrize(
    "change",
    [
        _another_address,
        _another_group_variable,
        _a_host_variable,
        _beside_the_working_folder,
        _a_configuration,
        _the_environment,
    ],
)
def test_what_has_changed_is_asked_again(
    asked: list[str],
    inventory: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path, pytest.MonkeyPatch], None],
) -> None:
    before = connection.reach("one", [inventory])
    change(inventory, monkeypatch)
    assert connection.reach("one", [inventory]) != before
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("hosts.yml", HOSTS + "      ansible_user: \"{{ lookup('env', 'HOME') }}\"\n"),
        ("hosts.yml", HOSTS + "      ansible_user: '{% if true %}a{% endif %}'\n"),
        ("group_vars/all.yml", "ansible_user: !vault |\n  abc\n"),
        ("group_vars/all/vault", "$ANSIBLE_VAULT;1.1;AES256\n"),
        ("made.yml", "plugin: ansible.builtin.constructed\n"),
        ("../home/ansible.cfg", "[defaults]\nfact_caching = jsonfile\n"),
        ("../home/ansible.cfg", "[defaults]\nvars_plugins_enabled = mine\n"),
        ("../home/ansible.cfg", "[defaults]\nremote_user = $USER\n"),
        ("../home/.ansible/plugins/vars/mine.py", ""),
    ],
)
def test_what_depends_on_more_is_never_kept(
    inventory: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str
) -> None:
    home = inventory.parent / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    assert reach_cache.fingerprint("", [str(inventory)]) is not None
    path = inventory / file
    if path.parent.name == "all":
        (inventory / "group_vars/all.yml").unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert reach_cache.fingerprint("", [str(inventory)]) is None


@pytest.mark.parametrize("name", ["ANSIBLE_VARS_ENABLED", "ANSIBLE_CACHE_PLUGIN"])
def test_nor_where_the_environment_adds_variables(
    inventory: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "mine")
    assert reach_cache.fingerprint("", [str(inventory)]) is None


def test_a_script_is_never_kept(inventory: Path) -> None:
    script = inventory / "more.sh"
    script.write_text("#!/bin/sh\necho '{}'\n")
    script.chmod(0o755)
    assert reach_cache.fingerprint("", [str(inventory)]) is None


def test_a_broken_file_is_no_answer(asked: list[str], inventory: Path, runtime: Path) -> None:
    connection.reach("one", [inventory])
    [kept] = (runtime / "sandboxer").glob("reach-*")
    assert kept.stat().st_mode & 0o777 == 0o600
    kept.write_text("{")
    connection.reach("one", [inventory])
    assert len(asked) == 2
