"""The document of `docker compose config` put into the words of ours.

Only names and units change. A key that our document hasn't stays there under compose's own name,
so that none is passed over.
"""

from __future__ import annotations

import base64
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Values = dict[str, Any]

NAMES = {
    "mem_limit": "memory",
    "mem_reservation": "memory_reservation",
    "memswap_limit": "memory_swap",
    "scale": "replicas",
    "stop_grace_period": "stop_grace",
}
# what `deploy.resources` says, by our names
RESOURCES = {
    "limits": {"cpus": "cpus", "memory": "memory", "pids": "pids_limit"},
    "reservations": {"memory": "memory_reservation"},
}
# words of its own; those of `restart` are taken too
RESTARTS = {"none": "no", "any": "unless-stopped"}
# docker's own, where nothing is said
CHECK = {"interval": 30.0, "timeout": 30.0, "retries": 3, "start_period": 0.0}
SPANS = ("interval", "timeout", "start_period", "start_interval")
SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
BYTES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30}


def in_our_words(config: Values, root: str, folder: Path) -> Values:
    """`root` is the folder in which docker compose read the files, `folder` the same one here."""
    config = _plain(config)
    services = config["services"]
    named = [(one.get("image"), name) for name, one in services.items() if "build" in one]
    builders = dict(reversed(named))
    made = {name: _service(one, root, builders) for name, one in services.items()}
    _link(services, made)
    for name, service in services.items():
        for lender, _, mode in (one.partition(":") for one in service.get("volumes_from", [])):
            for target, mount in made[lender]["volumes"].items():
                lent = {**mount, "read_only": mount["read_only"] or mode == "ro"}
                made[name]["volumes"].setdefault(target, lent)
    for service in made.values():
        service["depends_on"] = {
            name: {"condition": other["condition"], "restart": other.get("restart", False)}
            | ({} if other["required"] else {"optional": True})
            for name, other in service.get("depends_on", {}).items()
            # one that may be missing, and is: its profile isn't chosen
            if other["required"] or name in made
        }
    return {
        "services": made,
        "networks": config.get("networks", {}),
        "volumes": config.get("volumes", {}),
        **{
            kind: {name: _file(one, root, folder) for name, one in config.get(kind, {}).items()}
            for kind in ("secrets", "configs")
        },
    }


def _plain(value: Any) -> Any:
    """As it runs: each `$` is written twice, and null is what isn't there."""
    if isinstance(value, str):
        return value.replace("$$", "$")
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _service(config: Values, root: str, builders: Mapping[str, str]) -> Values:
    made = {NAMES.get(name, name): value for name, value in config.items()}
    made.pop("profiles", None)  # they are chosen by then
    for name, reading in READINGS.items():
        if made.get(name) is not None:
            made[name] = reading(made[name])
    _image(made, root, builders)
    _deployed(made)
    _mounts(made, root)
    made.setdefault("restart", "no")
    if "cpu_quota" in made:
        made["cpus"] = made.pop("cpu_quota") / made.pop("cpu_period")
    policy = made.pop("pull_policy", "missing")
    if policy not in ("missing", "if_not_present", "build"):
        made["pull"] = policy
    networks = made.pop("networks", None) or {}
    if "network_mode" not in made:
        name = [made["container_name"]] if "container_name" in made else []
        made["networks"] = {
            key: _attachment(network or {}, name)
            for key, network in (networks or {"default": {}}).items()
        }
    return made


def _image(made: Values, root: str, builders: Mapping[str, str]) -> None:
    """An image that is built has no name of its own here."""
    if "build" in made:
        build = made["build"]
        build["context"] = _below(root, build["context"])
        if "dockerfile_inline" in build:
            build.pop("dockerfile", None)
        for name, reading in (("shm_size", _bytes), ("extra_hosts", _hosts)):
            if name in build:
                build[name] = reading(build[name])
        made.pop("image", None)
    elif made["image"] in builders:
        made["built_by"] = builders[made.pop("image")]


def _deployed(made: Values) -> None:
    deploy = made.get("deploy", {})
    if "replicas" in deploy:
        made["replicas"] = deploy.pop("replicas")
    if made.get("replicas") == 1:
        del made["replicas"]
    for kind, names in RESOURCES.items():
        said = deploy.get("resources", {}).get(kind, {})
        for name, ours in names.items():
            if name in said:
                value = said.pop(name)
                made[ours] = _bytes(value) if "memory" in ours else float(value)
    if "restart_policy" in deploy:
        policy = deploy["restart_policy"]
        word = RESTARTS.get(policy.get("condition", "any"), policy.get("condition"))
        attempts = policy.get("max_attempts") if word == "on-failure" else None
        made["restart"] = f"{word}:{attempts}" if attempts else word


