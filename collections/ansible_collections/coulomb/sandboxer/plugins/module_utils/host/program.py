"""The host program: these rooms as a zipapp that builds itself from whatever is running it.

`install` writes `programs/<version>-<digest>.pyz` where it is missing. Its verbs take one JSON
object on standard input and print one JSON object. The exit status is 0, or 1 with
`{"error": …}`. `job` and `stream` take arguments, since their standard streams are for others;
`confined` is a test's command, whose exit status is its own.

What only an installation needs is imported there: the verbs should not pay for it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import sys
from typing import Any

from .errors import HostError
from .state import State, write_bytes

VERSION = "0.1.0"
READ_PROTOCOL = 1
ROOMS = (
    "__init__",
    "bridge",
    "build",
    "call",
    "clock",
    "compose_kind",
    "compose_program",
    "confined",
    "create",
    "deadline",
    "destroy",
    "docker",
    "engine",
    "engines",
    "errors",
    "evidence",
    "fault",
    "files",
    "freshness",
    "hangup",
    "holdings",
    "ids",
    "image",
    "inside",
    "job",
    "lease",
    "limits",
    "logs",
    "make",
    "maker",
    "nameserver",
    "observe",
    "output",
    "podman",
    "ports",
    "prepare",
    "probe",
    "process",
    "program",
    "readiness",
    "reap",
    "receipt",
    "record",
    "rootfs",
    "run",
    "running",
    "runtime",
    "source",
    "state",
    "step",
    "stopping",
    "stream",
    "suite",
    "timer",
    "tree",
    "trial",
    "validation",
    "variables",
    "verbs",
    "versions",
)
_FOLDER = "sandboxer_host"
_NAME = re.compile(r"[0-9.]+-[0-9a-f]{16}\.pyz")
_BY_HASH = (1).to_bytes(4, "little")  # a .pyc that goes by its source's hash, and isn't compared
_MAIN = f"from {_FOLDER}.program import main\n\nmain()\n"


def sources() -> dict[str, str]:
    """Room -> source text, through the loaders of the running code: folder, zip or AnsiballZ."""
    import importlib.util

    package = __name__.rpartition(".")[0]
    found = {}
    for room in ROOMS:
        name = package if room == "__init__" else f"{package}.{room}"
        spec = importlib.util.find_spec(name)  # read, not run: most rooms are for other verbs
        loader: Any = spec.loader if spec else None
        source = loader.get_source(name) if loader is not None else None
        if source is None:
            raise HostError("internal", f"the source of {name} can't be read")
        # Ansible's loader of collections gives bytes
        found[room] = source.decode("utf-8") if isinstance(source, bytes) else source
    return found


def digest(texts: dict[str, str]) -> str:
    import hashlib

    text = json.dumps(texts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def build(texts: dict[str, str]) -> bytes:
    """The zipapp, byte for byte the same wherever the same Python builds it.

    Each room comes compiled for the Python that builds it, which is the host's; another Python
    falls back to the source beside it. Nothing is compressed: each verb would have to undo it.
    """
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for room, text in sorted(texts.items()):
            path = f"{_FOLDER}/{room}.py"
            _add(archive, path, text.encode("utf-8"))
            _add(archive, path + "c", _compiled(path, text))
        _add(archive, "__main__.py", _MAIN.encode("ascii"))
    return buffer.getvalue()


def install(state: State) -> str:
    """Have this very program on the host. Returns its file name below `programs/`."""
    name = own_name()
    path = os.path.join(state.programs, name)
    if not os.path.isfile(path):
        write_bytes(path, build(sources()))
    _point_reader(state, name)
    return name


def own_name() -> str:
    """The file name that this very program has below `programs/`."""
    here = os.path.basename(own_path())
    return here if _NAME.fullmatch(here) else f"{VERSION}-{_own_digest()}.pyz"


@functools.lru_cache(maxsize=1)
def _own_digest() -> str:
    """What runs stays what it is."""
    return digest(sources())


def own_path() -> str:
    """The archive that this program runs from; empty where it runs from none."""
    return str(getattr(globals().get("__loader__"), "archive", ""))


def reader(state: State) -> str:
    """The link to the program that answers reads of this protocol over SSH."""
    return os.path.join(state.programs, f"read-{READ_PROTOCOL}.pyz")


def reader_name(state: State) -> str:
    """The file name of that program; empty where there is no link yet."""
    try:
        return os.readlink(reader(state))
    except OSError:
        return ""


def next_reader(current: str, comer: str) -> str:
    """Reads go to the newest version; of two builds of one version, to the latest comer."""
    return current if current and _version(current) > _version(comer) else comer


def main() -> None:
    """Run one verb. See the module's text for the protocol."""
    words = sys.argv[1:]
    if words == ["confined"]:
        from . import confined

        raise SystemExit(confined.main())
    from . import verbs  # the reads should not pay for the other rooms

    try:
        if words[:1] == ["job"]:
            verbs.job(State.of_account(), *words[1:])
            return
        if words[:1] == ["stream"]:
            raise SystemExit(verbs.stream(State.of_account(), *words[1:]))
        request = json.loads(sys.stdin.buffer.read() or b"{}")
        answer = verbs.run(State.of_account(), words[0] if words else "", request)
    except HostError as error:
        if words[:1] == ["stream"]:
            sys.stderr.write(f"sandboxer: {error}\n")
        else:
            _say({"error": error.as_dict()})
        raise SystemExit(1) from error
    _say(answer)


def _say(answer: Any) -> None:
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode("utf-8") + b"\n")


def _point_reader(state: State, name: str) -> None:
    current = reader_name(state)
    if next_reader(current, name) == current:
        return
    link = reader(state)
    temporary = f"{link}.{os.getpid()}.tmp"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary)
    os.symlink(name, temporary)
    os.replace(temporary, link)


def _version(name: str) -> list[int]:
    return [int(part) for part in name.split("-")[0].split(".") if part.isdigit()]


def _add(archive: Any, path: str, data: bytes) -> None:
    import zipfile

    info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_STORED
    info.create_system = 3
    info.external_attr = 0o644 << 16
    archive.writestr(info, data)


def _compiled(path: str, text: str) -> bytes:
    import importlib.util
    import marshal

    source = text.encode("utf-8")
    code = compile(source, path, "exec", dont_inherit=True)
    # From version 3 on marshal notes which objects are shared, and so what else was loaded when it
    # was built; without that the same sources give the same bytes.
    return b"".join(
        (
            importlib.util.MAGIC_NUMBER,
            _BY_HASH,
            importlib.util.source_hash(source),
            marshal.dumps(code, 2),
        )
    )
