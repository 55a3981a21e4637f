"""The State Hub that events go to, as the user sets it up: an address, and how it wants to be told.

`hub.yml` among the user's own files says it, or SANDBOXER_HUB_URL alone. A project has no word in
it. The token is in the environment or in a file; it is in no setting that is ever shown.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from sandboxer_cli.errors import Usage
from sandboxer_cli.reporting.event import KINDS, Kind
from sandboxer_cli.xdg import config_folder

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

_STRUCTURED = "application/cloudevents+json; charset=utf-8"
_OF_ADDRESSES = ":/?#[]@!$&'()*+,;=%~"
_WORD = re.compile(r"[A-Za-z0-9_-]+")
_TOKEN = "$token"  # noqa: S105


@dataclass(frozen=True)
class Request:
    """What is sent for one event."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Hub:
    """`path` and `body` are Jinja templates over `event`, the CloudEvent, and its `data`. Without
    a `body` the CloudEvent itself is sent. `$token` in a header stands for the token."""

    url: str
    path: str = ""
    method: str = "POST"
    headers: Mapping[str, str] | None = None
    body: str | None = None
    events: tuple[Kind, ...] = KINDS
    delivered: tuple[int, ...] = ()
    token: str = ""

    def __repr__(self) -> str:
        return f"Hub({self.shown})"  # dataclass would show the token

    @property
    def shown(self) -> str:
        """The address without what may be a secret."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    def request(self, event: Mapping[str, Any]) -> Request:
        """What tells this hub of a CloudEvent.

        Raises:
            Usage: `hub_template_invalid`.
        """
        headers = {
            "Content-Type": _STRUCTURED if self.body is None else "application/json",
            **({"Authorization": f"Bearer {_TOKEN}"} if self.token else {}),
        }
        given = {name.title(): text for name, text in (self.headers or {}).items()}
        if any(_TOKEN in text for text in given.values()):
            headers.pop("Authorization", None)
        headers |= given
        body = json.dumps(event) if self.body is None else self._filled(self.body, event)
        return Request(
            method=self.method,
            url=self._address(event),
            headers={
                # of the fact, so that it is the same each time
                "Idempotency-Key": str(event["id"]),
                **{name: text.replace(_TOKEN, self.token) for name, text in headers.items()},
            },
            body=body.encode(),
        )

    def without_token(self, text: str) -> str:
        """Text that a hub wrote: it may give back what it was sent."""
        return text.replace(self.token, "***") if self.token else text

    def _address(self, event: Mapping[str, Any]) -> str:
        if not self.path:
            return self.url
        parts = urlsplit(self.url)
        more = quote(self._filled(self.path, event).lstrip("/"), safe=_OF_ADDRESSES)
        path = f"{parts.path.rstrip('/')}/{more}"
        return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))

    def _filled(self, template: str, event: Mapping[str, Any]) -> str:
        if "{" not in template:
            return template
        from jinja2 import TemplateError

        try:
            filled = _environment().from_string(template)
            return filled.render(event=event, data=event["data"])
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise Usage(
                f"a template of the hub can't be filled for {event['type']}: {error}",
                "see `event` and `data` in docs/how-to/report-to-a-hub.md",
                code="hub_template_invalid",
            ) from error


def hub() -> Hub | None:
    """The hub that is set up, if any. An empty SANDBOXER_HUB_URL means none.

    Raises:
        Usage: `hub_invalid`.
    """
    token = os.environ.get("SANDBOXER_HUB_TOKEN", "")
    if token_file := os.environ.get("SANDBOXER_HUB_TOKEN_FILE"):
        token = token or _token(Path(token_file))
    url = os.environ.get("SANDBOXER_HUB_URL")
    if url is not None:
        # another address gets nothing of what is written for the one in the file
        return _checked(Hub(url, token=token), "SANDBOXER_HUB_URL") if url else None
    folder = config_folder()
    if folder is None:
        return None
    file = folder / "hub.yml"
    try:
        text = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _invalid(str(file), f"can't be read: {error.strerror}") from error
    return _checked(_of_file(text, file, token), str(file))


def _of_file(text: bytes, file: Path, token: str) -> Hub:
    import yaml
    from pydantic import BaseModel, ConfigDict, ValidationError

    class Settings(BaseModel):
        """What hub.yml says."""

        model_config = ConfigDict(extra="forbid")

        url: str
        path: str = ""
        method: str = "POST"
        headers: dict[str, str] = {}
        body: str | None = None
        events: tuple[Kind, ...] | None = None
        delivered: tuple[int, ...] = ()
        token_file: Path | None = None

    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _invalid(str(file), f"not YAML: {error}") from error
    if not isinstance(said, dict):
        raise _invalid(str(file), "it is a mapping, with url")
    try:
        found = Settings.model_validate(said)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _invalid(str(file), f"{where}: {first['msg']}") from error
    if found.token_file and not token:
        token = _token(file.parent / found.token_file.expanduser())
    # a body of one's own is mostly written for the outcome alone
    events = found.events or (KINDS if found.body is None else ("e2e_result",))
    return Hub(**found.model_dump(exclude={"token_file", "events"}), events=events, token=token)


def _token(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(str(file), f"no token can be read from it: {error}") from error


def _checked(found: Hub, where: str) -> Hub:
    try:
        parts = urlsplit(found.url)
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise _invalid(where, "url: no address") from None
    if not right or " " in found.url:
        raise _invalid(where, f"url: {found.shown!r} is no http or https address")
    if "@" in parts.netloc:
        raise _invalid(where, "url: a user and password belong in a header: `Basic $token`")
    headers = found.headers or {}
    for word in (found.method, *headers):
        if not _WORD.fullmatch(word):
            raise _invalid(where, f"{word!r} is no method, or no name of a header")
    for line in (found.url, found.token, *headers.values()):
        if not line.isascii() or not line.isprintable():
            raise _invalid(where, "address, headers and token are printable ASCII")
    return found


def _invalid(where: str, what: str) -> Usage:
    return Usage(
        f"{where}: {what}", "docs/how-to/report-to-a-hub.md says what it may be", code="hub_invalid"
    )


def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
