#!/bin/sh
# The sandbox of profile.hello as a person makes it who knows podman: one ssh call a verb, podman
# itself, curl until it answers. `bare.sh create|again|destroy HOST`; SSH_CONFIG names ssh's file.
set -eu
exec ssh -F "$SSH_CONFIG" "$2" sh -s "$1" <<'END'
set -eu
name=bench
url=http://127.0.0.1:18080/

answers() {
    curl --silent --fail --output /dev/null --max-time 2 "$url"
}

case $1 in
create)
    podman network create --opt isolate=true "$name" >/dev/null
    # shellcheck disable=SC2016 # the shell inside expands it
    podman run --detach --name "$name" --network "$name" --init --no-healthcheck \
        --log-driver k8s-file --publish 127.0.0.1:18080:80 --env MESSAGE=hello \
        localhost/sandboxer/hello:1 /bin/busybox sh -c \
        'printf %s "$MESSAGE" >/www/index.txt && exec /bin/busybox httpd -f -p 80 -h /www -c /etc/httpd.conf' \
        >/dev/null
    until answers; do sleep 0.02; done
    ;;
again)
    [ "$(podman container inspect --format '{{.State.Running}}' "$name")" = true ]
    answers
    ;;
destroy)
    podman rm --force --volumes --time 2 "$name" >/dev/null
    podman network rm --force "$name" >/dev/null
    [ -z "$(podman ps --all --quiet --filter "name=^$name\$")" ]
    [ -z "$(podman network ls --quiet --filter "name=^$name\$")" ]
    if answers; then exit 1; fi
    ;;
esac
END
