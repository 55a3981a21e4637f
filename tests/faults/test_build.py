"""Source and build on a host: sent, unpacked, built; and each way in which that fails, with nothing
left."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import build, image
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.state import State
from tests.faults.conftest import (
    IMAGE,
    HostProgram,
    assert_nothing_left,
    built_service,
    document,
    service,
    source_folder,
    source_of,
)
from tests.faults.test_trouble import (
    Listing,
    assert_only_a_failed_record_left,
    await_condition,
    podman,
)

pytestmark = pytest.mark.podman


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return source_folder(
        tmp_path / "source",
        "ARG WORD\nCOPY page /www/index.html\nRUN echo $WORD > /word\n",
        page="built\n",
    )


def asked(folder: Path, *services: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A create of services that are built from the folder."""
    named = {f"s{number}": one for number, one in enumerate(services or [built_service()])}
    return {"document": document(**named), "source_digest": source_of(folder), **changes}


def made(host: HostProgram, folder: Path, *services: dict[str, Any], **changes: Any) -> Any:
    answer = host.create(**asked(folder, *services, **changes))
    assert answer.get("wants_source"), answer
    said = host.send(answer, folder)
    assert "error" not in said, said
    host.settle()
    return host.show(answer["object"]["id"])


def failed(host: HostProgram, folder: Path, *services: dict[str, Any], **changes: Any) -> Any:
    shown = made(host, folder, *services, **changes)
    assert shown["state"] == "failed", shown
    return shown


def inside(shown: Any, *words: str) -> str:
    return podman("exec", f"{shown['id']}.s0", *words)


def log(host: HostProgram, shown: Any) -> list[str]:
    events = host.call("follow", {"id": shown["id"], "seconds": 0})["events"]
    return [f"{event['phase']}: {event['text']}" for event in events]


def test_built_from_what_was_sent(host: HostProgram, before: Listing, folder: Path) -> None:
    (folder / "link").symlink_to("/etc/passwd")
    wanted = asked(folder, built_service(args={"WORD": "s3cret-word"}))
    answer = host.create(**wanted)
    assert answer["wants_source"]
    again = host.create(**wanted)  # another who wants the same may send it as well
    assert (again["action"], again["wants_source"]) == ("follow", True)
    host.send(answer, folder)
    host.settle()
    shown = host.show(answer["object"]["id"])
    assert shown["state"] == "ready", shown
    assert inside(shown, "/bin/cat", "/www/index.html", "/word") == "built\ns3cret-word\n"
    source = Path(shown["reachability"]["remote_dir"]) / "source"
    assert (source / "page").read_text() == "built\n"
    assert (source / "link").readlink() == Path("/etc/passwd")
    assert source.parent.stat().st_mode & 0o777 == 0o750
    unchanged = host.create(**wanted)
    assert (unchanged["action"], unchanged["wants_source"]) == ("keep", False)
    said = log(host, shown)
    assert any(line.startswith("build: built the image of s0") for line in said)
    job = host.state / "sandboxes" / shown["id"] / "job"
    assert "s3cret-word" not in json.dumps(said) + (job / "log.head").read_text()
    receipt = host.destroy("one")["receipt"]
    assert [item["kind"] for item in receipt["removed"]].count("image") == 1
    assert receipt["remains"] == []
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_one_image_for_two_services(host: HostProgram, before: Listing, folder: Path) -> None:
    other = service(image=None, built_by="s0", command=["/bin/sleep", "1000"])
    shown = made(host, folder, built_service(), other)
    assert shown["state"] == "ready"
    images = [json.loads(podman("inspect", f"{shown['id']}.s{n}"))[0]["Image"] for n in (0, 1)]
    assert images[0] == images[1]
    host.destroy("one")
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_a_target_and_a_dockerfile_elsewhere(
    host: HostProgram, before: Listing, tmp_path: Path
) -> None:
    folder = source_folder(tmp_path / "source", "RUN false\n")
    (folder / "part").mkdir()
    (folder / "other").write_text(
        f"FROM {IMAGE} AS first\nRUN echo first > /which\nFROM first\nRUN false\n"
    )
    shown = made(host, folder, built_service(context="part", dockerfile="../other", target="first"))
    assert shown["state"] == "failed" or inside(shown, "/bin/cat", "/which") == "first\n"
    host.destroy("one")
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_a_dockerfile_in_the_compose_file(host: HostProgram, before: Listing, folder: Path) -> None:
    shown = made(host, folder, built_service(dockerfile_inline=f"FROM {IMAGE}\nCOPY page /x\n"))
    assert inside(shown, "/bin/cat", "/x") == "built\n"
    host.destroy("one")
    assert_nothing_left(host, before)


