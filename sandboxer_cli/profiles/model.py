"""What a profile says once all that it extends is in it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    WithJsonSchema,
    model_validator,
)

from ..compose.images import REGISTRY
from ..compose.tree import MapNode
from ..errors import Usage
from ..probe import Probe
from ..secret_names import SecretNames
from ..strict import Strict
from ..ttl import parse_ttl

Publish = Literal["loopback", "host"]
Setting = str | int | bool

_TYPES: dict[str, type] = {"text": str, "integer": int, "boolean": bool}


def _ttl(text: str) -> int:
    try:
        return parse_ttl(text)
    except Usage as error:  # pydantic gathers what is a ValueError
        raise ValueError(f"{error.detail.message}; {error.detail.hint}") from error


Ttl = Annotated[
    int,
    BeforeValidator(_ttl),
    WithJsonSchema({"type": "string", "pattern": "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"}),
]
Stack = Annotated[InstanceOf[MapNode], WithJsonSchema({"type": "object"})]


class Parameter(Strict):
    """What `--set` may change; its value stands for `${name}` in the stack's values."""

    type: Literal["text", "integer", "boolean"]
    default: Setting
    summary: str

    @model_validator(mode="after")
    def _default_fits(self) -> Parameter:
        if type(self.default) is not _TYPES[self.type]:
            raise ValueError(f"the default is not of type {self.type}")
        return self


class ImageFile(Strict):
    """A file of an image: either the host's own at `source`, or `content`."""

    path: Annotated[str, Field(pattern=r"^/")]
    source: Annotated[str, Field(pattern=r"^/")] | None = None
    content: str | None = None
    mode: Annotated[int, Field(ge=0, le=0o777)]

    @model_validator(mode="after")
    def _one_origin(self) -> ImageFile:
        if (self.source is None) == (self.content is None):
            raise ValueError("a file has either a source or a content")
        return self


class Rootfs(Strict):
    """The whole of an image; `links` are path -> what the symbolic link says."""

    files: list[ImageFile]
    links: dict[str, str] = {}
    command: list[str]


class Image(Strict):
    """An image that the host makes of its own files."""

    rootfs: Rootfs


class ComposeOptions(Strict):
    """How the compose files of the source are read, where the command line doesn't say. Paths go
    from the source folder."""

    files: list[str] = Field(default=[], description="Compose files, each over those before it.")
    env_files: list[str] = Field(
        default=[], description="Files of variables, in the place of `.env`."
    )
    profiles: list[str] = Field(
        default=[], description="Compose's own profiles, whose services run, too."
    )
    variables: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], Setting] = Field(
        default={}, description="Variables, which win over those of files."
    )


class Profile(Strict):
    """A profile carries its own `stack`, a compose file's tree, or takes the user's `source`."""

    name: Annotated[str, Field(pattern=r"^profile\.[a-z0-9][a-z0-9-]*$")]
    extends: Annotated[str, Field(pattern=r"^profile\.[a-z0-9][a-z0-9-]*$")] | None = Field(
        default=None, description="The profile that this one changes: its own keys win."
    )
    summary: str = Field(description="What it is, in a sentence.")
    extension: Annotated[str, Field(pattern=r"^ext\.[a-z0-9][a-z0-9-]*$")] = Field(
        description="What makes it."
    )
    ttl: Ttl = Field(description="How long a sandbox lives once it is ready, as `30m`.")
    publish: Publish = Field(default="loopback", description="Where published ports listen.")
    host: str | None = Field(
        default=None, description="The host, or pattern of hosts, where the program is told none."
    )
    compose_cmd: str | None = Field(
        default=None, description="A compose program of the host, in the place of its engine."
    )
    parameters: dict[str, Parameter] = Field(default={}, description="What `--set` may change.")
    source: Literal["compose"] | None = Field(
        default=None, description="`compose`: the compose file of the folder that is given."
    )
    compose: ComposeOptions = Field(
        default=ComposeOptions(), description="How the source's compose files are read."
    )
    qualify: Annotated[str, Field(pattern=f"^(?:{REGISTRY})$")] | None = Field(
        default=None,
        description="The registry of image names that have none, as `docker.io`; without it they "
        "are refused.",
    )
    source_owner: Annotated[str, Field(pattern=r"^[0-9]{1,9}:[0-9]{1,9}$")] | None = Field(
        default=None,
        description="Whose the source's files are for containers, `UID:GID`, where the host's "
        "engine is root's; without it they are root's.",
    )
    stack: Stack | None = Field(
        default=None, description="A compose file's content, in the place of a source."
    )
    images: dict[str, Image] = Field(
        default={}, description="Images that the host makes of its own files, by name."
    )
    probes: list[Probe] = Field(default=[], description="What has to answer before it is ready.")
    secrets: SecretNames = Field(
        default=[],
        description="Names of secrets that each validation is given, beside those of its contract.",
    )

    @model_validator(mode="after")
    def _one_document(self) -> Profile:
        if (self.source is None) == (self.stack is None):
            raise ValueError("a profile has either a stack or a source")
        if self.stack is not None and self.compose != ComposeOptions():
            raise ValueError("compose is about a source, and this profile has a stack of its own")
        if self.stack is not None and self.qualify is not None:
            raise ValueError("qualify is about a source, and this profile has a stack of its own")
        if self.stack is not None and self.source_owner is not None:
            raise ValueError(
                "source_owner is about a source, and this profile has a stack of its own"
            )
        return self

    @property
    def short_name(self) -> str:
        return self.name.removeprefix("profile.")
