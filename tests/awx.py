"""A job as AWX starts it: an environment made of what ansible-builder is told and nothing else, in
it ansible-runner with a private folder, the project read-only, no home to speak of, no terminal."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "build/awx"
BIN = Path(sys.executable).parent
# For root a mode is no obstacle; a mount is.
READ_ONLY = (
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"',
    "sh",
)


def needs() -> dict[str, list[str]]:
    """What ansible-builder hears from the collection: `python` and `system` requirements."""
    argv = [str(BIN / "ansible-builder"), "introspect", "--sanitize", str(ROOT / "collections")]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    found: dict[str, list[str]] = yaml.safe_load(said)
    return found


def environment() -> Path:
    """A venv with what `needs` says, from a wheelhouse with our wheel. Made once for a source."""
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = BUILT / "stamp", _source()
        if not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            shutil.rmtree(BUILT / "venv", ignore_errors=True)
            _run(ROOT / "scripts/wheelhouse.sh", BUILT / "wheels")
            _run(sys.executable, "-m", "venv", BUILT / "venv")
            answer = BUILT / "requirements.txt"
            answer.write_text("".join(f"{line}\n" for line in needs()["python"]))
            source = ("--no-index", "--find-links", BUILT / "wheels", "--requirement", answer)
            _run(BUILT / "venv/bin/pip", "install", "--quiet", *source)
            stamp.write_text(wanted)
    return BUILT / "venv"


def _run(*argv: str | Path) -> None:
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _source() -> str:
    """A digest of all that goes into the environment."""
    found = hashlib.sha256(sys.version.encode())
    folders = ("sandboxer_cli", "collections/ansible_collections/coulomb/sandboxer")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    files += [ROOT / name for name in ("pyproject.toml", "constraints.txt")]
    for path in sorted(files):
        if not {"__pycache__", "tests"} & set(path.parts[len(ROOT.parts) :]):
            found.update(f"{path}\0".encode() + path.read_bytes())
    return found.hexdigest()


@dataclass(frozen=True)
class Job:
    """One job. `folder` is new and its own; `surroundings` is what its credentials add."""

    folder: Path
    playbook: str
    inventory: Path
    variables: Mapping[str, Any] = field(default_factory=dict)
    surroundings: Mapping[str, str] = field(default_factory=dict)
    check: bool = False

    @property
    def project(self) -> Path:
        return self.folder / "project"

    def start(self) -> subprocess.Popen[str]:
        self._lay_out()
        ours = environment() / "bin"
        kept = {
            "PATH": f"{ours}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.folder / "home"),
            # awx/settings/defaults.py and awx/main/tasks/jobs.py
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_FORCE_COLOR": "True",
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "ANSIBLE_COLLECTIONS_PATH": ":".join(
                [
                    str(self.folder / "requirements_collections"),
                    "collections",
                    "~/.ansible/collections",
                    "/usr/share/ansible/collections",
                ]
            ),
            "AWX_PRIVATE_DATA_DIR": str(self.folder),
            "JOB_ID": "42",
            "INVENTORY_ID": "1",
            "MAX_EVENT_RES": "700000",
        }
        argv = [str(ours / "ansible-runner"), "run", str(self.folder), "--ident", "42"]
        argv += ["-p", f"playbooks/{self.playbook}.yml"]
        prefix = [*READ_ONLY, str(self.project)] if os.getuid() == 0 else []
        return subprocess.Popen(
            [*prefix, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**kept, **self.surroundings},
            start_new_session=True,
        )

    def run(self) -> Ran:
        child = self.start()
        out, _ = child.communicate(timeout=300)
        return Ran(child.returncode, out, self.events())

    def events(self) -> list[dict[str, Any]]:
        """What has happened so far, as AWX keeps it."""
        files = (self.folder / "artifacts/42/job_events").glob("*-*.json")
        found = [json.loads(path.read_text()) for path in files if "partial" not in path.name]
        return sorted(found, key=lambda event: int(event["counter"]))

    def _lay_out(self) -> None:
        for name in ("env", "inventory", "home"):
            (self.folder / name).mkdir(parents=True)
        shutil.copy(self.inventory, self.folder / "inventory/hosts.yml")
        project = self.project
        project.mkdir()
        shutil.copy(ROOT / "ansible.cfg", project)
        leave = shutil.ignore_patterns("__pycache__", "tests")
        for name in ("playbooks", "collections"):
            shutil.copytree(ROOT / name, project / name, ignore=leave)
        if os.getuid() != 0:
            for path in [project, *project.rglob("*")]:
                path.chmod(path.stat().st_mode & ~0o222)
        (self.folder / "env/extravars").write_text(yaml.dump(dict(self.variables), Dumper=_Unsafe))
        settings = {
            "suppress_ansible_output": False,
            "suppress_output_file": True,
            # AWX looks each five seconds whether a job is to be cancelled; by then it is made
            "pexpect_timeout": 0.1,
        }
        (self.folder / "env/settings").write_text(json.dumps(settings))
        if self.check:
            (self.folder / "env/cmdline").write_text("--check")


class _Unsafe(yaml.SafeDumper):
    """AWX hands on what people and earlier jobs said as data, never as templates."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Unsafe.add_representer(str, lambda dumper, text: dumper.represent_scalar("!unsafe", text, "'"))


@dataclass(frozen=True)
class Ran:
    """How a job ended."""

    status: int
    out: str
    events: list[dict[str, Any]]

    @property
    def artifacts(self) -> dict[str, Any]:
        """What AWX shows, and gives to the next node of a workflow."""
        [stats] = [one for one in self.events if one["event"] == "playbook_on_stats"]
        found: dict[str, Any] = stats["event_data"].get("artifact_data", {})
        return found

    @property
    def failure(self) -> dict[str, Any]:
        """The result of the task that failed, or of the host that could not be reached."""
        kinds = ("runner_on_failed", "runner_on_unreachable")
        found: dict[str, Any] = next(
            one["event_data"]["res"] for one in self.events if one["event"] in kinds
        )
        return found
