"""The wide document: each maker is the other's judge, and what containers see of it."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import (
    maker,
)
from sandboxer_cli.compose.makers import DIFFERENCES
from tests.corpus import makers
from tests.corpus.judge import Files
from tests.corpus.projects import projects
from tests.faults.conftest import HostProgram, assert_nothing_left, document, service
from tests.faults.test_maker import REAL, inspected
from tests.faults.test_trouble import (
    Listing,
    assert_only_a_failed_record_left,
    await_condition,
    failed,
    podman,
    removed,
    sh,
)
from tests.lab import command

pytestmark = pytest.mark.podman

SANDBOX = "sbx-judged"
CONTENT = "s3cret \0 \xff value"


def wide(networks: Mapping[str, Any], **services: dict[str, Any]) -> dict[str, Any]:
    """A document of schema 2."""
    files = {
        "content": base64.b64encode(CONTENT.encode("latin-1")).decode("ascii"),
    }
    made = document(**{name: {**one, "volumes": []} for name, one in services.items()})
    named = {
        item["volume"]: {}
        for one in services.values()
        for item in one["volumes"]
        if item.get("volume")
    }
    return {
        **made,
        "schema": 2,
        "services": services,
        "networks": networks,
        "volumes": named,
        "secrets": {"key": files},
        "configs": {"conf": files},
    }


def alone() -> dict[str, Any]:
    """What one container has by itself."""
    web = sh(
        "exec sleep 1000",
        networks={"default": {"aliases": ["www", "w-1.example"]}},
        hostname="host",
        domainname="example.org",
        dns=["10.9.9.9"],
        dns_search=["example.org"],
        dns_opt=["ndots:2"],
        extra_hosts={"a": ["10.1.1.1", "::1"], "here": ["host-gateway"]},
        cap_add=["NET_ADMIN"],
        cap_drop=["MKNOD", "NET_RAW"],
        security_opt=["no-new-privileges:true"],
        read_only=True,
        group_add=["100"],
        sysctls={"net.ipv4.ip_unprivileged_port_start": "0"},
        ulimits={"core": {"soft": 0, "hard": 0}},
        shm_size=32 * 1024 * 1024,
        stop_signal="SIGINT",
        stop_grace=1.0,
        tty=True,
        stdin_open=True,
        pids_limit=100,
        memory=64 * 1024 * 1024,
        memory_reservation=32 * 1024 * 1024,
        memory_swap=96 * 1024 * 1024,
        cpus=0.5,
        cpu_shares=512,
        cpuset="0",
        oom_score_adj=100,
        ipc="private",
        annotations={"example.org/a": "b=c d"},
        platform="linux/amd64",
        user="1000:1000",
        working_dir="/www",
        init=True,
        restart="unless-stopped",
        expose=[{"target": 81, "protocol": "tcp"}],
        volumes=[
            {"type": "bind", "source": "conf", "target": "/conf", "read_only": True},
            *(
                {"type": "bind", "source": path, "target": target, "read_only": False, **more}
                for path, target, more in (
                    (".", "/source", {}),
                    ("made/here", "/made", {"create": True}),
                )
            ),
            {"type": "volume", "volume": "data", "target": "/data", "read_only": False},
            {"type": "volume", "volume": "data", "target": "/old", "read_only": True},
            {
                "type": "volume",
                "volume": None,
                "target": "/unnamed",
                "read_only": False,
                "nocopy": True,
            },
            {"type": "tmpfs", "target": "/t", "read_only": False},
            {
                "type": "tmpfs",
                "target": "/small",
                "read_only": False,
                "size": 65536,
                "mode": 0o1770,
            },
        ],
        secrets=[{"source": "key", "target": "/run/secrets/key"}],
        configs=[{"source": "conf", "target": "/etc/conf", "uid": "1000", "mode": 0o400}],
    )
    on_one = {"networks": {"default": {}}}
    bare = service(entrypoint=[], command=["/bin/sleep", "1000"], **on_one)
    words = service(entrypoint=["/bin/sh", "-c"], command=["exec sleep 1000"], **on_one)
    return wide({"default": {}}, web=web, bare=bare, words=words)


def together() -> dict[str, Any]:
    """Who lives in whose network, memory and processes; several networks and containers."""
    nap = {"command": ["/bin/sleep", "1000"]}
    return wide(
        {"front": {}, "back": {"internal": True}, "default": {}},
        **{
            "a-first": service(**nap, networks={}, network_mode="service:base", pid="service:base"),
            "base": service(**nap, networks={"default": {}}, ipc="shareable"),
            "last": service(**nap, networks={}, network_mode="none"),
            "web": service(
                networks={"front": {"aliases": ["www"]}, "back": {}},
                ports=[{"target": 80, "protocol": "tcp"}],
                replicas=2,
                volumes=[{"type": "volume", "volume": None, "target": "/own", "read_only": False}],
            ),
            "db": service(**nap, networks={"back": {"aliases": ["store"]}}),
            "none": service(**nap, networks={"front": {}}, replicas=0),
        },
    )


@pytest.fixture
def source(host: HostProgram) -> Path:
    """What the controller has sent, before the first create."""
    made = host.folder / "srv" / SANDBOX / "source"
    (made / "conf").mkdir(parents=True)
    (made / "conf" / "file").write_text("of the source")
    return made


def shown(sandbox_id: str) -> list[Any]:
    """All that the engine says of a sandbox's containers."""
    names = podman("ps", "--all", "--format", "{{.Names}}").split()
    mine = sorted(name for name in names if name.startswith(sandbox_id + "."))
    listed: list[Any] = json.loads(podman("container", "inspect", *mine))
    return listed


