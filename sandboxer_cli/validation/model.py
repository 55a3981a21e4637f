"""What e2e/e2e.yml may say, version 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from ..errors import Usage
from ..probe import HttpGet, Probe, TcpSocket
from ..secret_names import SecretNames, each_once
from ..strict import Strict
from ..ttl import parse_deadline, parse_timeout, parse_ttl
from .contract import Keep, Setting

VERSIONS = (1,)

_SPAN = "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
_SERVICE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
_LONGEST_COMMAND = 64 * 1024
_MOST_WORDS = 1000
_LONGEST_PATH = 500
_MOST_STARS = 3  # `**` of one glob: each looks through all that is below


def _seconds(parse: Callable[[str], int]) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            return parse(text)
        except Usage as error:  # pydantic gathers what is a ValueError
            raise ValueError(f"{error.detail.message}; {error.detail.hint}") from error

    return read


def _path(path: str) -> str:
    """One of the repository, as it is written: nothing in it is tidied away."""
    if not path.isprintable() or not path or len(path) > _LONGEST_PATH:
        raise ValueError(f"is no path: printable and at most {_LONGEST_PATH} characters long")
    if path.startswith(("/", "~")) or "\\" in path:
        raise ValueError("goes from the root of the repository, with slashes: no / or ~ before it")
    if ".." in path.split("/"):
        raise ValueError("leads out of the repository: it may not hold ..")
    return path


def _glob(pattern: str) -> str:
    _path(pattern)
    stars = sum("**" in part for part in pattern.split("/"))
    if stars > _MOST_STARS:
        raise ValueError(f"holds ** more than {_MOST_STARS} times")
    if any("**" in part and part != "**" for part in pattern.split("/")):
        raise ValueError("** stands alone between slashes, as in e2e/out/**")
    return pattern


def _command(written: object) -> tuple[str, ...]:
    """The argv of text for sh, or of a list of words."""
    if isinstance(written, str):
        if not written.strip():
            raise ValueError("is empty")
        words: Sequence[Any] = ("sh", "-c", written)
    elif isinstance(written, list):
        words = written
    else:
        raise ValueError("wants text for sh, or a list of words")
    if not words or words[0] == "":
        raise ValueError("is empty")
    if not all(isinstance(word, str) for word in words):
        raise ValueError("a word is not text: write it in quotes")
    if len(words) > _MOST_WORDS or sum(map(len, words)) > _LONGEST_COMMAND:
        raise ValueError("is too long: put it into a file of the repository")
    return tuple(words)


def _some(written: object) -> object:
    return [written] if isinstance(written, str) else written


Ttl = Annotated[
    int,
    BeforeValidator(_seconds(parse_ttl)),
    WithJsonSchema({"type": "string", "pattern": _SPAN}),
]
Deadline = Annotated[
    int,
    BeforeValidator(_seconds(parse_deadline)),
    WithJsonSchema({"type": "string", "pattern": _SPAN}),
]
Timeout = Annotated[
    int,
    BeforeValidator(_seconds(parse_timeout)),
    WithJsonSchema({"type": "string", "pattern": _SPAN}),
]
Text = {"type": "string", "minLength": 1}
Command = Annotated[
    tuple[str, ...],
    BeforeValidator(_command),
    WithJsonSchema(
        {"anyOf": [Text, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]
RepositoryPath = Annotated[str, AfterValidator(_path)]
Paths = Annotated[
    list[RepositoryPath],
    Field(min_length=1, max_length=20),
    AfterValidator(each_once),
    BeforeValidator(_some),
    WithJsonSchema({"anyOf": [Text, {"type": "array", "items": Text, "minItems": 1}]}),
]
Glob = Annotated[str, AfterValidator(_glob)]
Globs = Annotated[list[Glob], Field(max_length=50)]
ProfileName = Annotated[str, Field(pattern=r"^profile\.[a-z0-9][a-z0-9-]*$")]
Where = Annotated[str, Field(pattern=_SERVICE)]


class Sandbox(Strict):
    """The sandbox that the test runs in or beside."""

    profile: ProfileName | None = Field(
        default=None, description="What to make. Without it: the compose file of the repository."
    )
    compose: Paths | None = Field(
        default=None,
        description="The compose file, from the root of the repository on, or a list of them, each"
        " over those before it.",
    )
    ttl: Ttl | None = Field(
        default=None,
        description="How long it lives once it is ready. Without it: as long as health, test and"
        " collect may take, and five minutes more.",
    )
    environment: dict[Annotated[str, Field(pattern=_VARIABLE)], Setting] = Field(
        default={},
        description="Variables of the compose file, or parameters of the profile, as `--set`"
        " gives them.",
    )
    secrets: SecretNames = Field(
        default=[],
        description="Names only: whoever runs it says where the values come from. The test has"
        " them as variables of the environment.",
    )


class HealthProbe(Probe):
    """One of http, tcp and exec, by Kubernetes' names and meaning. Times are in seconds."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [kind]} for kind in ("http", "tcp", "exec")]}
    )

    httpGet: HttpGet | None = Field(default=None, alias="http")  # noqa: N815
    tcpSocket: TcpSocket | None = Field(default=None, alias="tcp")  # noqa: N815


