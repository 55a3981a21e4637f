"""The built-in profiles, read from the files beside this one."""

from __future__ import annotations

from importlib import resources

from ..compose.parse import parse
from ..compose.tree import plain
from ..errors import Usage
from .model import Profile
from .nearest import nearest

_FILES = resources.files(__package__) / "builtin"


def known_profiles() -> list[str]:
    """The names of all profiles, sorted."""
    names = [file.name for file in _FILES.iterdir()]
    return sorted(f"profile.{n.removesuffix('.yml')}" for n in names if n.endswith(".yml"))


def load_profile(name: str) -> Profile:
    """The profile of that name. Raises Usage: `profile_unknown`."""
    known = known_profiles()
    if name not in known:
        raise Usage(
            f"there is no profile {name}{nearest(name, known)}",
            "there are " + ", ".join(known),
            code="profile_unknown",
        )
    file = _FILES / f"{name.removeprefix('profile.')}.yml"
    tree = parse(file.read_bytes(), file.name)
    # The stack stays a tree: what is wrong in it is named with its line.
    fields = {
        key.text: value if key.text == "stack" else plain(value) for key, value in tree.entries
    }
    return Profile.model_validate(fields)
