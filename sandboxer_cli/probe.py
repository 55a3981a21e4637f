"""When a service is ready: Kubernetes' names and meaning, and what the host is told of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from .strict import Strict

ContainerPort = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Times = Annotated[int, Field(ge=1, le=1000)]
_KINDS = ("httpGet", "tcpSocket", "exec")


class HttpHeader(Strict):
    """A header of the request."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
    value: Annotated[str, Field(pattern=r"^[^\x00-\x08\x0a-\x1f\x7f]*$")]


class HttpGet(Strict):
    """A GET has to be answered with the status, and the body has to hold the text."""

    port: ContainerPort = Field(description="The port inside the container, by its number.")
    path: Annotated[str, Field(pattern=r"^/[^\x00-\x20\x7f]*$")] = "/"
    scheme: Literal["HTTP", "HTTPS"] = Field(
        default="HTTP", description="HTTPS takes any certificate, as in Kubernetes."
    )
    httpHeaders: list[HttpHeader] = []  # noqa: N815
    status: Annotated[int, Field(ge=100, le=599)] | None = Field(
        default=None, description="Without it any from 200 to 399."
    )
    contains: str | None = Field(default=None, description="Text that the body holds.")


class TcpSocket(Strict):
    """The port has to take a connection."""

    port: ContainerPort = Field(description="The port inside the container, by its number.")


class Exec(Strict):
    """The command has to end with 0, inside the container and without a shell."""

    command: Annotated[list[str], Field(min_length=1)]


class Probe(Strict):
    """One of httpGet, tcpSocket and exec. Times are in seconds."""

    service: str
    httpGet: HttpGet | None = None  # noqa: N815
    tcpSocket: TcpSocket | None = None  # noqa: N815
    exec: Exec | None = None
    initialDelaySeconds: Annotated[float, Field(ge=0, le=3600)] | None = Field(  # noqa: N815
        default=None, description="So long after its start it is not asked."
    )
    periodSeconds: Seconds | None = Field(  # noqa: N815
        default=None,
        description="The longest pause from one question to the next; at first it is asked sooner."
        " Without it 1, and 10 between passes that are counted. Kubernetes' is 10.",
    )
    timeoutSeconds: Seconds | None = Field(  # noqa: N815
        default=None, description="How long an answer may take. Without it 2. Kubernetes' is 1."
    )
    successThreshold: Times | None = Field(  # noqa: N815
        default=None, description="So many times in a row it has to pass. Without it 1."
    )
    failureThreshold: Times | None = Field(  # noqa: N815
        default=None,
        description="So many times in a row, and for as many periods (of 10 where none is said), it"
        " may fail before it is given up. Without it that is never, and the deadline decides."
        " Kubernetes' is 3.",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            http, tcp, command = (type(self).model_fields[kind].alias or kind for kind in _KINDS)
            raise ValueError(f"a probe is one of {http}, {tcp} and {command}")
        return self

    @property
    def port(self) -> int | None:
        """The port that has to be published for it."""
        asked = self.httpGet or self.tcpSocket
        return asked.port if asked else None

    def asked(self) -> dict[str, Any]:
        """What is asked of which service, without the times."""
        asked: dict[str, Any] = {"service": self.service}
        if self.httpGet is not None:
            asked["http"] = _http(self.httpGet)
        if self.tcpSocket is not None:
            asked["tcp"] = {"port": self.tcpSocket.port}
        if self.exec is not None:
            asked["exec"] = {"command": list(self.exec.command)}
        return asked

    def document(self) -> dict[str, Any]:
        """What the host is told. What isn't there is as the host has it by default."""
        told = self.asked()
        times = {
            "initial_delay": self.initialDelaySeconds,
            "period": self.periodSeconds,
            "timeout": self.timeoutSeconds,
            "success": self.successThreshold,
            "failure": self.failureThreshold,
        }
        return told | {key: value for key, value in times.items() if value is not None}


def _http(get: HttpGet) -> dict[str, Any]:
    told: dict[str, Any] = {
        "port": get.port,
        "path": get.path,
        "status": get.status,
        "contains": get.contains,
    }
    if get.scheme != "HTTP":
        told["scheme"] = get.scheme.lower()
    if get.httpHeaders:
        told["headers"] = [header.model_dump() for header in get.httpHeaders]
    return told