def test_every_kept_key_is_tried() -> None:
    documents = (alone(), together())
    used = {key for made in documents for one in made["services"].values() for key in one}
    assert used >= {*maker.ARGUMENTS, *("domainname", "extra_hosts", "hostname", "ipc", "pid")}
    assert used >= {*("network_mode", "networks", "replicas", "secrets", "configs", "stop_grace")}


def test_both_makers_agree_field_by_field(host: HostProgram, before: Listing, source: Path) -> None:
    version = makers.version_of(command.run, REAL)
    disputed = []
    for made in (alone(), together()):
        found = []
        for program in (None, REAL):
            (source / "conf").mkdir(parents=True, exist_ok=True)
            (source / "conf" / "file").write_text("of the source")
            shows = host.made(id=SANDBOX, document=made, compose_cmd=program)
            assert shows["state"] == "ready", shows["error"]
            found.append(shown(SANDBOX))
            assert host.destroy("one")["receipt"]["remains"] == []
            assert_nothing_left(host, before)
        disputed += makers.disputes(*found)
    assert [str(one) for one in disputed if not one.rows(version)] == []
    met = {row for one in disputed for row in one.rows(version)}
    assert met == {row for row in DIFFERENCES if row.is_of(version)}


# several containers of one; networks with addresses, secrets, limits, files over each other
TRIED = ("browsers", "watch")


@pytest.mark.soak
def test_both_makers_agree_on_real_shapes() -> None:
    assert judged([one for one in shapes() if one.name in TRIED]) == {}


@pytest.mark.soak
def test_both_makers_agree_on_the_whole_corpus() -> None:
    assert judged(shapes()) == {}


def shapes() -> list[Files]:
    return [Files.of(one) for one in projects() if one.renders]


def judged(chosen: Sequence[Files]) -> dict[str, str]:
    """Those on which they do not agree, and why."""
    assert chosen
    found = makers.verdicts(command.run, REAL, chosen)
    return {name: said for name, said in found.items() if said != makers.AGREES}


def in_it(container: str, script: str) -> str:
    return podman("exec", f"{SANDBOX}.{container}", "/bin/sh", "-c", script)


def internal(network: str) -> str:
    name = f"{SANDBOX}.{network}"
    return podman("network", "inspect", "--format", "{{.Internal}}", name).strip()


def test_what_a_container_sees(host: HostProgram, before: Listing, source: Path) -> None:
    made = host.made(id=SANDBOX, document=alone())
    assert made["state"] == "ready", made["error"]
    assert in_it("web", "cat /conf/file /source/conf/file") == "of the source" * 2
    assert in_it("web", "ls /source/made") == "here\n"
    # its user is not root: one it reads as anybody, the other as its owner
    for path in ("/run/secrets/key", "/etc/conf"):
        done = subprocess.run(
            ["podman", "exec", f"{SANDBOX}.web", "/bin/cat", path], capture_output=True, check=True
        )
        assert done.stdout == CONTENT.encode("latin-1")
    hosts = in_it("web", "cat /etc/hosts")
    assert re.search(r"^10\.89\.\d+\.1\there$", hosts, re.M), hosts
    text = (host.state / "sandboxes" / SANDBOX / "job" / "log.head").read_text()
    assert "s3cret" not in text
    folder = host.state / "sandboxes" / SANDBOX / "job" / "files"
    assert len(list(folder.iterdir())) == 2
    host.destroy("one")
    assert not folder.exists()
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_who_lives_in_another_one(host: HostProgram, before: Listing) -> None:
    """Made after it, made anew with it, and gone before it."""
    nap = {"command": ["/bin/sleep", "1000"]}
    inner = service(**nap, networks={}, network_mode="service:outer", ipc="service:outer")
    made = wide(
        {"default": {}, "back": {"internal": True}},
        inner=inner,
        outer=service(networks={"default": {}, "back": {}}, ipc="shareable", stop_grace=0.0),
        far=service(**nap, networks={"back": {"aliases": ["distant"]}}),
    )
    first = host.made(id=SANDBOX, document=made)
    assert first["state"] == "ready", first["error"]
    assert in_it("inner", "wget -q -O - http://127.0.0.1/") == "it answers\n"
    assert in_it("far", "wget -q -O - http://outer/") == "it answers\n"
    assert internal("back") == "true"
    assert internal("default") == "false"
    kept = inspected(f"{SANDBOX}.far")["Id"]
    old = inspected(f"{SANDBOX}.inner")["Id"]
    removed(f"{SANDBOX}.inner")
    removed(f"{SANDBOX}.outer")
    host.create(id=SANDBOX, document=made)
    host.settle()
    assert host.show(SANDBOX)["state"] == "ready"
    assert inspected(f"{SANDBOX}.far")["Id"] == kept
    assert inspected(f"{SANDBOX}.inner")["Id"] != old
    assert in_it("inner", "wget -q -O - http://127.0.0.1/") == "it answers\n"
    assert host.destroy("one")["receipt"]["remains"] == []
    assert_nothing_left(host, before)
    refused = failed(host, id=SANDBOX, document=made, compose_cmd=REAL)
    assert refused["error"]["code"] == "compose_failed"
    assert "leaves out ipc of service inner" in refused["error"]["message"]
    assert_only_a_failed_record_left(host, refused, before)


