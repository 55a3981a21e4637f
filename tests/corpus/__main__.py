"""python3 -m tests.corpus shapes [HOST…] | makers [HOST…] | originals CLONES [HOST] |
suites CLONES [HOST] | images"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.corpus import images, judge, makers, originals, suites, trial
from tests.corpus.projects import Project, projects
from tests.lab import command
from tests.lab.command import LabError
from tests.lab.doors import Controller
from tests.lab.hosts import HOSTS, Host
from tests.lab.places import HERE, Place

SHORT = 110


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.corpus", description="Compose files of the shape of real ones"
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    shapes = verbs.add_parser("shapes", help="try each shape; 0 if all ends as the table says")
    shapes.add_argument("hosts", nargs="*", default=[HERE], help="of the lab; else this machine")
    shapes.add_argument("--only", action="append", help="the name of a shape")
    shapes.add_argument("--show", action="store_true", help="render them; make nothing")
    both = verbs.add_parser("makers", help="have both makers make each; 0 if they agree")
    both.add_argument("hosts", nargs="*", default=[HERE], help="with a compose program")
    both.add_argument("--only", action="append", help="the name of a shape")
    real = verbs.add_parser("originals", help="try the files that the shapes are of")
    real.add_argument("clones", type=Path, help="OWNER+NAME, OWNER/NAME or NAME in this folder")
    real.add_argument("host", nargs="?", help="of the lab, to make them on; else they are rendered")
    real.add_argument("--only", action="append", help="the name of a shape")
    whole = verbs.add_parser("suites", help="validate public projects, with tests of their own")
    whole.add_argument(
        "clones", help="a folder with clones, as above, or an address to put OWNER/NAME behind"
    )
    whole.add_argument("host", nargs="?", default=HERE, help="of the lab; else this machine")
    verbs.add_parser("images", help="build the images that stand in; say where they are")
    asked = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="sandboxer-corpus-") as home:
            if asked.verb == "images":
                print(images.build())
                return 0
            if asked.verb == "suites":
                return _validate_suites(_place(Path(home), asked.host), asked.clones)
            chosen = [one for one in projects() if not asked.only or one.name in asked.only]
            if asked.verb == "originals":
                return _try_originals(Path(home), chosen, asked.clones, asked.host)
            if asked.verb == "makers":
                return _have_both_make(chosen, asked.hosts)
            return _try_shapes(Path(home), chosen, [] if asked.show else asked.hosts)
    except LabError as error:
        print(f"corpus: {error}", file=sys.stderr)
        return 1


def _try_shapes(home: Path, chosen: list[Project], hosts: list[str]) -> int:
    controller = Controller(home)
    places = {name: _place(home, name) for name in hosts}
    for place in places.values():
        images.load(place)
    judged = _judged(chosen) if judge.HOST.name in hosts else {}
    took = dict.fromkeys(hosts, 0.0)
    amiss = 0
    for project in chosen:
        found = {"show": trial.show(controller, project)}
        good = trial.agrees(found["show"], _rendered(project.shape))
        if project.name in judged:
            found["docker compose"] = judged[project.name]
            good = good and judged[project.name] == judge.AGREES
        if project.shape == "comes_up":
            for name, (outcome, seconds) in _make(places, project).items():
                found[name] = outcome
                took[name] += seconds
                good = good and outcome == "comes_up"
        amiss += not good
        _say(project.name, found, good)
    print(f"\n{len(chosen)} shapes, {amiss} not as the table says")
    print("".join(f"{name} took {seconds:.0f} s\n" for name, seconds in took.items()), end="")
    return 1 if amiss else 0


def _make(places: dict[str, Place], project: Project) -> dict[str, tuple[str, float]]:
    """Place -> its outcome and seconds, on all of them at once."""

    def make(place: Place) -> tuple[str, float]:
        began = time.monotonic()
        return trial.make(place, project), time.monotonic() - began

    with ThreadPoolExecutor() as pool:
        return dict(zip(places, pool.map(make, places.values()), strict=True))


def _judged(chosen: list[Project]) -> dict[str, str]:
    """What `docker compose config` says of each that renders, and of the file with every key."""
    shapes = [judge.Files.of(one) for one in chosen if one.renders]
    found = judge.verdicts([judge.EVERY_KEY, *shapes])
    every = found.pop(judge.EVERY_KEY.name)
    _say(judge.EVERY_KEY.name, {"docker compose": every}, every == judge.AGREES)
    return found


def _have_both_make(chosen: list[Project], hosts: list[str]) -> int:
    """Each host with its own compose program; here on a private machine, with the podman-compose
    of this project's environment."""
    shapes = [judge.Files.of(one) for one in chosen if one.renders]
    amiss = 0
    for name in hosts:
        host = None if name == HERE else _host(name)
        run = host.run if host else _run_privately
        ours = str(Path(sys.executable).with_name(makers.PODMAN_COMPOSE))
        program = makers.program_of(host) if host else ours
        for shape, verdict in makers.verdicts(run, program, shapes).items():
            good = verdict == makers.AGREES
            amiss += not good
            _say(shape, {f"makers on {name}": verdict}, good)
    print(f"\n{len(shapes)} shapes, {amiss} on which the makers do not agree")
    return 1 if amiss else 0


