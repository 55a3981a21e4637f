"""Where a user's own files lie, as the XDG base directories say."""

from __future__ import annotations

import os
from pathlib import Path


def config_folder() -> Path | None:
    """Of what the user writes for sandboxer; None for somebody without a home."""
    return _folder("XDG_CONFIG_HOME", "~/.config")


def state_folder() -> Path | None:
    """Of what sandboxer keeps for the user; None for somebody without a home."""
    return _folder("XDG_STATE_HOME", "~/.local/state")


def _folder(variable: str, default: str) -> Path | None:
    named = Path(os.environ.get(variable, ""))  # a relative one doesn't count
    try:
        base = named if named.is_absolute() else Path(default).expanduser()
    except RuntimeError:
        return None
    return base / "sandboxer"
