"""From a profile's name to the profile."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pydantic import ValidationError

from ..compose.tree import MapNode, plain
from ..errors import Usage
from . import trust
from .extends import chain, merge
from .fault import Fault, of_pydantic
from .layers import Catalog, Layer, ProfileFile
from .model import Profile
from .nearest import nearest


@dataclass(frozen=True)
class Loaded:
    """A profile, and where each word of it stands: `files` are its own and those it extends."""

    profile: Profile
    tree: MapNode
    files: tuple[ProfileFile, ...]

    @property
    def layer(self) -> Layer:
        return self.files[0].layer


def find(name: str, catalog: Catalog) -> ProfileFile:
    """The file of that profile. Raises Usage: `profile_unknown`."""
    file = catalog.find(name)
    if file is None:
        known = catalog.names()
        raise Usage(
            f"there is no profile {name}{nearest(name, known)}",
            "there are " + ", ".join(known),
            code="profile_unknown",
        )
    return file


def load(name: str, catalog: Catalog) -> Loaded:
    """The profile of that name, with all that it extends.

    Raises Usage: `profile_unknown`, `profile_untrusted`, `profile_invalid`, with all that is
    wrong, file:line:column each.
    """
    return load_file(find(name, catalog), catalog)


def load_file(file: ProfileFile, catalog: Catalog) -> Loaded:
    """The profile of that file. Raises as `load` does."""
    files = chain(file, catalog)
    untrusted = [fault for one in files for fault in trust.faults(one, catalog)]
    if untrusted:
        raise Usage(_lines(untrusted), untrusted[0].hint, code="profile_untrusted")
    found = judge(file.name, files)
    if isinstance(found, Loaded):
        return found
    raise Usage(_lines(found), found[0].hint, code="profile_invalid")


def judge(name: str, files: tuple[ProfileFile, ...]) -> Loaded | list[Fault]:
    """The profile that the files make, or all that is wrong with it."""
    tree = reduce(merge, (file.tree for file in reversed(files)))
    # The stack stays a tree: what is wrong in it is named with its line.
    fields = {
        key.text: value if key.text == "stack" else plain(value) for key, value in tree.entries
    }
    if "name" in fields:
        place = next(key.place for key, _ in tree.entries if key.text == "name")
        return [Fault("name", "a profile is called as its file is", place, "leave it out")]
    try:
        return Loaded(Profile.model_validate({"name": name, **fields}), tree, files)
    except ValidationError as error:
        return of_pydantic(error, tree)


def _lines(faults: list[Fault]) -> str:
    return "\n".join(map(str, faults))
