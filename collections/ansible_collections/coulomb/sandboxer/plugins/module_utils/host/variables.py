"""Names of variables that an engine is to carry unseen, out of its own environment.

The controller refuses by the same two patterns, so that a compose file's place can be named.
"""

from __future__ import annotations

import re

# An asterisk at the end would hand over the engine's own environment.
NAME = re.compile(r"[^\s=\x00-\x1f\x7f]*[^\s=*\x00-\x1f\x7f]")
# By these the engine itself lives: podman, docker, and the languages that they are written in.
ENGINES_OWN = re.compile(
    "PATH|HOME|TMPDIR|NOTIFY_SOCKET|REGISTRY_AUTH_FILE|SANDBOXER_.*|SBX_BUILD_OF|LD_.*|XDG_.*|_.*"
    "|CONTAINERS_.*|CONTAINER_(?:CONNECTION|HOST|PASSPHRASE|PROXY|SSHKEY|TLS_.*)|PODMAN_.*"
    "|BUILDAH_.*|BUILDX_.*|BUILDKIT_(?:HOST|PROGRESS|COLORS|TTY_.*|NO_CLIENT_TOKEN)"
    "|DOCKER_(?:API_VERSION|AUTH_CONFIG|BUILDKIT|CERT_PATH|CLI_.*|CONFIG|CONTENT_TRUST(?:_SERVER)?)"
    "|DOCKER_(?:CONTEXT|CUSTOM_HEADERS|DEFAULT_PLATFORM|HIDE_LEGACY_COMMANDS|HOST|TLS(?:_VERIFY)?)"
    "|DOCKER_TMPDIR|STORAGE_(?:DRIVER|OPTS)|LISTEN_(?:FDS|FDNAMES|PID)|DBUS_.*"
    "|GO(?:DEBUG|MAXPROCS|GC|MEMLIMIT|TRACEBACK|COVERDIR|RACE)"
)
# These it looks at besides.
ENGINES_SIGHT = re.compile("USER|SHELL|TERM|LANG|LC_.*|TZDIR|INVOCATION_ID|container")