def test_an_account_writes_what_is_its_own(
    host: HostProgram, before: Listing, folder: Path
) -> None:
    """A folder that is made for it, a file of the source; nobody else's."""
    binds = [
        {"type": "bind", "source": path, "target": target, "read_only": False, **more}
        for path, target, more in ((".", "/all", {}), ("new/here", "/new", {"create": True}))
    ]
    wanted = service(command=["/bin/sleep", "1000"], user="1000", volumes=binds)
    document = {**asked(folder, wanted)["document"], "source_owner": [1000, 1000]}
    shown = made(host, folder, wanted, document=document)
    assert shown["state"] == "ready", shown["error"]
    for path in ("/all/page", "/all/more", "/new/file", "/all/new/file"):
        inside(shown, "/bin/sh", "-c", f"echo mine > {path} && cat {path}")
    denied = ["podman", "exec", "--user", "999", f"{shown['id']}.s0", "/bin/touch", "/all/other"]
    assert subprocess.run(denied, capture_output=True).returncode != 0
    host.destroy("one")
    assert_nothing_left(host, before)


def test_its_own_health_check(host: HostProgram, before: Listing, tmp_path: Path) -> None:
    """That of the Dockerfile: asked where the service says no other, and one waits for it."""
    check = 'HEALTHCHECK CMD ["/bin/test", "-e", "/tmp/up"]\nRUN mkdir /tmp\n'
    folder = source_folder(tmp_path / "source", check)
    first = built_service()
    first["command"] = ["/bin/sh", "-c", "sleep 2; touch /tmp/up; exec sleep 1000"]
    second = service(
        image=None,
        built_by="s0",
        command=["/bin/sh", "-c", "echo > /tmp/up; exec sleep 1000"],
        depends_on={"s0": {"condition": "service_healthy"}},
        healthcheck={"test": [], "interval": 1.0},
    )
    shown = made(host, folder, first, second)
    assert shown["state"] == "ready", shown["error"]
    started = [
        podman("inspect", "--format", "{{.State.StartedAt.Unix}}", f"{shown['id']}.s{n}")
        for n in (0, 1)
    ]
    assert int(started[1]) - int(started[0]) >= 2
    host.destroy("one")
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_another_source_makes_it_anew(host: HostProgram, before: Listing, folder: Path) -> None:
    made(host, folder, request={"source": source_of(folder)})
    (folder / "page").write_text("again\n")
    changed = asked(folder, request={"source": source_of(folder)})
    error = host.create(**changed)["error"]
    assert (error["code"], "source differs" in error["message"]) == ("conflict", True)
    shown = made(host, folder, request={"source": source_of(folder)}, replace=True)
    assert inside(shown, "/bin/cat", "/www/index.html") == "again\n"
    host.destroy("one")
    assert_nothing_left(host, before)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("dockerfile", "how", "says"),
    [
        ("RUN echo first; echo last words >&2; exit 7\n", {}, "last words"),
        ("FROM alpine\n", {}, "docker.io/library/alpine"),
        ("COPY nothing /\n", {}, "nothing"),
        ("RUN true\n", {"dockerfile": "None"}, "None"),
    ],
    ids=["step", "short name", "no file", "no dockerfile"],
)
def test_a_build_that_fails(
    host: HostProgram,
    before: Listing,
    tmp_path: Path,
    dockerfile: str,
    how: dict[str, str],
    says: str,
) -> None:
    folder = source_folder(tmp_path / "source", dockerfile)
    shown = failed(host, folder, built_service(**how))
    assert (shown["error"]["code"], shown["error"]["stage"]) == ("build_failed", "build")
    assert says in shown["error"]["message"] + shown["error"]["hint"]
    assert_only_a_failed_record_left(host, shown, before)


@pytest.mark.parametrize(
    "word", ["s3cret-word", "-----BEGIN-----\n  an0ther-secret\n-----END-----"]
)
def test_a_value_that_a_failed_build_prints(
    host: HostProgram, before: Listing, tmp_path: Path, word: str
) -> None:
    folder = source_folder(tmp_path / "source", 'ARG WORD\nRUN echo "$WORD"; sleep 2; false\n')
    shown = failed(host, folder, built_service(args={"WORD": word}))
    seen = json.dumps([shown, log(host, shown)])
    assert "…" in shown["error"]["message"]
    assert [line for line in word.split("\n") if line.strip() in seen] == []
    assert_only_a_failed_record_left(host, shown, before)


@pytest.mark.soak
def test_an_argument_that_the_engine_would_take_for_its_own(
    host: HostProgram, before: Listing, folder: Path
) -> None:
    for name in ("PATH", "LD_PRELOAD", "CONTAINERS_CONF", "DOCKER_HOST", "A*", "GODEBUG"):
        answer = host.create(**asked(folder, built_service(args={name: "x"})))
        assert answer["error"]["code"] == "usage"
    for name in ("GO_VERSION", "USER", "HTTP_PROXY", "DOCKER_GID", "CONTAINER_USER"):
        answer = host.create(**asked(folder, built_service(args={name: "x"})), check=True)
        assert "error" not in answer
    assert_nothing_left(host, before)


