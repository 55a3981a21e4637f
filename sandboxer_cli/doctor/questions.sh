#!/bin/sh
# What doctor asks a host, in one round trip: "key=value" lines. It comes by standard input, so that
# the login shell has nothing to take apart; what is called here must not read from there. Its
# arguments are the words of the host's compose program, if it has one.

say() { printf '%s=%s\n' "$1" "$(printf %s "$2" | tr '\n' ' ')"; }

# Where a program lies that a plain login doesn't find.
elsewhere() {
    for folder in /usr/local/bin /usr/local/sbin /usr/sbin "$HOME/.local/bin"; do
        [ ! -x "$folder/$1" ] || { echo "$folder/$1"; return; }
    done
}

ask_compose() {
    if ! command -v "$1" >/dev/null; then
        say compose_elsewhere "$(elsewhere "$1")"
        return
    fi
    told=$(PYTHONDONTWRITEBYTECODE=1 timeout -k 1 10 "$@" version </dev/null 2>&1)
    say compose_status "$?"
    say compose "$(printf %s "$told" | head -c 1000)"
}

# the host's own daemon, as its host program has it
export DOCKER_HOST=unix:///var/run/docker.sock
say time "$(date +%s.%N)"
[ "$#" = 0 ] || ask_compose "$@" &
uid=$(id -u)
user=$(id -un)
say uid "$uid"
say user "$user"
say path "$PATH"

python=/usr/bin/python3
[ -x "$python" ] || python=python3
say python "$("$python" -I -S -c 'import sys, time
print("%d.%d.%d" % sys.version_info[:3], time.clock_gettime(time.CLOCK_BOOTTIME))' </dev/null 2>&1)"

# By the host's own rule: podman, where it has it, else docker with its daemon.
daemon=$(command -v dockerd || elsewhere dockerd)
# `podman info` would ask dpkg for the package of each of its programs, and take ten times as long.
if command -v podman >/dev/null; then
    told=$(timeout -k 1 10 podman ps --quiet </dev/null 2>&1 >/dev/null)
    say engine_status "$?"
    say engine_said "$(printf '%s\n' "$told" | tail -n 1)"
    say engine "$(timeout -k 1 10 podman --version </dev/null 2>/dev/null)"
elif command -v docker >/dev/null && [ -n "$daemon" ]; then
    told=$(timeout -k 1 10 docker version --format '{{.Server.Version}}' </dev/null 2>&1)
    say engine_status "$?"
    say engine_said "$(printf '%s\n' "$told" | tail -n 1)"
    say engine "docker $told"
else
    say engine_elsewhere "$(elsewhere podman)"
fi
registries=$(cat "${CONTAINERS_REGISTRIES_CONF:-/etc/containers/registries.conf}" \
    /etc/containers/registries.conf.d/*.conf 2>/dev/null | sed 's/#.*//' | tr '\n' ' ')
say short_names "$(printf '%s\n' "$registries" |
    sed -n 's/.*short-name-mode[[:space:]]*=[[:space:]]*"\([a-z]*\)".*/\1/p')"
say search "$(printf '%s\n' "$registries" |
    sed -n 's/.*unqualified-search-registries[[:space:]]*=[[:space:]]*\[\([^]]*\)\].*/\1/p')"

state=/var/lib/sandboxer
[ "$uid" = 0 ] || state=$HOME/.local/state/sandboxer
[ -z "$SANDBOXER_STATE" ] || state=$SANDBOXER_STATE/state
say host "$(head -c 4096 "$state/host.json" 2>/dev/null)"
say beat "$(head -c 4096 "$state/beat.json" 2>/dev/null)"
say boot_id "$(cat /proc/sys/kernel/random/boot_id)-$(sed 's/.*) //' /proc/1/stat | cut -d' ' -f20)"

if [ "$uid" != 0 ]; then
    say subuid "$(getsubids "$user" </dev/null 2>/dev/null)"
    say subgid "$(getsubids -g "$user" </dev/null 2>/dev/null)"
    [ ! -e "/var/lib/systemd/linger/$user" ] || say linger 1
fi

folders='/var/lib /var/lib/containers /var/lib/docker /srv'
[ "$uid" = 0 ] || folders=$HOME
for folder in $folders; do
    [ -d "$folder" ] || continue
    say disk "$(df -Pk "$folder" | tail -n 1)"
    say inodes "$(df -Pi "$folder" | tail -n 1)"
done
say memory "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo)"
say sessions "$(/usr/sbin/sshd -T 2>/dev/null </dev/null | sed -n 's/^maxsessions //p')"
say time "$(date +%s.%N)"
wait
say end 1
