"""A step's output: whose words it holds, and how long it is waited for."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.coulomb.sandboxer.plugins.module_utils.host import step
from ansible_collections.coulomb.sandboxer.plugins.module_utils.host.podman import Podman

NOBODY: list[bytes] = []


def begun(line: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["sh", "-c", line], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )


def test_no_warning_of_the_engine_is_in_its_output(tmp_path: Path) -> None:
    client = tmp_path / "podman"
    client.write_text(
        '#!/bin/sh\n[ "$1 $2" = "--log-level error" ] || echo level=warning >&2\necho out\n'
    )
    client.chmod(0o755)
    told: list[str] = []
    out = step.Output(str(tmp_path / "log"), told.append, NOBODY)
    engine = Podman(program=str(client))
    ended = step.in_service(engine, "web", ["true"], {}, str(tmp_path / "env"), 20, out)
    assert (ended.exit_code, told) == (0, ["out"])


def test_an_engines_client_that_waits_for_others_is_told_to_end(tmp_path: Path) -> None:
    child = begun("echo out; exec sleep 997")
    told: list[str] = []
    out = step.Output(str(tmp_path / "log"), told.append, NOBODY)
    start = time.monotonic()
    assert not step._pump(child, out, start + 20, child.terminate, lambda: True)
    assert time.monotonic() - start < 10
    assert (tmp_path / "log").read_bytes() == b"out\n"
    assert told == ["out"]


def test_who_only_holds_its_output_is_not_waited_for(tmp_path: Path) -> None:
    child = begun("sleep 30 & echo $!; exit 3")
    out = step.Output(str(tmp_path / "log"), lambda text: None, NOBODY)
    start = time.monotonic()
    assert not step._pump(child, out, start + 20, child.kill)
    assert time.monotonic() - start < 10
    assert child.returncode == 3
    subprocess.run(["kill", (tmp_path / "log").read_text().strip()], check=True)


@pytest.mark.parametrize("line", ["exec sleep 997", "exec >&- 2>&-; exec sleep 997"])
def test_its_time_ends_it(tmp_path: Path, line: str) -> None:
    child = begun(line)
    out = step.Output(str(tmp_path / "log"), lambda text: None, NOBODY)
    assert step._pump(child, out, time.monotonic() + 0.2, child.kill)
