"""Names of variables that an engine carries to a container, or to a build.

The two patterns are the host library's, which refuses by them without knowing of a file.
"""

from __future__ import annotations

import re

from .field import Field

NAME = re.compile(r"[^\s=\x00-\x1f\x7f]*[^\s=*\x00-\x1f\x7f]")
ENGINES_OWN = re.compile(
    "PATH|HOME|TMPDIR|NOTIFY_SOCKET|REGISTRY_AUTH_FILE|SANDBOXER_.*|SBX_BUILD_OF|LD_.*|XDG_.*|_.*"
    "|CONTAINERS_.*|CONTAINER_(?:CONNECTION|HOST|PASSPHRASE|PROXY|SSHKEY|TLS_.*)|PODMAN_.*"
    "|BUILDAH_.*|BUILDX_.*|BUILDKIT_(?:HOST|PROGRESS|COLORS|TTY_.*|NO_CLIENT_TOKEN)"
    "|DOCKER_(?:API_VERSION|AUTH_CONFIG|BUILDKIT|CERT_PATH|CLI_.*|CONFIG|CONTENT_TRUST(?:_SERVER)?)"
    "|DOCKER_(?:CONTEXT|CUSTOM_HEADERS|DEFAULT_PLATFORM|HIDE_LEGACY_COMMANDS|HOST|TLS(?:_VERIFY)?)"
    "|DOCKER_TMPDIR|STORAGE_(?:DRIVER|OPTS)|LISTEN_(?:FDS|FDNAMES|PID)|DBUS_.*"
    "|GO(?:DEBUG|MAXPROCS|GC|MEMLIMIT|TRACEBACK|COVERDIR|RACE)"
)


def check_variable(field: Field, name: str) -> None:
    if NAME.fullmatch(name) is None:
        raise field.invalid_key(
            f"{name!r} is not a variable's name", "it has no spaces, and no asterisk at its end"
        )


def check_argument(field: Field, name: str) -> None:
    """Of a build: those by which the engine lives can't be handed to it as another's."""
    check_variable(field, name)
    if ENGINES_OWN.fullmatch(name) is not None:
        raise field.refused(name)
