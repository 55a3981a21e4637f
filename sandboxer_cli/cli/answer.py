"""A client's answer as a result: one host's as it is, several hosts' by host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sandboxer_cli.cli import timing
from sandboxer_cli.client import Answer
from sandboxer_cli.result import Result, error_data, render, render_error

Lines = Callable[[Any], Sequence[str]]


def say(data: Any, json: bool, lines: Lines) -> int:
    render(Result(data, lines), json)
    return 0


def _id(one: Any) -> Sequence[str]:
    return [one["id"]]


def emit(answer: Answer, json: bool, quiet: bool, lines: Lines, changed: Lines = _id) -> int:
    """Print an answer. The exit status is 0, or that of the first host that said no.

    Quietly it is what was changed, by the lines of `changed`: nothing where nothing was.
    """
    for part, seconds in answer.timings.items():
        timing.say(part, seconds)
    each: Lines = (lambda one: changed(one) if one["changed"] else []) if quiet else lines
    if len(answer.results) == 1 and not answer.failures:
        return say(answer.only, json, each)
    data = {"results": dict(answer.results), "errors": _errors(answer)}
    say(data, json, lambda _: [line for one in answer.results.values() for line in each(one)])
    return _refused(answer, json)


def emit_plan(answer: Answer, json: bool) -> int:
    """What a dry run says: what would come, and the difference that Ansible shows. The exit status
    is as that of `emit`."""

    def lines(_: Any) -> list[str]:
        found = []
        for name, result in answer.results.items():
            found.append(f"{name}: {'would change' if result.get('changed') else 'no change'}")
            for diff in answer.diffs.get(name, ()):
                found += [f"  - {line}" for line in str(diff.get("before") or "").splitlines()]
                found += [f"  + {line}" for line in str(diff.get("after") or "").splitlines()]
        return found

    diffs = {name: list(found) for name, found in answer.diffs.items()}
    data = {"results": dict(answer.results), "diffs": diffs, "errors": _errors(answer)}
    say(data, json, lines)
    return _refused(answer, json)


def _errors(answer: Answer) -> dict[str, Any]:
    return {name: error_data(error)["error"] for name, error in answer.failures.items()}


def _refused(answer: Answer, json: bool) -> int:
    """Say who said no, where that isn't said yet: the exit status."""
    if not json:
        for error in answer.failures.values():
            render_error(error, as_json=False)
    return next((error.exit_status for error in answer.failures.values()), 0)
