"""Run on the host itself: both makers make the same documents, and the engine says of what.

    python3 both_makers.py FOLDER ENGINE COMMAND

FOLDER has host.pyz, documents.json (name -> document) and sources/NAME. Nothing is started, since
the job is killed just before that. Prints a JSON line for each document: its name, then what the
engine maker made and what COMMAND did: what `ENGINE inspect` says, or why there is nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SANDBOX = "sbx-judged"
SECONDS = 120
FOLDER = Path(sys.argv[1])
ENGINE, COMMAND = sys.argv[2:]


def call(verb: str, request: dict[str, Any], fault: str = "") -> Any:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(FOLDER / "host.pyz"), verb],
        input=json.dumps(request).encode(),
        stdout=subprocess.PIPE,
        env={**os.environ, "SANDBOXER_STATE": str(FOLDER / "state"), "SANDBOXER_FAULT": fault},
        timeout=SECONDS,
        check=False,
    )
    return json.loads(done.stdout)


def make(name: str, document: dict[str, Any], command: str | None) -> Any:
    """Of each container what the engine says; a text where the making failed."""
    source = FOLDER / "state" / "srv" / SANDBOX / "source"
    shutil.copytree(FOLDER / "sources" / name, source, symlinks=True)
    request = {
        "id": SANDBOX,
        "name": "judged",
        "owner": "judge",
        "profile": "profile.judged",
        "profile_hash": "sha256:0",
        "extension": "ext.compose",
        "request": {},
        "document": document,
        "deadline": SECONDS,
        "compose_cmd": command,
    }
    answer = call("create", request, "make-start")
    try:
        if "error" in answer:
            return answer["error"]["message"]
        while call("follow", {"id": SANDBOX, "seconds": 8})["working"]:
            time.sleep(0.05)
        error = call("show", {"ref": SANDBOX, "owner": "judge"})["error"]
        return error["message"] if error else inspect()
    finally:
        gone = call("destroy", {"ref": SANDBOX, "owner": "judge"})
        assert gone.get("receipt", {"remains": []})["remains"] == [], gone
        shutil.rmtree(source.parent, ignore_errors=True)  # of one that was refused


def inspect() -> Any:
    listed = [ENGINE, "ps", "--all", "--format", "{{.Names}}"]
    names = subprocess.check_output(listed, text=True).split()
    mine = [name for name in names if name.startswith(SANDBOX + ".")]
    said = subprocess.check_output([ENGINE, "container", "inspect", *sorted(mine)], text=True)
    return json.loads(named(said) if ENGINE == "docker" else said)


def named(said: str) -> str:
    """With names for ids and addresses of networks, which docker numbers anew each time."""
    listed = ["docker", "network", "ls", "--quiet", "--no-trunc", "--filter", f"name={SANDBOX}"]
    ids = subprocess.check_output(listed, text=True).split()
    if ids:
        shown = subprocess.check_output(["docker", "network", "inspect", *ids])
        for network in json.loads(shown):
            said = said.replace(network["Id"], network["Name"])
            for subnet in network["IPAM"]["Config"]:
                said = said.replace(f':{subnet["Gateway"]}"', f':gateway of {network["Name"]}"')
    return said


def main() -> None:
    documents = json.loads((FOLDER / "documents.json").read_text())
    for name, document in documents.items():
        print(json.dumps([name, *(make(name, document, one) for one in (None, COMMAND))]))
        sys.stdout.flush()
    images = {image for document in documents.values() for image in document["images"]}
    subprocess.run([ENGINE, "rmi", *images], stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    main()
