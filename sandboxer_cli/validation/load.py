"""From a repository to its contract."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from ..compose.emit import digest
from ..compose.parse import parse
from ..compose.tree import ListNode, MapNode, Node, Place, ScalarNode, plain
from ..errors import Usage
from ..profiles.fault import Fault, dotted, of_pydantic, of_usage, place_of
from . import trust
from .contract import Contract, Reports, SandboxRequest, Step, Timeouts
from .model import VERSIONS, E2e
from .schema import schema

FILE = "e2e/e2e.yml"
_MOST_BYTES = 1024 * 1024
_DEFAULT_PROFILE = "profile.compose"
_PROVISION, _HEALTH, _TEST, _COLLECT = 5 * 60, 2 * 60, 10 * 60, 60
_TO_SPARE = 5 * 60
_MOST_TTL = 24 * 3600
# below it any variable may stand, also one that begins with x-
_FREE = ("sandbox", "environment")


def load(repository: Path) -> Contract:
    """The contract of the repository in that folder.

    Raises Usage: `contract_missing`, or `contract_error` with all that is wrong,
    file:line:column each.
    """
    found = judge(repository)
    if isinstance(found, Contract):
        return found
    raise Usage("\n".join(map(str, found)), found[0].hint, code="contract_error")


def judge(repository: Path) -> Contract | list[Fault]:
    """The contract, or all that is wrong with it, in the order of its file.

    Raises Usage: `contract_missing`.
    """
    content = _content(repository)
    if isinstance(content, Fault):
        return [content]
    found = read_text(content)
    return found if isinstance(found, list) else [*_of_files(found, repository)] or found


def read_text(content: bytes) -> Contract | list[Fault]:
    """The contract that a file with this content makes, or all that is wrong with it; whether
    the files that it names are there isn't asked."""
    try:
        tree = parse(content, FILE)
    except Usage as error:
        return [of_usage(error, FILE)]
    if found := _of_version(tree) or [*_characters(tree, []), *trust.faults(tree)]:
        return found
    tree = _without_extensions(tree, ())
    try:
        said = E2e.model_validate(plain(tree))
    except ValidationError as error:
        return of_pydantic(error, tree, schema())
    contract = _contract(said, tree)
    return [*_of_ttl(contract)] or contract


def _content(repository: Path) -> bytes | Fault:
    path = repository / FILE
    here = Place(FILE, 1, 1)
    if not repository.is_dir():
        hint = "name the folder of a repository"
        raise Usage(f"there is no folder {repository}", hint, code="contract_missing")
    try:
        if not (path.exists() or path.is_symlink()):
            raise Usage(
                f"there is no {FILE} in {repository}",
                "`validate init` writes one",
                code="contract_missing",
            )
        if leads_out(path, repository):
            return Fault("", "a link that leads out of the repository", here)
        if not path.is_file():  # a pipe would never end
            return Fault("", "not a file", here)
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        return Fault("", f"can't be read: {error.strerror}", here)
    if len(content) > _MOST_BYTES:
        return Fault("", "larger than 1 MiB", here)
    return content


def _of_version(tree: MapNode) -> list[Fault]:
    """Another version may have other keys: nothing else is said of it then."""
    version = tree.get("version")
    supported = "supported: " + ", ".join(map(str, VERSIONS))
    if version is None:
        hint = f"write `version: {VERSIONS[-1]}` above the rest; `validate migrate` helps"
        return [Fault("version", f"is missing; {supported}", tree.place, hint)]
    said = plain(version)
    if type(said) is int and said in VERSIONS:
        return []
    hint = f"write version: {VERSIONS[-1]}, or install a sand-boxer that knows yours"
    shown = version.text if isinstance(version, ScalarNode) else "this"
    return [Fault("version", f"{shown!r} is not known; {supported}", version.place, hint)]


def _characters(node: Node, path: list[str | int]) -> Iterator[Fault]:
    """What YAML can escape and no program takes."""
    if isinstance(node, MapNode):
        for key, value in node.entries:
            yield from _characters(key, path)
            yield from _characters(value, [*path, key.text])
    elif isinstance(node, ListNode):
        for number, item in enumerate(node.items):
            yield from _characters(item, [*path, number])
    elif "\0" in node.text or any("\ud800" <= c <= "\udfff" for c in node.text):
        yield Fault(dotted(path), "holds a character that no program takes", node.place)


