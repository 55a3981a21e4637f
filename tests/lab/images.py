"""Images of hosts: built by mmdebstrap from the lab's archive, cached, known to Incus by alias."""

import json
import os
import platform
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.archive import source_line
from tests.lab.command import run, say
from tests.lab.incus import incus
from tests.lab.layout import CACHE, IMAGE_SCRIPTS, STATE
from tests.lab.recipe import RECIPES, Recipe


def prepare() -> None:
    listed = json.loads(incus("image", "list", "--format", "json").stdout)
    known = {alias["name"] for image in listed for alias in image["aliases"]}
    wanted = {recipe.alias for recipe in RECIPES}
    for recipe in RECIPES:
        if recipe.alias not in known:
            bring_in(recipe, build(recipe))
    for old in sorted(known - wanted):
        incus("image", "delete", old)


def build(recipe: Recipe) -> Path:
    image = CACHE / f"{recipe.alias}.tar"
    if image.exists():
        return image
    say(f"building the image {recipe.alias}, about half a minute")
    new = image.with_suffix(".new.tar")
    new.unlink(missing_ok=True)
    with workplace() as folder:
        run(
            [
                "mmdebstrap",
                "--variant=minbase",
                f"--include={','.join(recipe.packages)}",
                *(f"--dpkgopt=path-exclude={path}/*" for path in recipe.left_out),
                *(
                    f'--customize-hook=sh {IMAGE_SCRIPTS / script} "$1"'
                    for script in recipe.scripts
                ),
                recipe.suite,
                str(new),
                source_line(recipe.suite),
            ],
            env={**os.environ, "TMPDIR": str(folder)},
        )
    new.replace(image)
    return image


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder in memory: dpkg syncs each file, which on a busy disk doubles the time.

    Not /dev/shm: systemd mounts it nodev, and a root needs devices.
    """
    folder = STATE / "build"
    folder.mkdir(exist_ok=True)
    if folder.is_mount():
        run(["umount", str(folder)])
    run(["mount", "-t", "tmpfs", "-o", "size=2g,mode=0755", "tmpfs", str(folder)])
    try:
        yield folder
    finally:
        run(["umount", str(folder)])


def bring_in(recipe: Recipe, image: Path) -> None:
    # the file's time, so that the same image has the same fingerprint
    born = int(image.stat().st_mtime)
    text = (
        f"architecture: {platform.machine()}\ncreation_date: {born}\nproperties: {{os: debian}}\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        metadata = Path(folder, "metadata.yaml")
        metadata.write_text(text)
        packed = Path(folder, "metadata.tar")
        with tarfile.open(packed, "w") as tar:
            tar.add(metadata, metadata.name)
        incus("image", "import", str(packed), str(image), "--alias", recipe.alias)
