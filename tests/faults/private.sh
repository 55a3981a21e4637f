#!/bin/sh
# Runs a command on a private machine: processes, network, mounts, containers and state of its own,
# so that nothing that others do here is taken for a leftover, and several may run at once.
set -eu
# shellcheck disable=SC2016 # the inner shell expands them
exec unshare --net --mount --pid --fork --mount-proc sh -c '
    for folder in /run /dev/shm /var/lib/containers /etc/containers/networks /srv /var/lib/sandboxer
    do
        if [ -d "$folder" ]; then mount -t tmpfs private "$folder"; fi
    done
    ip link set lo up
    exec "$@"
' sh "$@"
