"""Where each word of a profile comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandboxer_cli.errors import Usage
from sandboxer_cli.profiles.explain import explain
from sandboxer_cli.profiles.layers import built_in, catalog
from sandboxer_cli.profiles.load import load
from tests.unit.profiles.conftest import Write


def test_every_layer(mine: Write, theirs: Write, project: Path, home: Path) -> None:
    mine("base", "extends: profile.hello\nttl: 1h\nstack: {services: {web: {init: false}}}\n")
    theirs("shop", "extends: profile.base\nsummary: Ours.\npublish: null\n")
    rows = explain(load("profile.shop", catalog(project)), {"message": "x"}, ttl="2h", publish=None)
    found = {
        row["key"]: (row["value"], row["layer"], f"{row['file']}:{row['line']}:{row['column']}")
        for row in rows
    }
    nowhere = "None:None:None"
    assert found["summary"] == ("Ours.", "project", ".sandboxer/profiles/shop.yml:2:1")
    assert found["extends"] == ("profile.base", "project", ".sandboxer/profiles/shop.yml:1:1")
    init = (False, "user", f"{home}/base.yml:3:26")
    assert found["stack.services.web.init"] == init
    assert found["stack.services.web.image"][1] == "built-in"
    assert found["ttl"] == ("2h", "command line", nowhere)
    assert found["set.message"] == ("x", "command line", nowhere)
    assert found["publish"] == ("loopback", "default", nowhere)
    assert found["probes"][1] == "built-in"  # a list is one value: it is replaced whole
    assert len(found) == len(rows)


def test_without_the_command_line() -> None:
    rows = explain(load("profile.hello", built_in()), {})
    assert {row["layer"] for row in rows} == {"built-in"}
    assert {row["file"] for row in rows} == {"built-in/hello.yml"}


def test_what_the_command_line_gives_is_judged() -> None:
    hello = load("profile.hello", built_in())
    for given, code in [
        ({"settings": {"x": "y"}}, "setting_unknown"),
        ({"settings": {}, "ttl": "2"}, "ttl_invalid"),
        ({"settings": {}, "publish": "moon"}, "publish_invalid"),
    ]:
        with pytest.raises(Usage) as error:
            explain(hello, **given)  # type: ignore[arg-type]
        assert error.value.detail.code == code


def test_a_registry_of_the_command_line() -> None:
    rows = explain(load("profile.compose", built_in()), {"qualify": "docker.io", "TAG": "1"})
    found = {row["key"]: (row["value"], row["layer"]) for row in rows}
    assert found["qualify"] == ("docker.io", "command line")
    assert found["set.TAG"] == ("1", "command line")
