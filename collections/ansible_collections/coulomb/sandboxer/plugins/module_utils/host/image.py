"""Images: there already, pulled by their full name, or made from files of this host. How
built ones are called."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from .engine import BUILT, LABEL_RECIPE, Engine, no_space
from .errors import HostError
from .state import State

PULL_SECONDS = 1800.0  # of one image, where the making may take longer
LOW_BYTES = 256 * 1024**2


class Image(NamedTuple):
    """An image of this host. `done` is how it came: '' (it was there) | made | pulled | built;
    `volumes` are the folders for which it asks to have a volume; `healthcheck` and `command` are
    its own ones."""

    done: str
    volumes: tuple[str, ...]
    healthcheck: Mapping[str, Any] | None = None
    command: tuple[str, ...] = ()


class Wanted(NamedTuple):
    """An image that services need. `pull` is always | missing | never; `recipe` is for one that is
    made from files of this host."""

    name: str
    pull: str = "missing"
    platform: str = ""
    recipe: Mapping[str, Any] | None = None

    @property
    def comes_anew(self) -> bool:
        """Whether it is pulled even where it is here."""
        return self.pull == "always" and self.recipe is None


class Call(NamedTuple):
    """What a pull or a build may use: its time in seconds, an auth file of this host or None, and
    who is told of its progress."""

    seconds: float
    auth_file: str | None = None
    tell: Callable[[str], None] = lambda line: None


def of(found: Mapping[str, Any], done: str = "") -> Image:
    """An image of which the engine says `found`."""
    config = found.get("Config") or {}
    volumes, command = config.get("Volumes") or {}, config.get("Cmd") or ()
    return Image(done, tuple(sorted(volumes)), healthcheck(found), tuple(command))


def healthcheck(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The health check that an image has of its own, as a document says it."""
    # docker's place, and podman's
    said = (found.get("Config") or {}).get("Healthcheck") or found.get("Healthcheck")
    if not said or not said.get("Test"):
        return None
    spans = (
        ("interval", "Interval", 30.0),
        ("timeout", "Timeout", 30.0),
        ("start_period", "StartPeriod", 0.0),
        ("start_interval", "StartInterval", None),
    )
    made: dict[str, Any] = {"test": said["Test"], "retries": said.get("Retries") or 3}
    for key, theirs, default in spans:
        seconds = said[theirs] / 1e9 if said.get(theirs) else default
        if seconds is not None:
            made[key] = seconds
    return made


def built_name(sandbox_id: str, service: str) -> str:
    """What the image is called that is built for a service."""
    return f"{BUILT}/{sandbox_id}/{hashlib.sha256(service.encode('utf-8')).hexdigest()[:12]}"


def built_names(sandbox_id: str, services: Mapping[str, Any]) -> list[str]:
    return sorted(
        built_name(sandbox_id, name) for name, one in services.items() if one.get("build")
    )


def with_names(sandbox_id: str, services: Mapping[str, Any]) -> dict[str, Any]:
    """The services, each with the name of its image, built ones' too."""
    named = {}
    for name, service in services.items():
        by = name if service.get("build") else service.get("built_by")
        named[name] = {**service, "image": built_name(sandbox_id, by)} if by else service
    return named


def wanted(document: Mapping[str, Any]) -> list[Wanted]:
    """The images that are not built, each once. Of two policies for one the stricter wins."""
    found: dict[tuple[str, str], Wanted] = {}
    for service in document["services"].values():
        name, platform = service["image"], service.get("platform", "")
        if name is None:
            continue
        policies = {service.get("pull", "missing")}
        if (name, platform) in found:
            policies.add(found[name, platform].pull)
        pull = next(one for one in ("always", "never", "missing") if one in policies)
        recipe = document["images"].get(name)
        found[name, platform] = Wanted(name, pull, platform, recipe)
    return sorted(found.values(), key=lambda one: (one.name, one.platform))


def check_auth_file(path: str) -> None:
    """HostError `usage` or `file_missing` for one that no engine could read."""
    if not os.path.isabs(path):
        raise HostError("usage", f"{path!r} is not the whole path of an auth file on the host")
    if not os.path.isfile(path):
        raise HostError(
            "file_missing",
            f"this host has no auth file {path}",
            "`podman login --authfile PATH REGISTRY` on the host writes one, or `docker login`",
        )


