"""Git, asked about a folder, and by nothing else that this process was told of a repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

# whose excludes; no GIT_DIR of somebody's hook
_KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME")
# anybody's repository may be looked at; none may name a program that git then starts
_SETTINGS = ("-c", "safe.directory=*", "-c", "core.fsmonitor=false")


def ask(
    folder: Path, *words: str, seconds: float | None = None
) -> subprocess.CompletedProcess[bytes]:
    """What `git WORDS` says in that folder, which it doesn't change.

    Raises FileNotFoundError where there is no git, and subprocess.TimeoutExpired.
    """
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return subprocess.run(
        ["git", *_SETTINGS, *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**environment, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        timeout=seconds,
        check=False,
    )
