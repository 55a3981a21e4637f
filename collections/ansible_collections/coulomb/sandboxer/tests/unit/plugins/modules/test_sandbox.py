"""The module `sandbox`: what it asks the host library for."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.modules.sandbox import question

PARAMS = {
    "follow": None,
    "id": None,
    "name": "one",
    "owner": "me",
    "piece": None,
    "resolved": '{"name": "one"}',
    "state": "present",
    "wait": True,
}


@pytest.mark.parametrize(
    ("given", "verb", "request_"),
    [
        ({}, "present", {"name": "one", "wait": True, "check": False}),
        ({"wait": False}, "present", {"name": "one", "wait": False, "check": False}),
        ({"state": "absent"}, "absent", {"ref": "one", "owner": "me", "check": False}),
        (
            {"state": "absent", "id": "sbx-one"},
            "absent",
            {"ref": "sbx-one", "owner": "me", "check": False},
        ),
        ({"follow": '{"id": "sbx-one", "cursor": 2}'}, "follow", {"id": "sbx-one", "cursor": 2}),
    ],
)
def test_what_is_asked(given: dict[str, Any], verb: str, request_: dict[str, Any]) -> None:
    assert question({**PARAMS, **given}, False) == (verb, request_)


@pytest.mark.parametrize("wanted", ["present", "absent"])
def test_a_check_stays_a_check(wanted: str) -> None:
    assert question({**PARAMS, "state": wanted}, True)[1]["check"] is True


def test_without_its_action_plugin_it_does_nothing() -> None:
    with pytest.raises(HostError, match="action plugin"):
        question({**PARAMS, "resolved": None}, False)
