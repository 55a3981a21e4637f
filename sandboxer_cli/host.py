"""The one door to the host: to the host library, which lies in the collection with what the
plugins share, and to the host program, which a module has installed on each host.

Inside Ansible the collection loader must be there before the first import. The program itself
never imports `ansible.plugins`, so that a plain import is safe there.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import (
    compose_program,
    ids,
    program,
)
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import QUERY_SECONDS
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.plugin_utils import answer, installed
from sandboxer_cli import connection
from sandboxer_cli.errors import HostUnreachable, SandboxerError, Usage, from_host

# an engine that has stopped answering is waited for: its host is not silent
READ_SECONDS = QUERY_SECONDS + 15.0

# the newest program there that speaks this protocol
_READER = "read-1.pyz"


def checked(check: Callable[[str], str], value: str) -> str:
    """An id, a name or an owner, checked by the host library's own rule.

    Raises Usage.
    """
    try:
        return check(value)
    except HostError as error:
        raise from_host(error.as_dict()) from error


def check_id(value: str) -> str:
    return checked(ids.check_id, value)


def check_name(value: str) -> str:
    return checked(ids.check_name, value)


def check_owner(value: str) -> str:
    return checked(ids.check_owner, value)


def check_reference(value: str) -> str:
    """An id or a name, whichever it looks like."""
    return check_id(value) if value.startswith("sbx-") else check_name(value)


def check_run_id(value: str) -> str:
    return checked(ids.check_run_id, value)


def engine_too_old(name: str, version: str) -> str:
    """Why this version of an engine will not do; empty where it will."""
    from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import engines

    return _too_old(name, version, engines.named(name).least)


def compose_too_old(words: Sequence[str], version: str) -> str:
    """Why this version of a compose program will not do; empty where it will, or nobody knows."""
    from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import compose_kind

    try:
        name = compose_kind.known(words)
    except HostError:
        return ""
    return _too_old(" ".join(name), version, compose_kind.LEAST.get(name, "0"))


def _too_old(name: str, version: str, least: str) -> str:
    from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import versions

    try:
        versions.refuse(name, version, least)
    except HostError as error:
        return str(error)
    return ""


def check_run_key(value: str) -> str:
    return checked(ids.check_run_key, value)


def new_run_id() -> str:
    return ids.new_run_id()


def new_run_key() -> str:
    """One that nobody has."""
    return "key-" + ids.new_suffix(20)


def check_compose_cmd(value: str) -> str:
    return checked(lambda command: " ".join(compose_program.split(command)), value)


def compose_cmd(given: str | None) -> str | None:
    """The compose program as given, or SANDBOXER_COMPOSE_CMD; None where the engine is wanted."""
    return answer.compose_cmd(given)


def compose_words(given: str | None) -> list[str]:
    """The words of the compose program that makes the containers: as given, or
    SANDBOXER_COMPOSE_CMD; none where the engine itself makes them. Raises Usage."""
    command = answer.compose_cmd(given)
    if command is None:
        return []
    check_compose_cmd(command)
    return shlex.split(command)


def new_suffix(length: int) -> str:
    return ids.new_suffix(length)


def owner(given: str | None) -> str:
    """Whose names are meant: as given, SANDBOXER_OWNER, or the login name. Raises Usage."""
    try:
        return ids.check_owner(answer.owner(None) if given is None else given)
    except HostError as error:
        raise from_host(error.as_dict()) from error


def complete(found: Mapping[str, Any], way: connection.Reach, changed: bool) -> dict[str, Any]:
    """The host's object with what only the controller knows, as the plugins complete it."""
    return answer.complete(found, way.host, way.ssh, changed)


def own_argv(verb: str) -> list[str]:
    """The command that answers one verb, by the program of this very version."""
    return installed.argv(verb, program.own_name())


def ask(way: connection.Reach, verb: str, request: Mapping[str, object]) -> Any:
    """One verb of the installed host program, straight over the connection.

    None where no program is installed: nothing was ever made there. Raises what the host
    answered, or why it could not be asked.
    """
    done = connection.run(
        way,
        installed.argv(verb, _READER),
        stdin=json.dumps(request).encode(),
        timeout=READ_SECONDS,
    )
    if done.returncode == installed.MISSING:
        return None
    told = installed.answered(done.stdout.decode(errors="replace"))
    if told is None:
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise SandboxerError(
            f"the host program of {way.host} failed: {said[-1] if said else 'it said nothing'}"
        )
    if isinstance(told, dict) and "error" in told and done.returncode != 0:
        if str(told["error"].get("message", "")).startswith("no verb "):
            raise Usage(
                f"the host program of {way.host} is older than this one: it has no {verb}",
                f"run `sandboxer host prepare {way.host}`",
                code="program_older",
            )
        raise from_host(told["error"])
    return told


def stream(
    way: connection.Reach, request: Mapping[str, object], *, tty: bool = False
) -> int | None:
    """A command inside a sandbox, or logs, with this process's own standard streams.

    Request: as the verb `open` takes it. The exit status is the command's own; None where nothing
    was ever made on that host. Raises what the host answered before it began, `connection_lost`
    where the way to it ended in the middle, and as `connection.run` does.
    """
    opened = ask(way, "open", request)
    if opened is None:
        return None
    words = (str(opened["id"]), str(opened["ticket"]))
    status = connection.stream(way, installed.argv("stream", _READER, "", *words), tty=tty)
    if status != connection.SSH_FAILED or way.kind != "ssh":
        return status
    # ssh's own word for its troubles, and maybe the command's: the host knows
    ended = ask(way, "streamed", opened)
    if ended["status"] is not None:
        return int(ended["status"])
    raise HostUnreachable(
        f"the connection to {way.host} was lost",
        "what ran there has been ended" if ended["started"] else "nothing was begun there",
        code="connection_lost",
    )
