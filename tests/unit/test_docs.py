"""Every command of the documentation is run by a test, or its page says that it is not."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from sandboxer_cli.cli import validate
from sandboxer_cli.cli.main import app
from tests import pages
from tests.pages import BY_ITSELF, COMMANDS, ROOT, Block, Command

# what else a fence may hold: files, and what Sphinx itself reads
OTHERS = ("yaml", "json", "ini", "text", "{toctree}")
BLOCKS = [block for page in pages.names() for block in pages.blocks(page)]
NAMED = [
    block for block in BLOCKS if block.language in COMMANDS and block.test not in (None, BY_ITSELF)
]


def where(block: Block) -> str:
    return f"{block.page}:{block.line}"


@pytest.mark.parametrize("block", BLOCKS, ids=where)
def test_commands_can_be_told_from_files(block: Block) -> None:
    assert block.language in (*COMMANDS, *OTHERS)
    if block.language in COMMANDS:
        assert block.commands()
    else:
        assert not re.search(r"^\$ ", block.text, re.MULTILINE)


@pytest.mark.parametrize(
    "page", [page for page in pages.names() if pages.commands(page, BY_ITSELF)]
)
def test_commands_do_what_their_page_says(page: str, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    pages.check(pages.commands(page, BY_ITSELF), tmp_path, SANDBOXER_STATE=state)


@pytest.mark.parametrize("block", NAMED, ids=where)
def test_who_is_said_to_run_a_block_does(block: Block) -> None:
    """The named test reads the page, or its file has each word of each command."""
    assert block.test
    name, _, function = block.test.partition("::")
    source = (ROOT / name).read_text()
    assert function in {
        node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)
    }
    if f'"{block.page}"' in source:
        return
    for command in block.commands():
        for word in shlex.split(command.text, comments=True):
            if re.fullmatch(r"-{0,2}[a-z][a-z-]*", word):
                assert re.search(rf"(?<![\w-]){word}(?![\w-])", source), f"{word}: {command.text}"


@pytest.mark.parametrize("page", sorted({*pages.names()} - {"docs/reference/program.md"}))
def test_what_the_program_is_told_is_what_it_knows(page: str) -> None:
    """Also where nobody runs it, and within a sentence."""
    text = re.sub(r"\\\n", " ", (ROOT / page).read_text())
    for name, line in re.findall(r"(?:\$ |/|`|\$\()(sandboxer|validate) ([^`\n#|]+)", text):
        verb: Any = typer.main.get_command(app if name == "sandboxer" else validate.app)
        known = {"--help"}
        for word in re.split(r"[\s)]+", line.partition(" -- ")[0]):
            known |= {name for one in verb.params for name in (*one.opts, *one.secondary_opts)}
            verb = getattr(verb, "commands", {}).get(word, verb)
            assert word in known or not word.startswith("-"), f"{word}: {name} {line}"
        assert not hasattr(verb, "commands") or "--version" in line, f"no verb: {name} {line}"


@pytest.mark.parametrize("page", ["README.md"])
def test_links_of_what_sphinx_does_not_read(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (ROOT / target.partition("#")[0]).exists(), target


def test_a_shape_is_not_anything() -> None:
    page = "sbx-one  in 30 min, 19:54 UTC\n...\nend\n"
    assert pages.alike(page, "sbx-two  in 30 min, 07:12 UTC\nx\ny\nend\n")
    assert not pages.alike(page, "sbx-two  in 5 min, 07:12 UTC\nend\n")
    assert not pages.alike("5\n", "3\n")
    assert not pages.alike("sbx-one ready\n", "sbx-one failed\n")
    assert not pages.alike("", "error\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("false", ""),
        ("echo here", "there\n"),
        ("echo here", ""),
        ("sandboxer frobnicate", "...\n"),
        ("exit", ""),
    ],
)
def test_a_page_that_is_wrong_fails(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        pages.check([Command(text, said)], tmp_path)


def test_a_status_that_is_shown_may_be_any(tmp_path: Path) -> None:
    pages.check([Command("false", ""), Command("echo $?", "1\n")], tmp_path)