@pytest.mark.parametrize(
    "how", [{"context": "out", "dockerfile_inline": "FROM scratch"}, {"dockerfile": "out/x"}]
)
def test_a_link_out_of_the_source_is_not_built_from(
    host: HostProgram, before: Listing, folder: Path, tmp_path: Path, how: dict[str, str]
) -> None:
    (folder / "out").symlink_to(tmp_path)
    shown = failed(host, folder, built_service(**how))
    assert shown["error"]["code"] == "source_outside"
    assert_only_a_failed_record_left(host, shown, before)


def test_another_content_than_was_announced(
    host: HostProgram, before: Listing, folder: Path
) -> None:
    answer = host.create(**asked(folder))
    (folder / "page").write_text("other\n")
    host.send(answer, folder)
    host.settle()
    shown = host.show("one")
    assert (shown["error"]["code"], shown["error"]["retryable"]) == ("source_changed", True)
    assert_only_a_failed_record_left(host, shown, before)


def packed(*members: tarfile.TarInfo) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return file.getvalue()


def member(name: str, **changes: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(info, key, value)
    return info


@pytest.mark.soak
@pytest.mark.parametrize(
    "data",
    [
        packed(member("../sandboxer-test-x", size=1)),
        packed(member("/sandboxer-test-x", size=1)),
        packed(
            member("a", type=tarfile.SYMTYPE, linkname="/tmp"), member("a/sandboxer-test-x", size=1)
        ),
        packed(member("a", type=tarfile.SYMTYPE, linkname="x"), member("a", size=1)),
        packed(member("a", type=tarfile.LNKTYPE, linkname="/etc/passwd")),
        packed(member("a", type=tarfile.CHRTYPE)),
        packed(member("a", type=tarfile.FIFOTYPE)),
        packed(member("a", size=1))[:-20],
        b"nonsense",
        b"",
    ],
    ids=["up", "absolute", "through", "over", "hard", "device", "fifo", "cut", "text", "empty"],
)
def test_what_no_controller_sends(
    host: HostProgram, before: Listing, folder: Path, data: bytes
) -> None:
    answer = host.create(**asked(folder))
    host.send(answer, folder, data=base64.b64encode(data).decode())
    host.settle()
    outside = [Path(folder, "sandboxer-test-x") for folder in ("/", "/tmp")]
    written = [path for path in outside if path.exists()]
    for path in written:
        path.unlink()
    assert written == []
    shown = host.show("one")
    assert shown["error"]["code"] == "source_broken"
    assert_only_a_failed_record_left(host, shown, before)


@pytest.mark.soak
def test_in_pieces_some_of_them_twice(host: HostProgram, before: Listing, folder: Path) -> None:
    import random

    (folder / "noise").write_bytes(random.Random(1).randbytes(100_000))  # noqa: S311
    answer = host.create(**asked(folder))
    from sandboxer_cli import source

    file = io.BytesIO()
    source.archive(source.listing(folder), file)
    whole = file.getvalue()
    pieces = [(at, whole[at : at + 30_000]) for at in range(0, len(whole), 30_000)]
    refused = host.send(answer, folder, at=30_000, data="", last=False)
    assert refused["error"]["code"] == "source_broken"
    for at, piece in [pieces[0], *pieces[:-1]]:
        data = base64.b64encode(piece).decode()
        assert host.send(answer, folder, at=at, data=data, last=False) == {}
    at, piece = pieces[-1]
    host.send(answer, folder, at=at, data=base64.b64encode(piece).decode())
    host.settle()
    assert host.show("one")["state"] == "ready"
    host.destroy("one")
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_a_piece_for_one_that_was_taken_away(
    host: HostProgram, before: Listing, folder: Path
) -> None:
    answer = host.create(**asked(folder))
    host.destroy("one")
    assert host.send(answer, folder)["error"]["code"] == "fenced"
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_destroyed_while_it_waits_for_its_source(
    host: HostProgram, before: Listing, folder: Path
) -> None:
    host.create(**asked(folder))
    assert host.destroy("one")["receipt"]["remains"] == []
    assert_nothing_left(host, before)


def test_destroyed_in_the_middle_of_a_build(
    host: HostProgram, before: Listing, tmp_path: Path
) -> None:
    """Nothing of the step that runs, and no working container, outlives it."""
    folder = source_folder(tmp_path / "source", "RUN sleep 54321\n")
    host.send(host.create(**asked(folder)), folder)
    await_condition(lambda: processes("54321"))
    receipt = host.destroy("one")["receipt"]
    assert receipt["remains"] == []
    assert not processes("54321")
    assert_nothing_left(host, before)


@pytest.mark.parametrize("program", ["podman", "unshare"])
def test_a_build_that_is_killed(
    host: HostProgram, before: Listing, tmp_path: Path, program: str
) -> None:
    folder = source_folder(tmp_path / "source", "RUN sleep 54321\n")
    host.send(host.create(**asked(folder)), folder)
    await_condition(lambda: processes("54321"))
    for pid in processes(program, "build"):
        if name_of(pid) == program:
            os.kill(pid, signal.SIGKILL)
    host.settle()
    shown = host.show("one")
    assert shown["error"]["code"] == "build_failed"
    assert not processes("54321")
    assert_only_a_failed_record_left(host, shown, before)


@pytest.mark.soak
def test_a_build_that_takes_too_long(host: HostProgram, before: Listing, tmp_path: Path) -> None:
    folder = source_folder(tmp_path / "source", "RUN echo working; sleep 54321\n")
    answer = host.create(**asked(folder, deadline=4))
    host.send(answer, folder)
    host.settle()
    shown = host.show("one")
    assert shown["error"]["code"] == "deadline"
    assert "building the image of s0" in shown["error"]["message"]
    assert any("working" in line for line in log(host, shown))
    assert not processes("54321")
    assert_only_a_failed_record_left(host, shown, before)


@pytest.mark.soak
def test_a_build_has_a_time_of_its_own(
    before: Listing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which ends it where the making may go on."""
    state = State(str(tmp_path / "state"), str(tmp_path / "srv"))
    here = tmp_path / "srv/sbx-slow/source"
    source_folder(here, "ARG WORD\nRUN echo working on $WORD; sleep 54322\n")
    monkeypatch.setattr(build, "BUILD_SECONDS", 10.0)
    how = {"context": ".", "args": {"WORD": "s3cret"}}
    engine, call = Podman(), image.Call(25.0)
    with pytest.raises(HostError, match="was not built within 10 s; its last lines") as error:
        build.ensure(state, engine, "sbx-slow", "web", how, "", call)
    assert error.value.code == "build_failed"
    assert str(error.value).endswith("working on …")
    await_condition(lambda: not processes("54322"))
    build.remove_working_containers(state, engine, "sbx-slow")
    assert engine.working_containers("sbx-slow") == []


def test_an_image_that_a_stranger_uses_stays_his(
    host: HostProgram, before: Listing, folder: Path
) -> None:
    shown = made(host, folder)
    image = json.loads(podman("inspect", f"{shown['id']}.s0"))[0]["Image"]
    podman("create", "--name", "stranger", image, "/bin/true")
    assert host.destroy("one")["receipt"]["remains"] == []
    assert json.loads(podman("inspect", "stranger"))[0]["Image"] == image
    podman("rm", "stranger")
    podman("rmi", image)
    assert_nothing_left(host, before)


STARTER = ["receive-source", "received-source"]
JOB = ["unpack-source", "unpacked-source", "make-build", "made-build"]
DESTROYER = ["remove-build", "removed-build", "remove-image", "removed-image"]


@pytest.mark.soak
@pytest.mark.parametrize("point", STARTER)
def test_killed_while_it_is_sent(
    host: HostProgram, before: Listing, folder: Path, point: str
) -> None:
    answer = host.create(**asked(folder))
    assert host.send(answer, folder, fault=point) is None
    host.send(answer, folder)  # the controller asks again
    host.settle()
    assert host.show("one")["state"] == "ready"
    host.let_expire(answer["object"]["id"])
    assert host.reap()["destroyed"] == [answer["object"]["id"]]
    assert_nothing_left(host, before)


@pytest.mark.soak
@pytest.mark.parametrize("point", JOB)
def test_killed_while_unpacking_or_building(
    host: HostProgram, before: Listing, folder: Path, point: str
) -> None:
    answer = host.create(**asked(folder), fault=point)
    host.send(answer, folder)
    host.settle()
    host.reap()
    assert_nothing_left(host, before)


@pytest.mark.soak
@pytest.mark.parametrize("point", DESTROYER)
def test_killed_while_an_image_is_removed(
    host: HostProgram, before: Listing, folder: Path, point: str
) -> None:
    made(host, folder)
    assert host.destroy("one", fault=point) is None
    host.reap()
    assert_nothing_left(host, before)


def processes(*words: str) -> list[int]:
    """Processes in whose command line all these stand."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if all(
            any(word.encode() == one or one.endswith(word.encode()) for one in argv)
            for word in words
        ):
            found.append(int(entry.name))
    return found


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
