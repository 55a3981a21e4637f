"""`$$` and `${name}` in values.

A user's compose file has no variables yet, so that every use of one is refused; a profile's
stack has the profile's parameters. Values are put in after YAML was read: a value can't become
structure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_DOLLAR = re.compile(r"\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|\{([^}]*)\}|)")


class UnknownVariableError(ValueError):
    """The argument is the variable's use as it was written."""


class LoneDollarError(ValueError):
    """A dollar sign that starts nothing."""


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        dollar, bare, braced = match.groups()
        if dollar is not None:
            return "$"
        name = bare or braced
        if name is None:
            raise LoneDollarError(match.group())
        if name not in variables:
            raise UnknownVariableError(match.group())
        return variables[name]

    return _DOLLAR.sub(replace, text)
