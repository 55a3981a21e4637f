"""What is left of a bridge: told by a fake `ip`, since real ones want root. The real one is asked
in tests/faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import bridge, process
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.errors import HostError

BRIDGE = "lo"  # an interface that every machine has
ITSELF = {"ifname": BRIDGE, "ifindex": 1}
LEFT = {"ifname": "left", "ifindex": 7, "master": BRIDGE, "link_netnsid": 3}
OTHERS = {"ifname": "other", "ifindex": 8, "master": "podman9", "link_netnsid": 4}
NAMESPACES = [
    {"name": "netns-left", "id": 3},
    {"name": "mine", "id": 3},  # a name that no engine gives
    {"name": "netns-other", "id": 4},
    {"name": "netns-nowhere"},
]


@pytest.fixture
def fake_ip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """The only `ip` there is: a script. Returns the file in which it notes what it is told."""

    def put(script: str) -> Path:
        program = tmp_path / "ip"
        program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/told\n{script}\n')
        program.chmod(0o755)
        return tmp_path / "told"

    monkeypatch.setenv("PATH", f"{tmp_path}")
    monkeypatch.setattr(process, "_SBIN", ())
    return put


def answers(links: list[dict[str, Any]], namespaces: list[dict[str, Any]]) -> str:
    return f"""
case "$*" in
    "-json link show") echo '{json.dumps(links)}' ;;
    "-json netns list") echo '{json.dumps(namespaces)}' ;;
    *) exit 1 ;;
esac"""


@pytest.mark.parametrize("name", ["", "no-such-bridge"])
def test_a_bridge_that_is_gone_needs_no_ip_to_say_so(
    fake_ip: Callable[..., Path], name: str
) -> None:
    assert bridge.look(name) is None


def test_a_bridge_that_goes_meanwhile_is_gone(fake_ip: Callable[..., Path]) -> None:
    fake_ip(answers([LEFT], NAMESPACES))
    assert bridge.look(BRIDGE) is None


def test_a_host_without_ip_can_not_say_what_is_left(fake_ip: Callable[..., Path]) -> None:
    with pytest.raises(HostError) as failed:
        bridge.look(BRIDGE)
    assert failed.value.code == "packages_missing"
    assert "iproute2" in str(failed.value)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo first >&2; echo why >&2; exit 2", "why"),
        ("exit 3", "exit status 3"),
        ("echo '[]'; echo why >&2; exit 1", "why"),
        ("echo 1: lo:", "no JSON"),
        ("exec sleep 5", "no end in"),
    ],
)
def test_an_ip_that_fails_is_an_error(
    fake_ip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, script: str, says: str
) -> None:
    fake_ip(script.replace("sleep", "/bin/sleep"))
    monkeypatch.setattr(bridge, "SECONDS", 0.3 if "sleep" in script else 10.0)
    with pytest.raises(HostError) as failed:
        bridge.look(BRIDGE)
    assert (failed.value.code, says in str(failed.value)) == ("ip_failed", True)


def test_what_is_left_is_the_bridge_what_is_plugged_in_and_what_lies_behind(
    fake_ip: Callable[..., Path],
) -> None:
    fake_ip(answers([ITSELF, LEFT, OTHERS], NAMESPACES))
    left = bridge.look(BRIDGE)
    assert left is not None
    assert left.holdings() == [
        {"kind": "interface", "key": BRIDGE},
        {"kind": "interface", "key": "left"},
        {"kind": "netns", "key": "netns-left"},
    ]


@pytest.mark.parametrize(
    ("links", "namespaces", "told"),
    [
        ([ITSELF, LEFT, OTHERS], NAMESPACES, ["netns delete netns-left"]),
        ([ITSELF, LEFT], [], ["link delete dev if7"]),
        ([ITSELF, OTHERS], NAMESPACES, ["link delete dev if1"]),
    ],
    ids=["namespace", "port", "bridge"],
)
def test_what_can_not_be_removed_keeps_what_leads_to_it(
    fake_ip: Callable[..., Path],
    links: list[dict[str, Any]],
    namespaces: list[dict[str, Any]],
    told: list[str],
) -> None:
    """This `ip` removes nothing. Interfaces go by number: a neighbour may get the name."""
    notes = fake_ip(answers(links, namespaces))
    left = bridge.look(BRIDGE)
    assert left is not None
    bridge.remove(left)
    assert [line for line in notes.read_text().splitlines() if "-json" not in line] == told
