"""What a contract says, and all that is refused, each with its place."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest

from sandboxer_cli.errors import SandboxerError, Usage
from sandboxer_cli.validation.contract import Contract, Step
from sandboxer_cli.validation.document import run_document
from sandboxer_cli.validation.load import load
from sandboxer_cli.validation.migrate import migrate

from .conftest import Write

LEAST = "version: 1\ntest_command: ./run\n"
WHOLE = """
version: 1
x-team: payments
sandbox:
  profile: profile.compose
  compose: compose.yml
  ttl: 20m
  environment: {MODE: test, WORKERS: 2, DEBUG: true}
  secrets: [API_TOKEN]
  x-note: [anything, {at: all}]
health:
  - service: web
    http: {port: 80, path: /health, status: 200, contains: ok}
    periodSeconds: 1
    timeoutSeconds: 2
    failureThreshold: 30
  - service: db
    exec: {command: [pg_isready, -q]}
  - {service: db, tcp: {port: 5432}, initialDelaySeconds: 3, successThreshold: 2}
test_command: ./e2e/run.sh --all
in: host
timeouts: {provision: 5m, health: 2m, test: 10m, collect: 1m}
reports: {junit: ["e2e/out/*.xml"], artifacts: ["e2e/out/**"]}
retries: 0
keep: never
"""


def refused(repository: Path) -> SandboxerError:
    with pytest.raises(Usage) as caught:
        load(repository)
    assert caught.value.exit_status == 2
    assert caught.value.detail.code == "contract_error"
    return caught.value


def test_the_least(write: Write) -> None:
    found = load(write(LEAST))
    assert found.steps == (Step("test", ("sh", "-c", "./run"), "host", 600),)
    assert (found.sandbox.profile, found.sandbox.files, found.secrets) == (
        "profile.compose",
        (),
        (),
    )
    # until it must be gone: 2m, 10m, 1m, and 5m to spare
    assert (found.sandbox.ttl, found.sandbox.deadline) == ("1080s", "300s")
    assert (found.retries, found.keep) == (0, "never")


def test_the_whole_as_a_host_is_told(write: Write) -> None:
    contract = load(write(WHOLE))
    assert contract.sandbox.files == ("compose.yml",)
    assert contract.sandbox.settings == {"MODE": "test", "WORKERS": 2, "DEBUG": True}
    assert contract.sandbox.ttl == "1200s"
    names = ["API_TOKEN", "OF_THE_PROFILE"]
    told = run_document(
        contract, run_key="k", repo="shop", secrets=names, commit="c0ffee", dirty=True
    )
    assert told == {
        "schema": 1,
        "run_key": "k",
        "repo": "shop",
        "commit": "c0ffee",
        "dirty": True,
        "contract_digest": contract.digest,
        "health": [
            {
                "service": "web",
                "http": {"port": 80, "path": "/health", "status": 200, "contains": "ok"},
                "periodSeconds": 1,
                "timeoutSeconds": 2,
                "failureThreshold": 30,
            },
            {"service": "db", "exec": {"command": ["pg_isready", "-q"]}},
            {
                "service": "db",
                "tcp": {"port": 5432},
                "initialDelaySeconds": 3,
                "successThreshold": 2,
            },
        ],
        "steps": [
            {
                "name": "test",
                "run": ["sh", "-c", "./e2e/run.sh --all"],
                "in": "host",
                "timeout": 600,
            }
        ],
        "timeouts": {"health": 120, "test": 600, "collect": 60},
        "reports": {"junit": ["e2e/out/*.xml"], "artifacts": ["e2e/out/**"]},
        "retries": 0,
        "keep": "never",
        "secrets": names,
    }
    kept = run_document(contract, run_key="k", repo="shop", secrets=names, keep="always")
    assert kept == {**told, "commit": "", "dirty": False, "keep": "always"}


def test_steps_have_what_the_contract_says_of_all(write: Write) -> None:
    found = load(
        write(
            "version: 1\nin: db\ntimeouts: {test: 90s}\nsteps:\n"
            "  - {name: one, run: [psql, -c, select 1]}\n"
            "  - {name: two.2 b, run: ./b, in: host, timeout: 5s}\n"
        )
    )
    assert found.steps == (
        Step("one", ("psql", "-c", "select 1"), "db", 90),
        Step("two.2 b", ("sh", "-c", "./b"), "host", 5),
    )


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ("profile: profile.shop", ("profile.shop", ())),
        ("sandbox: {profile: profile.shop}", ("profile.shop", ())),
        ("sandbox: {compose: [compose.yml, e2e/more.yml]}", None),
    ],
)
def test_what_is_made(write: Write, shop: Path, more: str, wanted: object) -> None:
    (shop / "e2e/more.yml").touch()
    sandbox = load(write(LEAST + more)).sandbox
    assert (sandbox.profile, sandbox.files) == (
        wanted or ("profile.compose", ("compose.yml", "e2e/more.yml"))
    )


def test_the_digest_is_of_what_it_says(write: Write) -> None:
    first = load(write(LEAST)).digest
    assert load(write("# why\n" + LEAST + "retries: 0\nx-a: 1\n")).digest == first
    assert load(write(LEAST + "retries: 1\n")).digest != first


# what is added to the least -> what is said of it
FAULTS: list[tuple[str, str]] = [
    # keys
    ("frob: 1", "frob: there is no such key, e2e/e2e.yml:3:1"),
    ("retires: 1", "retires: there is no such key: did you mean retries?, e2e/e2e.yml:3:1"),
    ("retries: 0\nretries: 1", "retries is given twice: e2e/e2e.yml:3:1, e2e/e2e.yml:4:1"),
    ("health: [{service: web, httpGet: {port: 1}}]", "health[0].httpGet: there is no such key"),
    ("sandbox: {tll: 5m}", "sandbox.tll: there is no such key: did you mean ttl?"),
    ("reports: {xml: []}", "reports.xml: there is no such key, e2e/e2e.yml:3:11"),
    ("1: 2", "the key 1 is not text, e2e/e2e.yml:3:1"),
    # types
    ("retries: '1'", "retries: wants a whole number, e2e/e2e.yml:3:1"),
    ("retries: 11", "retries: has to be 10 or less"),
    ("retries: -1", "retries: has to be 0 or more"),
    ("keep: sometimes", "keep: wants 'never', 'on-failure' or 'always'"),
    ("health: {}", "health: wants a list"),
    ("health: [{}]", "health[0].service: is missing, e2e/e2e.yml:3:10"),
    ("sandbox: []", "sandbox: wants a mapping"),
    ("timeouts: 5m", "timeouts: wants a mapping"),
    # durations
    ("timeouts: {test: 600}", "timeouts.test: the timeout 600 is not a time"),
    ("timeouts: {test: '600'}", "timeouts.test: the timeout '600' is not a time"),
    ("timeouts: {test: 10 minutes}", "timeouts.test: the timeout '10 minutes' is not a time"),
    ("timeouts: {test: 25h}", "timeouts.test: the timeout 25h is out of bounds"),
    ("timeouts: {health: 0s}", "timeouts.health: the timeout 0s is out of bounds"),
    ("timeouts: {provision: 3h}", "timeouts.provision: the deadline 3h is out of bounds"),
    ("sandbox: {ttl: 5s}", "sandbox.ttl: the ttl 5s is out of bounds"),
    ("sandbox: {ttl: 12m}", "sandbox.ttl: is shorter than health, test and collect may take"),
    # commands
    ("steps: [{name: a, run: b}]", "it has either test_command or steps, e2e/e2e.yml:1:1"),
    # probes
    ("health: [{service: web}]", "health[0]: a probe is one of http, tcp and exec"),
    (
        "health: [{service: web, tcp: {port: 1}, exec: {command: [a]}}]",
        "health[0]: a probe is one of http, tcp and exec",
    ),
    ("health: [{service: web, tcp: {port: 0}}]", "health[0].tcp.port: has to be 1 or more"),
    ("health: [{service: web, http: {port: '80'}}]", "health[0].http.port: wants a whole number"),
    (
        'health: [{service: web, http: {port: 80, path: "/ HTTP/1.0\\r\\nHost: x"}}]',
        "health[0].http.path: doesn't fit",
    ),
    ("health: [{service: web, exec: {command: []}}]", "health[0].exec.command: is empty"),
    (
        "health: [{service: web, tcp: {port: 1}, periodSeconds: 0}]",
        "health[0].periodSeconds: has to be more than 0",
    ),
    # where
    ("in: ../x", "in: doesn't fit"),
    ("in: --privileged", "in: doesn't fit"),
    ("in: ''", "in: doesn't fit"),
    # variables and secrets
    ("sandbox: {environment: {A-B: x}}", "sandbox.environment.A-B: doesn't fit"),
    ("sandbox: {environment: {A: 1.5}}", "sandbox.environment.A: wants text"),
    ("sandbox: {environment: {A: [x]}}", "sandbox.environment.A: wants text"),
    ("sandbox: {environment: [A=1]}", "sandbox.environment: wants a mapping"),
    ("sandbox: {secrets: {TOKEN: x}}", "sandbox.secrets: wants a list"),
    ("sandbox: {secrets: [TOKEN, TOKEN]}", "sandbox.secrets: TOKEN is given twice"),
    ("sandbox: {secrets: [A=b]}", "sandbox.secrets[0]: doesn't fit"),
    *(
        (f"sandbox: {{secrets: [{name}]}}", "sandbox.secrets[0]: is a name that a secret may not")
        for name in ("PATH", "LD_PRELOAD", "SANDBOXER_ID", "E2E_OUT", "SSH_AUTH_SOCK", "BASH_ENV")
    ),
    # paths
    *(
        (f"reports: {{artifacts: ['{path}']}}", f"reports.artifacts[0]: {why}")
        for path, why in (
            ("../**", "leads out of the repository"),
            ("a/../../b", "leads out of the repository"),
            ("..", "leads out of the repository"),
            ("/etc/passwd", "goes from the root of the repository"),
            ("~/.ssh/*", "goes from the root of the repository"),
            ("a\\..\\b", "goes from the root of the repository"),
            ("", "is no path"),
            ("a" * 501, "is no path"),
            ("**/**/**/**", "holds ** more than 3 times"),
            ("a**", "** stands alone between slashes"),
            ("***", "** stands alone between slashes"),
        )
    ),
    ('reports: {junit: ["a\\nb"]}', "reports.junit[0]: is no path"),
    ("reports: {junit: out.xml}", "reports.junit: wants a list"),
    ("sandbox: {compose: ../compose.yml}", "sandbox.compose: leads out of the repository"),
    ("sandbox: {compose: /etc/compose.yml}", "sandbox.compose: goes from the root"),
    ("sandbox: {compose: nothing.yml}", "sandbox.compose: there is no file nothing.yml"),
    (f"sandbox: {{compose: {'a' * 400}}}", "sandbox.compose: there is no file aaa"),
    ("sandbox: {compose: e2e}", "sandbox.compose: there is no file e2e in"),
    ("sandbox: {compose: [a, a]}", "sandbox.compose: a is given twice"),
    ("sandbox: {compose: []}", "sandbox.compose: is empty"),
    # profiles
    ("profile: shop", "profile: doesn't fit"),
    ("profile: profile.../x", "profile: doesn't fit"),
    ("profile: profile.a\nsandbox: {ttl: 1h}", "it has either profile or sandbox"),
    # what is another's to say
    *(
        (f"{key}: x", f"{key}: a contract may not say it, e2e/e2e.yml:3:1")
        for key in ("host", "account", "compose_cmd", "extension_path", "secret_sources", "policy")
    ),
    ("sandbox: {host: h1}", "sandbox.host: a contract may not say it, e2e/e2e.yml:3:11"),
    ("sandbox: {compose_cmd: x}", "sandbox.compose_cmd: a contract may not say it"),
    ("sandbox: {secret_sources: {}}", "sandbox.secret_sources: a contract may not say it"),
    # YAML
    ("a: !!python/object:os.system x", "the YAML tag tag:yaml.org,2002:python/object:os.system"),
    ("a: !vault x", "the YAML tag !vault"),
    ("a: !reset null", "the YAML tag !reset"),
    ("a: &a [*a]", "the alias *a names nothing that ends above it"),
    ("a: &a {b: *a}", "the alias *a names nothing that ends above it"),
    ("--- \na: 1", "a second YAML document"),
    ("a: [", "not YAML"),
    ("x-a: " + "[" * 50 + "]" * 50, "nested more than 40 deep"),
    ('x-a: "\\0"', "x-a: holds a character that no program takes"),
    ('keep: "\\ud800"', "keep: holds a character that no program takes"),
    ("test_command: b", "test_command is given twice"),
]


@pytest.mark.parametrize(("more", "said"), FAULTS, ids=[more[:60] for more, _ in FAULTS])
def test_what_is_refused(write: Write, more: str, said: str) -> None:
    message = refused(write(LEAST + more + "\n")).detail.message
    assert said in message
    assert "e2e/e2e.yml:" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("test_command: a", "version: is missing; supported: 1, e2e/e2e.yml:1:1"),
        ("version: 2\nanything: 1", "version: '2' is not known; supported: 1, e2e/e2e.yml:1:10"),
        ("version: '1'\ntest_command: a", "version: '1' is not known; supported: 1"),
        ("version: 1.0\ntest_command: a", "version: '1.0' is not known"),
        ("version: true\ntest_command: a", "version: 'true' is not known"),
        ("version: [1]", "version: 'this' is not known"),
        ("version: 1", "it has either test_command or steps, e2e/e2e.yml:1:1"),
        ("version: 1\ntest_command: ''", "test_command: is empty, e2e/e2e.yml:2:1"),
        ("version: 1\ntest_command: ' '", "test_command: is empty"),
        ("version: 1\ntest_command: []", "test_command: is empty"),
        ("version: 1\ntest_command: ['', a]", "test_command: is empty"),
        ("version: 1\ntest_command: [a, 1]", "test_command: a word is not text"),
        ("version: 1\ntest_command: 1", "test_command: wants text for sh, or a list of words"),
        ("version: 1\ntest_command: {run: a}", "test_command: wants text for sh"),
        (f"version: 1\ntest_command: {'a' * 70_000}", "test_command: is too long"),
        ("version: 1\nsteps: []", "steps: is empty"),
        ("version: 1\nsteps: [{run: a}]", "steps[0].name: is missing"),
        ("version: 1\nsteps: [{name: a}]", "steps[0].run: is missing"),
        ("version: 1\nsteps: [{name: ../a, run: b}]", "steps[0].name: doesn't fit"),
        ("version: 1\nsteps: [{name: a/b, run: b}]", "steps[0].name: doesn't fit"),
        (
            "version: 1\nsteps: [{name: a, run: b}, {name: a, run: c}]",
            "two steps are called a, e2e/e2e.yml:1:1",
        ),
        ("version: 1\nsteps: [{name: a, run: b, in: 'a b'}]", "steps[0].in: doesn't fit"),
        ("", "the file is empty"),
        ("- a", "the file is not a mapping"),
        ("just text", "the file is not a mapping"),
        (b"version: 1\ntest_command: \xff", "not UTF-8, e2e/e2e.yml:2:15"),
        (b"version: 1\x00", "not YAML: the character U+0000"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_files_that_are_no_contract(write: Write, text: Any, said: str) -> None:
    assert said in refused(write(text)).detail.message


def test_all_that_is_wrong_is_said_at_once_in_the_order_of_the_file(write: Write) -> None:
    text = "version: 1\nretries: x\ntest_command: 5\nfrob: 1\nkeep: no\n"
    lines = refused(write(text)).detail.message.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["retries", "test_command", "frob", "keep"]


def test_bombs_end_at_once(write: Write) -> None:
    started = time.monotonic()
    laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )
    assert "aliases written out" in refused(write(LEAST + laughs)).detail.message
    assert "larger than 1 MiB" in refused(write(LEAST + "#" * 10_000_000)).detail.message
    many = LEAST + "x-a: [" + "1," * 30_000 + "]\n"
    assert "more than 20000 values" in refused(write(many)).detail.message
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("what", ["file", "folder", "circle", "dangling", "compose", "ring"])
def test_links_out_of_the_repository_are_not_followed(shop: Path, write: Write, what: str) -> None:
    outside = shop.parent / "outside"
    outside.mkdir()
    (outside / "e2e.yml").write_text(LEAST)
    file = shop / "e2e/e2e.yml"
    if what == "file":
        file.symlink_to(outside / "e2e.yml")
    if what == "folder":
        file.parent.rmdir()
        file.parent.symlink_to(outside)
    if what == "circle":
        file.symlink_to(file)
    if what == "dangling":
        file.symlink_to(outside / "nothing")
    if what == "compose":
        write(LEAST + "sandbox: {compose: link.yml}")
        (shop / "link.yml").symlink_to(outside / "e2e.yml")
    if what == "ring":
        write(LEAST + "sandbox: {compose: ring.yml}")
        (shop / "ring.yml").symlink_to("ring.yml")
    refused(shop)


def test_a_link_inside_is_followed(shop: Path) -> None:
    (shop / "contract.yml").write_text(LEAST)
    (shop / "e2e/e2e.yml").symlink_to("../contract.yml")
    assert isinstance(load(shop), Contract)


def test_a_pipe_keeps_nobody_waiting(shop: Path) -> None:
    os.mkfifo(shop / "e2e/e2e.yml")
    assert "not a file" in refused(shop).detail.message
    (shop / "e2e/e2e.yml").unlink()
    (shop / "e2e/e2e.yml").mkdir()
    refused(shop)


@pytest.mark.parametrize("name", ["shop", "nowhere", "shop/compose.yml"])
def test_where_there_is_none(shop: Path, name: str) -> None:
    with pytest.raises(Usage) as caught:
        load(shop.parent / name)
    assert (caught.value.detail.code, caught.value.exit_status) == ("contract_missing", 2)
    assert caught.value.detail.hint


def test_whatever_stands_there_is_a_contract_or_is_refused(write: Write) -> None:
    """Pieces of contracts, put together by chance: always the same ones."""
    chance = random.Random(7)  # noqa: S311
    pieces = [piece for more, _ in FAULTS for piece in re.split(r"(\W)", more)]
    pieces += re.split(r"(\W)", WHOLE)
    for _ in range(1000):
        words = WHOLE.splitlines(keepends=True)
        for _ in range(chance.randint(1, 4)):
            line = chance.randrange(len(words))
            match chance.randrange(4):
                case 0:
                    del words[line]
                case 1:
                    words[line] = words[line].replace(":", chance.choice(pieces), 1)
                case 2:
                    parts = words[line].split(" ")
                    parts[chance.randrange(len(parts))] = chance.choice(pieces)
                    words[line] = " ".join(parts)
                case 3:
                    words.insert(line, chance.choice(WHOLE.splitlines(keepends=True)))
        repository = write("".join(words).encode(errors="surrogatepass"))
        with contextlib.suppress(Usage):
            json.dumps(run_document(load(repository), run_key="k", repo="shop", secrets=()))
        with contextlib.suppress(Usage):
            migrate(repository / "e2e/e2e.yml")
