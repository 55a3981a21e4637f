"""How a host is reached, and commands sent straight to it.

The only file that builds an ssh command line or reads connection variables. How to reach a host
is what Ansible itself says, so that inventories, variables, vaults, jump hosts and the control
socket are the same here and in the plays.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandboxer_cli import ansible_env, folders, reach_cache
from sandboxer_cli.errors import (
    Conflict,
    ConnectionRefused,
    HostUnreachable,
    NotFound,
    SandboxerError,
    Usage,
)

SSH_FAILED = 255  # ssh's own exit status, whatever its trouble
THIS_MACHINE = Path(__file__).with_name("inventory_local.yml")

# Never a question: nobody may be there to answer it, and a host key is not learnt by the way.
_NO_QUESTIONS = ("-o", "BatchMode=yes", *ansible_env.STRICT_HOST_KEYS)


@dataclass(frozen=True)
class Reach:
    """How a host is reached.

    argv: up to and including the destination; empty for this machine.
    become: the words before the one word that is the command line; empty without become.
    ssh: {"host", "port", "user"} as ssh understood them; empty for this machine.
    known_hosts: the files in which ssh looks for the host's key.
    compose_cmd: the host's `sandboxer_compose_cmd`, which isn't about reaching it, but stands in
        the same inventory; None where it has none.
    name: the host's `sandboxer_name`, likewise.
    variables: the names of all that the inventory says of sandboxes on this host.
    refused: why nobody may reach it so; whoever tries is told.
    """

    host: str
    kind: str  # "ssh" or "local"
    argv: tuple[str, ...] = ()
    become: tuple[str, ...] = ()
    ssh: Mapping[str, str | int] | None = None
    known_hosts: tuple[str, ...] = ()
    compose_cmd: str | None = None
    name: str | None = None
    variables: tuple[str, ...] = ()
    refused: SandboxerError | None = None


def sources(given: Sequence[Path | str] = ()) -> tuple[str, ...]:
    """The inventories as Ansible takes them: absolute paths, or host lists such as "h1,h2,".

    Without any: ANSIBLE_INVENTORY, then ansible.cfg, then this machine alone.

    Raises:
        Usage: `inventory_missing`.
    """
    wanted = list(given) or ansible_env.configured_paths(
        "ANSIBLE_INVENTORY", "defaults", "inventory", ","
    )
    if not wanted:
        return (str(THIS_MACHINE),)
    return tuple(_source(one) for one in wanted)


def hosts(inventories: Sequence[Path | str] = (), pattern: str = "all") -> list[str]:
    """The names of the hosts that a pattern means, in the inventory's order.

    Raises:
        Usage: an inventory is missing, broken or empty.
        NotFound: `host_unknown`, a part of the pattern matches nothing.
    """
    return list(_ask(inventories, pattern, ways=False))


def reach(host: str, inventories: Sequence[Path | str] = ()) -> Reach:
    """How the one host of this name is reached. Raises as `reach_all` does."""
    found = reach_all(host, inventories)
    if len(found) != 1:
        raise Usage(f"{host} means {len(found)} hosts; one is wanted", code="host_ambiguous")
    return found[0]


def reach_all(pattern: str, inventories: Sequence[Path | str] = ()) -> tuple[Reach, ...]:
    """How each host of a pattern is reached; refuses what would switch host-key checks off.

    Raises:
        Usage: `host_key_check_disabled`, `connection_unsupported`, `become_unsupported`, or an
            inventory that is missing, broken or empty.
        NotFound: `host_unknown`.
        SandboxerError: `program_missing`.
    """
    return tuple(_reach(name, way) for name, way in _ask(inventories, pattern, ways=True).items())


def reach_each(pattern: str, inventories: Sequence[Path | str] = ()) -> tuple[Reach, ...]:
    """As `reach_all`, where one host that is refused keeps nobody from the others. Raises what it
    was refused for where it is the only one."""
    found = []
    for name, way in _ask(inventories, pattern, ways=True).items():
        try:
            found.append(_reach(name, way))
        except SandboxerError as error:
            found.append(Reach(name, "refused", refused=error))
    if len(found) == 1 and found[0].refused is not None:
        raise found[0].refused
    return tuple(found)


def run(
    way: Reach, argv: Sequence[str], *, stdin: bytes = b"", timeout: float
) -> subprocess.CompletedProcess[bytes]:
    """Run a command on the host and give back its exit status and both its outputs.

    timeout: seconds for the whole of it. A status of 255 is taken for ssh's own word.

    Raises:
        ConnectionRefused: `host_key_changed`, `host_key_unknown`, `auth_failed`,
            `become_password_missing`.
        HostUnreachable: `host_unreachable`, or `host_silent` when the time is over.
    """
    try:
        done = subprocess.run(
            _command(way, argv),
            input=stdin,
            capture_output=True,
            timeout=timeout,
            start_new_session=True,  # no terminal that ssh or sudo could ask on
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise HostUnreachable(
            f"{way.host} gave no answer in {timeout:g} s", code="host_silent"
        ) from exc
    except FileNotFoundError as exc:
        if way.kind == "local" and not way.become:
            return subprocess.CompletedProcess(list(argv), 127, b"", str(exc).encode())
        raise _missing(exc) from exc
    complaint = done.stderr.decode(errors="replace")
    if way.kind == "ssh" and done.returncode == SSH_FAILED:
        raise _why(way, complaint)
    if way.become and done.returncode != 0 and _BECOME_PASSWORD.search(complaint):
        raise refusal(complaint, way.host)
    return done


def stream(way: Reach, argv: Sequence[str], *, tty: bool = False) -> int:
    """Run a command on the host with our own standard streams, to its end. Its exit status.

    tty: a terminal there, where our standard input is one. With ssh SSH_FAILED may be its own
    word, said on standard error. An interrupt ends it, and is raised once it has ended.
    """
    try:
        child = subprocess.Popen(_command(way, argv, tty=tty))
    except FileNotFoundError as exc:
        raise _missing(exc) from exc
    with _ended_by_signals(child):
        try:
            status = child.wait()
        except KeyboardInterrupt:
            # from a terminal it has had the same; where only we were told, it is told now
            child.send_signal(signal.SIGINT)
            child.wait()
            raise
    return 128 - status if status < 0 else status


@contextlib.contextmanager
def _ended_by_signals(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """While this lasts what should end us ends the child, and so us."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: handler
        for number in (signal.SIGTERM, signal.SIGHUP)
        if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)  # nohup ignores one
    }
    for number in before:
        signal.signal(number, lambda *_: child.terminate())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def begin(way: Reach, argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """Begin a command on the host that the caller writes to, hears and waits for. Where no
    connection is open it opens the one that later commands and plays share.

    Raises SandboxerError `program_missing`.
    """
    try:
        return subprocess.Popen(
            _command(way, argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except FileNotFoundError as exc:
        raise _missing(exc) from exc


def begin_forwarding(way: Reach, ports: Mapping[int, int]) -> subprocess.Popen[bytes]:
    """Hand connections to ports of this machine's loopback on to ports of the host's: ours -> the
    host's. It stands when this returns, and until its standard input is closed by
    `end_forwarding`, or by our own end of whatever kind.

    It has a connection of its own: what the shared one was asked to forward it would forward
    after us.

    Raises:
        Conflict: `local_port_taken`.
        ConnectionRefused, HostUnreachable: as `run` does.
    """
    loopback = "127.0.0.1"
    words = ["-o", "ExitOnForwardFailure=yes"]
    for ours, theirs in ports.items():
        words += ["-L", f"{loopback}:{ours}:{loopback}:{theirs}"]
    alone = dataclasses.replace(way, argv=(way.argv[0], *_ALONE, *words, *way.argv[1:]))
    # ssh listens before it begins the command, whose word is the sign
    command = _command(alone, ["sh", "-c", "echo; exec cat"], become=False)
    child = subprocess.Popen(
        [sys.executable, "-P", str(Path(__file__).with_name("_until_closed.py")), *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # no terminal to ask on, and none whose interrupt it gets
    )
    try:
        if child.stdout and child.stdout.readline():
            return child
    except BaseException:
        end_forwarding(child)
        raise
    complaint = child.communicate()[1].decode(errors="replace")
    if taken := _NOT_LISTENING.search(complaint):
        raise local_port_taken(int(taken[1]), ours=int(taken[1]) in ports)
    raise refusal(complaint, way.host)


def end_forwarding(child: subprocess.Popen[bytes]) -> None:
    """Nobody listens any more when this returns."""
    if child.stdin:
        child.stdin.close()
    child.wait()


def local_port_taken(port: int, ours: bool = True) -> Conflict:
    """`ours`: it was asked for here, and not by ssh's own configuration."""
    return Conflict(
        f"port {port} of this machine is taken",
        "say another one with --local, or leave it out: then a free one is taken"
        if ours
        else "ssh's configuration has it forwarded for this host: leave that to another name of it",
        code="local_port_taken",
    )


def start_master(way: Reach) -> subprocess.Popen[bytes] | None:
    """Open the connection that later commands and plays share. Never waits.

    Returns the process that opens it, None where there is nothing to share.
    """
    if not any("ControlPath=" in word for word in way.argv):
        return None
    return subprocess.Popen(
        _command(way, ["true"], become=False),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


_NOT_LISTENING = re.compile(r"cannot listen to port: (\d+)")
_KEY_CHANGED = re.compile(r"HOST IDENTIFICATION HAS CHANGED|host key for .* has changed", re.I)
_KEY_UNKNOWN = re.compile(r"Host key verification failed|No .*host key is known for", re.I)
_AUTH_FAILED = re.compile(
    r"Permission denied \(|Too many authentication failures|No supported authentication methods|"
    r"Invalid/incorrect password",
    re.I,
)
# A shared connection that goes away says nothing at all; Ansible then quotes that.
_WORDLESS = re.compile(r"\s*|.*over ssh:\s*", re.S)
# What ssh adds when the way through a jump host has ended; that one's own words come before.
_JUMP_ENDED = re.compile(
    r"kex_exchange_identification: Connection closed|closed by UNKNOWN port 65535"
)
_BECOME_PASSWORD = re.compile(
    r"(Missing|Incorrect) \w+ password|a password is required|"
    r"sudo: interactive authentication is required|"
    r"su: Authentication failure|doas: Auth\w+ (required|failed)|su: must be run from a terminal",
    re.I,
)


def refusal(message: str, host: str) -> SandboxerError:
    """What ssh, become or Ansible's report of them said, as one of our errors."""
    whose, trust = host, f"sandboxer host trust {host}"
    if _JUMP_ENDED.search(message):
        whose = f"a jump host on the way to {host}"
        trust = "ssh-keyscan shows it, and a person puts it into the known hosts"
    if _KEY_CHANGED.search(message):
        return ConnectionRefused(
            f"the host key of {whose} is not the one that is known",
            f"find out why; when the new key is right: {trust}",
            code="host_key_changed",
        )
    if _KEY_UNKNOWN.search(message):
        return ConnectionRefused(
            f"the host key of {whose} is not known here", trust, code="host_key_unknown"
        )
    if _AUTH_FAILED.search(message):
        return ConnectionRefused(
            f"{host} did not let us in: {_last_line(message)}",
            "check the user and the key in the inventory, and that the agent has the key",
            code="auth_failed",
        )
    if _BECOME_PASSWORD.search(message):
        return ConnectionRefused(
            f"becoming another user on {host} needs a password",
            "let the account become that user without one, or log in as that user",
            code="become_password_missing",
        )
    if _WORDLESS.fullmatch(message):
        return HostUnreachable(
            f"the connection to {host} was lost",
            "what is on it is unknown until it answers again, and the hosts on the way to it; "
            "its own reaper needs nobody",
        )
    return HostUnreachable(
        f"{host} can't be reached: {_last_line(message)}",
        "what is on it is unknown until it answers; its own reaper needs nobody",
    )


def explain(message: str, host: str, inventories: Sequence[Path | str]) -> SandboxerError:
    """`refusal` for what a play met on its way to a host of these inventories."""
    if not _VAGUE.search(message):
        return refusal(message, host)
    try:
        way = reach(host, inventories)
    except SandboxerError:
        return refusal(message, host)
    return _why(way, message)


def _why(way: Reach, message: str) -> SandboxerError:
    """What stands in the way. Where that was not said it is asked for once more."""
    alone = (
        dataclasses.replace(way, argv=(way.argv[0], *_ALONE, *way.argv[1:])) if way.argv else way
    )
    if _VAGUE.search(message) and way.argv[1:3] != _ALONE:
        try:
            run(alone, ["true"], timeout=_AGAIN_SECONDS)
        except SandboxerError as error:
            return error
    return refusal(message, way.host)


# Of a jump host's words ssh keeps none where the connection is shared; and Ansible waits for su to
# succeed while su waits for a password.
_VAGUE = re.compile(rf"{_JUMP_ENDED.pattern}|waiting for privilege escalation prompt")
_ALONE = ("-S", "none")
_AGAIN_SECONDS = 20.0
_FAILED = re.compile(
    r"Failed to parse inventory with '\S+' plugin: |\*? ?Failed to parse .+? plugin: "
)
_LONGEST_WARNING = 300


def is_become_refusal(message: str) -> bool:
    """Whether a failed task's message says that become asked for a password."""
    return _BECOME_PASSWORD.search(message) is not None


def _last_line(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    telling = [line for line in lines if not _JUMP_ENDED.search(line)] or lines
    return telling[-1] if telling else "ssh said nothing"


def _source(given: Path | str) -> str:
    if given == "":  # the current folder, as a path
        raise Usage("an empty word is no inventory", code="inventory_missing")
    path = Path(given).expanduser()
    if path.exists():
        return str(path.absolute())
    if "," in str(given):
        return str(given)
    raise Usage(f"there is no inventory {given}", code="inventory_missing")


def _ask(inventories: Sequence[Path | str], pattern: str, *, ways: bool) -> dict[str, Any]:
    """What _reach.py answers for the hosts of the pattern: {name: way}."""
    named = sources(inventories)
    if pattern.startswith("@"):
        raise Usage("a pattern of hosts can't be read from a file here", code="host_pattern")
    question = json.dumps({"inventories": named, "pattern": pattern, "ways": ways})
    before = reach_cache.fingerprint(question, named)
    if before is not None and (kept := reach_cache.read(question, before)) is not None:
        return kept
    # Ansible would make a folder in a home that may not be there.
    with folders.short_lived() as private:
        child = subprocess.run(
            [sys.executable, "-P", str(Path(__file__).with_name("_reach.py"))],
            input=question,
            capture_output=True,
            text=True,
            env={**os.environ, **ansible_env.settings(), "ANSIBLE_LOCAL_TEMP": str(private)},
            start_new_session=True,
            check=False,
        )
    if child.returncode != 0 or not child.stdout:
        raise SandboxerError(
            f"Ansible could not say how to reach {pattern}: {_last_line(child.stderr)}"
        )
    answer = json.loads(child.stdout)
    if "error" in answer:
        raise Usage(f"the inventory is broken: {answer['error']}", code="inventory_broken")
    if not answer["all"]:
        raise _without_hosts(", ".join(named), child.stderr)
    if answer["unmatched"] or not answer["hosts"]:
        raise unknown_host(", ".join(answer["unmatched"]) or pattern, answer["all"])
    found: dict[str, Any] = answer["hosts"]
    if before is not None and before == reach_cache.fingerprint(question, named):
        reach_cache.write(question, before, found)
    return found


def _without_hosts(named: str, said: str) -> Usage:
    """An inventory that Ansible couldn't read is no empty one. `said` is what it warned of."""
    warnings = [" ".join(one.split()) for one in re.split(r"^\[WARNING\]:", said, flags=re.M)[1:]]
    if any(one.startswith("Unable to parse") for one in warnings):
        # several plugins have tried it: the first is the one for what its name says that it is
        reason = next((one for one in warnings if _FAILED.match(one)), " ".join(warnings))
        place = re.search(r"Origin: (/.+?:\d+:\d+)", reason)
        what = _FAILED.sub("", reason).partition(" Failed to parse ")[0]
        at = f", {place[1]}" if place else ""
        return Usage(
            f"the inventory is broken: {what[:_LONGEST_WARNING].rstrip('.')}{at or f', {named}'}",
            "`ansible-inventory --list -i FILE` says more",
            code="inventory_broken",
        )
    passed_over = [one for one in warnings if not one.startswith("No inventory was parsed")]
    hint = "it has hosts as in  all: {hosts: {h1: }}, or one a line where it is an .ini"
    if passed_over:
        hint = f"Ansible warns: {passed_over[0][:_LONGEST_WARNING]}"
    return Usage(f"there is no host in {named}", hint, code="inventory_empty")


def unknown_host(name: str, known: Sequence[str]) -> NotFound:
    near = difflib.get_close_matches(name, known, n=3) or sorted(known)[:3]
    return NotFound(
        f"no inventory has a host {name}",
        f"near it: {', '.join(near)}" if near else "name an inventory with -i",
        code="host_unknown",
    )


def _reach(host: str, way: Mapping[str, Any]) -> Reach:
    if "error" in way:
        raise Usage(f"{host}: {way['error']}", "mend its variables", code="inventory_broken")
    become = _become_words(host, way["become"])
    if way["kind"] == "local":
        return Reach(
            host,
            "local",
            become=become,
            compose_cmd=way["compose_cmd"],
            name=way["name"],
            variables=tuple(way["variables"]),
        )
    if way["kind"] != "ssh":
        raise Usage(
            f"{host} is reached by {way['kind']}; ssh and local are what sand-boxer can use",
            "name other hosts with --host",
            code="connection_unsupported",
        )
    _refuse_disabled_checks(host, way["options"])
    argv = tuple(way["argv"])
    if argv[-1].startswith("-"):
        raise Usage(f"{argv[-1]} can't be the address of {host}", code="connection_arguments")
    understood = _understood(host, argv)
    return Reach(
        host,
        "ssh",
        argv=(argv[0], *_NO_QUESTIONS, *argv[1:]),
        become=become,
        ssh={
            "host": understood["hostname"],
            "port": int(understood["port"]),
            "user": understood["user"],
        },
        known_hosts=tuple(understood.get("userknownhostsfile", "").split()),
        compose_cmd=way["compose_cmd"],
        name=way["name"],
        variables=tuple(way["variables"]),
    )


def _become_words(host: str, become: Mapping[str, str] | None) -> tuple[str, ...]:
    if become is None:
        return ()
    user = become.get("user") or "root"
    exe = become.get("exe") or become["method"]
    flags = shlex.split(become.get("flags", ""))
    match become["method"]:
        case "sudo" | "doas":
            return (exe, "-n", *flags, "-u", user, "/bin/sh", "-c")
        case "su":
            return (exe, *flags, user, "-c")
    raise Usage(
        f"{host} asks for become by {become['method']}; sudo, doas and su are what sand-boxer "
        "can use",
        code="become_unsupported",
    )


def _command(
    way: Reach, argv: Sequence[str], *, become: bool = True, tty: bool = False
) -> list[str]:
    if way.refused is not None:
        raise way.refused
    words = list(argv)
    if way.become and become:
        words = [*way.become, shlex.join(words)]
    if way.kind == "local":
        return words
    # The login shell at the other end gets one word and takes it apart again.
    # With a terminal ssh says at the end that a shared connection was closed.
    terminal = ("-t", "-o", "LogLevel=ERROR") if tty else ("-T",)
    return [*way.argv[:-1], *terminal, way.argv[-1], shlex.join(words)]


def _refuse_disabled_checks(host: str, options: Mapping[str, Sequence[Any]]) -> None:
    for name, (value, origin) in options.items():
        if name == "host_key_checking":
            culprit = None if value else "false"
        else:
            culprit = _disabling_word(_words(host, value or ""))
        if culprit:
            raise _checks_disabled(host, str(origin).removeprefix("var: ") or name, culprit)


def _words(host: str, arguments: str) -> list[str]:
    try:
        return shlex.split(arguments)
    except ValueError as error:
        raise Usage(
            f"the ssh arguments for {host} can't be taken apart: {str(error).lower()}",
            code="connection_arguments",
        ) from error


def _disabling_word(words: Sequence[str]) -> str | None:
    """The first ssh option among the words that would switch host-key checks off."""
    for word, following in itertools.pairwise([*words, ""]):
        if not word.startswith("-o"):
            continue
        option = word[2:] or following
        key, _, value = option.strip().replace("=", " ", 1).partition(" ")
        key, value = key.lower(), _unquoted(value.strip())
        off = (
            (key == "stricthostkeychecking" and value.lower() not in ("yes", "true", "ask"))
            or (key == "userknownhostsfile" and value.lower() in ("/dev/null", "none"))
            or (key == "nohostauthenticationforlocalhost" and value.lower() in ("yes", "true"))
        )
        if off:
            return option
        if key == "proxycommand" and (inner := _disabling_word(_shell_words(value))):
            return inner
    return None


def _unquoted(value: str) -> str:
    """As ssh takes quotes off that go around the whole of a value."""
    inner = value[1:-1]
    return inner if value == f'"{inner}"' and '"' not in inner else value


def _shell_words(command: str) -> list[str]:
    """Whose quotes don't match is refused by the shell that ssh gives it to."""
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _understood(host: str, argv: Sequence[str]) -> dict[str, str]:
    """The options as ssh itself reads them, its own configuration files included."""
    try:
        done = subprocess.run(
            [argv[0], "-G", *argv[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )
    except FileNotFoundError as exc:
        raise _missing(exc) from exc
    if done.returncode != 0:
        raise Usage(
            f"ssh does not accept the arguments for {host}: {_last_line(done.stderr)}",
            code="connection_arguments",
        )
    options = dict(line.partition(" ")[::2] for line in done.stdout.splitlines())
    # Left over when `ansible_ssh_args` replaced ours: files of ssh's own, or one named by -F.
    if (strict := options.get("stricthostkeychecking", "")) not in ("true", "yes", "ask"):
        raise _checks_disabled(host, "ssh's configuration", f"StrictHostKeyChecking={strict}")
    return options


def _missing(error: FileNotFoundError) -> SandboxerError:
    """Of a program of this machine, such as ssh."""
    return SandboxerError(f"{error.filename} is missing here", code="program_missing")


def _checks_disabled(host: str, where: str, what: str) -> Usage:
    if where == "env: ANSIBLE_SSH_ARGS":
        where = "ANSIBLE_SSH_ARGS or ssh_args in ansible.cfg"
    return Usage(
        f"{where} switches the host-key check of {host} off ({what})",
        f"take it out; sandboxer host trust {host} records the key",
        code="host_key_check_disabled",
    )