def _run_privately(argv: Sequence[str], **how: Any) -> subprocess.CompletedProcess[str]:
    return command.run(["tests/faults/private.sh", *argv], **how)


def _try_originals(home: Path, chosen: list[Project], clones: Path, host: str | None) -> int:
    controller = Controller(home)
    place = _place(home, host) if host else None
    if place:
        images.load(place)
    amiss = 0
    rendered = []
    for project in chosen:
        original = originals.unpack(project, clones, home / project.name)
        if original is None:
            print(f"?  {project.name:11} no clone of {project.source} at {project.commit[:12]}")
            continue
        found = {"as it is": original.show(controller, project.original_files)}
        good = trial.agrees(found["as it is"], _rendered(project.original))
        if project.prepared:
            original.prepare(project.first)
            found["prepared"] = original.show(controller, project.prepared_files)
            good = good and trial.agrees(found["prepared"], _rendered(project.prepared))
        if place and host and good and project.original_ends == "comes_up":
            found[host] = original.make(place)
            good = found[host] == "comes_up"
        if not project.original_ends.startswith("refused"):
            rendered.append(original.judged())
        amiss += not good
        _say(project.name, found, good)
    if host == judge.HOST.name:
        for name, verdict in judge.verdicts(rendered).items():
            amiss += verdict != judge.AGREES
            _say(name, {"docker compose": verdict}, verdict == judge.AGREES)
    print(f"\n{len(chosen)} originals, {amiss} not as the table says")
    return 1 if amiss else 0


def _rendered(outcome: str) -> str:
    """What `compose show` says of it."""
    return "renders" if outcome == "comes_up" else outcome


def _validate_suites(place: Place, clones: str) -> int:
    images.load(place)
    amiss = 0
    for suite in suites.SUITES:
        found = suites.validate(place, suite, clones)
        if found is None:
            print(f"?  {suite.name:11} no repository {suite.source} with {suite.commit[:12]}")
            continue
        amiss += not found.good
        _say(suite.name, {suite.source: found.said}, found.good)
    return 1 if amiss else 0


def _place(home: Path, name: str) -> Place:
    if name == HERE:
        state = {"SANDBOXER_STATE": os.environ.get("SANDBOXER_STATE", str(home / "sandboxer"))}
        return Place(Controller(home, None, state), None)
    return Place(Controller(home), _host(name))


def _host(name: str) -> Host:
    hosts = {host.name: host for host in HOSTS}
    if name not in hosts:
        raise LabError(f"the lab has no host {name}, only {', '.join(hosts)}")
    return hosts[name]


def _say(name: str, found: dict[str, str], good: bool) -> None:
    mark = "ok" if good else "!!"
    for where, text in found.items():
        print(f"{mark} {name:11} {where:14} {text[:SHORT] if good else text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
