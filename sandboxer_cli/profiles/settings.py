"""`--set key=value` against a profile's parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..compose.images import REGISTRY
from ..errors import Usage
from .model import Parameter, Profile, Publish, Setting
from .nearest import nearest

# It may become an environment variable: Linux takes 128 KiB for one.
_LONGEST_TEXT = 64 * 1024
# Of a profile that takes a source, it sets the profile's own key: no variable, no parameter.
QUALIFY = "qualify"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parse_settings(words: Sequence[str]) -> dict[str, str]:
    """`key=value` words as people type them; the later of two wins.

    Raises Usage: `setting_invalid`.
    """
    settings = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise Usage(
                f"{word!r} is not a setting", "write it as KEY=VALUE", code="setting_invalid"
            )
        settings[key] = value
    return settings


def apply_settings(profile: Profile, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """The value of each parameter of the profile, from `settings` or its default.

    A profile that takes a source takes any variable of its compose files, too; `qualify` is none.
    Raises Usage: `setting_unknown`, `setting_invalid`.
    """
    if profile.source is not None:
        known_here = (*profile.parameters, QUALIFY)
        variables = {key: one for key, one in settings.items() if key not in known_here}
        parameters = {key: one for key, one in settings.items() if key in profile.parameters}
        return {
            **{key: _variable(key, given) for key, given in variables.items()},
            **_parameters(profile, parameters),
        }
    known = sorted(profile.parameters)
    for key in settings:
        if key not in profile.parameters:
            raise Usage(
                f"{profile.name} has no setting {key}{nearest(key, known)}",
                "it has " + ", ".join(known) if known else "it has no settings",
                code="setting_unknown",
            )
    return _parameters(profile, settings)


def _parameters(profile: Profile, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    return {
        key: _value(key, parameter, settings[key]) if key in settings else parameter.default
        for key, parameter in profile.parameters.items()
    }


def _variable(name: str, given: Setting) -> str:
    if _VARIABLE.fullmatch(name) is None:
        raise Usage(
            f"{name!r} is not a variable's name",
            "it is letters, digits and underscores, no digit first",
            code="setting_invalid",
        )
    if not isinstance(given, str | int):
        raise _invalid(name, "is text", given)
    return _text(name, as_text(given))


def apply_qualify(profile: Profile, settings: Mapping[str, Setting]) -> str | None:
    """The registry of short image names: that of `settings`, or the profile's.

    Raises Usage: `setting_invalid`.
    """
    if profile.source is None or QUALIFY in profile.parameters or QUALIFY not in settings:
        return profile.qualify
    given = settings[QUALIFY]
    if not isinstance(given, str) or re.fullmatch(REGISTRY, given) is None:
        raise _invalid(QUALIFY, "is a registry, as docker.io", given)
    return given


def check_publish(publish: str) -> Publish:
    """Raises Usage: `publish_invalid`."""
    match publish:
        case "loopback" | "host":
            return publish
    raise Usage(
        f"publish is loopback or host, not {publish!r}",
        "loopback: only the host itself and sandboxer forward reach it",
        code="publish_invalid",
    )


def as_text(value: Setting) -> str:
    """As compose writes it into a file: true and false in small letters."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(key: str, parameter: Parameter, given: Setting) -> Setting:
    """The given value in the parameter's own type: the command line gives text for each."""
    match parameter.type:
        case "boolean":
            if isinstance(given, bool) or given in ("true", "false"):
                return given is True or given == "true"
            raise _invalid(key, "is true or false", given)
        case "integer":
            if isinstance(given, int) and not isinstance(given, bool):
                return int(given)
            if isinstance(given, str) and _is_integer(given):
                return int(given)
            raise _invalid(key, "is a whole number", given)
        case "text":
            if isinstance(given, bool) or not isinstance(given, str | int):
                raise _invalid(key, "is text", given)
            return _text(key, str(given))


def _is_integer(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 15


def _text(key: str, text: str) -> str:
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise Usage(
            f"the setting {key} holds a character that no program takes", code="setting_invalid"
        )
    if len(text.encode()) > _LONGEST_TEXT:
        raise Usage(f"the setting {key} is longer than 64 KiB", code="setting_invalid")
    return text


def _invalid(key: str, what: str, given: object) -> Usage:
    return Usage(f"the setting {key} {what}, not {given!r}", code="setting_invalid")
