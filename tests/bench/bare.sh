#!/bin/sh
# The stack as a person makes it who knows podman: one ssh call a verb, podman itself, curl until
# both answer. `bare.sh create|again|destroy HOST`; SSH_CONFIG names ssh's file.
set -eu
exec ssh -F "$SSH_CONFIG" "$2" sh -s "$1" <<'END'
set -eu
name=bench

answers() {
    curl --silent --fail --output /dev/null --max-time 2 "http://127.0.0.1:$1/"
}

run() {
    # shellcheck disable=SC2016 # the shell inside expands it
    podman run --detach --name "$name-$1" --network "$name" --network-alias "$1" --init \
        --no-healthcheck --log-driver k8s-file --publish "127.0.0.1:$2:80" --env MESSAGE=hello \
        localhost/sandboxer/hello:1 /bin/busybox sh -c \
        'printf %s "$MESSAGE" >/www/index.txt && exec /bin/busybox httpd -f -p 80 -h /www -c /etc/httpd.conf' \
        >/dev/null
}

case $1 in
create)
    podman network create --opt isolate=true "$name" >/dev/null
    run web 18080
    run api 18081
    until answers 18080 && answers 18081; do sleep 0.02; done
    ;;
again)
    for service in web api; do
        [ "$(podman container inspect --format '{{.State.Running}}' "$name-$service")" = true ]
    done
    answers 18080 && answers 18081
    ;;
destroy)
    podman rm --force --volumes --time 2 "$name-web" "$name-api" >/dev/null
    podman network rm --force "$name" >/dev/null
    [ -z "$(podman ps --all --quiet --filter "name=^$name-")" ]
    [ -z "$(podman network ls --quiet --filter "name=^$name\$")" ]
    if answers 18080 || answers 18081; then exit 1; fi
    ;;
esac
END
