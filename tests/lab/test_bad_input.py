"""Bad input and trouble through the program: each with its code, exit status and hint, in JSON
and for people, and with nothing left."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.lab import stand_ins
from tests.lab.access import host_key
from tests.lab.command import run
from tests.lab.doors import Controller
from tests.lab.hosts import Host
from tests.lab.layout import SSH_KEY
from tests.lab.places import Place

pytestmark = pytest.mark.lab
SOAK = pytest.mark.soak

HELLO = ("create", "--profile", "profile.hello")
IMAGE = f"{stand_ins.REGISTRY}/queue:0.3.0-queue-1.2.0"


def refused(controller: Controller, status: int, code: str, *words: str) -> str:
    """What the program says to both readers, after a look at what belongs to each of them."""
    as_json = controller.sandboxer(*words, "--json")
    assert (as_json.status, as_json.error["code"]) == (status, code), as_json
    assert as_json.error.keys() == {"code", "message", "hint", "retryable", "stage"}
    assert as_json.error["message"]

    shown = controller.sandboxer(*words)
    assert (shown.status, shown.out) == (status, "")
    assert f" [{code}]\n" in shown.err
    assert as_json.error["hint"] in shown.err
    return shown.err


# What is wrong on any host: nobody is asked.


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[Controller]:
    """A controller whose only host can't be there, and whose ssh would leave a trace."""
    trace = tmp_path / "trace"
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho >> {trace}\nexec ssh -o ConnectTimeout=1 "$@"\n')
    ssh.chmod(0o755)
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(
        f"all: {{hosts: {{far: {{ansible_host: 192.0.2.1, ansible_ssh_executable: {ssh}}}}}}}\n"
    )
    controller = Controller(tmp_path, inventory)
    yield controller
    assert not trace.exists()


def test_a_trace_is_left_where_somebody_is_asked(nobody: Controller) -> None:
    """What the tests below rely on."""
    assert nobody.sandboxer("list").status == 11
    (nobody.home / "trace").unlink()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("create", "--profile", "profile.helo"), "profile_unknown", "mean profile.hello?"),
        ((*HELLO, "--set", "mesage=x"), "setting_unknown", "did you mean message?"),
        ((*HELLO, "--set", "message"), "setting_invalid", "write it as KEY=VALUE"),
        ((*HELLO, "--ttl", "30"), "ttl_invalid", "write it with its unit, as in 30m"),
        ((*HELLO, "--ttl", "0s"), "ttl_invalid", "it is from 10s to 24h"),
        ((*HELLO, "--ttl", "25h"), "ttl_invalid", "it is from 10s to 24h"),
        ((*HELLO, "--ttl", "\u0663\u0660m"), "ttl_invalid", "write it with its unit"),
        (("extend", "one", "0s"), "ttl_invalid", "it is from 10s to 24h"),
        ((*HELLO, "--deadline", "3h"), "deadline_invalid", "it is from 1s to 2h"),
        ((*HELLO, "--publish", "everywhere"), "publish_invalid", "loopback or host"),
        ((*HELLO, "--profiel", "x"), "usage", "No such option: --profiel"),
        (("create",), "source_missing", "--source DIR"),
    ],
)
def test_words(nobody: Controller, words: Sequence[str], code: str, said: str) -> None:
    assert said in refused(nobody, 2, code, *words, "--host", "far")


@pytest.mark.parametrize(
    "hostile",
    [
        *("../x", "one\n", "a;b"),
        *(pytest.param(one, marks=SOAK) for one in ("\u0661", "x" * 60, "One", "-a/", "a b")),
    ],
)
def test_hostile_names_ids_and_owners(nobody: Controller, hostile: str) -> None:
    for words in (
        (*HELLO, f"--name={hostile}"),
        (*HELLO, f"--id=sbx-{hostile}"),
        ("destroy", "--", hostile),
        ("show", f"sbx-{hostile}"),
        ("extend", f"sbx-{hostile}", "10m"),
    ):
        said = nobody.sandboxer(words[0], "--host", "far", "--json", *words[1:])
        assert (said.status, said.error["code"]) == (2, "usage"), said
        assert "small letters, digits and dashes" in said.error["hint"]
    if hostile != "x" * 60:  # as an owner that is short enough
        said = nobody.sandboxer(*HELLO, f"--owner={hostile}", "--host", "far", "--json")
        assert (said.status, said.error["code"]) == (2, "usage"), said
    # an id is not a name, nor the other way round
    refused(nobody, 2, "usage", *HELLO, "--name", "sbx-a", "--host", "far")
    refused(nobody, 2, "usage", *HELLO, "--id", "a", "--host", "far")


def test_a_playbook_says_it_once(nobody: Controller) -> None:
    said = nobody.playbook("create", host="far", profile="profile.hello", ttl="never")
    assert "Task failed: the ttl 'never' is not a time\n" in said.out + said.err


