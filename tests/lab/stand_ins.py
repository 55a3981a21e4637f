"""Images without a registry: the host's own busybox under whatever name a compose file wants.

A stand-in answers over HTTP with the arguments and the environment that it was started with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from tests.lab.places import Place

REGISTRY = "registry.sandboxer.invalid/lab"
# Name -> what the engine's `import` changes. A name's registry can't exist, so none is ever pulled.
IMAGES: Mapping[str, Mapping[str, object]] = {
    f"{REGISTRY}/blog:latest": {"ENTRYPOINT": ["serve", "80", "--"]},
    f"{REGISTRY}/store:3.1-small": {"ENTRYPOINT": ["serve", "5000", "--"]},
    f"{REGISTRY}/bucket:latest": {"ENTRYPOINT": ["serve", "8100", "8101", "--"]},
    f"{REGISTRY}/queue:0.3.0-queue-1.2.0": {"WORKDIR": "/"},
}

SCRIPT = r"""
set -eu
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/tmp" "$root/www/cgi-bin"
cp /bin/busybox "$root/bin/"
for name in $(busybox --list); do
    [ -e "$root/bin/$name" ] || ln -s busybox "$root/bin/$name"
done

cat >"$root/bin/serve" <<'END'
#!/bin/sh
# serve PORT... -- ARGUMENT...
ports=
while [ "$1" != -- ]; do ports="$ports $1"; shift; done
shift
{ echo "arguments: $*"; env; } >/www/index.html
for port in $ports; do httpd -p "$port" -h /www; done
trap 'exit 0' TERM
sleep 100000 &
wait
END
cat >"$root/bin/ask" <<'END'
#!/bin/sh
exec wget -q -O - "http://$1/"
END
# what another service of the sandbox says: /cgi-bin/of?NAME:PORT
cat >"$root/www/cgi-bin/of" <<'END'
#!/bin/sh
echo
exec ask "$QUERY_STRING"
END
chmod 0755 "$root" "$root/bin/serve" "$root/bin/ask" "$root/www/cgi-bin/of"
chmod 1777 "$root/tmp"
tar -C "$root" -cf "$root.tar" .
trap 'rm -rf "$root" "$root.tar"' EXIT
engine=podman
command -v podman >/dev/null || engine=docker
while [ $# -gt 0 ]; do
    "$engine" import --change "$2" "$root.tar" "$1" >/dev/null 2>&1
    shift 2
done
"""
REMOVE = """
if command -v podman >/dev/null; then exec podman rmi --force --ignore "$@"; fi
exec docker rmi --force "$@"
"""


def load(place: Place) -> None:
    """Make the images there."""
    words: list[str] = []
    for name, changes in IMAGES.items():
        [(key, value)] = changes.items()
        words += [name, f"{key} {value if isinstance(value, str) else json.dumps(value)}"]
    remove(place)
    place.run(["sh", "-s", *words], stdin=SCRIPT)


def remove(place: Place, names: Sequence[str] = tuple(IMAGES)) -> None:
    place.run(["sh", "-c", REMOVE, "sh", *names], check=False)
