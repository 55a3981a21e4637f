"""Which package the plugins load: the collection's own version, or none."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail

import sandboxer_cli
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.program import VERSION
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import package

PLUGINS = Path(package.__file__).parents[1]


def test_the_collections_own_version_is_loaded() -> None:
    with package.loading():
        from sandboxer_cli.ttl import parse_ttl
    assert parse_ttl("1m") == 60


@pytest.mark.parametrize("version", [f"{VERSION}.1", "0.0.9"])
def test_another_version_is_refused_with_the_line_that_mends_it(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(sandboxer_cli, "__version__", version)
    with pytest.raises(AnsibleActionFail) as caught, package.loading():
        pytest.fail("it was loaded")
    line = f"{sys.executable} -m pip install sand-boxer=={VERSION}"
    assert version in str(caught.value)
    assert str(caught.value).endswith(line)
    error = caught.value.result["sandboxer_error"]
    assert (error["code"], error["hint"]) == ("package_version", f"install it: {line}")


@pytest.mark.parametrize("missing", ["sandboxer_cli", "sandboxer_cli.ttl"])
def test_a_package_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    line = f"pip install sand-boxer=={VERSION}"
    with pytest.raises(AnsibleActionFail, match=line), package.loading():
        from sandboxer_cli import ttl  # noqa: F401
        from sandboxer_cli.ttl import parse_ttl  # noqa: F401


@pytest.mark.parametrize("path", sorted(PLUGINS.rglob("*.py")), ids=lambda path: path.name)
def test_nothing_else_loads_it(path: Path) -> None:
    """Each import stands below `with package.loading()`."""
    if path.name == "package.py":
        return
    tree = ast.parse(path.read_text())
    guarded = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.With) and "package.loading()" in ast.unparse(node.items[0])
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import) and node not in guarded:
            assert "sandboxer_cli" not in ast.unparse(node), path