def test_a_source_that_is_none(nobody: Controller, tmp_path: Path) -> None:
    place = ("--host", "far")
    source = tmp_path / "stack"
    said = refused(nobody, 2, "source_missing", "create", str(source), *place)
    assert f"there is no folder {source}" in said
    source.mkdir()
    said = refused(nobody, 2, "compose_missing", "create", str(source), *place)
    assert "it is called compose.yaml, compose.yml," in said
    file = source / "compose.yml"
    file.write_text(f"services: {{web: {{image: '{IMAGE}'}}}}\n")
    said = refused(nobody, 2, "source_missing", "create", "--source", str(file), *place)
    assert f"give its folder, {source}" in said
    said = refused(nobody, 2, "source_unexpected", *HELLO, "--source", str(source), *place)
    assert "profile.compose does" in said


WEB = "services:\n  web:\n"
PRIVILEGED = f"""\
# the twelfth line is the one
services:
  web:
    image: {IMAGE}
    command: [serve, "80", --]
    environment:
      KEY: value
    ports:
      - "80"
    volumes:
      - data:/data
    privileged: true
volumes:
  data:
"""


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"services: [\n", "compose_invalid", "not YAML: "),
        (b"", "compose_invalid", "the file is empty, compose.yml"),
        (b"- a\n", "compose_invalid", "not a mapping, compose.yml:1:1"),
        (
            f"{WEB}    image: {IMAGE}\n    image: {IMAGE}\n".encode(),
            "compose_invalid",
            "services.web.image is given twice: compose.yml:3:5, compose.yml:4:5",
        ),
        ("services: {} # grüß\n".encode("latin-1"), "compose_invalid", "UTF-8, compose.yml:1:18"),
        (
            PRIVILEGED.encode(),
            "compose_unsupported",
            "services.web.privileged is refused: it would give the container the host, "
            "compose.yml:12:5 ",
        ),
        (
            f"{WEB}    imgae: {IMAGE}\n".encode(),
            "compose_invalid",
            "did you mean image?",
        ),
        (
            f"{WEB}    image: nginx:1.27\n".encode(),
            "image_unqualified",
            "write docker.io/library/nginx:1.27, compose.yml:3:12",
        ),
        (
            f"{WEB}    image: {IMAGE}\n    volumes: [../x:/x]\n".encode(),
            "compose_unsupported",
            "it lies outside of the source, which is all that is read, compose.yml:4:15",
        ),
        (
            f"{WEB}    image: {IMAGE}\n    depends_on: [db]\n".encode(),
            "compose_invalid",
            "there is no service db, compose.yml:4:18",
        ),
    ],
)
def test_a_compose_file(
    nobody: Controller, tmp_path: Path, content: bytes, code: str, said: str
) -> None:
    (tmp_path / "compose.yml").write_bytes(content)
    assert said in refused(nobody, 2, code, "create", str(tmp_path), "--host", "far")


# What only a host can find out.


