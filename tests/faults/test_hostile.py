"""Repositories that mean harm, validated: bounded in time and memory, and said as it is."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import junitparser
import pytest

from tests.faults import memory
from tests.faults.shop import (
    Controller,
    compose,
    import_image,
    runs,
    sandboxes,
    script,
)
from tests.faults.test_run import commands
from tests.faults.test_trouble import await_condition, podman

pytestmark = pytest.mark.podman

HOSTILE = "localhost/sandboxer-tests/hostile:1"
ENDPOINTS = {
    "once": """
        status='200 OK'; [ -e /asked ] && status='503 No'; : > /asked
        printf 'Status: %s\\r\\n\\r\\n' "$status" """,
    "drip": "printf '\\r\\n'; while :; do printf x; sleep 1; done",
    "loop": "printf 'Status: 302 Found\\r\\nLocation: /cgi-bin/loop\\r\\n\\r\\n'",
    "huge": "printf '\\r\\n'; /bin/busybox head -c 1073741824 /dev/zero",
}


@pytest.fixture
def peaks() -> Iterator[dict[str, int]]:
    """Of all processes while a test runs: none may be large."""
    with memory.watched() as found:
        yield found
    assert not memory.too_large(found)


@pytest.fixture
def one(tmp_path: Path) -> Controller:
    return Controller(tmp_path / "one")


@pytest.fixture(scope="module")
def hostile(machine: Path) -> str:
    scripts = {
        f"cgi-bin/{name}": f"#!/bin/busybox sh\n{text}\n" for name, text in ENDPOINTS.items()
    }
    import_image(HOSTILE, machine / "hostile", scripts)
    return HOSTILE


def test_a_process_that_takes_much_is_seen() -> None:
    with memory.watched() as found:
        taking = "held = b'x' * 250_000_000; input()"
        child = subprocess.Popen([sys.executable, "-c", taking], stdin=subprocess.PIPE)
        await_condition(lambda: memory.too_large(found))
        child.communicate(b"\n")
    assert [taking in words for words in memory.too_large(found)] == [True]


@pytest.mark.parametrize(
    ("path", "probe", "why"),
    [
        pytest.param(
            *("once", "http: {path: /cgi-bin/once, port: 80}, successThreshold: 2", "got 503"),
            marks=pytest.mark.soak,
        ),
        pytest.param(
            *("drip", "http: {path: /cgi-bin/drip, port: 80, contains: ok}", "timed out"),
            marks=pytest.mark.soak,
        ),
        pytest.param(
            *("loop", "http: {path: /cgi-bin/loop, port: 80, status: 200}", "got 302"),
            marks=pytest.mark.soak,
        ),
        pytest.param(
            *("huge", "http: {path: /cgi-bin/huge, port: 80, contains: ok}", "does not hold 'ok'"),
            marks=pytest.mark.soak,
        ),
    ],
    ids=[*ENDPOINTS],
)
def test_an_endpoint_holds_nobody(
    shop: Path,
    one: Controller,
    hostile: str,
    peaks: dict[str, int],
    path: str,
    probe: str,
    why: str,
) -> None:
    (shop / "compose.yml").write_text(compose(hostile))
    pace = "periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 3"
    contract = f"version: 1\nhealth: [{{service: web, {probe}, {pace}}}]\ntest_command: 'true'\n"
    (shop / "e2e/e2e.yml").write_text(contract)
    status, found = one.validate("run", str(shop))
    assert (status, found["outcome"], found["cleanup"]) == (8, "unhealthy", "destroyed"), found
    assert why in found["reason"]
    health = next(phase for phase in found["phases"] if phase["name"] == "health")
    assert (health["status"], found["steps"]) == ("failed", [])
    assert health["seconds"] < 30
    assert sandboxes() == []


COMMANDS = r"""
version: 1
steps:
  - {name: words, run: [printf, '%s|', 'a b', '$(id)', '`id`', "';\"", "x\ny", ';id']}
  - {name: lines, run: "printf '%s\\n' \"$(echo 'a;b')\"\nprintf 'c\\n'"}
  - {name: bytes, run: "printf '\\377\\000\\033[31m<b>]]>\\n'"}
  - {name: flood, run: "echo first; head -c 200000000 /dev/zero | tr '\\0' x; echo; echo last"}
  - {name: holds, run: "setsid sleep 997 & (trap '' TERM HUP; sleep 997) & echo out"}
  - {name: reaches, run: ./e2e/run.sh}
  - {name: ends, run: exit 7}
  - {name: never, run: echo never}
timeouts: {test: 60s}
"""
REACHES = """
python3 - <<'END'
import socket
try:
    socket.socket(socket.AF_UNIX).connect("/run/podman/podman.sock")
    print("CONNECTED")
