"""The files themselves, out of clones that somebody else made; nothing of them is kept here.

They are tried as whoever runs them unchanged would: short image names are docker.io's.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from tests.corpus import trial
from tests.corpus.projects import Project
from tests.lab.doors import Controller


def show(controller: Controller, project: Project, clones: Path) -> str | None:
    """What becomes of the original; None where there is no clone of it, or not of that commit."""
    clone = clone_of(clones, project.source)
    return _show(controller, project, clone) if clone else None


def clone_of(clones: Path, source: str) -> Path | None:
    """It lies in OWNER+NAME, OWNER/NAME or NAME, with a work tree, bare, or in a folder `repo`."""
    owner, _, name = source.partition("/")
    for folder in (f"{owner}+{name}/repo", f"{owner}+{name}", f"{owner}/{name}", name):
        if (clones / folder).is_dir():
            return clones / folder
    return None


def _show(controller: Controller, project: Project, clone: Path) -> str | None:
    file = Path(project.path)
    with tempfile.TemporaryDirectory() as scratch:
        packed = Path(scratch) / "tree.tar"
        folder = "" if project.original_root or file.parent == Path() else str(file.parent)
        archive = ["git", "-C", str(clone), "archive", f"--output={packed}"]
        archive.append(f"{project.commit}:{folder}")
        if subprocess.run(archive, capture_output=True, check=False).returncode:
            return None
        tree = Path(scratch) / "tree"
        tree.mkdir()
        subprocess.run(["tar", "-xf", str(packed), "-C", str(tree)], check=True)
        own = project.path if project.original_root else file.name
        names = project.original_files or (own,)
        options = [word for each in names for word in ("--file", each)]
        options += ["--set", "qualify=docker.io"]
        said = controller.sandboxer("compose", "show", str(tree), *options, "--json")
        return trial.outcome(said, "renders")
