"""What a secret may be called, in a contract and in a profile: it becomes a variable of a test."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

# They would change how the test's own programs start, or stand for the run itself.
_TAKEN = re.compile(
    r"SANDBOXER_.*|E2E_OUT|TRACEPARENT|TRACESTATE|LD_.*|PATH|HOME|USER|SHELL|IFS|ENV|BASH_ENV"
    r"|PYTHON(PATH|HOME|STARTUP)|PERL5(LIB|OPT)|RUBYOPT|NODE_OPTIONS|GIT_SSH.*|SSH_.*|ANSIBLE_.*"
)


def _secret(name: str) -> str:
    if _TAKEN.fullmatch(name):
        raise ValueError("is a name that a secret may not have")
    return name


def each_once(values: list[str]) -> list[str]:
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is given twice")
    return values


SecretName = Annotated[
    str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"), AfterValidator(_secret)
]
SecretNames = Annotated[list[SecretName], Field(max_length=64), AfterValidator(each_once)]
