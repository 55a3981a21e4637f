"""The house plan's one-way arrows, held against the imports that the code really has."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml

import sandboxer_cli
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import program

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "sandboxer_cli"
COLLECTION = ROOT / "collections/ansible_collections/coulomb/sandboxer"
HOST_LIBRARY = COLLECTION / "plugins/module_utils/host"
DOOR = "ansible_collections.coulomb.sandboxer"

# A room may import from its own line and from those below it.
STOREYS = [
    ["cli"],
    ["client", "doctor", "hostkey"],
    ["forward", "glance"],
    ["runner", "host", "validation"],
    ["connection", "profiles"],
    ["reach_cache", "ansible_ahead"],
    ["ansible_env", "compose", "source"],
    ["probe", "secret_names"],
    ["contract", "surveys"],
    ["reporting"],
    ["git", "handover", "laps", "result", "ttl", "strict", "xdg", "folders"],
    ["errors"],
]
# programs of their own
CHILDREN = ("_ansible_playbook", "_ansible_waiting", "_reach", "_show_keys", "_until_closed")
HEIGHT = {room: height for height, storey in enumerate(STOREYS) for room in storey}


def imports(path: Path) -> set[str]:
    """Full names of the modules that a file imports, anywhere in it; relative ones resolved."""
    found = set()
    parts = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parts[: len(parts) - node.level]) if node.level else ""
            name = ".".join(filter(None, [base, node.module]))
            found |= {name} | {f"{name}.{alias.name}" for alias in node.names}
    return found


def room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "sandboxer_cli" and len(parts) > 1 else None


def program_files() -> list[Path]:
    return sorted(path for path in PROGRAM.rglob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("path", program_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_run_one_way(path: Path) -> None:
    mine = path.relative_to(PROGRAM).parts[0].removesuffix(".py")
    if mine in CHILDREN:
        return
    assert mine in HEIGHT, f"{mine} has no place in the house: put it on a storey above"
    for module in imports(path):
        theirs = room(module)
        if theirs in HEIGHT:
            assert theirs == mine or HEIGHT[theirs] >= HEIGHT[mine], f"{module} lies above"


@pytest.mark.parametrize("path", program_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_who_knows_what(path: Path) -> None:
    """Each foreign thing has one file that knows it."""
    name = str(path.relative_to(PROGRAM))
    roots = {module.split(".")[0] for module in imports(path)}
    knows = {
        "ansible_runner": name == "runner.py",
        "ansible": name in ("_ansible_playbook.py", "_ansible_waiting.py", "_reach.py"),
        "pylibsshext": name == "_show_keys.py",
        "typer": name.startswith("cli/"),
    }
    for module, allowed in knows.items():
        assert allowed or module not in roots, f"{name} imports {module}"
    through = any(module.startswith(DOOR) for module in imports(path))
    # what waits for a play is Ansible
    assert name in ("host.py", "_ansible_waiting.py") or not through, f"{name} reaches past host.py"


@pytest.mark.parametrize("path", sorted(HOST_LIBRARY.glob("*.py")), ids=lambda path: path.name)
def test_the_host_library_stands_alone(path: Path) -> None:
    """Standard library and its own rooms: nothing of Ansible, nothing that a host may lack."""
    for module in imports(path):
        top = module.split(".")[0]
        own = module.startswith(".".join(HOST_LIBRARY.relative_to(ROOT).parts))
        assert own or top in sys.stdlib_module_names, f"{path.name} imports {module}"


@pytest.mark.parametrize(
    "path", sorted((COLLECTION / "plugins/modules").glob("*.py")), ids=lambda path: path.name
)
def test_modules_translate_only(path: Path) -> None:
    for module in imports(path):
        top = module.split(".")[0]
        allowed = top in sys.stdlib_module_names or module.startswith(
            ("ansible.module_utils", f"{DOOR}.plugins.module_utils.host")
        )
        assert allowed, f"{path.name} imports {module}"


def test_the_old_entry_only_delegates() -> None:
    """It knows the program and nothing behind it; nothing knows it."""
    theirs = {"sandboxer_cli", "sandboxer_cli.cli", "sandboxer_cli.cli.validate"}
    for path in sorted((ROOT / "e2e_framework").glob("*.py")):
        for module in imports(path):
            known = module.split(".")[0] in (*sys.stdlib_module_names, "e2e_framework")
            assert known or module in theirs, f"{path.name} imports {module}"
    for path in program_files():
        assert not any(module.startswith("e2e_framework") for module in imports(path)), path


def test_the_core_names_no_extension() -> None:
    outside = [PROGRAM / "profiles/builtin", PROGRAM / "profiles/model.py"]
    for path in [*program_files(), *HOST_LIBRARY.glob("*.py"), *COLLECTION.glob("plugins/*/*.py")]:
        if not any(path == one or one in path.parents for one in outside):
            assert not re.search(r"\bext\.[a-z]", path.read_text()), path


def test_one_version() -> None:
    galaxy = yaml.safe_load((COLLECTION / "galaxy.yml").read_text())
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert galaxy["version"] == program.VERSION == sandboxer_cli.__version__
    assert f'version = "{program.VERSION}"' in pyproject


def test_a_playbook_for_awx_beside_each_of_the_collection() -> None:
    ours = {path.name for path in (ROOT / "playbooks").glob("*.yml")}
    theirs = {path.name for path in (COLLECTION / "playbooks").glob("*.yml")}
    assert ours == theirs
    for name in ours:
        [play] = yaml.safe_load((ROOT / "playbooks" / name).read_text())
        assert play["ansible.builtin.import_playbook"] == f"coulomb.sandboxer.{name[:-4]}"


@pytest.mark.parametrize(
    "path", sorted((COLLECTION / "playbooks").glob("*.yml")), ids=lambda path: path.name
)
def test_every_play_checks_host_keys(path: Path) -> None:
    for play in yaml.safe_load(path.read_text()):
        assert play["vars"]["ansible_ssh_host_key_checking"] is True
        assert play["gather_facts"] is False


def test_a_readme_of_a_role_names_its_variables() -> None:
    for role in (COLLECTION / "roles").iterdir():
        specs = yaml.safe_load((role / "meta/argument_specs.yml").read_text())
        readme = (role / "README.md").read_text()
        named = set(re.findall(r"^\| `(\w+)`", readme, re.MULTILINE))
        assert named == set(specs["argument_specs"]["main"]["options"]), role.name


def test_the_action_group_holds_what_has_an_owner() -> None:
    runtime = yaml.safe_load((COLLECTION / "meta/runtime.yml").read_text())
    owned = [
        path.stem
        for path in sorted((COLLECTION / "plugins/modules").glob("*.py"))
        if re.search(r"^  owner:$", path.read_text(), re.MULTILINE)
    ]
    assert runtime["action_groups"] == {"sandboxer": owned}


def test_hooks_are_of_this_house() -> None:
    """What a commit runs is in .venv, at the versions that are pinned."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    for repo in hooks["repos"]:
        assert repo["repo"] == "local"
        assert {hook["language"] for hook in repo["hooks"]} == {"system"}
