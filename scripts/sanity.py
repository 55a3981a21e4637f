"""ansible-test: sanity, and the collection's units on 3.9 and on the newest Python that is here.

Works without a get-pip from the net and beside a version manager's shims, in a home of its own
below build/. The last lines name every Python that is missing and every test that was skipped;
where CI=true, a skip that need not have been is a failure.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COLLECTION = ROOT / "collections/ansible_collections/coulomb/sandboxer"
HOME = ROOT / "build/ansible-test"
LEAST = "3.9"  # of a host
VERSIONS = [f"3.{minor}" for minor in range(9, 15)]  # that ansible-core 2.19 to 2.21 knows

# In a process of its own: bootstrapped in this one, pip would not read its configuration.
GET_PIP = """\
import subprocess, sys
subprocess.check_call([sys.executable, "-m", "ensurepip"])
words = [word for word in sys.argv[1:] if not word.startswith("--no-")]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *words]))
"""

_PYTHON_GONE = re.compile(r"Skipping .* on Python ([\d.]+) because it could not be found")
_SKIPPED = re.compile(r"^(?:WARNING: Skipping |WARNING: .* not found|SKIPPED )")


@dataclass(frozen=True)
class Verdict:
    missing: list[str]  # Pythons that this machine has not
    avoidable: list[str]  # what was skipped though it could have been run


def judge(lines: Iterable[str], found: Mapping[str, Path]) -> Verdict:
    """What the output of ansible-test says of things that were not run."""
    missing: set[str] = set()
    avoidable: dict[str, None] = {}
    for line in lines:
        gone = _PYTHON_GONE.search(line)
        if gone and gone[1] not in found:
            missing.add(gone[1])
        elif gone or _SKIPPED.search(line):
            avoidable[line.strip()] = None
    return Verdict(sorted(missing, key=_order), list(avoidable))


def interpreters() -> dict[str, Path]:
    """Version -> a Python that really runs. A shim is asked for what stands behind it."""
    homes = [
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions",
        Path.home() / ".local/share/uv/python",
    ]
    found: dict[str, Path] = {}
    for version in VERSIONS:
        name = f"python{version}"
        folders = [Path(sys.executable).parent, *map(Path, os.get_exec_path())]
        candidates = [folder / name for folder in folders]
        candidates += [
            path for home in homes for path in sorted(home.glob(f"*{version}*/bin/{name}"))
        ]
        for candidate in candidates:
            if path := _really(candidate):
                found[version] = path
                break
    return found


def _really(candidate: Path) -> Path | None:
    """The interpreter behind this path, if it runs and can make a venv."""
    if not os.access(candidate, os.X_OK):
        return None
    says = "import ensurepip, venv, sys; print(sys.executable)"
    done = subprocess.run([candidate, "-c", says], capture_output=True, text=True, check=False)
    return Path(done.stdout.strip()) if done.returncode == 0 else None


def _order(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _prepare_home() -> None:
    """A home in which nothing has to be downloaded to have pip, with the caller's own settings."""
    cache = HOME / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in ("get_pip_25_2.py", "get_pip_24_2.py"):  # of ansible-core 2.21 and 2.19
        (cache / name).write_text(GET_PIP)
    for name in (".config/pip", ".gitconfig", ".cache/pip"):
        link, ours = HOME / name, Path.home() / name
        if ours.exists() and not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(ours)


def _run(words: list[str], path: str, lines: list[str]) -> int:
    """One call of ansible-test; its output is shown as it comes, and kept."""
    argv = [str(Path(sys.executable).parent / "ansible-test"), *words, "--color", "no"]
    print("$ ansible-test " + " ".join(words), flush=True)
    with subprocess.Popen(
        argv,
        cwd=COLLECTION,
        env={**os.environ, "HOME": str(HOME), "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as child:
        for line in child.stdout or ():
            lines.append(line)
            print(line, end="", flush=True)
    return child.returncode


def main() -> int:
    found = interpreters()
    _prepare_home()
    folders = [Path(sys.executable).parent, *(python.parent for python in found.values())]
    # what is looked for by its plain name comes from the system, never from a shim
    path = os.pathsep.join(dict.fromkeys([*map(str, folders), "/usr/bin", "/bin"]))
    newest = max(found, key=_order)
    lines: list[str] = []
    status = _run(["sanity"], path, lines)
    for version in dict.fromkeys([LEAST, newest]):
        if version in found:
            status = _run(["units", "--venv", "--python", version], path, lines) or status
    verdict = judge(lines, found)
    missing = sorted({*verdict.missing, *({LEAST} - set(found))}, key=_order)
    for version in missing:
        print(f"sanity: NOT RUN on Python {version}: this machine has none")
    for line in verdict.avoidable:
        print(f"sanity: SKIPPED: {line}")
    if verdict.avoidable and os.environ.get("CI") == "true":
        print("sanity: in CI what can be run has to be run")
        status = status or 1
    ran = ", ".join(version for version in found if version not in missing)
    print(f"sanity: {'failed' if status else 'passed'} on Python {ran}; units on {LEAST}, {newest}")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
