"""What Ansible said about reaching hosts, kept for as long as nothing that it read has changed.

Asking it costs as much as half a play. An answer is kept only where it is known to depend on plain
files alone: no scripts or plugins that make an inventory, no vault, no template that does more
than name a variable, no vars plugin of somebody's own. All else is asked each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandboxer_cli import ansible_env, folders

_LARGEST = 1024 * 1024  # bytes; what is larger is not read here
_VARIABLE = re.compile(rb"\{\{\s*[A-Za-z_][\w.]*\s*\}\}")
_NOT_PLAIN = re.compile(rb"\{[{%#]|\$ANSIBLE_VAULT|!vault|^\W*plugin\W*:", re.MULTILINE)
_VARIABLES = ("group_vars", "host_vars")
# in ansible.cfg and the environment: plugins or kept facts that add variables, other values
_MORE_VARIABLES = re.compile(rb"vars_plugins|inventory_plugins|enable_plugins|fact_caching|\$")
_MORE_VARIABLES_BY = ("ANSIBLE_VARS_", "ANSIBLE_INVENTORY_", "ANSIBLE_CACHE_")
_PLUGIN_FOLDERS = ("plugins/vars", "plugins/inventory")


class _NotPlainError(Exception):
    """The answer may depend on more than can be seen here."""


def fingerprint(question: str, sources: Sequence[str]) -> str | None:
    """A digest of all that the answer depends on; None where that can't be known.

    sources: the inventories of the question, as `connection.sources` gives them.
    """
    digest = hashlib.sha256()
    try:
        for part in _parts(question, sources):
            digest.update(len(part).to_bytes(8, "big") + part)
    except (_NotPlainError, OSError):
        return None
    return digest.hexdigest()


def read(question: str, wanted: str) -> dict[str, Any] | None:
    """The answer of a time with this fingerprint, if it is the last one that was kept."""
    try:
        kept = json.loads(_path(question).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(kept, dict) or kept.get("fingerprint") != wanted:
        return None
    answer = kept.get("answer")
    return answer if isinstance(answer, dict) else None


def write(question: str, current: str, answer: Mapping[str, Any]) -> None:
    """Keep an answer. A folder that is full keeps nobody from going on."""
    path = _path(question)
    with contextlib.suppress(OSError):
        descriptor, new = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"fingerprint": current, "answer": answer}, file)
        Path(new).replace(path)


def _path(question: str) -> Path:
    # one file a question, so that a newer answer takes the older one's place
    digest = hashlib.sha256(f"{Path.cwd()}\0{question}".encode()).hexdigest()[:16]
    return folders.private_directory() / f"reach-{digest}.json"


def _parts(question: str, sources: Sequence[str]) -> Iterator[bytes]:
    yield question.encode()
    yield Path(__file__).with_name("_reach.py").read_bytes()  # another version asks for more
    yield importlib.metadata.version("ansible-core").encode()
    yield os.fsencode(Path.cwd())
    yield from _environment()
    yield from _configuration()
    for beside in [Path.cwd(), *(Path(one).parent for one in sources)]:
        for folder in _VARIABLES:
            yield from _tree(beside / folder)
    for one in sources:
        if Path(one).exists():
            yield from _tree(Path(one))


def _environment() -> Iterator[bytes]:
    given = {**os.environ, **ansible_env.settings()}
    for name, value in sorted(given.items()):
        if name.startswith(_MORE_VARIABLES_BY):
            raise _NotPlainError(name)
        if name.startswith("ANSIBLE_") or name in ("HOME", "USER", "LOGNAME"):
            yield os.fsencode(f"{name}={value}")


def _configuration() -> Iterator[bytes]:
    home = Path(os.environ.get("ANSIBLE_HOME", "~/.ansible")).expanduser()
    for base in (home, Path("/usr/share/ansible")):
        for folder in _PLUGIN_FOLDERS:
            if (base / folder).exists():
                raise _NotPlainError(base / folder)
    path = ansible_env.config_file()
    if path is None:
        return
    text = path.read_bytes()
    if _MORE_VARIABLES.search(text):
        raise _NotPlainError(path)
    yield text


def _tree(path: Path) -> Iterator[bytes]:
    """Names and contents of a file, or of all files below a folder."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return
    yield os.fsencode(path)
    if stat.S_ISDIR(found.st_mode):
        for inner in sorted(path.iterdir()):
            yield from _tree(inner)
        return
    # what can be run is an inventory script
    if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o111 or found.st_size > _LARGEST:
        raise _NotPlainError(path)
    text = path.read_bytes()
    if _NOT_PLAIN.search(_VARIABLE.sub(b"", text)):
        raise _NotPlainError(path)
    yield text
