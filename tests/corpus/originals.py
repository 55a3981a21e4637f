"""The files themselves, out of clones that somebody else made; nothing of them is kept here.

They are tried as whoever runs them would: unchanged, then with the files that their project wants
written first, then on a host. Short image names are docker.io's.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.corpus import trial
from tests.corpus.judge import Files
from tests.corpus.projects import First, Project
from tests.lab.doors import Controller
from tests.lab.places import Place

QUALIFY = {"qualify": "docker.io"}


@dataclass(frozen=True)
class Original:
    """A project's own tree of the table's commit, in a folder that may be changed."""

    project: Project
    folder: Path

    def show(self, controller: Controller, files: Sequence[str]) -> str:
        """Whether it renders, by the program; no host is asked."""
        said = controller.sandboxer("compose", "show", str(self.folder), *_options(files), "--json")
        return trial.outcome(said, "renders")

    def prepare(self, first: First) -> None:
        """Do what the project's own page has people do before the first start."""
        for example, name in first.copy.items():
            shutil.copyfile(self.folder / example, self.folder / name)
        for name, lines in first.add.items():
            file = self.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8") as opened:
                opened.write("".join(f"{line}\n" for line in lines))

    def make(self, place: Place) -> str:
        """Its whole life on a place that has the images that stand in."""
        options = _options(self.project.prepared_files)
        speech = (self.project.original_put, self.project.original_get)
        return trial.live(place, trial.Stack(self.project.name, self.folder, options, *speech))

    def judged(self) -> Files:
        """For `docker compose config`."""
        return Files(self.project.name, self.folder, self.project.prepared_files, QUALIFY)


def unpack(project: Project, clones: Path, folder: Path) -> Original | None:
    """Into a new folder; None where there is no clone of it, or not of that commit."""
    clone = clone_of(clones, project.source)
    if clone is None:
        return None
    file = Path(project.path)
    part = "" if project.original_root or file.parent == Path() else str(file.parent)
    packed = folder.with_suffix(".tar")
    archive = ["git", "-C", str(clone), "archive", f"--output={packed}"]
    archive.append(f"{project.commit}:{part}")
    if subprocess.run(archive, capture_output=True, check=False).returncode:
        return None
    folder.mkdir()
    subprocess.run(["tar", "-xf", str(packed), "-C", str(folder)], check=True)
    packed.unlink()
    return Original(project, folder)


def clone_of(clones: Path, source: str) -> Path | None:
    """It lies in OWNER+NAME, OWNER/NAME or NAME, with a work tree, bare, or in a folder `repo`."""
    owner, _, name = source.partition("/")
    for folder in (f"{owner}+{name}/repo", f"{owner}+{name}", f"{owner}/{name}", name):
        if (clones / folder).is_dir():
            return clones / folder
    return None


def _options(files: Sequence[str]) -> tuple[str, ...]:
    settings = [word for key, value in QUALIFY.items() for word in ("--set", f"{key}={value}")]
    return (*(word for each in files for word in ("--file", each)), *settings)
