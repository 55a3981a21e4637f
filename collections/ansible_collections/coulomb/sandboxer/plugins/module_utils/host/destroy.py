"""The one destroyer: ends the job, walks the holdings backwards, looks, and says what it saw.

Every door that takes a sandbox away comes through here: the module, the program, the reaper,
and a create that replaces. Each step may be the last one of a killed process; the next destroyer
goes on from there.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import Any

from . import engines, fault, holdings, job, lease, maker, receipt, record
from . import run as runs
from .clock import now
from .engine import KINDS as ENGINE_KINDS
from .errors import HostError
from .record import Record
from .state import State, read_json, sync_folder

WORK_SECONDS = 120.0


def run(state: State, sandbox_id: str) -> dict[str, Any] | None:
    """Destroy a sandbox and prove it. The receipt, or None where there was none to destroy.

    A receipt with `remains` means that the record is still there, `stuck`.
    """
    marked = _mark(state, sandbox_id)
    if marked is None:
        return receipt.read(state, sandbox_id)
    fenced, was = marked
    fault.point("destroy-marked")
    work = _take_over(state, fenced)
    try:
        current = record.read(state, sandbox_id)
        if current is None:  # the other destroyer was quicker
            return receipt.read(state, sandbox_id)
        runs.forget_secrets(state, sandbox_id)
        removed, remains, error = _empty(state, current, was)
        made = receipt.make(current, removed, remains, now())
        if error is not None:
            _stuck(state, sandbox_id, error)
            if not remains:  # nobody could look: a receipt without remains would lie
                raise error
            return made
        fault.point("destroy-emptied")
        receipt.bury(state, made)
        fault.point("destroy-buried")
        _remove_record(state, sandbox_id)
        fault.point("destroy-forgotten")
        return made
    finally:
        os.close(work)


def cancel(state: State, sandbox_id: str) -> Record | None:
    """End a making and undo it; what is ready already stays. The record afterwards."""
    with state.record_lock(sandbox_id):
        current = record.read(state, sandbox_id)
        if current is None or current.state != "creating":
            return current
        current = current._replace(generation=current.generation + 1)
        record.write(state, current)
    work = _take_over(state, current)
    try:
        error = HostError("cancelled", "cancelled while it was being made")
        return undo(state, current, error)
    finally:
        os.close(work)


def undo(state: State, current: Record, error: HostError) -> Record:
    """Take away what a failed making has made; the record stays for a while to say why."""
    _removed, remains, residue = _empty(state, current)
    return record.update(
        state,
        current.id,
        current.generation,
        state="stuck" if residue else "failed",
        holdings=tuple(remains),
        containers={},
        reachability={**current.reachability, "endpoints": []},
        lease=lease.grant(lease.FAILED, lease.FAILED, now()).as_dict(),
        error=error.as_dict(),
    )


def error_of(made: dict[str, Any], left: Record | None = None) -> HostError | None:
    """The error that a receipt amounts to, if any. `left` is the record that is still there: it
    knows why, where nobody could look."""
    if not made["remains"]:
        return None
    listed = ", ".join("{kind} {key}".format(**item) for item in made["remains"])
    why = left.error if left else None
    if why and why["code"] != "residue":
        return HostError(
            "residue",
            f"nobody can tell what is left of {listed}: {why['message']}",
            "; ".join(filter(None, [why["hint"], "the reaper tries again each minute"])),
            retryable=True,
        )
    return HostError(
        "residue",
        f"something was left behind: {listed}",
        "look at it on the host; the reaper tries again each minute",
        retryable=True,
    )


def _mark(state: State, sandbox_id: str) -> tuple[Record, str] | None:
    """Write down that it has to go, which fences whoever works on it; and what state it was in
    until now. None where none is."""
    if not os.path.isdir(state.sandbox(sandbox_id)):
        return None
    with state.record_lock(sandbox_id):
        try:
            current = record.read(state, sandbox_id)
        except HostError as error:
            if error.code != "broken_record":
                raise
            current = _stand_in(state, sandbox_id)
        if current is not None:
            was = current.state
            current = current._replace(
                wanted="absent", state="destroying", generation=current.generation + 1
            )
            record.write(state, current)
            return current, was
    # a create that dies before it has written its record has made nothing but this folder
    work = state.wait_work_lock(sandbox_id, WORK_SECONDS)
    try:
        if record.read(state, sandbox_id) is None:
            _remove_record(state, sandbox_id)
            return None
    finally:
        os.close(work)
    return _mark(state, sandbox_id)


def _stand_in(state: State, sandbox_id: str) -> Record:
    """In place of a record that nobody can read: all it holds is found by its names."""
    return Record(
        id=sandbox_id,
        name="",
        owner="",
        generation=0,
        state="creating",
        wanted="absent",
        program="",
        lease=lease.grant(lease.FAILED, lease.FAILED, now()).as_dict(),
        holdings=(
            holdings.dir_holding(state.remote_dir(sandbox_id)),
            *({"kind": kind, "key": sandbox_id} for kind in ("pod", "image", *ENGINE_KINDS)),
        ),
    )


def _take_over(state: State, current: Record) -> int:
    """End the job of a record that has been fenced, and take its place."""
    if not job.end(current):
        raise HostError(
            "residue", f"a process of {current.id}'s job can't be ended", retryable=True
        )
    fault.point("destroy-ended")
    return state.wait_work_lock(current.id, WORK_SECONDS)


def _empty(
    state: State, current: Record, was: str = ""
) -> tuple[list[dict[str, str]], list[dict[str, str]], HostError | None]:
    """Remove, look again: what was removed, what remains, and the error that this amounts to."""
    removed: list[dict[str, str]] = []
    remains: list[dict[str, str]] = []
    try:
        graces = _graces(state, current.id)
        # a record that nobody can read doesn't say which one it was
        for engine in [engines.named(current.engine)] if current.engine else engines.all_here():
            place = holdings.Place(state, engine)
            left: list[dict[str, str]] = []
            # of one that was whole all is known: only where something remains it is looked for
            mine = [item["key"] for item in current.holdings if item["kind"] == "container"]
            for whole in [mine, []] if was == "ready" else [[]]:
                tried = holdings.remove(place, current.id, current.holdings, graces, whole, was=was)
                removed += [one for one in tried if one not in removed]
                left = holdings.remaining(place, current.id, current.holdings)
                if not left:
                    break
            remains += left
    except HostError as error:  # nobody could look, so nothing is proved
        return [], [dict(item) for item in current.holdings], error
    gone = [item for item in removed if item not in remains]
    return gone, remains, error_of({"remains": remains})


def _graces(state: State, sandbox_id: str) -> dict[str, int]:
    """Of the containers that have their own; none where nobody can read what was asked for."""
    try:
        spec = read_json(os.path.join(state.job(sandbox_id), job.SPEC))
        return maker.stop_graces(sandbox_id, spec["document"]["services"])
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return {}


def _stuck(state: State, sandbox_id: str, error: HostError) -> None:
    with state.record_lock(sandbox_id):
        current = record.read(state, sandbox_id)
        if current is not None:
            record.write(state, current._replace(state="stuck", error=error.as_dict()))


def _remove_record(state: State, sandbox_id: str) -> None:
    """The job's folder first and the record last: as long as there is one, it can be found."""
    folder = state.sandbox(sandbox_id)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(state.job(sandbox_id))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(state.record(sandbox_id))
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)  # temporary files of killed writers
    sync_folder(state.sandboxes)
