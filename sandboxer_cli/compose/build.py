"""How an image is built: from a folder of the source."""

from __future__ import annotations

import re
from dataclasses import replace

from . import dockerfile
from .addresses import read_extra_hosts
from .field import Field
from .inside import inside, is_folder, is_there, read_file
from .pairs import read_environment, read_labels
from .quantities import read_size
from .stack import Build
from .variables import check_argument

_URL = re.compile(r"[a-z+]+://.*|git@.*|github\.com/.*|.*\.git(?:#.*)?")
_DOCKERFILE = "Dockerfile"
_EMPTY_IS_NOT_GIVEN = ("dockerfile", "network", "target")


def read_build(field: Field) -> Build:
    if field.is_scalar:
        context = _context(field)
        return _qualified(field, Build(context, _dockerfile(field, context, _DOCKERFILE)))
    keys = {
        key: value
        for key, value in field.keys("services.*.build").items()
        if not (key in _EMPTY_IS_NOT_GIVEN and value.is_empty_text)
    }
    inline = keys["dockerfile_inline"].text() if "dockerfile_inline" in keys else None
    if inline is not None and "dockerfile" in keys:
        raise keys["dockerfile"].invalid_key("there is a dockerfile_inline too")
    context = _context(keys["context"]) if "context" in keys else inside(field, ".")
    where = keys.get("dockerfile", field)
    name = where.text() if "dockerfile" in keys else _DOCKERFILE
    build = Build(
        context=context,
        dockerfile=_dockerfile(where, context, name) if inline is None else None,
        dockerfile_inline=inline,
        target=keys["target"].text() if "target" in keys else None,
        args=read_environment(keys["args"], check_argument) if "args" in keys else {},
        shm_size=read_size(keys["shm_size"]) if "shm_size" in keys else None,
        extra_hosts=read_extra_hosts(keys["extra_hosts"]) if "extra_hosts" in keys else {},
        network=_network(keys["network"]) if "network" in keys else None,
        no_cache="no_cache" in keys and keys["no_cache"].boolean(),
        pull="pull" in keys and keys["pull"].boolean(),
        labels=read_labels(keys["labels"]) if "labels" in keys else {},
    )
    return _qualified(keys.get("dockerfile_inline", where), build)


def _qualified(field: Field, build: Build) -> Build:
    """With full names of images, where short ones are asked to be made so. The text then goes with
    the document; one with a list of its own of what it ignores stays a file, or it would lose it.
    """
    registry = field.reading.qualify
    if registry is None:
        return build
    text = build.dockerfile_inline
    if build.dockerfile is not None:
        below = inside(field, build.dockerfile, build.context)
        if is_there(field, below + ".dockerignore"):
            return build
        try:
            text = (read_file(field, below) or b"").decode()
        except UnicodeDecodeError:
            return build
    full, names = dockerfile.qualify(text or "", registry, build.args)
    for written, name in names.items():
        field.changed(f"{written} is {name} in it, since qualify is {registry}")
    return replace(build, dockerfile=None, dockerfile_inline=full) if names else build


def _context(field: Field) -> str:
    written = field.text()
    if _URL.fullmatch(written):
        raise field.refused(written, "nothing outside of the source is read")
    context = inside(field, written)
    if not is_folder(field, context):
        raise field.invalid(f"there is no folder {written}")
    return context


def _dockerfile(field: Field, context: str, name: str) -> str:
    """Its path as seen from the context; it may lie elsewhere in the source."""
    below = inside(field, name, context)
    if not is_there(field, below):
        raise field.invalid(f"there is no {below}")
    return name


def _network(field: Field) -> str | None:
    network = field.text()
    if network not in ("none", "default"):
        raise field.refused(network)
    return network if network == "none" else None
