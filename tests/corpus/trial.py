"""A shape tried: shown, made on a place, spoken to, made again, taken away."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from tests.corpus.projects import Page, Project
from tests.lab.doors import Controller, Said
from tests.lab.places import Place

# what a service may take until its database lets it in: ready says less where no check is declared
PATIENCE = 60.0
# in which a command of somebody else's ends, the reaper's for one
SETTLING = 10.0
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


def make(place: Place, project: Project) -> str:
    """The whole life of one sandbox. What was wrong is in the answer, and nothing stays."""
    before = _listing(place)
    words = ("create", str(project.folder), *project.options, "--name", project.name)
    said = place.sandboxer(*words)
    found = outcome(said, "comes_up")
    try:
        if said.status == 0:
            found = _speech(place, project, said.data) or found
            again = place.sandboxer(*words)
            if again.status or again.data["changed"]:
                found = f"broken: a second create changed something: {again.out[:300]}"
    finally:
        gone = place.sandboxer("destroy", project.name)
    if said.status == 0 and (gone.status or gone.data["remains"]):
        found = f"broken: destroy left something: {gone.out[:300]}"
    sandbox_id = said.data["id"] if said.status == 0 else ""
    end = time.monotonic() + SETTLING
    while left := _left(before, _listing(place), sandbox_id):
        if time.monotonic() > end:
            return f"broken: left behind {left}"
        time.sleep(0.3)
    return found


def _left(
    before: Mapping[str, list[str]], after: Mapping[str, list[str]], sandbox_id: str
) -> dict[str, list[str]]:
    """What differs. Where another sandbox came or went meanwhile only what bears this one's name:
    the rest may be the other's."""
    differs = {kind: sorted({*after[kind]} ^ {*before[kind]}) for kind in before}
    if "processes" in differs:  # one that has ended is nobody's loss
        differs["processes"] = sorted({*after["processes"]} - {*before["processes"]})
    named = {name for lines in differs.values() for line in lines for name in IDS.findall(line)}
    if named - {sandbox_id}:
        differs = {
            kind: [line for line in lines if sandbox_id and sandbox_id in line]
            for kind, lines in differs.items()
        }
    return {kind: lines for kind, lines in differs.items() if lines}


def _listing(place: Place) -> dict[str, list[str]]:
    """Without images: what was built or pulled on the way is the engine's cache."""
    return {kind: each for kind, each in place.listing().items() if kind != "images"}


def _speech(place: Place, project: Project, sandbox: Mapping[str, Any]) -> str:
    """Nothing, or what was wrong: a row put through one page is to be got through another."""
    if project.put is None or project.get is None:
        return ""
    row = f"said through {project.put.service} of {sandbox['id']}"
    end = time.monotonic() + PATIENCE
    said = ""
    while time.monotonic() < end:
        put = _ask(place, sandbox, "PUT", project.put, row)
        said = _ask(place, sandbox, "GET", project.get) if put is not None else None
        if said is not None and said.strip() == row:
            return ""
        time.sleep(0.3)
    return f"broken: {project.get.service} said {said!r}, not {row!r}"


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
