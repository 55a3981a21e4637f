"""The ways in, as their users have them: the program and `ansible-playbook`, in processes of
their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
INVENTORY = ROOT / "inventories/lab"
# another environment's programs, to try an older ansible-core
BIN = ROOT / os.environ.get("SANDBOXER_TEST_BIN", Path(sys.executable).parent)


@dataclass(frozen=True)
class Said:
    """What a process said, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return self.data["error"]


@dataclass(frozen=True)
class Controller:
    """One controller: an inventory, and an environment with a home of its own. Its commands are
    typed in `folder`."""

    home: Path
    inventory: Path | None = INVENTORY
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    folder: Path = ROOT

    def start(self, *argv: str) -> subprocess.Popen[str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return subprocess.Popen(
            [*self.prefix, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env={**kept, "HOME": str(self.home), "SANDBOXER_OWNER": "tester", **self.environment},
            start_new_session=True,
        )

    def run(self, *argv: str) -> Said:
        child = self.start(*argv)
        out, err = child.communicate(timeout=300)
        return Said(child.returncode, out, err)

    def program(self, *words: str) -> list[str]:
        chosen = ["-i", str(self.inventory)] if self.inventory else []
        return [str(BIN / "sandboxer"), *chosen, *words]

    def sandboxer(self, *words: str) -> Said:
        return self.run(*self.program(*words))

    def playbook(self, verb: str, **variables: Any) -> Said:
        """`ansible-playbook playbooks/VERB.yml`, with `check=True` for `--check --diff`."""
        flags = ["--check", "--diff"] if variables.pop("check", False) else []
        chosen = ["-i", str(self.inventory)] if self.inventory else []
        values = {f"sandboxer_{name}": value for name, value in variables.items()}
        return self.run(
            str(BIN / "ansible-playbook"),
            *chosen,
            f"playbooks/{verb}.yml",
            *flags,
            "-e",
            json.dumps(values),
        )


def recap(said: Said, host: str) -> dict[str, int]:
    """The counts of a host in the last lines of `ansible-playbook`."""
    line = next(x for x in said.out.splitlines() if x.startswith(host) and "changed=" in x)
    return {key: int(value) for key, value in (w.split("=") for w in line.split() if "=" in w)}
