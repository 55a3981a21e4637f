"""All that is wrong with profiles, at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..compose.tree import Place
from ..errors import Usage
from . import trust
from .extends import chain
from .fault import Fault, of_usage
from .layers import Catalog, ProfileFile, file_at, folders
from .load import Loaded, find, judge
from .settings import apply_settings
from .stack import own_stack, probe_faults


def wanted(words: Sequence[str], catalog: Catalog) -> list[ProfileFile]:
    """The files that are meant by path or by name; without a word each that isn't built in.

    Raises Usage: `profile_unknown`, `profile_missing`.
    """
    if not words:
        nearer = [catalog.files["user"], catalog.files["project"]]
        return [file for files in nearer for _, file in sorted(files.items())]
    return [_by_path(word) if _is_path(word) else find(word, catalog) for word in words]


def faults(file: ProfileFile, catalog: Catalog) -> list[Fault]:
    """All that is wrong with a profile, in the order of its file."""
    try:
        files = chain(file, catalog)
    except Usage as error:
        return [of_usage(error, file.label)]
    found = [fault for one in files for fault in trust.faults(one, catalog)]
    judged = judge(file.name, files)
    found += _of_stack(judged) if isinstance(judged, Loaded) else judged
    return sorted(found, key=lambda fault: (fault.place.line, fault.place.column))


def strays(source: Path | None) -> list[Fault]:
    """Files that lie among the profiles and are none."""
    return [
        Fault("", why, Place(label, 1, 1))
        for folder in folders(source)
        for label, why in folder.strays()
    ]


def _is_path(word: str) -> bool:
    return "/" in word or word.endswith((".yml", ".yaml"))


def _by_path(word: str) -> ProfileFile:
    if not Path(word).is_file():
        raise Usage(f"there is no file {word}", code="profile_missing")
    return file_at(Path(word))


def _of_stack(loaded: Loaded) -> list[Fault]:
    """What can be told without a source: of a stack of its own."""
    if loaded.profile.stack is None:
        return []
    try:
        stack, _ = own_stack(loaded, apply_settings(loaded.profile, {}))
    except Usage as error:
        return [of_usage(error, loaded.files[0].label)]
    return probe_faults(loaded, stack)
