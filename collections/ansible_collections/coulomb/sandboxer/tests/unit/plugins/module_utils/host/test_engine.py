"""What an engine is called with."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import engine as engine_module
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.engine import Container
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman

Stand = Callable[[str], Podman]


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    """A stand-in for podman: these lines of shell. `$calls` is a file to note something in."""

    def make(lines: str) -> Podman:
        program = tmp_path / "podman"
        program.write_text(f"#!/bin/sh\ncalls={tmp_path}/calls\n{lines}\n")
        program.chmod(0o755)
        return Podman(str(program))

    return make


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("/usr/bin:/bin", "/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"),  # cron's
        ("/usr/sbin:/usr/bin", "/usr/sbin:/usr/bin:/usr/local/sbin:/sbin"),
        (None, "/bin:/usr/bin:/usr/local/sbin:/usr/sbin:/sbin"),
    ],
)
def test_the_engine_finds_its_own_tools(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str | None, seen: str
) -> None:
    program = tmp_path / "engine"
    program.write_text('#!/bin/sh\nprintf "%s" "$PATH"\n')
    program.chmod(0o755)
    if given is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", given)
    for environment in ({}, {"X": "y"}):
        assert Podman(str(program)).run([], environment=environment).decode() == seen


def test_a_command_that_takes_too_long_may_finish_what_it_has_begun(tmp_path: Path) -> None:
    """One that is killed in the middle leaves behind what it had not yet written down."""
    written = tmp_path / "written"
    program = tmp_path / "engine"
    lines = f"trap 'sleep 0.3; touch {written}; exit 0' TERM; while :; do sleep 0.1; done"
    program.write_text(f"#!/bin/sh\n{lines}\n")
    program.chmod(0o755)
    with pytest.raises(HostError) as failed:
        Podman(str(program)).run(["ps"], seconds=1)
    assert failed.value.code == "engine_failed"
    assert written.exists()


def test_news_are_whole_lines(tmp_path: Path) -> None:
    """Else who masks values in them could not find one."""
    go = tmp_path / "go"
    os.mkfifo(go)
    program = tmp_path / "podman"
    program.write_text(f"#!/bin/sh\nprintf '%0300d\\nhalf a' 7\ncat {go}\n")
    program.chmod(0o755)
    long = "7".zfill(300)
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        if len(told) == 1:
            go.write_text(" line\n")

    done = Podman(str(program)).watch(["build"], 30, tell)
    assert done == (0, [long, "half a line"])
    assert told[0] == long


def test_old_news_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dots that somebody prints while it works make no line of theirs."""
    monkeypatch.setattr(engine_module, "NEWS_SECONDS", 0.01)
    program = tmp_path / "podman"
    program.write_text("#!/bin/sh\necho line\nfor _ in 1 2 3 4; do sleep 0.1; printf .; done\n")
    program.chmod(0o755)
    told: list[str] = []
    assert Podman(str(program)).watch(["build"], 30, told.append) == (0, ["line", "...."])
    assert told == ["line"]


def networks_of(count: int) -> dict[str, bool]:
    return {f"sbx-one.{number}": number % 2 == 1 for number in range(count)}


def test_networks_come_beside_something_else(stand: Stand, tmp_path: Path) -> None:
    """More of them than are made at once; one that is there already is one."""
    calls = tmp_path / "calls"
    engine = stand(
        f"echo $* >>{calls}; case $* in *sbx-one.2) echo already exists >&2; exit 125 ;; esac"
    )
    with engine.creating_networks(networks_of(6), {}):
        pass
    made = calls.read_text().splitlines()
    assert sorted(line.split()[-1] for line in made) == sorted(networks_of(6))
    assert all(("--internal" in line) == networks_of(6)[line.split()[-1]] for line in made)


def test_none_is_being_made_when_that_fails(stand: Stand, tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    engine = stand(f"sleep 0.3; echo $4 >>{ended}")
    with pytest.raises(ZeroDivisionError), engine.creating_networks(networks_of(3), {}):
        raise ZeroDivisionError
    assert len(ended.read_text().splitlines()) == 3


def test_so_may_one_whose_job_is_over(tmp_path: Path) -> None:
    written = tmp_path / "written"
    program = tmp_path / "engine"
    program.write_text(f"#!/bin/sh\nsleep 1; touch {written}\n")
    program.chmod(0o755)

    def over(number: int, frame: object) -> None:
        raise HostError("deadline", "its time is over")

    before = signal.signal(signal.SIGALRM, over)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(HostError) as failed:
            Podman(str(program)).run(["ps"])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert failed.value.code == "deadline"
    assert written.exists()


def test_a_missing_engine_is_said_with_the_folders_that_were_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    engine = Podman("no-such-engine")
    assert not engine.is_here()
    with pytest.raises(HostError) as caught:
        engine.run(["version"])
    assert caught.value.code == "engine_missing"
    assert str(caught.value) == (
        "there is no no-such-engine in /usr/bin:/usr/local/sbin:/usr/sbin:/sbin"
    )


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("echo one; echo two >&2; echo three", ["one", "three", "two"]),
        ("echo one; echo 'Error: no container with name or ID x found' >&2; exit 125", []),
        ("exec sleep 5", []),
    ],
    ids=["all", "failed", "silent"],
)
def test_last_lines_are_never_an_error(
    stand: Stand, monkeypatch: pytest.MonkeyPatch, lines: str, told: list[str]
) -> None:
    podman = stand(lines)
    attempt = Podman.attempt
    monkeypatch.setattr(Podman, "attempt", lambda self, argv, seconds: attempt(self, argv, 1))
    assert podman.last_lines("sbx-one.web") == told


