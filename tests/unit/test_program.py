"""The program's words: what it prints where, and how it ends. No host is needed for any of it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandboxer_cli import result
from sandboxer_cli.cli.main import app
from sandboxer_cli.client import Answer, Client
from sandboxer_cli.contract import ErrorAnswer
from sandboxer_cli.errors import NotFound
from tests.sshd import free_port

PROGRAM = [str(Path(sys.executable).parent / "sandboxer")]
VERBS = [
    ["create"],
    ["destroy"],
    ["show"],
    ["list"],
    ["exec"],
    ["logs"],
    ["forward"],
    ["open"],
    ["stop"],
    ["start"],
    ["restart"],
    ["extend"],
    ["reap"],
    ["doctor"],
    ["profile", "list"],
    ["profile", "show"],
    ["profile", "lint"],
    ["profile", "schema"],
    ["host", "list"],
    ["host", "prepare"],
    ["host", "trust"],
    ["events", "list"],
    ["events", "show"],
    ["events", "flush"],
]


def run(
    *words: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_two_examples_and_they_parse(verb: list[str]) -> None:
    here = CliRunner(env={"ANSIBLE_INVENTORY": None})  # which -i sets, for this process
    said = here.invoke(app, [*verb, "--help"])
    assert said.exit_code == 0
    examples = re.findall(r"^\s*(?:Examples:)?\s*sandboxer (.+)$", said.stdout, re.M)
    assert len(examples) == 2, said.stdout
    for example in examples:
        # --help after it: the words are understood and nothing is done
        words, separator, inside = example.partition(" -- ")
        rest = [*separator.split(), *inside.split()]
        assert here.invoke(app, [*words.split(), "--help", *rest]).exit_code == 0, example


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (["frobnicate"], 2, "usage"),
        (["create", "--frobnicate"], 2, "usage"),
        (["extend", "one"], 2, "usage"),
        (["create", "--profile", "profile.helo"], 2, "profile_unknown"),
        (["create", "--profile", "profile.hello", "--set", "mesage=x"], 2, "setting_unknown"),
        (["create", "--profile", "profile.hello", "--set", "message"], 2, "setting_invalid"),
        (["create", "--profile", "profile.hello", "--ttl", "20"], 2, "ttl_invalid"),
        (["create", "--profile", "profile.hello", "--deadline", "3h"], 2, "deadline_invalid"),
        (["create", "--profile", "profile.hello", "--publish", "moon"], 2, "publish_invalid"),
        (["create", "--profile", "profile.hello", "--name", "../x"], 2, "usage"),
        (["create", "--profile", "profile.hello", "--name", ""], 2, "usage"),
        (["create", "--profile", "profile.hello", "--owner", ""], 2, "usage"),
        (["create", "--profile", "profile.hello", "--id", "sbx-x\n"], 2, "usage"),
        (["create", "--profile", "profile.hello", "--compose-cmd", "./x"], 2, "usage"),
        (["create", "--profile", "profile.hello", "--compose-cmd", "'x"], 2, "usage"),
        (["profile", "show", "profile.helo"], 2, "profile_unknown"),
        (["profile", "show", "profile.hello", "--set", "x=y"], 2, "setting_unknown"),
        (["profile", "lint", "profile.helo"], 2, "profile_unknown"),
        (["profile", "lint", "./nothing.yml"], 2, "profile_missing"),
        (["create", "/nowhere"], 2, "source_missing"),
        (["create"], 2, "source_missing"),
        (["create", ""], 2, "usage"),
        (["create", "--source", ""], 2, "usage"),
        (["create", "--profile", ""], 2, "usage"),
        (["create", "--profile", "profile.hello", "--host", ""], 2, "usage"),
        (["reap", "--host", ""], 2, "usage"),
        (["host", "prepare", ""], 2, "usage"),
        (["compose", "show", ".", "--file", ""], 2, "usage"),
        (["destroy", "sbx-../../etc"], 2, "usage"),
        (["list", "-i", "nowhere"], 2, "inventory_missing"),
        (["list", "-i", ""], 2, "usage"),
        (["-i", "", "list"], 2, "usage"),
        (["-i", "h1,h2", "list"], 2, "usage"),
        (["host", "trust", "localhost"], 2, None),
        (["show", "one"], 4, "not_found"),
        (["stop", "one"], 4, "not_found"),
        (["restart", "one", "web"], 4, "not_found"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_an_error_is_one_object_or_two_lines(
    words: list[str], status: int, code: str | None, tmp_path: Path
) -> None:
    state = str(tmp_path / "nothing")
    said = run(*words, "--json", cwd=tmp_path, SANDBOXER_STATE=state)
    assert said.returncode == status, said
    answer = ErrorAnswer.model_validate(json.loads(said.stdout))
    assert code in (None, answer.error.code)
    assert said.stderr == ""

    plain = run(*words, cwd=tmp_path, SANDBOXER_STATE=state)
    assert (plain.returncode, plain.stdout) == (status, "")
    assert answer.error.code in plain.stderr
    assert "Traceback" not in plain.stderr
    assert not Path(state).exists()


def test_what_is_not_an_instant(tmp_path: Path) -> None:
    """`logs` writes what services wrote, so there is no JSON for its errors to be in."""
    said = run("logs", "one", "--since", "5", cwd=tmp_path)
    assert (said.returncode, said.stdout) == (2, "")
    assert "[since_invalid]" in said.stderr


def test_without_a_verb_it_helps() -> None:
    bare, chosen, group = run(), run("-i", "X"), run("compose")
    assert (bare.returncode, bare.stderr) == (0, "")
    assert bare.stdout == run("--help").stdout
    assert (chosen.returncode, chosen.stdout, chosen.stderr) == (2, bare.stdout, "")
    assert (group.returncode, group.stderr) == (2, "")
    assert group.stdout == run("compose", "--help").stdout


def test_a_machine_without_sandboxes_has_an_empty_list(tmp_path: Path) -> None:
    said = run("list", "--json", SANDBOXER_STATE=str(tmp_path / "nothing"))
    assert (said.returncode, json.loads(said.stdout), said.stderr) == (0, [], "")


def test_what_is_not_there_is_destroyed_already(tmp_path: Path) -> None:
    said = run("destroy", "one", "--json", SANDBOXER_STATE=str(tmp_path / "nothing"))
    assert said.returncode == 0
    assert json.loads(said.stdout)["changed"] is False


@pytest.mark.parametrize(
    ("verb", "result", "said"),
    [
        ("create", {"id": "sbx-one"}, "sbx-one\n"),
        ("destroy", {"id": "sbx-one"}, "sbx-one\n"),
        ("extend", {"id": "sbx-one"}, "sbx-one\n"),
        (
            "reap",
            {"destroyed": ["sbx-one", "sbx-two"], "left": [], "kept": []},
            "sbx-one\nsbx-two\n",
        ),
        ("prepare", {"host": "h", "reaper": "ok"}, "h\n"),
    ],
)
@pytest.mark.parametrize("hosts", [1, 2])
def test_quietly_only_what_was_changed_is_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verb: str,
    result: dict[str, object],
    said: str,
    hosts: int,
) -> None:
    """As a cron job wants it: no mail where nothing was done."""
    words = {
        "create": ["create", "--profile", "profile.hello"],
        "destroy": ["destroy", "one"],
        "extend": ["extend", "one", "1h"],
        "reap": ["reap"],
        "prepare": ["host", "prepare"],
    }[verb]
    for changed in (True, False):
        answer = Answer({f"h{n}": {**result, "changed": changed} for n in range(hosts)})
        monkeypatch.setattr(Client, verb, lambda *given, _answer=answer: _answer)
        assert app([*words, "--quiet"], standalone_mode=False) == 0
        assert capsys.readouterr() == (said * hosts if changed else "", "")


def test_quietly_what_is_not_there_is_destroyed_in_silence(tmp_path: Path) -> None:
    said = run("destroy", "one", "--quiet", SANDBOXER_STATE=str(tmp_path / "nothing"))
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_quietly_an_error_is_said_all_the_same(tmp_path: Path) -> None:
    said = run("extend", "one", "1h", "--quiet", SANDBOXER_STATE=str(tmp_path / "nothing"))
    assert (said.returncode, said.stdout) == (4, "")
    assert "not_found" in said.stderr


@pytest.mark.parametrize("home", ["/proc/nowhere", ""])
def test_a_home_that_is_not_there(tmp_path: Path, home: str) -> None:
    surroundings = {"HOME": home, "SANDBOXER_STATE": str(tmp_path / "nothing")}
    said = run("list", "--json", cwd=tmp_path, **surroundings)
    assert (said.returncode, json.loads(said.stdout), said.stderr) == (0, [], "")
    played = run("reap", "--dry-run", "--json", cwd=tmp_path, **surroundings)
    assert played.returncode == 0, played


def test_a_host_that_is_silent_is_never_one_without_it(tmp_path: Path) -> None:
    silent = {"ansible_host": "127.0.0.1", "ansible_port": free_port()}
    hosts = {"here": {"ansible_connection": "local"}, "silent": silent}
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": hosts}}))
    for verb in ("destroy", "show"):
        said = run(
            verb, "one", "-i", "hosts.yml", cwd=tmp_path, SANDBOXER_STATE=str(tmp_path / "x")
        )
        assert (said.returncode, said.stdout) == (11, "")
        assert "silent did not answer" in said.stderr


@pytest.mark.parametrize("verb", ["destroy", "show"])
def test_a_hostile_id_is_refused_before_any_connection(verb: str, tmp_path: Path) -> None:
    silent = {"ansible_host": "127.0.0.1", "ansible_port": free_port()}
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": {"silent": silent}}}))
    said = run(verb, "sbx-../../etc", "-i", "hosts.yml", cwd=tmp_path)
    assert (said.returncode, said.stdout) == (2, "")
    assert "sbx-../../etc" in said.stderr


def test_the_version_is_said_without_ansible() -> None:
    code = (
        "import sys; sys.argv = ['sandboxer', '--version']\n"
        "from sandboxer_cli.cli.main import main\n"
        "try:\n    main()\n"
        "finally:\n"
        "    assert not {'ansible', 'ansible_runner', 'yaml', 'rich'} & set(sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "sandboxer 0.1.0\n"), said.stderr


def test_a_closed_pipe_is_no_traceback() -> None:
    line = f"{PROGRAM[0]} profile list | true"
    said = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert said.stderr == ""


def test_a_projects_profiles_are_judged(tmp_path: Path) -> None:
    folder = tmp_path / ".sandboxer/profiles"
    folder.mkdir(parents=True)
    (folder / "shop.yml").write_text("extends: profile.compose\nttl: 5\nhost: h1\n")
    alone = {"XDG_CONFIG_HOME": str(tmp_path / "config")}

    said = run("profile", "lint", cwd=tmp_path, **alone)
    assert (said.returncode, said.stderr) == (2, "")
    assert said.stdout.splitlines()[1:] == [
        ".sandboxer/profiles/shop.yml:3:1: host: a project's profile may not say it",
        "  it comes from your own profile, --host or the play",
    ]
    found = json.loads(run("profile", "lint", "--json", cwd=tmp_path, **alone).stdout)
    assert found["profiles"] == ["profile.shop"]
    assert [(one["line"], one["column"]) for one in found["faults"]] == [(2, 1), (3, 1)]
    # a list has a row for it all the same
    listed = json.loads(run("profile", "list", "--json", cwd=tmp_path, **alone).stdout)
    errors = {one["name"]: one["error"] and one["error"]["code"] for one in listed}
    assert errors == {
        "profile.compose": None,
        "profile.hello": None,
        "profile.shop": "profile_untrusted",
    }

    (folder / "shop.yml").write_text("extends: profile.compose\nttl: 1h\n")
    said = run("profile", "lint", cwd=tmp_path, **alone)
    assert (said.returncode, said.stdout) == (0, "profile.shop: nothing is wrong\n")
    said = run("profile", "show", "profile.shop", "--explain", "--json", cwd=tmp_path, **alone)
    shown = json.loads(said.stdout)
    assert shown["extends"] == ["profile.compose"]
    ttl = next(row for row in shown["explain"] if row["key"] == "ttl")
    assert (ttl["value"], ttl["layer"], ttl["line"]) == ("1h", "project", 2)


def test_results_are_piped_as_tabs_and_shown_as_columns() -> None:
    first = run("profile", "list").stdout.splitlines()[0]
    assert first.split("\t")[:2] == ["profile.compose", "built-in"]
    main, other = pty.openpty()
    subprocess.run([*PROGRAM, "profile", "list"], stdout=other, check=True)
    os.close(other)
    assert os.read(main, 4096).decode().startswith("NAME ")
    os.close(main)


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        ("2026-11-24T12:24:00Z", "in 24 min, 12:24 UTC"),
        ("2026-11-24T12:00:20Z", "in 20 s, 12:00 UTC"),
        ("2026-11-24T10:00:00Z", "2.0 h ago, 10:00 UTC"),
        (None, "-"),
    ],
)
def test_instants_for_people(instant: str | None, said: str) -> None:
    assert result.when(instant, datetime(2026, 11, 24, 12, 0, tzinfo=UTC)) == said


def test_text_from_a_host_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    result.render_error(NotFound("gone \x1b[2J\r", "look \x07"), as_json=False)
    assert not set("\x1b\r\x07") & set(capsys.readouterr().err)
