"""From a repository to what a host is asked for: the run document, and the sandbox to make.

Every door comes through here. It reads the repository, and touches nothing.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import git
from ..compose.emit import digest
from ..errors import Usage
from ..profiles.resolve import folder_name
from ..profiles.resolve import resolve as resolve_profile
from .contract import Contract, Keep
from .document import run_document
from .load import load
from .services import HOST, resolve_request, service_faults

_GIT_SECONDS = 10.0


@dataclass(frozen=True)
class Wanted:
    """`document` is the run document; `sandbox` holds the options of the module `sandbox` that
    make what is tested, but for its name and its owner."""

    document: dict[str, Any]
    sandbox: Mapping[str, Any]
    contract: Contract
    host: str | None


@dataclass(frozen=True)
class Asked:
    """What somebody asks for: a repository, and what stands above its contract.

    `key` without a word is the digest of source, contract and host.
    """

    repository: Path
    profile: str | None = None
    keep: Keep | None = None
    key: str | None = None
    host: str = ""


def resolve(asked: Asked) -> Wanted:
    """Raises Usage: `contract_missing`, `contract_error`, and what a profile, a compose file or a
    source can be refused for."""
    repository = asked.repository
    contract = load(repository)
    if asked.profile is not None:
        contract = replace(contract, sandbox=replace(contract.sandbox, profile=asked.profile))
    request = resolve_request(contract, repository)
    if any(step.where == HOST for step in contract.steps):
        request = replace(request, carry=repository)
    resolved = resolve_profile(request)
    if faults := service_faults(contract, resolved.document["services"]):
        raise Usage("\n".join(map(str, faults)), faults[0].hint, code="contract_error")
    commit, dirty = _revision(repository)
    # a contract's own are in its digest already
    more = [name for name in resolved.secrets if name not in contract.secrets]
    key = asked.key or digest([resolved.profile_hash, contract.digest, asked.host, *more])
    document = run_document(
        contract,
        run_key=key,
        repo=folder_name(repository),
        secrets=(*contract.secrets, *more),
        commit=commit,
        dirty=dirty,
        keep=asked.keep,
    )
    sandbox = {
        "profile": request.profile,
        "source": str(request.source.absolute()) if request.source else None,
        "carry": str(repository.absolute()) if request.carry else None,
        "settings": dict(request.settings),
        "files": list(request.files),
        "ttl": contract.sandbox.ttl,
        "deadline": contract.sandbox.deadline,
    }
    given = {name: value for name, value in sandbox.items() if value is not None}
    return Wanted(document, given, contract, resolved.host)


def _revision(repository: Path) -> tuple[str, bool]:
    """The commit, and whether there are changes that are in none. Empty where it is no checkout."""
    commit = _git(repository, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return "", False
    changed = _git(repository, "status", "--porcelain", "--", ".")
    return commit.strip(), bool(changed)


def _git(repository: Path, *words: str) -> str | None:
    try:
        done = git.ask(repository, *words, seconds=_GIT_SECONDS)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