except OSError as error:
    print(type(error).__name__)
END
ls /srv/sandboxer; cat /srv/sandboxer/sbx-other/secret; ls /var/lib/sandboxer
/srv/suid-id -u; sudo -n id; su -c id
kill -9 1 $(pgrep -f ansible); ls /proc | grep -c '^[0-9]'
"""


@pytest.fixture
def socket_of_the_engine() -> Iterator[socket.socket]:
    """As podman's service has it."""
    path = Path("/run/podman/podman.sock")
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        path.chmod(0o660)
        listening.listen()
        listening.setblocking(False)
        yield listening
    path.unlink()


@pytest.fixture
def others() -> Iterator[None]:
    """Another sandbox's folder, open to all, and a program that makes root of anybody."""
    folder, program = Path("/srv/sandboxer/sbx-other"), Path("/srv/suid-id")
    folder.mkdir(parents=True)
    (folder / "secret").write_text("canary")
    shutil.copy("/usr/bin/id", program)
    program.chmod(0o4755)
    yield
    shutil.rmtree(folder)
    program.unlink()


@pytest.mark.usefixtures("peaks", "others")
def test_a_command_is_what_it_is_and_no_more(
    shop: Path, one: Controller, socket_of_the_engine: socket.socket, tmp_path: Path
) -> None:
    place = shop.rename(tmp_path / "a shop; $HOME `id` 'é'")
    (place / "e2e/e2e.yml").write_text(COMMANDS)
    script(place, REACHES)
    begun = time.monotonic()
    status, found = one.validate("run", str(place))
    assert time.monotonic() - begun < 100
    assert (status, found["outcome"], found["cleanup"]) == (9, "failed", "destroyed"), found
    assert [step["exit_code"] for step in found["steps"]] == [0] * 6 + [7], found["steps"]
    folder = Path(found["reports"]["html"]).parent
    words, lines, raw, flood, holds, reaches, _ends = (
        (folder / step["log"]).read_bytes() for step in found["steps"]
    )
    assert words == b"a b|$(id)|`id`|';\"|x\ny|;id|"
    assert lines == b"a;b\nc\n"
    assert raw == b"\xff\0\x1b[31m<b>]]>\n"
    assert (flood[:6], flood[-5:], len(flood) < 8.1 * 1024**2) == (b"first\n", b"last\n", True)
    assert holds == b"out\n"
    assert reaches.splitlines()[:2] == [b"PermissionError", found["sandbox"].encode()]
    assert re.search(rb"^0$|uid=0|canary|CONNECTED|host\.json", reaches, re.MULTILINE) is None
    with pytest.raises(BlockingIOError):
        socket_of_the_engine.accept()
    # each report is whole whatever was printed
    assert any(junitparser.JUnitXml.fromfile(found["reports"]["junit"]))
    assert json.loads(Path(found["reports"]["ctrf"]).read_text())
    assert "<b>]]>" not in Path(found["reports"]["html"]).read_text()
    assert sum(path.stat().st_size for path in folder.glob("*.*")) < 4 * 1024**2
    assert not [line for line in commands() if "sleep 997" in line]
    assert sandboxes() == []


LEAVES = """
cd $E2E_OUT
ln -s /etc/shadow shadow.xml; mkfifo pipe.xml
yes '<testcase name="a"><system-out>x</system-out></testcase>' | head -n 200000 > cases
{ echo '<testsuite>'; cat cases; echo '</testsuite>'; } > cases.xml
{ echo '<testsuite>'; head -c 12000000 /dev/zero | tr '\\0' '\\n'; echo '</testsuite>'; } > long.xml
head -c 150000000 /dev/urandom > large; truncate -s 1T hole
seq -f 'many-%g' 6000 | xargs touch
"""


@pytest.mark.usefixtures("peaks")
@pytest.mark.soak
def test_what_a_test_leaves_is_bounded(shop: Path, one: Controller) -> None:
    script(shop, LEAVES)
    status, found = one.validate("run", str(shop))
    assert (status, found["outcome"], found["cleanup"]) == (0, "passed", "destroyed"), found
    assert found["tests"]["passed"] == 200_000
    folder = Path(found["reports"]["html"]).parent
    names = {path.name for path in folder.rglob("*")}
    assert {"cases.xml", "long.xml"} <= names
    assert not {"shadow.xml", "pipe.xml", "large", "hole"} & names
    assert len(names) < 2100
    assert sum(path.stat().st_size for path in folder.rglob("*")) < 64 * 1024**2
    left_out = " ".join(json.loads((folder / "manifest.json").read_text())["left_out"])
    assert "e2e/out/large" in left_out and "e2e/out/hole" in left_out


