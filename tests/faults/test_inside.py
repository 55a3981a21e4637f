"""A command inside a sandbox, and logs: the streams as they are, and nothing that runs on."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import (
    HostProgram,
    assert_nothing_left,
    document,
    service,
)
from tests.faults.test_trouble import Listing, await_condition, podman, sh

pytestmark = pytest.mark.podman

# what a shell, JSON, ssh or a careless join would change
HARD_WORDS = [
    "",
    " ",
    "a b",
    "it's",
    '"',
    "$HOME",
    "`id`",
    "\\",
    "*",
    "line\nbreak\n",
    "ä€😀",
    "-n",
]
EVERY_BYTE = bytes(range(256)) * 4096


def opened(host: HostProgram, what: str, **request: Any) -> list[str]:
    answer = host.call("open", {"ref": "one", "owner": "me", "what": what, **request})
    assert "error" not in answer, answer
    return [sys.executable, "-I", "-S", str(host.path), "stream", answer["id"], answer["ticket"]]


def begin(host: HostProgram, what: str, **request: Any) -> subprocess.Popen[bytes]:
    stdin = request.pop("stdin", subprocess.DEVNULL)
    return subprocess.Popen(
        opened(host, what, **request),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "SANDBOXER_STATE": str(host.folder)},
    )


def inside(
    host: HostProgram, *words: str, stdin: bytes = b"", **request: Any
) -> tuple[int, bytes, bytes]:
    child = begin(host, "exec", service="web", words=words, stdin=subprocess.PIPE, **request)
    out, err = child.communicate(stdin, timeout=60)
    return child.returncode, out, err


@pytest.fixture(scope="module")
def one(
    warm: None, zipapp: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HostProgram]:
    """For tests that leave it as it is."""
    host = HostProgram(zipapp, tmp_path_factory.mktemp("one"))
    host.made(document=document(web=service(environment={"SET": "by the service"})))
    yield host
    host.destroy("one")


def processes(host: HostProgram) -> list[str]:
    [sandbox_id] = host.ids()
    return podman("top", f"{sandbox_id}.web", "args").splitlines()[1:]


def tickets(host: HostProgram) -> list[Path]:
    [sandbox_id] = host.ids()
    return sorted((host.state / "sandboxes" / sandbox_id / "job").glob("stream-*"))


def test_words_arrive_as_they_are(one: HostProgram) -> None:
    script = 'for word; do printf "%s|" "$word"; done'
    status, out, err = inside(one, "/bin/sh", "-c", script, "sh", *HARD_WORDS)
    assert (status, out.decode(), err) == (0, "".join(f"{word}|" for word in HARD_WORDS), b"")


def test_streams_are_apart_and_whole(one: HostProgram) -> None:
    status, out, err = inside(one, "/bin/cat", stdin=EVERY_BYTE)
    assert (status, out == EVERY_BYTE, err) == (0, True, b"")
    status, out, err = inside(one, "/bin/sh", "-c", "cat >&2; echo out", stdin=EVERY_BYTE)
    assert (status, out, err == EVERY_BYTE) == (0, b"out\n", True)


@pytest.mark.parametrize("status", [0, 1, 7, 125, 254, 255])
def test_the_exit_status_is_the_commands_own(one: HostProgram, status: int) -> None:
    words = ("/bin/sh", "-c", f"exit {status}")
    argv = opened(one, "exec", service="web", words=words)
    environment = {**os.environ, "SANDBOXER_STATE": str(one.folder)}
    done = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == status
    asked = {"id": argv[-2], "ticket": argv[-1]}
    # 255 may be ssh's own word, so the host keeps it
    assert one.call("streamed", asked) == {
        "started": True,
        "status": status if status == 255 else None,
    }


def test_a_ticket_is_taken_up_once(one: HostProgram) -> None:
    argv = opened(one, "exec", service="web", words=["/bin/true"])
    environment = {**os.environ, "SANDBOXER_STATE": str(one.folder)}
    assert subprocess.run(argv, env=environment, check=False).returncode == 0
    again = subprocess.run(argv, env=environment, capture_output=True, check=False)
    assert (again.returncode, again.stdout) == (1, b"")
    assert b"taken up already" in again.stderr


def test_one_that_never_began_is_known_as_such(one: HostProgram) -> None:
    argv = opened(one, "exec", service="web", words=["/bin/true"])
    asked = {"id": argv[-2], "ticket": argv[-1]}
    assert one.call("streamed", asked) == {"started": False, "status": None}


def test_user_folder_and_variables(one: HostProgram) -> None:
    before = tickets(one)
    value = "a secret\nof two lines ä"
    given = {"SET": "anew", "VALUE": value, "PATH": "/bin:/nowhere"}
    line = 'id -u; pwd; printf "%s|" "$SET" "$VALUE" "$PATH"; sleep 1000'
    child = begin(
        one,
        "exec",
        service="web",
        words=["/bin/busybox", "sh", "-c", line.replace("id -u", "busybox id -u")],
        user="12345",
        workdir="/www",
        environment=given,
    )
    assert child.stdout is not None
    wanted = f"12345\n/www\nanew|{value}|/bin:/nowhere|".encode()
    assert child.stdout.read(len(wanted)) == wanted
    everything = subprocess.check_output(["ps", "-ww", "-eo", "args"])
    assert b"a secret" not in everything
    assert b"/nowhere" not in everything
    child.terminate()
    child.communicate(timeout=30)
    assert tickets(one) == before


@pytest.mark.parametrize(
    ("request_", "code", "told"),
    [
        ({"service": "store"}, "not_found", "has no service store"),
        ({"index": 2}, "not_found", "not 2"),
        ({"words": []}, "usage", "no command"),
        ({"words": ["a\0b"]}, "usage", "zero byte"),
        ({"environment": {"A B": "x"}}, "usage", "'A B'"),
        ({"ref": "two"}, "not_found", "no sandbox two"),
        ({"owner": "you"}, "conflict", "belongs to me"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_what_is_wrong_is_said_before_anything_runs(
    one: HostProgram, request_: dict[str, Any], code: str, told: str
) -> None:
    asked = {"ref": "one", "owner": "me", "what": "exec", "service": "web", "words": ["x"]}
    error = one.call("open", {**asked, **request_})["error"]
    assert error["code"] == code
    assert told in error["message"]


def test_a_service_that_does_not_run(warm: None, host: HostProgram) -> None:
    host.made()
    host.call("stop", {"ref": "one", "owner": "me"})
    asked = {"ref": "one", "owner": "me", "what": "exec", "service": "web", "words": ["x"]}
    error = host.call("open", asked)["error"]
    assert (error["code"], error["message"]) == ("not_running", "service web of one is exited")
    assert "sandboxer start" in error["hint"]


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (signal.SIGINT, "sleep 1000 & echo up; wait"),
        (signal.SIGTERM, "trap '' TERM INT HUP; echo up; while true; do sleep .1; done"),
        (signal.SIGHUP, "(busybox env -i /bin/sleep 1000) & echo up; wait"),
    ],
    ids=["children", "stubborn", "without the mark"],
)
def test_a_signal_ends_all_of_it(one: HostProgram, number: signal.Signals, line: str) -> None:
    before = processes(one)
    child = begin(one, "exec", service="web", words=["/bin/sh", "-c", "PATH=/bin; " + line])
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    assert processes(one) != before
    child.send_signal(number)
    assert child.wait(timeout=20) == 128 + signal.SIGTERM
    child.communicate()
    assert processes(one) == before


def test_nobody_reads_any_more(one: HostProgram) -> None:
    """So a cut link looks: the other end of our output is closed, and no signal comes."""
    before = processes(one)
    child = begin(one, "exec", service="web", words=["/bin/sleep", "1000"])
    await_condition(lambda: processes(one) != before)
    assert child.stdout is not None
    child.stdout.close()
    child.wait(timeout=20)
    assert processes(one) == before


def test_a_terminal(one: HostProgram) -> None:
    ours, theirs = pty.openpty()
    line = (
        "test -t 0 && test -t 1 && test -t 2 && echo a terminal; read word; echo got $word; exit 3"
    )
    argv = opened(one, "exec", service="web", words=["/bin/sh", "-c", line], tty=True)
    child = subprocess.Popen(
        argv,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "SANDBOXER_STATE": str(one.folder)},
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    while b"a terminal" not in said:
        said += os.read(ours, 4096)
    os.write(ours, b"a line\r")
    while b"got a line" not in said:
        said += os.read(ours, 4096)
    assert child.wait(timeout=20) == 3
    os.close(ours)


# Logs


TALK = "echo {0} out; echo {0} err >&2; exec sleep 1000"
TALKING = document(web=sh(TALK.format("web")), store=sh(TALK.format("store")))


@pytest.fixture(scope="module")
def two(
    warm: None, zipapp: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HostProgram]:
    """As `one`, with two services that say something."""
    host = HostProgram(zipapp, tmp_path_factory.mktemp("two"))
    host.made(document=TALKING)
    yield host
    host.destroy("one")


def logs(host: HostProgram, **request: Any) -> tuple[int, bytes, bytes]:
    child = begin(host, "logs", **request)
    out, err = child.communicate(timeout=60)
    return child.returncode, out, err


def test_logs_of_one_service_are_as_they_are(two: HostProgram) -> None:
    assert logs(two, service="web") == (0, b"web out\n", b"web err\n")


def test_logs_of_several_have_a_name_before_each_line(two: HostProgram) -> None:
    wanted = {b"web   | web", b"store | store"}
    status, out, err = logs(two)
    assert status == 0
    assert set(out.splitlines()) == {line + b" out" for line in wanted}
    assert set(err.splitlines()) == {line + b" err" for line in wanted}


def test_logs_since(two: HostProgram) -> None:
    assert logs(two, service="web", since="600s")[1] == b"web out\n"
    assert logs(two, service="web", since="2100-01-01T00:00:00+00:00")[1] == b""


def test_logs_of_what_has_failed_is_said(one: HostProgram) -> None:
    error = one.call("open", {"ref": "one", "owner": "me", "what": "logs", "service": "store"})[
        "error"
    ]
    assert error["code"] == "not_found"


@pytest.mark.parametrize("service_", ["web", None])
def test_following_goes_on_over_a_restart_and_ends_with_the_sandbox(
    warm: None, host: HostProgram, service_: str | None
) -> None:
    host.made(document=TALKING)
    child = begin(host, "logs", service=service_, follow=True)
    assert child.stdout is not None
    lines = 1 if service_ else 2
    first = [child.stdout.readline() for _ in range(lines)]
    assert any(b"web out" in line for line in first)
    assert (
        host.call("restart", {"ref": "one", "owner": "me", "service": "web", "wait": True})[
            "object"
        ]["state"]
        == "ready"
    )
    assert b"web out" in child.stdout.readline()
    host.destroy("one")
    assert child.wait(timeout=20) == 0
    child.communicate()


def test_a_signal_ends_following(two: HostProgram) -> None:
    child = begin(two, "logs", follow=True)
    assert child.stdout is not None
    child.stdout.readline()
    child.terminate()
    assert child.wait(timeout=20) == 1
    child.communicate()
    left = subprocess.check_output(["ps", "-ww", "-eo", "args"], text=True)
    assert "podman logs" not in left


def test_nothing_of_it_is_left(host: HostProgram, before: Listing) -> None:
    host.made()
    child = begin(host, "logs", follow=True)
    assert inside(host, "/bin/true")[0] == 0
    host.destroy("one")
    child.communicate(timeout=20)
    assert_nothing_left(host, before)
