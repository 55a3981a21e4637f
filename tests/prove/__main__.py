"""Takes each protection away in a copy of the tree, and wants its test to fail.

`python -m tests.prove [WORD]`: only the rows that have this word somewhere.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.prove.protections import GROUPS, Protection

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "build" / "prove"
TREE = PLACE / "tree"
SAID = PLACE / "said"  # what pytest said, a file a row
SECONDS = 150
FAILED = 1  # pytest's word for it; anything above: nothing ran
NEVER_ENDED = -1
SHOWN_LINES = 15


def main(word: str) -> int:
    rows = {
        row: group
        for group, members in GROUPS.items()
        for row in members
        if word.lower() in f"{group} {row}".lower()
    }
    copy_tree()
    drifted = [row for row in rows if count(row) != 1]
    for row in drifted:
        print(f"{row.file} has this {count(row)} times, not once:\n{row.old}")
    if drifted or not passes_unchanged(list(rows)):
        return 1
    unproven = {row: why for row, group in rows.items() if (why := prove(row, group))}
    for row, why in unproven.items():
        print(f"\nUNPROVEN: {row.words}\n  {row.file}\n  {row.test}\n{why}")
    print(f"{len(rows) - len(unproven)} of {len(rows)} protections proven")
    return 1 if unproven or not rows else 0


def copy_tree() -> None:
    """The tree as it is now, with an environment of its own that is kept from run to run."""
    TREE.mkdir(parents=True, exist_ok=True)
    try:
        fcntl.flock(os.open(PLACE, os.O_RDONLY | os.O_CLOEXEC), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"another `make prove` is at work in {PLACE}")
    for old in TREE.iterdir():
        if old.name != ".venv":
            shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
    shutil.rmtree(SAID, ignore_errors=True)
    SAID.mkdir()
    argv = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists():  # else it is deleted and not yet committed
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name, follow_symlinks=False)
    subprocess.run(["scripts/setup.sh"], cwd=TREE, check=True)


def count(row: Protection) -> int:
    return (TREE / row.file).read_text().count(row.old)


def passes_unchanged(rows: list[Protection]) -> bool:
    tests = dict.fromkeys(row.test for row in rows)
    for private in (False, True):
        chosen = [test for test in tests if is_private(test) == private]
        begin = time.monotonic()
        status, said = run(chosen, 60 + SECONDS * len(chosen)) if chosen else (0, "")
        if status != 0:
            print(f"{said}\nthese tests have to pass before anything is taken away")
            return False
        if chosen:
            seconds = time.monotonic() - begin
            print(f"{len(chosen)} tests pass as it is, {seconds:.0f} s", flush=True)
    return True


def prove(row: Protection, group: str) -> str:
    """Empty where the test fails without the protection, else what it said instead."""
    path = TREE / row.file
    whole = path.read_text()
    begin = time.monotonic()
    path.write_text(whole.replace(row.old, row.new))
    try:
        status, said = run([row.test], SECONDS)
    finally:
        path.write_text(whole)
    number = len(list(SAID.iterdir())) + 1
    (SAID / f"{number:03}.txt").write_text(f"{row.words}\n{row.file}\n{row.test}\n\n{said}")
    verdict = "proven" if status == FAILED else "NOT PROVEN"
    seconds = time.monotonic() - begin
    print(f"{number:3} {verdict} {seconds:5.1f} s  {group}: {row.words}", flush=True)
    last = "\n".join(said.splitlines()[-SHOWN_LINES:])
    return "" if status == FAILED else f"  pytest's exit status {status}, not {FAILED}:\n{last}"


def run(tests: list[str], seconds: float) -> tuple[int, str]:
    """pytest's exit status, and what it said."""
    wrapper = ["tests/faults/private.sh"] if is_private(tests[0]) else []
    options = ["-x", "--tb=short", "--no-header", "-p", "no:cacheprovider"]
    child = subprocess.Popen(
        [*wrapper, ".venv/bin/python", "-m", "pytest", *options, *tests],
        cwd=TREE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # two edits within a second would pass for one to a .pyc
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        start_new_session=True,
    )
    try:
        said, _ = child.communicate(timeout=seconds)
    except BaseException as error:
        os.killpg(child.pid, signal.SIGKILL)
        said, _ = child.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        return NEVER_ENDED, f"{said}\nno end within {seconds:.0f} s"
    return child.returncode, said


def is_private(test: str) -> bool:
    return test.startswith("tests/faults/")


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
