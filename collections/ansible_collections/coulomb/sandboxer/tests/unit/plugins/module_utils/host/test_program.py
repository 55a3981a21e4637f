"""The program that builds itself: the same bytes from a folder and from inside itself."""

from __future__ import annotations

import glob
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import program
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

REBUILD = """
import sys
sys.path.insert(0, sys.argv[1])
from sandboxer_host import program
assert program.__file__.startswith(sys.argv[1]), program.__file__
texts = program.sources()
sys.stdout.buffer.write(program.digest(texts).encode() + b" " + program.build(texts))
"""


def pythons() -> list[str]:
    """What hosts have: the system's Python, and the oldest that is promised."""
    oldest = glob.glob(os.path.expanduser("~/.pyenv/versions/3.9.*/bin/python3.9"))
    return [path for path in ("/usr/bin/python3", *oldest, sys.executable) if os.path.exists(path)]


@pytest.fixture(scope="module")
def zipapp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "host.pyz"
    path.write_bytes(program.build(program.sources()))
    return path


def run(python: str, path: str, *words: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [python, "-I", "-S", path, *words], capture_output=True, check=False, **options
    )


def test_the_rooms_are_the_files_in_the_folder() -> None:
    folder = os.path.dirname(os.path.abspath(program.__file__))
    files = {name[:-3] for name in os.listdir(folder) if name.endswith(".py")}
    assert set(program.ROOMS) == files
    assert list(program.ROOMS) == sorted(program.ROOMS)


def test_the_same_bytes_twice() -> None:
    texts = program.sources()
    assert program.sources() == texts
    assert program.build(texts) == program.build(dict(reversed(list(texts.items()))))
    assert program.digest(texts) == program.digest(dict(reversed(list(texts.items()))))


def test_the_digest_follows_every_room() -> None:
    texts = program.sources()
    seen = {program.digest({**texts, room: texts[room] + "\n"}) for room in texts}
    assert len(seen | {program.digest(texts)}) == len(texts) + 1


def test_it_builds_itself_from_inside_itself(zipapp: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", REBUILD, str(zipapp)], capture_output=True, check=True
    )
    name, _blank, built = done.stdout.partition(b" ")
    assert name.decode() == program.digest(program.sources())
    assert built == zipapp.read_bytes()


@pytest.mark.parametrize("python", pythons())
def test_another_python_finds_the_same_sources(zipapp: Path, python: str) -> None:
    """So that a module and the program, under whatever Python, name the same file."""
    done = subprocess.run(
        [python, "-I", "-S", "-c", REBUILD, str(zipapp)], capture_output=True, check=True
    )
    assert done.stdout.partition(b" ")[0].decode() == program.digest(program.sources())


@pytest.mark.parametrize("python", pythons())
def test_it_runs_under_every_python_of_a_host(zipapp: Path, python: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "SANDBOXER_STATE": str(tmp_path / "none")}
    done = run(python, str(zipapp), "list", input=b'{"owner": null}', env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"[]\n", b"")
    done = run(python, str(zipapp), "show", input=b'{"ref": "sbx-a"}', env=environment)
    assert (done.returncode, done.stderr) == (1, b"")
    assert json.loads(done.stdout)["error"]["code"] == "not_found"
    assert list(tmp_path.iterdir()) == [], "reads write nothing"


def test_it_speaks_utf_8_whatever_the_locale(zipapp: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-I", "-S", str(zipapp), "show"],
        input='{"ref": "h\u00e4", "owner": "me"}'.encode(),
        capture_output=True,
        check=False,
        env={"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "SANDBOXER_STATE": str(tmp_path)},
    )
    assert "h\u00e4" in json.loads(done.stdout.decode("utf-8"))["error"]["message"]


def test_a_verb_that_there_is_not(zipapp: Path) -> None:
    for words in ((), ("nonsense",)):
        done = run(sys.executable, str(zipapp), *words, input=b"{}")
        assert done.returncode == 1
        assert json.loads(done.stdout)["error"]["code"] == "usage"


def test_install_writes_once_and_points_the_reader(state: State) -> None:
    name = program.install(state)
    path = os.path.join(state.programs, name)
    first = os.stat(path)
    assert program.install(state) == name
    assert os.stat(path).st_mtime_ns == first.st_mtime_ns
    assert os.stat(path).st_ino == first.st_ino
    assert os.readlink(program.reader(state)) == name
    assert sorted(os.listdir(state.programs)) == sorted([name, "read-1.pyz"])
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize(
    ("there", "stays"),
    [("0.8.9-aaa.pyz", False), ("0.9.0-aaa.pyz", False), ("0.10.0-aaa.pyz", True)],
)
def test_the_reader_is_never_pointed_at_an_older_version(
    state: State, monkeypatch: pytest.MonkeyPatch, there: str, stays: bool
) -> None:
    monkeypatch.setattr(program, "VERSION", "0.9.0")
    os.symlink(there, program.reader(state))
    name = program.install(state)
    assert os.readlink(program.reader(state)) == (there if stays else name)