@pytest.mark.soak
def test_several_containers_of_a_service(host: HostProgram, before: Listing) -> None:
    web = service(ports=[{"target": 80, "protocol": "tcp"}], replicas=3)
    made = wide({"default": {}}, web={**web, "networks": {"default": {}}})
    shows = host.made(id=SANDBOX, document=made)
    assert shows["state"] == "ready", shows["error"]
    ports = [one["host_port"] for one in shows["reachability"]["endpoints"]]
    assert len(set(ports)) == 3
    for number, port in enumerate(ports, 1):
        name = f"{SANDBOX}.web" + (f".{number}" if number > 1 else "")
        bound = inspected(name)["HostConfig"]["PortBindings"]["80/tcp"]
        assert bound == [{"HostIp": "127.0.0.1", "HostPort": str(port)}]
    kept = inspected(f"{SANDBOX}.web")["Id"]
    removed(f"{SANDBOX}.web.3")
    assert host.show(SANDBOX)["state"] == "stopped"
    answer = host.create(id=SANDBOX, document=made)
    assert (answer["action"], answer["reason"]) == ("repair", f"{SANDBOX}.web.3 is missing")
    host.settle()
    assert host.show(SANDBOX)["state"] == "ready"
    assert inspected(f"{SANDBOX}.web")["Id"] == kept
    host.destroy("one")
    assert_nothing_left(host, before)


@pytest.mark.soak
def test_one_of_several_that_ends_is_a_failure(host: HostProgram, before: Listing) -> None:
    data = {"type": "volume", "volume": "d", "target": "/data", "read_only": False}
    only_one = "mkdir /data/taken || exit 7; exec sleep 1000"
    web = sh(only_one, replicas=2, networks={"default": {}}, volumes=[data])
    shows = failed(host, document=wide({"default": {}}, web=web))
    assert shows["error"]["code"] == "service_exited"
    assert_only_a_failed_record_left(host, shows, before)


@pytest.mark.soak
def test_a_link_that_leads_out_of_the_source(
    host: HostProgram, before: Listing, source: Path
) -> None:
    (source / "out").symlink_to("/etc")
    bind = {"type": "bind", "source": "out", "target": "/x", "read_only": True}
    web = service(networks={"default": {}}, volumes=[bind])
    shows = failed(host, id=SANDBOX, document=wide({"default": {}}, web=web))
    assert shows["error"]["code"] == "source_outside"
    assert_only_a_failed_record_left(host, shows, before)


@pytest.mark.soak
@pytest.mark.parametrize("maker_of_it", [None, REAL], ids=["engine", "compose"])
def test_a_service_has_its_own_time_to_end(
    host: HostProgram, before: Listing, maker_of_it: str | None
) -> None:
    """Ours is two seconds. This one needs more, and writes down that it had it."""
    source = host.folder / "srv" / SANDBOX / "source"
    source.mkdir(parents=True)
    ending = "trap 'sleep 3; echo ended > /out/word; exit 0' TERM; touch /out/up; "
    bind = {"type": "bind", "source": ".", "target": "/out", "read_only": False}
    web = sh(
        ending + "while :; do sleep 0.1; done",
        init=False,
        networks={"default": {}},
        volumes=[bind],
        stop_grace=30.0,
    )
    shows = host.made(id=SANDBOX, document=wide({"default": {}}, web=web), compose_cmd=maker_of_it)
    assert shows["state"] == "ready", shows["error"]
    await_condition(lambda: (source / "up").exists())
    host.destroy("one", fault="removed-container")  # killed before it removes the folder
    assert (source / "word").read_text() == "ended\n"
    host.destroy("one")
    assert_nothing_left(host, before)
