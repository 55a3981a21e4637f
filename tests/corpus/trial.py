"""A stack tried: shown, made on a place, spoken to, made again, edited, made anew, taken away."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.corpus.projects import Page, Project
from tests.lab.doors import Controller, Said
from tests.lab.places import Place

# what a service may take until its database lets it in: ready says less where no check is declared
PATIENCE = 60.0
# a making that gets nowhere ends before whoever waits for the program loses patience
DEADLINE = "4m"
# in which a command of somebody else's ends, the reaper's for one
SETTLING = 10.0
CONFLICT = 5
IDS = re.compile(r"sbx-[a-z0-9-]+")
PUT = """
import sys, urllib.request as u
method, url, body = sys.argv[1:]
asked = u.Request(url, body.encode() or None, method=method)
print(u.urlopen(asked, timeout=5).read().decode())
"""


def outcome(said: Said, good: str) -> str:
    """In the words of the table; a refusal by its code and the key that its message names."""
    if said.status == 0:
        return good
    try:
        error = said.error
    except ValueError:
        return f"broken: {(said.err or said.out).strip().splitlines()[-1:]}"
    return f"refused: {error['code']} {error['message']}"


def agrees(found: str, wanted: str) -> bool:
    """A refusal has the wanted code, and its message names the wanted key."""
    if not wanted.startswith("refused: "):
        return found == wanted
    _, code, key = wanted.split(" ", 2)
    return found.startswith(f"refused: {code} ") and key in found


def show(controller: Controller, project: Project) -> str:
    """Whether it renders, by the program; no host is asked."""
    said = controller.sandboxer("compose", "show", str(project.folder), *project.options, "--json")
    return outcome(said, "renders")


@dataclass(frozen=True)
class Stack:
    """What is tried: a folder that may be changed, and the pages by which its services speak."""

    name: str
    folder: Path
    options: tuple[str, ...] = ()
    put: Page | None = None
    get: Page | None = None
    edited: str | None = None


def make(place: Place, project: Project) -> str:
    """The whole life of a shape, typed in a copy of it."""
    with tempfile.TemporaryDirectory(prefix="sandboxer-shape-") as scratch:
        folder = Path(shutil.copytree(project.folder, Path(scratch) / project.name))
        speech = (project.put, project.get, project.edited)
        return live(place, Stack(project.name, folder, project.options, *speech))


def live(place: Place, stack: Stack) -> str:
    """The whole life of a stack. What was wrong is in the answer, and nothing stays."""
    before = _listing(place)
    life = _Life(place, stack)
    try:
        found = life.whole()
    except Broken as error:
        found = f"broken: {error}"
    finally:
        gone = life.destroy()
    if life.ids and (gone.status or gone.data["remains"]):
        found = f"broken: destroy left something: {gone.out[:300]}"
    end = time.monotonic() + SETTLING
    while left := _left(before, _listing(place), life.ids):
        if time.monotonic() > end:
            return f"broken: left behind {left}"
        time.sleep(0.3)
    return found


class Broken(Exception):
    """Something is not as it should be."""


class _Life:
    """Of the sandboxes of one name; `ids` are those that there were."""

    def __init__(self, place: Place, stack: Stack) -> None:
        self.place = place
        self.stack = stack
        self.ids: set[str] = set()
        typist = replace(place.controller, folder=stack.folder)
        self.typed = replace(place, controller=typist)

    def whole(self) -> str:
        """Its outcome, in the words of the table."""
        made = self.create()
        if made.status:
            return outcome(made, "comes_up")
        self.speak(made.data)
        again = self.create()
        if again.status or again.data["changed"]:
            raise Broken(f"a second create changed something: {again.out[:300]}")
        if self.stack.edited:
            self.be_edited(self.stack.folder / self.stack.edited, made.data["id"])
        return "comes_up"

    def create(self, *words: str) -> Said:
        options = (*self.stack.options, "--name", self.stack.name, "--deadline", DEADLINE)
        said = self.typed.sandboxer("create", ".", *options, *words)
        if said.status == 0:
            self.ids.add(said.data["id"])
        return said

    def speak(self, sandbox: Mapping[str, Any]) -> None:
        """A row put through one page is to be got through another."""
        put, get = self.stack.put, self.stack.get
        if put is None or get is None:
            return
        row = f"said through {put.service} of {sandbox['id']}"
        end = time.monotonic() + PATIENCE
        while (said := self.handed_on(sandbox, put, get, row)) != row:
            if time.monotonic() > end:
                raise Broken(f"{get.service} said {said!r}, not {row!r}")
            time.sleep(0.3)

    def handed_on(self, sandbox: Mapping[str, Any], put: Page, get: Page, row: str) -> str | None:
        if _ask(self.place, sandbox, "PUT", put, row) is None:
            return None
        said = _ask(self.place, sandbox, "GET", get)
        return said.strip() if said is not None else None

    def be_edited(self, file: Path, old_id: str) -> None:
        """Another source is a conflict, and has to be wished for."""
        file.write_bytes(file.read_bytes() + b"\n")
        refused = self.create()
        if refused.status != CONFLICT or "source differs" not in refused.error["message"]:
            raise Broken(f"an edited file is no conflict: {refused.out[:300]}")
        anew = self.create("--replace")
        if anew.status or not anew.data["changed"] or anew.data["id"] == old_id:
            raise Broken(f"--replace made nothing anew: {anew.out[:300]}")
        self.speak(anew.data)

    def destroy(self) -> Said:
        return self.place.sandboxer("destroy", self.stack.name)


def _left(
    before: Mapping[str, list[str]], after: Mapping[str, list[str]], ids: Collection[str]
) -> dict[str, list[str]]:
    """What differs. Where another sandbox came or went meanwhile only what bears one of these ids:
    the rest may be the other's."""
    differs = {kind: sorted({*after[kind]} ^ {*before[kind]}) for kind in before}
    if "processes" in differs:  # one that has ended is nobody's loss
        differs["processes"] = sorted({*after["processes"]} - {*before["processes"]})
    named = {name for lines in differs.values() for line in lines for name in IDS.findall(line)}
    if named - {*ids}:
        differs = {
            kind: [line for line in lines if any(one in line for one in ids)]
            for kind, lines in differs.items()
        }
    return {kind: lines for kind, lines in differs.items() if lines}


def _listing(place: Place) -> dict[str, list[str]]:
    """Without images: what was built or pulled on the way is the engine's cache."""
    return {kind: each for kind, each in place.listing().items() if kind != "images"}


def _ask(
    place: Place, sandbox: Mapping[str, Any], method: str, page: Page, body: str = ""
) -> str | None:
    for endpoint in sandbox["reachability"]["endpoints"]:
        if (endpoint["service"], endpoint["port"]) == (page.service, page.port):
            address = endpoint["url"].partition("://")[2]
            url = f"http://{address}{page.path}"
            done = place.run(["python3", "-c", PUT, method, url, body], check=False)
            return done.stdout if done.returncode == 0 else None
    raise AssertionError(f"{page.service}:{page.port} has no endpoint")
