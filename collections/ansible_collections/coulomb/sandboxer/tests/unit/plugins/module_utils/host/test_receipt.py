"""Receipts: what they say, how long they stay."""

from __future__ import annotations

import os
from collections.abc import Callable

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import destroy, receipt
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.clock import Now, now
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.record import Record
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State

WEB = {"kind": "container", "key": "sbx-one.web"}
NET = {"kind": "network", "key": "sbx-one.default"}


def test_a_receipt_names_whose_and_what(
    at: Now, state: State, make_record: Callable[..., Record]
) -> None:
    made = receipt.make(make_record(profile="profile.test"), [WEB, NET], [], at)
    assert (made["id"], made["name"], made["owner"]) == ("sbx-one", "one", "me")
    assert (made["removed"], made["remains"]) == ([WEB, NET], [])
    receipt.bury(state, made)
    assert receipt.read(state, "sbx-one") == made
    assert receipt.read(state, "sbx-two") is None


def test_what_remains_is_an_error_that_names_it(
    at: Now, make_record: Callable[..., Record]
) -> None:
    error = destroy.error_of(receipt.make(make_record(), [NET], [WEB], at))
    assert error is not None
    assert (error.code, error.retryable) == ("residue", True)
    assert "container sbx-one.web" in str(error)
    assert destroy.error_of(receipt.make(make_record(), [WEB], [], at)) is None


def test_tombstones_stay_for_thirty_days(
    state: State, make_record: Callable[..., Record], at: Now
) -> None:
    days = 24 * 3600.0
    for sandbox_id in ("sbx-old", "sbx-young"):
        receipt.bury(state, receipt.make(make_record(id=sandbox_id), [], [], at))
    moment = now()
    os.utime(state.tombstone("sbx-old"), (0, moment.wall - 30 * days - 60))
    os.utime(state.tombstone("sbx-young"), (0, moment.wall - 30 * days + 60))
    stranger = os.path.join(state.root, "tombstones", "notes.json")
    with open(stranger, "w", encoding="utf-8") as file:
        file.write("mine")
    os.utime(stranger, (0, 0))
    receipt.forget_old(state, moment)
    assert receipt.read(state, "sbx-old") is None
    assert receipt.read(state, "sbx-young") is not None
    assert os.path.exists(stranger)
    receipt.forget_old(state, moment._replace(wall=moment.wall + days))
    assert receipt.read(state, "sbx-young") is None
