"""What is asked of profiles and source, what that comes to, and how the program hands it to a play.

A play that the program starts would resolve the same once more, in a worker for each host. It need
not even import what resolves: this file imports nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import handover

if TYPE_CHECKING:
    from ..compose.emit import Document
    from ..compose.notes import Note
    from ..source import Listing
    from .model import Setting

VARIABLE = "SANDBOXER_RESOLVED"
_HANDED_ON = (
    "profile",
    "profile_hash",
    "extension",
    "source_digest",
    "request",
    "document",
    "ttl_seconds",
    "default_name",
    "host",
    "compose_cmd",
)


@dataclass(frozen=True)
class ResolveRequest:
    """`settings` is what `--set` gave; `publish` is `loopback`, `host`, or the profile's.

    `files`, `env_files` and `compose_profiles` are what compose's own options say of the source.
    `carry` is a folder that goes to the host in any case: the source, or one beside a profile that
    has none.
    """

    profile: str
    source: Path | None = None
    settings: Mapping[str, Setting] = field(default_factory=dict)
    publish: str | None = None
    files: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    compose_profiles: tuple[str, ...] = ()
    carry: Path | None = None


@dataclass(frozen=True)
class Resolved:
    """`request` is part -> digest, which is what a conflict names; `profile_hash` covers it.

    `notes` say where what runs differs from what the files say; `listing` is what the source
    holds, for who sends it.
    `host` and `compose_cmd` are what the user's own profile says where nobody else does;
    `secrets` are the names of those that a validation has.
    """

    profile: str
    profile_hash: str
    extension: str
    source_digest: str | None
    request: dict[str, str]
    document: Document
    ttl_seconds: int
    default_name: str
    notes: tuple[Note, ...]
    listing: Listing | None = None
    host: str | None = None
    compose_cmd: str | None = None
    secrets: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[Note, ...]:
        """The notes that every door tells. What is changed serves the same end: `compose show`."""
        return tuple(note for note in self.notes if note.kind != "changed")


def host_request(
    found: Resolved,
    *,
    name: str,
    id: str | None,
    owner: str,
    ttl: int,
    deadline: int | None,
    compose_cmd: str | None,
    auth_file: str | None,
    replace: bool,
    unreaped: bool,
) -> dict[str, Any]:
    """A create as the host program is asked for it; spans in seconds."""
    return {
        "name": name,
        "id": id,
        "owner": owner,
        "ttl": ttl,
        "deadline": deadline,
        "compose_cmd": compose_cmd,
        "auth_file": auth_file,
        "replace": replace,
        "unreaped": unreaped,
        "profile": found.profile,
        "profile_hash": found.profile_hash,
        "source_digest": found.source_digest,
        "extension": found.extension,
        "request": found.request,
        "document": found.document,
    }


@contextmanager
def handed_over(request: ResolveRequest, found: Resolved) -> Iterator[dict[str, str]]:
    """The variables by which a child process finds what was resolved, as long as this lasts. Where
    there are none the child resolves for itself."""
    answer: dict[str, Any] = {name: getattr(found, name) for name in _HANDED_ON}
    if found.listing is not None:
        answer["folder"] = str(found.listing.root.absolute())
        answer["entries"] = [asdict(entry) for entry in found.listing.entries]
    with handover.given(VARIABLE, {"question": _question(request), "answer": answer}) as variables:
        yield variables


def taken_over(request: ResolveRequest) -> Resolved | None:
    """What was handed to this process for just this request, without its notes; None where
    nothing was."""
    handed = handover.taken(VARIABLE)
    if handed is None or handed["question"] != _question(request):
        return None
    answer = handed["answer"]
    folder, entries = answer.pop("folder", None), answer.pop("entries", ())
    found = None
    if folder is not None:
        from ..source import Entry, Listing

        found = Listing(Path(folder), tuple(Entry(**entry) for entry in entries))
    return Resolved(**answer, notes=(), listing=found)


def _question(request: ResolveRequest) -> Any:
    folders = {
        name: str(folder.absolute())
        for name, folder in (("source", request.source), ("carry", request.carry))
        if folder is not None
    }
    return json.loads(json.dumps({**asdict(request), **folders}))  # as it will be read