def check_space(folder: str) -> None:
    """Refuse a disk that is nearly full before anything comes onto it.

    HostError `disk_full` below a quarter of a GiB, for what lies in `folder` or its next parent.
    """
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if free < LOW_BYTES:
        raise HostError(
            "disk_full",
            f"only {free // 1024**2} MiB are left on the host for {folder}",
            f"free some space: a making begins with {LOW_BYTES // 1024**2} MiB at least",
            retryable=True,
        )


def look(engine: Engine, one: Wanted) -> Image | None:
    """An image that is here and needs no pull; None for one that has to be fetched."""
    return None if one.comes_anew else here(engine, [one])[0]


def here(engine: Engine, wanted: Sequence[Wanted]) -> list[Image | None]:
    """Images as they are here, whatever their policies say; None where none is."""
    there = engine.images(sorted({one.name for one in wanted}))
    found = [_found(engine, one, there[one.name]) for one in wanted]
    return [of(one) if one is not None else None for one in found]


def fetch(state: State, engine: Engine, one: Wanted, call: Call) -> Image:
    """Make or pull an image that isn't here."""
    with state.image_lock(one.name, call.seconds):
        there = look(engine, one)
        if there is not None:
            return there  # somebody else was at it
        if one.recipe is not None:
            digest = recipe_digest(one.recipe)
            _import_rootfs(engine, one.name, one.recipe["rootfs"], digest, call.seconds)
            return Image("made", ())  # a recipe asks for no volumes
        _pull(engine, one, call)
    found = engine.image(one.name) or {}
    _refuse_other_machine(engine, one, found)
    return of(found, "pulled")


def _found(engine: Engine, one: Wanted, found: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the engine says of it, if it is made of its recipe, or for the right machine."""
    if found is None:
        return None
    if one.recipe is not None:
        labels = (found.get("Config") or {}).get("Labels") or {}
        return found if labels.get(LABEL_RECIPE) == recipe_digest(one.recipe) else None
    return found if _fits(engine, one, found) else None


def _fits(engine: Engine, one: Wanted, found: Mapping[str, Any]) -> bool:
    has = found.get("Architecture") or engine.architecture()
    wanted = one.platform.split("/")[1] if "/" in one.platform else engine.architecture()
    return bool(has == wanted)


def _refuse_other_machine(engine: Engine, one: Wanted, found: Mapping[str, Any]) -> None:
    here, its = engine.architecture(), found.get("Architecture") or engine.architecture()
    if _fits(engine, one, found) and (its == here or _emulates(its)):
        return
    raise HostError(
        "image_unavailable",
        f"the image {one.name} is for {its}, and this host is {here}",
        "name an image that is made for it; Debian's qemu-user-static runs those of others",
    )


def _emulates(architecture: str) -> bool:
    machine = {"amd64": "x86_64", "arm64": "aarch64", "386": "i386"}.get(architecture, architecture)
    return os.path.exists(f"/proc/sys/fs/binfmt_misc/qemu-{machine}")


def _pull(engine: Engine, one: Wanted, call: Call) -> None:
    if one.pull == "never":
        raise HostError(
            "image_unavailable",
            f"the image {one.name} is not on this host, and may not be pulled",
            "its service says so: pull_policy; load it there by hand",
        )
    platform = ["--platform", one.platform] if one.platform else []
    seconds = min(call.seconds, PULL_SECONDS)
    with engine.logged_in(call.auth_file) as login:
        argv = ["pull", *platform, *login.options, "--", one.name]
        status, lines = engine.watch(argv, seconds, call.tell, login.environment)
    if status is None:
        raise HostError(
            "image_unavailable",
            f"the image {one.name} did not come within {seconds:g} s",
            f"`{engine.program} pull` it on the host by hand, and try again",
            retryable=True,
        )
    if status != 0:
        raise no_space(lines[-1:]) or HostError(
            "image_unavailable",
            "the image {} can't be had: {}".format(one.name, lines[-1] if lines else "no message"),
            "check its name, and that the host reaches the registry (sandboxer_auth_file where it "
            "wants a login); or load it there by hand",
        )


def recipe_digest(recipe: Mapping[str, Any]) -> str:
    text = json.dumps(recipe, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _import_rootfs(
    engine: Engine, name: str, rootfs: Mapping[str, Any], digest: str, seconds: float
) -> None:
    import tempfile

    from . import rootfs as room  # most images come from elsewhere, and should not pay for it

    with tempfile.TemporaryFile() as file:
        room.write(file, rootfs)
        file.seek(0)
        changes = ["CMD " + json.dumps(rootfs["command"])]
        changes.append(f"LABEL {LABEL_RECIPE}={digest}")
        engine.import_image(name, changes, file, seconds)