OUT_BY_LINKS = """
version: 1
test_command: ./e2e/run.sh
reports: {junit: ["e2e/out/*", "now/*"], artifacts: ["e2e/out/**", "there/**", "now/**"]}
"""


@pytest.mark.usefixtures("peaks", "others")
@pytest.mark.soak
def test_links_in_the_place_of_reports_lead_nowhere(shop: Path, one: Controller) -> None:
    """Neither those of the repository nor those that its test makes; and nobody gets what is
    behind them."""
    (shop / "e2e/e2e.yml").write_text(OUT_BY_LINKS)
    (shop / "e2e/out").symlink_to("/etc")
    (shop / "there").symlink_to("/srv/sandboxer/sbx-other")
    script(shop, "cd $SANDBOXER_REMOTE_DIR && ln -s / now && rm e2e/out && ln -s / e2e/out")
    status, found = one.validate("run", str(shop))
    assert (status, found["outcome"], found["artifacts"]) == (0, "passed", []), found
    folder = Path(found["reports"]["html"]).parent
    assert not (folder / "files").exists()
    for path in ("/etc/shadow", "/srv/sandboxer/sbx-other/secret", "/srv/suid-id"):
        assert Path(path).owner() == "root"


@pytest.mark.soak
@pytest.mark.usefixtures("peaks")
def test_a_sandbox_that_dies_is_no_failed_test(shop: Path, one: Controller) -> None:
    script(shop, "sleep 4; exit 1")
    child = one.start("validate", "run", str(shop), "--json")
    await_condition(lambda: any(line.startswith("sleep 4") for line in commands()), 90)
    [sandbox] = sandboxes()
    podman("kill", f"{sandbox}.web")
    out, _err = child.communicate(timeout=120)
    found = json.loads(out)
    assert (child.returncode, found["outcome"], found["cleanup"]) == (7, "infra_error", "destroyed")
    assert found["error"]["code"] == "sandbox_died"
    assert found["reason"].endswith(f"{sandbox}.web is exited")
    cases = [
        case for suite in junitparser.JUnitXml.fromfile(found["reports"]["junit"]) for case in suite
    ]
    ends = [type(end).__name__ for case in cases for end in case.result]
    assert ends == ["Error"]
    told = dict(one.written())["e2e_result"]["data"]
    assert (told["outcome"], told["error"]["code"]) == ("infra_error", "sandbox_died")
    assert told["cdevent"]["subject"]["content"]["outcome"] == "error"
    assert sandboxes() == []


def laughs() -> str:
    lines = ["x-0: &a0 [" + "x, " * 9 + "]"]
    lines += [f"x-{n}: &a{n} [" + f"*a{n - 1}, " * 9 + "]" for n in range(1, 12)]
    return "\n".join(lines)


RIGHT = "version: 1\ntest_command: 'true'\n"
CONTRACTS: dict[str, str | bytes] = {
    "out of the repository": RIGHT + "reports: {artifacts: ['../../etc/*']}",
    "compose out of it": RIGHT + "sandbox: {compose: ../../../etc/passwd}",
    "compose by a link": RIGHT + "sandbox: {compose: link/passwd}",
    "a folder on the host": RIGHT + "remote_dir: ../../etc",
    "a bomb": RIGHT + laughs(),
    "a cycle": RIGHT + "x-a: &a {b: *a}",
    "a key twice": RIGHT + "test_command: 'false'",
    "deep": RIGHT + "x-a: " + "[" * 100_000,
    "10 MB": RIGHT + "x-a: " + "a" * 10_000_000,
    "10 MB of keys": RIGHT + "".join(f"x-{n}: {{}}\n" for n in range(700_000)),
    "an object": RIGHT + "x-a: !!python/object/apply:os.system ['touch /srv/owned']",
    "bytes": b"version: 1\ntest_command: \xff\xfe\0",
}


@pytest.mark.usefixtures("peaks")
def test_a_contract_that_means_harm_makes_nothing(shop: Path, one: Controller) -> None:
    (shop / "link").symlink_to("/etc")
    before = podman("ps", "--all", "--quiet"), runs()
    for name, text in CONTRACTS.items():
        data = text if isinstance(text, bytes) else text.encode()
        (shop / "e2e/e2e.yml").write_bytes(data)
        begun = time.monotonic()
        status, found = one.validate("run", str(shop))
        assert time.monotonic() - begun < 20, name
        assert (status, found["outcome"], found["cleanup"]) == (2, "contract_error", "none"), name
        assert len(json.dumps(found)) < 10_000, name
    assert (podman("ps", "--all", "--quiet"), runs(), sandboxes()) == (*before, [])
    assert not Path("/srv/owned").exists()
    assert one.events() == ["e2e_result"] * len(CONTRACTS)
