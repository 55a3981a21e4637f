"""What a contract may not say: a repository grants itself nothing."""

from __future__ import annotations

from ..compose.tree import MapNode
from ..profiles.fault import Fault
from ..profiles.trust import FOR_OTHERS as OF_PROFILES

# key -> who says it instead
FOR_OTHERS = {
    **{key: who for key, who in OF_PROFILES.items() if key != "secrets"},
    "host": "--host, the play or the user's own profile",
    "extension": "the profile",
    "publish": "the profile",
    "secret_sources": "the user's ~/.config/sandboxer/secrets.yml",
    "trusted": "the host's /etc/sandboxer/policy.json",
    "hub": "the user's settings",
}


def faults(tree: MapNode) -> list[Fault]:
    """All that it says at its root or of the sandbox that isn't its to say."""
    sandbox = tree.get("sandbox")
    levels = [("", tree), *([("sandbox.", sandbox)] if isinstance(sandbox, MapNode) else [])]
    found = [
        Fault(
            prefix + key.text,
            "a contract may not say it",
            key.place,
            f"it comes from {FOR_OTHERS[key.text]}",
        )
        for prefix, level in levels
        for key, _ in level.entries
        if key.text in FOR_OTHERS
    ]
    return sorted(found, key=lambda fault: (fault.place.line, fault.place.column))
