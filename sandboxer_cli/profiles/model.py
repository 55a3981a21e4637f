"""What a profile's file may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, InstanceOf, model_validator

from ..compose.tree import MapNode
from ..ttl import parse_ttl

Publish = Literal["loopback", "host"]
ContainerPort = Annotated[int, Field(ge=1, le=65535)]
Setting = str | int | bool

_TYPES: dict[str, type] = {"text": str, "integer": int, "boolean": bool}


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Parameter(_Strict):
    """What `--set` may change; its value stands for `${name}` in the stack's values."""

    type: Literal["text", "integer", "boolean"]
    default: Setting
    summary: str

    @model_validator(mode="after")
    def _default_fits(self) -> Parameter:
        if type(self.default) is not _TYPES[self.type]:
            raise ValueError(f"the default is not of type {self.type}")
        return self


class ImageFile(_Strict):
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


class Rootfs(_Strict):
    """The whole of an image; `links` are path -> what the symbolic link says."""

    files: list[ImageFile]
    links: dict[str, str] = {}
    command: list[str]


class Image(_Strict):
    rootfs: Rootfs


class HttpProbe(_Strict):
    """Ready when a GET of `path` answers `status` and, where given, a body with `contains`."""

    port: ContainerPort
    path: Annotated[str, Field(pattern=r"^/")] = "/"
    status: Annotated[int, Field(ge=100, le=599)] = 200
    contains: str | None = None


class TcpProbe(_Strict):
    """Ready when the port takes a connection."""

    port: ContainerPort


class Probe(_Strict):
    service: str
    http: HttpProbe | None = None
    tcp: TcpProbe | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Probe:
        if (self.http is None) == (self.tcp is None):
            raise ValueError("a probe is either http or tcp")
        return self

    @property
    def port(self) -> int:
        probe = self.http or self.tcp
        assert probe is not None  # noqa: S101
        return probe.port


class Profile(_Strict):
    """A profile carries its own `stack`, a compose file's tree, or takes the user's `source`."""

    name: Annotated[str, Field(pattern=r"^profile\.[a-z0-9][a-z0-9-]*$")]
    summary: str
    extension: Annotated[str, Field(pattern=r"^ext\.[a-z0-9][a-z0-9-]*$")]
    ttl: Annotated[int, BeforeValidator(parse_ttl)]
    publish: Publish = "loopback"
    parameters: dict[str, Parameter] = {}
    source: Literal["compose"] | None = None
    stack: InstanceOf[MapNode] | None = None
    images: dict[str, Image] = {}
    probes: list[Probe] = []

    @model_validator(mode="after")
    def _one_document(self) -> Profile:
        if (self.source is None) == (self.stack is None):
            raise ValueError("a profile has either a stack or a source")
        return self

    @property
    def short_name(self) -> str:
        return self.name.removeprefix("profile.")
