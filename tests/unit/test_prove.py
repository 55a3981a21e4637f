"""The table of `make prove` still fits the code: each text is there once, each test exists."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.prove.protections import GROUPS, Protection

ROOT = Path(__file__).resolve().parents[2]
ROWS = [row for members in GROUPS.values() for row in members]


@pytest.mark.parametrize("row", ROWS, ids=[row.words for row in ROWS])
def test_a_row_fits(row: Protection) -> None:
    assert (ROOT / row.file).read_text().count(row.old) == 1
    assert row.old not in row.new or len(row.new) > len(row.old)
    file, _, name = row.test.partition("::")
    module = ast.parse((ROOT / file).read_text())
    names = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    assert name.partition("[")[0] in names


def test_each_protection_is_proven_once() -> None:
    assert len({row.words for row in ROWS}) == len(ROWS)
    assert len({(row.file, row.old, row.new, row.test) for row in ROWS}) == len(ROWS)
