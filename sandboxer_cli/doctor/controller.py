"""What is wrong with this machine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from sandboxer_cli import __version__, ansible_env
from sandboxer_cli.doctor.row import Row, fail, ok, refused, warn
from sandboxer_cli.errors import SandboxerError

NAME = "controller"  # of this machine's own rows


def check() -> Iterator[Row]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield ok(NAME, "sandboxer", f"{__version__} on Python {python}, {sys.executable}")
    yield _library("ansible-core")
    yield _library("ansible-runner")
    yield _library("ansible-pylibssh")
    try:
        yield from _collection()
        yield _playbook_program()
    except SandboxerError as error:
        yield refused(NAME, "collection", error)
    yield from _bytecode()
    yield _ssh()


def _library(name: str) -> Row:
    from packaging.requirements import Requirement  # ansible-core brings it along

    try:
        declared = importlib.metadata.requires("sand-boxer") or []
    except importlib.metadata.PackageNotFoundError:
        declared = []  # run from its sources
    wanted = next(
        (one for one in map(Requirement, declared) if one.name == name), Requirement(name)
    )
    mend = f"{sys.executable} -m pip install '{wanted}'"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return fail(NAME, name, "not installed beside this Python", mend, SandboxerError)
    if version not in wanted.specifier:
        said = f"{version}, and {wanted.specifier} is what sand-boxer works with"
        return fail(NAME, name, said, mend, SandboxerError)
    return ok(NAME, name, version)


def _collection() -> Iterator[Row]:
    """The copy that our plays run, and one that would win where ours are run without us."""
    first, *configured = ansible_env.settings()["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)
    ours = _copy_below(Path(first))
    version = _collection_version(ours)
    if version == __version__:
        yield ok(NAME, "collection", f"{version}, {ours}")
    else:
        yield fail(
            NAME,
            "collection",
            f"{ours} has version {version}, and the program has {__version__}",
            f"{sys.executable} -m pip install --force-reinstall sand-boxer=={__version__}",
            SandboxerError,
        )
    copies = [_copy_below(Path(path)) for path in configured]
    theirs = next((path for path in copies if path.is_dir()), ours)
    if theirs.resolve() != ours.resolve() and _collection_version(theirs) != __version__:
        yield warn(
            NAME,
            "other-collection",
            f"ansible-playbook by itself takes version {_collection_version(theirs)}, {theirs}",
            f"rm -r {shlex.quote(str(theirs))}",
        )


def _copy_below(path: Path) -> Path:
    root = path if path.name == "ansible_collections" else path / "ansible_collections"
    return root / "coulomb" / "sandboxer"


def _collection_version(copy: Path) -> str:
    """As Ansible reads it: an installed collection has a manifest, a checkout its galaxy.yml."""
    try:
        if (manifest := copy / "MANIFEST.json").exists():
            return str(json.loads(manifest.read_bytes())["collection_info"]["version"])
        return str(yaml.safe_load((copy / "galaxy.yml").read_bytes())["version"])
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError):
        return "unknown"


def _playbook_program() -> Row:
    beside = Path(sys.executable).with_name("ansible-playbook")
    found = shutil.which("ansible-playbook", path=ansible_env.settings()["PATH"])
    mend = f"{sys.executable} -m pip install --force-reinstall ansible-core"
    if found is None:
        said = "neither beside this Python nor on PATH"
        return fail(NAME, "ansible-playbook", said, mend, SandboxerError)
    if Path(found) != beside:
        said = f"not beside this Python; {found} would run"
        return warn(NAME, "ansible-playbook", said, mend)
    return ok(NAME, "ansible-playbook", found)


def _bytecode() -> Iterator[Row]:
    spec = importlib.util.find_spec("ansible")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent
        yield _compiled("bytecode", "Ansible", folder, folder / "cli/playbook.py")
    with contextlib.suppress(SandboxerError):  # it is missing, as its own row says
        folder = _copy_below(ansible_env.collection_root()) / "plugins/module_utils/host"
        yield _compiled("collection-bytecode", "the host library", folder, folder / "ids.py")


def _compiled(check: str, what: str, folder: Path, file: Path) -> Row:
    compiled = Path(importlib.util.cache_from_source(str(file)))
    if compiled.exists():
        return ok(NAME, check, f"{what} is compiled, {compiled.parent}")
    said = f"{what} is not compiled: where it can't be, each run does it anew, and takes longer"
    mend = f"{shlex.quote(sys.executable)} -m compileall -q {shlex.quote(str(folder))}"
    return warn(NAME, check, said, mend)


def _ssh() -> Row:
    found = shutil.which("ssh")
    if found is None:
        said = "missing: no other machine can be used"
        return warn(NAME, "ssh", said, "apt-get install openssh-client")
    done = subprocess.run([found, "-V"], capture_output=True, text=True, check=False)
    return ok(NAME, "ssh", f"{done.stderr.split(',')[0].strip()}, {found}")
