"""Ids, names and owners: what passes, and the hostile ones that do not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import ids
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

HOSTILE: list[Any] = [
    "",
    "\n",
    "a\n",
    "a\r",
    "a\0",
    " a",
    "a b",
    "..",
    ".",
    "a/..",
    "../a",
    "/a",
    "a/b",
    "a\\b",
    "-a",
    "A",
    "ä",
    "a\u0661",  # ARABIC-INDIC DIGIT ONE: \d would take it
    "a\uff11",  # FULLWIDTH DIGIT ONE
    "a\u0131",  # DOTLESS I
    "a\u200b",  # ZERO WIDTH SPACE
    "a;b",
    "$(id)",
    "{{ a }}",
    None,
    1,
    ["a"],
]


@pytest.mark.parametrize("value", [*HOSTILE, "a" * 40, "a.b", "a_b", "sbx-a", "sbx-"])
def test_not_a_name(value: Any) -> None:
    with pytest.raises(HostError) as failed:
        ids.check_name(value)
    assert failed.value.code == "usage"


@pytest.mark.parametrize("value", ["a", "0", "a-b", "a" * 39, "sbx", "sbxa", "a-"])
def test_a_name(value: str) -> None:
    assert ids.check_name(value) == value


@pytest.mark.parametrize(
    "value",
    [
        *["sbx-" + value if isinstance(value, str) else value for value in HOSTILE],
        "sbx-" + "a" * 40,
        "a",
        "SBX-a",
        "sbx_a",
        "sbx-a.b",
        "xsbx-a",
        "sbx-a\nsbx-b",
    ],
)
def test_not_an_id(value: Any, state: State) -> None:
    with pytest.raises(HostError) as failed:
        ids.check_id(value)
    assert failed.value.code == "usage"
    for path in (state.sandbox, state.record, state.job, state.tombstone, state.remote_dir):
        with pytest.raises(HostError):
            path(value)


@pytest.mark.parametrize("value", ["sbx-a", "sbx-0", "sbx-a-b", "sbx-" + "a" * 39])
def test_an_id(value: str) -> None:
    assert ids.check_id(value) == value
    assert ids.is_id(value)


@pytest.mark.parametrize("value", [*HOSTILE, "a" * 65, ".a", "@a"])
def test_not_an_owner(value: Any) -> None:
    with pytest.raises(HostError):
        ids.check_owner(value)


@pytest.mark.parametrize("value", ["me", "me@example.com", "a.b_c-d", "a" * 64])
def test_an_owner(value: str) -> None:
    assert ids.check_owner(value) == value


def test_new_ids_are_ids_and_differ() -> None:
    made = {ids.new_id() for _each in range(200)}
    assert len(made) == 200
    assert all(ids.is_id(one) for one in made)


def test_only_ids_count_as_sandboxes(state: State, tmp_path: Any) -> None:
    for name in ("sbx-a", "sbx-b", "sbx-", "sbx-A", "lost+found", "sbx-a.tmp", "sbx-a\n"):
        (tmp_path / "state" / "sandboxes" / name).mkdir()
    assert state.sandbox_ids() == ["sbx-a", "sbx-b"]


def test_a_sandbox_and_its_run_are_found_by_each_other() -> None:
    run = ids.new_run_id()
    assert ids.run_of_sandbox(ids.sandbox_of_run(run)) == run
    assert ids.run_of_sandbox("sbx-of-nobodys-run") == ""