class Step(Strict):
    """One command of the test. The first that fails ends it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")] = Field(
        description="What reports call it; each has its own."
    )
    run: Command = Field(description="Text for sh, or a list of words, which no shell reads.")
    where: Where | None = Field(
        default=None, alias="in", description="Where it runs. Without it: as the contract says."
    )
    timeout: Timeout | None = Field(
        default=None, description="How long it may take. Without it: as long as the whole test."
    )


class Timeouts(Strict):
    """How long each part may take, as `90s` or `5m`."""

    provision: Deadline | None = Field(default=None, description="Until it is made: 5m.")
    health: Timeout | None = Field(default=None, description="Until it is healthy: 2m.")
    test: Timeout | None = Field(
        default=None, description="All steps together, with their retries: 10m."
    )
    collect: Timeout | None = Field(
        default=None, description="Until reports and artifacts are fetched: 1m."
    )


class Reports(Strict):
    """Files that the test writes. Globs go from the root of the repository."""

    junit: Globs = Field(default=[], description="Its own JUnit XML, which counts in the outcome.")
    artifacts: Globs = Field(default=[], description="What else is to be kept.")


class E2e(Strict):
    """What a sandbox is made of, when it is healthy, and what then tests it."""

    version: Literal[1] = Field(description="Of this format.")
    profile: ProfileName | None = Field(
        default=None, description="The same as `sandbox.profile`, where nothing else is said of it."
    )
    sandbox: Sandbox | None = Field(
        default=None, description="What to make. Without it: the compose file of the repository."
    )
    health: Annotated[list[HealthProbe], Field(max_length=100)] = Field(
        default=[], description="What has to answer before the test begins."
    )
    test_command: Command | None = Field(
        default=None, description="Text for sh, or a list of words. It passes where it ends with 0."
    )
    steps: Annotated[list[Step], Field(min_length=1, max_length=50)] | None = Field(
        default=None, description="Several commands, in the place of test_command."
    )
    where: Where = Field(
        default="host",
        alias="in",
        description="`host`: in the sandbox's folder on its host, as an account without rights; or"
        " the name of a service: inside its container.",
    )
    timeouts: Timeouts = Timeouts()
    reports: Reports = Reports()
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        default=0, description="How often a step that failed is tried again."
    )
    keep: Keep = Field(
        default="never", description="When the sandbox stays, until its ttl is over."
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> E2e:
        if (self.test_command is None) == (self.steps is None):
            raise ValueError("it has either test_command or steps")
        if self.profile is not None and self.sandbox is not None:
            raise ValueError("it has either profile or sandbox: write sandbox.profile")
        names = [step.name for step in self.steps or ()]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two steps are called {twice}")
        return self