@pytest.fixture(scope="module")
def h1(lab: dict[str, Host], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(Controller(tmp_path_factory.mktemp("home")), lab["h1"])
    stand_ins.load(place)
    yield place
    stand_ins.remove(place)


@pytest.fixture
def clean(h1: Place) -> Iterator[Callable[[], None]]:
    yield from cleanly(h1)


def cleanly(place: Place) -> Iterator[Callable[[], None]]:
    """A function that looks whether nothing is left."""
    before = place.listing()

    def assert_clean() -> None:
        """All that was made is gone at once; the record that says why goes when it is told to."""
        left = place.listing()
        records = [line for line in left["folders"] if line not in before["folders"]]
        assert all("/var/lib/sandboxer/sandboxes/" in line for line in records)
        place.assert_as({**before, "folders": left["folders"]})
        destroy_all(place)
        place.assert_as(before)

    yield assert_clean
    destroy_all(place)


def destroy_all(place: Place) -> None:
    for found in place.sandboxer("list").data:
        place.sandboxer("destroy", found["id"])


ENDS = f"{{image: '{IMAGE}', command: [sh, -c, 'echo no such table >&2; exit 3']}}"
SLEEPS = f"image: '{IMAGE}', command: [sleep, '1000'], init: true"
DEAF = "healthcheck: {test: [CMD, ask, '127.0.0.1:80'], interval: 1s, timeout: 1s, retries: 2}"
NEEDS = "depends_on: {db: {condition: %s}}"


BROKEN = (
    (
        "web: {image: '127.0.0.1:1/nothing/here:1'}",
        7,
        "image_unavailable",
        "pull",
        "the image 127.0.0.1:1/nothing/here:1 can't be had: ",
    ),
    (
        f"web: {ENDS}",
        7,
        "service_exited",
        "ready",
        "web ended with exit code 3; its last lines:\nno such table",
    ),
    (
        f"web: {{{SLEEPS}, restart: 'on-failure:1', entrypoint: ['false']}}",
        7,
        "service_exited",
        "ready",
        "web ended with exit code 1",
    ),
    (f"web: {{{SLEEPS}, user: nobodyhere}}", 7, "engine_failed", "start", "nobodyhere"),
    (f"web: {{{SLEEPS}, {DEAF}}}", 8, "not_ready", "ready", "Connection refused"),
    (
        f"web: {{{SLEEPS}, {NEEDS % 'service_completed_successfully'}}}\n  db: {ENDS}",
        7,
        "service_exited",
        "start",
        "db ended with exit code 3; its last lines:\nno such table",
    ),
    (
        f"web: {{{SLEEPS}, {NEEDS % 'service_healthy'}}}\n  db: {{{SLEEPS}, {DEAF}}}",
        8,
        "not_ready",
        "start",
        "the health check of service db fails",
    ),
)
BROKEN_KEYS = ("services", "status", "code", "stage", "said")


def assert_broken(
    place: Place, folder: Path, services: str, status: int, code: str, stage: str, said: str
) -> None:
    (folder / "compose.yml").write_text(f"services:\n  {services}\n")
    made = place.sandboxer("create", str(folder), "--name", "broken")
    assert (made.status, made.error["code"]) == (status, code), made
    assert made.error["stage"] == stage
    assert said in made.error["message"]
    assert made.error["hint"]


@pytest.mark.parametrize(BROKEN_KEYS, BROKEN)
def test_a_stack_that_does_not_come_up(
    h1: Place,
    clean: Callable[[], None],
    tmp_path: Path,
    services: str,
    status: int,
    code: str,
    stage: str,
    said: str,
) -> None:
    assert_broken(h1, tmp_path, services, status, code, stage, said)
    clean()


@pytest.mark.soak
def test_one_that_is_started_again_and_again(
    h1: Place, clean: Callable[[], None], tmp_path: Path
) -> None:
    """A restart policy doesn't make it ready; the deadline ends it, for people to read."""
    (tmp_path / "compose.yml").write_text(
        f"services:\n  web: {{image: '{IMAGE}', restart: always, command: [sh, -c, 'exit 3']}}\n"
    )
    words = ("create", str(tmp_path), "--name", "broken", "--deadline", "5s")
    made = h1.controller.sandboxer(*words, "--host", "h1")
    assert (made.status, made.out) == (8, ""), made
    assert "not ready after 5 s: service web end" in made.err
    assert "a longer --deadline gives it more time\n" in made.err
    clean()


# Hosts that aren't there, or say no.


def test_an_unknown_host(h1: Place) -> None:
    assert "h7" in refused(h1.controller, 4, "host_unknown", *HELLO, "--host", "h7")


def test_an_unreachable_host(lab: dict[str, Host], tmp_path: Path) -> None:
    # with no connection left over: one that goes away while a making is followed is waited for
    controller = Controller(tmp_path, environment={"ANSIBLE_SSH_CONTROL_PATH_DIR": str(tmp_path)})
    lab["h1"].cut()
    try:
        said = refused(controller, 11, "host_unreachable", *HELLO, "--host", "h1")
    finally:
        lab["h1"].mend()
    assert "h1 can't be reached" in said


def stranger(host: Host, folder: Path, key: Path, host_key: str) -> tuple[Controller, str]:
    """A controller with a key and a belief in the host's key of its own, and its account: a name
    that the host's log can't have from anybody else."""
    account = f"stranger{secrets.token_hex(4)}"
    known = folder / "known_hosts"
    known.write_text(f"{host.address} {host_key}\n")
    inventory = folder / "hosts.yml"
    inventory.write_text(
        f"all: {{hosts: {{h1: {{ansible_host: {host.address}, ansible_user: {account}, "
        f"ansible_ssh_private_key_file: {key}, ansible_ssh_host_key_checking: true, "
        f"ansible_ssh_common_args: '-o IdentitiesOnly=yes -o UserKnownHostsFile={known}'}}}}}}\n"
    )
    return Controller(folder, inventory), account


def new_key(folder: Path) -> Path:
    key = folder / "key"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)])
    return key


def has_asked_to_log_in(host: Host, account: str) -> bool:
    argv = ["journalctl", "--quiet", "--no-pager", "--since=-10min", "--identifier=sshd"]
    return account in host.run(argv).stdout


def test_a_refused_key(h1: Place, tmp_path: Path) -> None:
    assert h1.host is not None
    controller, account = stranger(h1.host, tmp_path, new_key(tmp_path), host_key(h1.host))
    said = refused(controller, 3, "auth_failed", *HELLO, "--host", "h1")
    assert "check the user and the key in the inventory" in said
    assert has_asked_to_log_in(h1.host, account)


def test_a_changed_host_key(h1: Place, tmp_path: Path) -> None:
    """Nothing runs there: it doesn't come to a login."""
    assert h1.host is not None
    kind, key = new_key(tmp_path).with_suffix(".pub").read_text().split()[:2]
    controller, account = stranger(h1.host, tmp_path, SSH_KEY, f"{kind} {key}")
    for words in ((*HELLO,), ("destroy", "one"), ("list",)):
        assert controller.sandboxer(*words, "--host", "h1").status == 3
    said = refused(controller, 3, "host_key_changed", *HELLO, "--host", "h1")
    assert "sandboxer host trust h1" in said
    assert not has_asked_to_log_in(h1.host, account)
