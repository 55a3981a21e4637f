"""What Ansible is started with.

One place, so that the plays and the question how to reach a host see the same configuration,
the same collection and the same control sockets.
"""

from __future__ import annotations

import configparser
import importlib.util
import os
import stat
import sys
from pathlib import Path

from sandboxer_cli import folders
from sandboxer_cli.errors import SandboxerError

COLLECTION = "ansible_collections.coulomb.sandboxer"

# In ssh the first value counts: what stands here can't be undone by what follows.
STRICT_HOST_KEYS = ("-o", "StrictHostKeyChecking=yes", "-o", "NoHostAuthenticationForLocalhost=no")
# The last two end a connection whose host has fallen silent, the shared one too.
_DEFAULT_SSH_ARGS = (
    "-C -o ControlMaster=auto -o ControlPersist=60s"
    " -o ServerAliveInterval=5 -o ServerAliveCountMax=3"
)

# Hosts at once: a play of ours mostly waits for them. Of Ansible's own five the sixth would wait.
_FORKS = 16


def settings() -> dict[str, str]:
    """The variables to add to our own environment for a process that runs Ansible.

    Raises:
        ConnectionRefused: the folder for control sockets belongs to somebody else.
    """
    ours = {
        # A venv that isn't activated has its ansible-playbook beside its Python only.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "ANSIBLE_COLLECTIONS_PATH": _collections_path(),
        # Ansible takes the last of these two that is set, and ansible-runner unsets neither.
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_HOST_KEY_CHECKING": "True",
        "ANSIBLE_SSH_ARGS": " ".join([*STRICT_HOST_KEYS, _ssh_args()]),
        "ANSIBLE_PIPELINING": "True",
        # nobody is there to answer
        "ANSIBLE_ASK_PASS": "False",
        "ANSIBLE_BECOME_ASK_PASS": "False",
        "ANSIBLE_ASK_VAULT_PASS": "False",
    }
    if config := config_file():
        ours["ANSIBLE_CONFIG"] = str(config)
    if "ANSIBLE_FORKS" not in os.environ and _configured("defaults", "forks") is None:
        ours["ANSIBLE_FORKS"] = str(_FORKS)
    if "ANSIBLE_SSH_CONTROL_PATH_DIR" not in os.environ:
        ours["ANSIBLE_SSH_CONTROL_PATH_DIR"] = str(folders.private_directory())
    return ours


def config_file() -> Path | None:
    """The ansible.cfg that Ansible would take: environment, here, home, system. Absolute."""
    candidates = []
    if named := os.environ.get("ANSIBLE_CONFIG"):
        path = _path(named, Path.cwd())
        candidates.append(path / "ansible.cfg" if path.is_dir() else path)
    here = Path.cwd()
    if not here.stat().st_mode & stat.S_IWOTH:
        candidates.append(here / "ansible.cfg")
    candidates += [Path.home() / ".ansible.cfg", Path("/etc/ansible/ansible.cfg")]
    return next((path for path in candidates if os.access(path, os.R_OK)), None)


def configured_paths(variable: str, section: str, key: str, separator: str) -> list[Path]:
    """A list of paths from the environment or ansible.cfg, absolute; empty where none is set."""
    config = config_file()
    if text := os.environ.get(variable):
        base = Path.cwd()
    elif config and (text := _configured(section, key)):
        base = config.parent
    else:
        return []
    return [_path(part.strip(), base) for part in text.split(separator) if part.strip()]


def collection_root() -> Path:
    """The folder that holds `ansible_collections` with the collection of this very installation."""
    try:
        spec = importlib.util.find_spec(COLLECTION)
    except ModuleNotFoundError:
        spec = None
    for location in (spec and spec.submodule_search_locations) or ():
        return Path(location).parents[2]
    raise SandboxerError(
        "the collection coulomb.sandboxer is missing from this installation",
        "install sand-boxer again",
        code="collection_missing",
    )


def _collections_path() -> str:
    # Ours first: an older copy below the user's home would win otherwise.
    home = _path(os.environ.get("ANSIBLE_HOME", "~/.ansible"), Path.cwd())
    configured = configured_paths(
        "ANSIBLE_COLLECTIONS_PATH", "defaults", "collections_path", os.pathsep
    ) or [home / "collections", Path("/usr/share/ansible/collections")]
    return os.pathsep.join(str(path) for path in [collection_root(), *configured])


def _ssh_args() -> str:
    in_environment = os.environ.get("ANSIBLE_SSH_ARGS")
    if in_environment is not None:
        return in_environment
    in_file = _configured("ssh_connection", "ssh_args")
    return _DEFAULT_SSH_ARGS if in_file is None else _unquoted(in_file)


def _unquoted(text: str) -> str:
    """As Ansible takes quotes off that go around the whole of a text in its ini files; of lists of
    paths it takes none off."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[-2] != "\\"
    return text[1:-1] if quoted else text


def _configured(section: str, key: str) -> str | None:
    path = config_file()
    if path is None:
        return None
    parser = configparser.ConfigParser(inline_comment_prefixes=(";",))
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (configparser.Error, UnicodeDecodeError):
        return None  # Ansible reads the same file and says what is wrong with it
    return parser.get(section, key, raw=True, fallback=None)


def _path(text: str, base: Path) -> Path:
    expanded = os.path.expandvars(text.replace("{{CWD}}", str(Path.cwd())))
    return Path(os.path.normpath(base / Path(expanded).expanduser()))
