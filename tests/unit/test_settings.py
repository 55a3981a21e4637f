"""Settings as a survey of AWX gives them: it knows no mappings."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.coulomb.sandboxer.plugins.action import sandbox


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"message": "a=b, c"}, {}),  # one already
        ('{"message": "a=b, c"}', {}),  # Ansible's own
        ("message=a=b, c", {"settings": {"message": "a=b, c"}}),
        ("\nmessage=a=b, c\n", {"settings": {"message": "a=b, c"}}),
        ("", {"settings": {}}),
    ],
)
def test_settings_are_a_mapping_or_a_line_each(given: Any, wanted: dict[str, Any]) -> None:
    assert sandbox._settings({"settings": given}) == wanted


def test_settings_that_are_none_are_named() -> None:
    with pytest.raises(AnsibleActionFail, match="'hello' is not a setting") as caught:
        sandbox._settings({"settings": "hello"})
    assert caught.value.result["sandboxer_error"]["code"] == "setting_invalid"