def _mounts(made: Values, root: str) -> None:
    mounts = {}
    for one in made.pop("volumes", []):
        mount = {"read_only": False, **one}
        more = mount.get(mount["type"], {})
        known = {name: more.pop(name) for name in ("nocopy", "size", "mode") if name in more}
        if mount["type"] == "bind":
            mount["source"] = _below(root, mount["source"])
        if mount["type"] == "volume":
            mount["volume"] = mount.pop("source", None)
        if "size" in known:
            known["size"] = _bytes(known["size"])
        if more.pop("create_host_path", False):
            known["create"] = True
        mounts[mount["target"]] = mount | known
    for text in _listed(made.pop("tmpfs", [])):
        target, _, options = text.partition(":")
        mount = {"type": "tmpfs", "target": target, "read_only": False}
        for option in filter(None, options.split(",")):
            name, _, value = option.partition("=")
            if name == "size":
                mount["size"] = _bytes(value)
            elif name == "mode":
                mount["mode"] = int(value, 8)
            elif name in ("exec", "noexec"):
                mount["flags"] = [option]
            else:
                mount.setdefault("options", []).append(option)
        mounts[target] = mount
    made["volumes"] = mounts


def _attachment(network: Values, more: list[str]) -> Values:
    aliases = list(dict.fromkeys([*network.pop("aliases", []), *more]))
    return {**network, **({"aliases": aliases} if aliases else {})}


def _link(services: Mapping[str, Values], made: Mapping[str, Values]) -> None:
    """A link's name is the other's on the networks that both are on."""
    for name, service in services.items():
        for link in service.get("links", []):
            other, _, alias = link.partition(":")
            if alias in ("", other):
                continue
            for network in made[name]["networks"].keys() & made[other]["networks"].keys():
                attachment = made[other]["networks"][network]
                names = [*attachment.get("aliases", []), alias]
                attachment["aliases"] = list(dict.fromkeys(names))


def _file(config: Values, root: str, folder: Path) -> Values:
    """With its bytes, as they are here."""
    rest = dict(config)
    if "file" in rest:
        content = (folder / _below(root, rest.pop("file"))).read_bytes()
    elif "environment" in rest:
        wanted = rest.pop("environment")
        lines = (folder / ".env").read_text().splitlines()
        pairs = (line.partition("=") for line in lines)
        content = next(value.strip("'") for name, _, value in pairs if name == wanted).encode()
    else:
        content = rest.pop("content").encode()
    return {**rest, "content": base64.b64encode(content).decode()}


def _below(root: str, path: str) -> str:
    return posixpath.relpath(path, root)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _bytes(value: str | int) -> int:
    number, unit = re.fullmatch(r"(-?[0-9]+)([a-z]?)b?", str(value).lower()).groups()  # type: ignore[union-attr]
    return int(number) * BYTES[unit]


def _seconds(text: str) -> float:
    parts = re.findall(r"([0-9.]+)(ms|us|µs|ns|h|m|s)", text)
    return round(sum(float(number) * SECONDS[unit] for number, unit in parts), 6)


def _check(config: Values) -> Values:
    if config.get("disable") or config["test"] == ["NONE"]:
        return {"test": ["NONE"]}
    spans = {name: _seconds(config[name]) for name in SPANS if name in config}
    return {**CHECK, **config, **spans}


def _ports(config: list[Values]) -> Values:
    """Each port of the container once: on the host it has one port of the range."""
    found: Values = {}
    for port in config:
        found.setdefault(f"{port['target']}/{port['protocol']}", port)
    return found


def _expose(config: list[str]) -> list[str]:
    found = []
    for item in config:
        span, _, protocol = item.partition("/")
        first, _, last = span.partition("-")
        numbers = range(int(first), int(last or first) + 1)
        found += [f"{number}/{protocol or 'tcp'}" for number in numbers]
    return sorted(found)


def _hosts(config: list[str]) -> Values:
    found: Values = {}
    for item in config:
        name, _, address = item.partition("=")
        found.setdefault(name, []).append(address)
    return found


def _limits(config: Values) -> Values:
    """Of two zeros it says nothing."""
    return {
        name: {"soft": 0, "hard": 0, **one} if isinstance(one, dict) else {"soft": one, "hard": one}
        for name, one in config.items()
    }


def _uses(folder: str) -> Any:
    def read(config: list[Values]) -> Values:
        found = {}
        for use in config:
            target = posixpath.join(folder, use.get("target", use["source"]))
            found[target] = {**use, "target": target}
        return found

    return read


READINGS = {
    "cap_add": lambda names: [name.upper().removeprefix("CAP_") for name in names],
    "cap_drop": lambda names: [name.upper().removeprefix("CAP_") for name in names],
    "configs": _uses("/"),
    "cpus": float,
    "dns": _listed,
    "dns_search": _listed,
    "expose": _expose,
    "extra_hosts": _hosts,
    "healthcheck": _check,
    "memory": _bytes,
    "memory_reservation": _bytes,
    "memory_swap": _bytes,
    "ports": _ports,
    "security_opt": lambda options: [one.removesuffix(":true") for one in options],
    "secrets": _uses("/run/secrets"),
    "shm_size": _bytes,
    "stop_grace": _seconds,
    "ulimits": _limits,
}
