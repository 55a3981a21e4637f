#!/bin/sh
# The same with the host's podman-compose: the file goes over, `up`, curl until both answer.
# `compose.sh create|destroy HOST`; SSH_CONFIG names ssh's file.
set -eu
verb=$1
host=$2
if [ "$verb" = create ]; then
    ssh -F "$SSH_CONFIG" "$host" 'mkdir -p /srv/bench && cat >/srv/bench/compose.yml' \
        <"${0%/*}/stack/compose.yml"
fi
exec ssh -F "$SSH_CONFIG" "$host" sh -s "$verb" <<'END'
set -eu
folder=/srv/bench

answers() {
    curl --silent --fail --output /dev/null --max-time 2 "http://127.0.0.1:$1/"
}

compose() {
    # what it says goes to the terminal only where it fails
    said=$(podman-compose --file "$folder/compose.yml" "$@" 2>&1) || { echo "$said" >&2; exit 1; }
}

case $1 in
create)
    compose up --detach
    until answers 18080 && answers 18081; do sleep 0.02; done
    ;;
destroy)
    # not by itself, which would take longer than its making
    containers=$(podman ps --all --quiet --filter label=io.podman.compose.project=bench)
    # shellcheck disable=SC2086 # each is a word
    podman rm --force --volumes --time 2 $containers >/dev/null
    rm "$folder/compose.yml"
    rmdir "$folder"
    podman network rm --force bench_default >/dev/null 2>&1
    ;;
esac
END