CANNOT = "echo 'Error: unable to start container \"0a1b\": runc: no /nope' >&2"


@pytest.mark.parametrize(
    ("lines", "names", "told"),
    [
        (f"{CANNOT}; exit 125", "a", "service a can't be started: Error: unable to start"),
        # four calls at once: the first has a and e
        (
            f'case "$*" in *x.e) echo x.a; {CANNOT}; exit 125 ;; esac',
            "abcdef",
            "service e can't be started: Error: unable to start",
        ),
        (
            f'case "$*" in *x.e) {CANNOT}; echo x.e; exit 125 ;; esac',
            "abcdef",
            "service a can't be started: Error: unable to start",
        ),
        (
            """echo 'Error: no container with name or ID "x.a" found' >&2; exit 125""",
            "abcde",
            "service a can't be started: Error: no container",
        ),
        ("echo 'Error: database is locked' >&2; exit 125", "abcde", "` failed: Error: database"),
    ],
    ids=["one", "last", "first", "missing", "nobody"],
)
def test_who_can_not_be_started(stand: Stand, lines: str, names: str, told: str) -> None:
    with pytest.raises(HostError) as failed:
        stand(lines).start(["x." + name for name in names])
    assert told in str(failed.value)
    assert failed.value.code == "engine_failed"
    assert "own words" in failed.value.hint


def test_no_subnet_left(stand: Stand) -> None:
    said = "Error: could not find free subnet from subnet pools"
    engine = stand(f"echo '{said}' >&2; exit 125")
    with pytest.raises(HostError) as failed, engine.creating_networks({"sbx-one.a": False}, {}):
        pass
    assert (failed.value.code, failed.value.retryable) == ("networks_exhausted", True)
    assert "default_subnet_pools" in failed.value.hint


def test_what_others_live_in_goes_after_them(stand: Stand, tmp_path: Path) -> None:
    podman = stand(
        'echo "$*" >>"$calls"\n'
        """[ "$1" != ps ] || echo '[{"Id": "1", "Names": ["sbx-one.vpn"], "State": "exited"}]'\n"""
        'case "$*" in rm*app*) echo "container 1 has dependent containers" >&2; exit 125;; esac'
    )
    both = [
        Container(name, f"sbx-one.{name}", "exited", 0, 1, "sbx-one", "1")
        for name in ("vpn", "app")
    ]
    podman.remove_containers(both)
    removals = [one for one in (tmp_path / "calls").read_text().splitlines() if one[:2] == "rm"]
    assert ["app" in one for one in removals] == [True, False]
    assert all("vpn" in one for one in removals)


WENT = "echo 'Error: getting exit code of container 0a: container not known' >&2; exit 125"
LISTED = """echo '[{"Id": "1", "Names": ["sbx-one.web"], "State": "running"}]'"""


def test_a_container_that_goes_while_it_is_listed(stand: Stand) -> None:
    podman = stand(f'echo x >>"$calls"; if [ $(wc -l <"$calls") -lt 3 ]; then {WENT}; fi; {LISTED}')
    assert [one.name for one in podman.containers()] == ["sbx-one.web"]


def test_so_when_only_a_sandbox_is_asked_for(stand: Stand) -> None:
    podman = stand(
        'if [ "$1" != ps ]; then echo "[]"; exit; fi\n'
        f'echo x >>"$calls"; if [ $(wc -l <"$calls") -lt 3 ]; then {WENT}; fi; {LISTED}'
    )
    assert [one.name for one in podman.owned("sbx-one").containers] == ["sbx-one.web"]


@pytest.mark.parametrize(
    ("said", "calls"), [("container not known", 3), ("no such container", 3), ("locked", 1)]
)
def test_a_list_that_goes_on_failing(stand: Stand, tmp_path: Path, said: str, calls: int) -> None:
    with pytest.raises(HostError):
        stand(f"echo x >>$calls; echo 'Error: {said}' >&2; exit 125").containers()
    assert (tmp_path / "calls").read_text().count("x") == calls


def test_an_image_is_waited_for_while_a_layer_is_unpacked(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "QUERY_SECONDS", 0.2)
    assert stand("""sleep 1; echo '[{"Id": "1"}]'""").image("localhost/x") == {"Id": "1"}