def _without_extensions(node: MapNode, path: tuple[str, ...]) -> MapNode:
    """Without keys that begin with x-, which are for others."""
    if path == _FREE:
        return node
    entries = tuple(
        (key, _extended(value, (*path, key.text)))
        for key, value in node.entries
        if not key.text.startswith("x-")
    )
    return replace(node, entries=entries)


def _extended(node: Node, path: tuple[str, ...]) -> Node:
    if isinstance(node, MapNode):
        return _without_extensions(node, path)
    if isinstance(node, ListNode):
        return replace(node, items=tuple(_extended(item, path) for item in node.items))
    return node


def _contract(said: E2e, tree: MapNode) -> Contract:
    timeouts = Timeouts(
        provision=said.timeouts.provision or _PROVISION,
        health=said.timeouts.health or _HEALTH,
        test=said.timeouts.test or _TEST,
        collect=said.timeouts.collect or _COLLECT,
    )
    return Contract(
        digest=digest(said.model_dump(mode="json", by_alias=True, exclude_defaults=True)),
        sandbox=_sandbox(said, timeouts),
        secrets=tuple(said.sandbox.secrets) if said.sandbox else (),
        health=tuple(said.health),
        steps=_steps(said, timeouts),
        timeouts=timeouts,
        reports=Reports(tuple(said.reports.junit), tuple(said.reports.artifacts)),
        retries=said.retries,
        keep=said.keep,
        tree=tree,
    )


def _sandbox(said: E2e, timeouts: Timeouts) -> SandboxRequest:
    sandbox = said.sandbox
    profile = sandbox.profile if sandbox else said.profile
    ttl = sandbox.ttl if sandbox else None
    if ttl is None:
        ttl = min(_longest(timeouts) + _TO_SPARE, _MOST_TTL)
    return SandboxRequest(
        profile=profile or _DEFAULT_PROFILE,
        files=tuple((sandbox.compose if sandbox else None) or ()),
        settings=dict(sandbox.environment) if sandbox else {},
        ttl=f"{ttl}s",
        deadline=f"{timeouts.provision}s",
    )


def _steps(said: E2e, timeouts: Timeouts) -> tuple[Step, ...]:
    if said.steps is None:
        assert said.test_command is not None  # noqa: S101
        return (Step("test", said.test_command, said.where, timeouts.test),)
    return tuple(
        Step(step.name, step.run, step.where or said.where, step.timeout or timeouts.test)
        for step in said.steps
    )


def _longest(timeouts: Timeouts) -> int:
    return timeouts.health + timeouts.test + timeouts.collect


def _of_files(contract: Contract, repository: Path) -> Iterator[Fault]:
    """A compose file has to be there, and no link may lead to it from outside."""
    for path in contract.sandbox.files:
        where = ["sandbox", "compose"]
        place = place_of(contract.tree, where)
        if leads_out(repository / path, repository):
            yield Fault(dotted(where), f"{path} is a link that leads out of the repository", place)
        elif not _is_file(repository / path):
            yield Fault(dotted(where), f"there is no file {path} in the repository", place)


def leads_out(path: Path, repository: Path) -> bool:
    """Whether a path of the repository is outside of it, by links; so is one that goes in a
    circle."""
    try:
        return not path.resolve().is_relative_to(repository.resolve())
    except RuntimeError:
        return True


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is longer than any
        return False


def _of_ttl(contract: Contract) -> Iterator[Fault]:
    """A sandbox that may die under its test fails it at last, and nobody knows why."""
    longest = _longest(contract.timeouts)
    if int(contract.sandbox.ttl.removesuffix("s")) < min(longest, _MOST_TTL):
        where = ["sandbox", "ttl"]
        what = f"is shorter than health, test and collect may take together, {longest}s"
        hint = "give it more, or write shorter timeouts"
        yield Fault(dotted(where), what, place_of(contract.tree, where), hint)
