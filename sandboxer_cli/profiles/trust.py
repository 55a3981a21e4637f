"""What a project's own profile may not say: a repository grants itself nothing."""

from __future__ import annotations

from .fault import Fault
from .layers import Catalog, ProfileFile

# key -> who says it instead
FOR_OTHERS = {
    "host": "your own profile, --host or the play",
    "account": "the inventory",
    "owner": "--owner, SANDBOXER_OWNER or the login name",
    "compose_cmd": "your own profile, the inventory or SANDBOXER_COMPOSE_CMD",
    "qualify": "your own profile or --set qualify=REGISTRY",
    "extension_path": "the installation",
    "secrets": "your own profile or the contract",
    "auth_file": "the inventory or the host",
    "policy": "the host's /etc/sandboxer/policy.json",
    # they are made of the host's own files, whichever root can read
    "images": "a built-in profile or your own",
}


def faults(file: ProfileFile, catalog: Catalog) -> list[Fault]:
    """What a project's file says that isn't its to say, all of it."""
    if file.layer != "project":
        return []
    found = [
        Fault(
            key.text,
            "a project's profile may not say it",
            key.place,
            f"it comes from {FOR_OTHERS[key.text]}",
        )
        for key, _ in file.tree.entries
        if key.text in FOR_OTHERS
    ]
    hidden = catalog.below(file)
    if hidden is not None and catalog.parent(file, _extends(file)) != hidden:
        what = f"there is a {hidden.layer} profile {file.name}, which a project may only extend"
        hint = f"call the file otherwise, or write extends: {file.name}"
        found.append(Fault("", what, file.tree.place, hint))
    return found


def _extends(file: ProfileFile) -> str:
    node = file.tree.get("extends")
    return getattr(node, "text", "")
