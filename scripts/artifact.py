"""The collection as an artifact, byte for byte the same from every clone: artifact.py FOLDER."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

COLLECTION = (
    Path(__file__).resolve().parents[1] / "collections/ansible_collections/coulomb/sandboxer"
)
WHEN = 1580601600  # hatchling's, for the wheel


def build(collection: Path, folder: Path) -> Path:
    """Build it with ansible-galaxy, and take out what differs from one run to the next."""
    galaxy = str(Path(sys.executable).parent / "ansible-galaxy")
    with tempfile.TemporaryDirectory(prefix="sandboxer-") as private:
        subprocess.run(
            [galaxy, "collection", "build", str(collection), "--output-path", private],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        [built] = Path(private).glob("*.tar.gz")
        folder.mkdir(parents=True, exist_ok=True)
        artifact = folder / built.name
        artifact.write_bytes(_settled(built))
    return artifact


def _settled(built: Path) -> bytes:
    """The same artifact with sorted lists, and without times and people."""
    with tarfile.open(built) as archive:
        members = {member.name: member for member in archive.getmembers()}
        contents = {
            name: file.read() for name, one in members.items() if (file := archive.extractfile(one))
        }
    files = json.loads(contents["FILES.json"])
    files["files"].sort(key=lambda entry: entry["name"])
    contents["FILES.json"] = _json(files)
    manifest = json.loads(contents["MANIFEST.json"])
    digest = hashlib.sha256(contents["FILES.json"]).hexdigest()
    manifest["file_manifest_file"]["chksum_sha256"] = digest
    contents["MANIFEST.json"] = _json(manifest)

    when = int(os.environ.get("SOURCE_DATE_EPOCH", WHEN))
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, member in sorted(members.items()):
            settled = tarfile.TarInfo(name)
            settled.type, settled.linkname, settled.mtime = member.type, member.linkname, when
            settled.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            content = contents.get(name, b"")
            settled.size = len(content)
            archive.addfile(settled, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def _json(data: object) -> bytes:
    return json.dumps(data, indent=1).encode("utf-8")


if __name__ == "__main__":
    print(build(COLLECTION, Path(sys.argv[1])))
