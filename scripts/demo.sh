#!/bin/sh
# One real sandbox on this machine: prepared, made, fetched, taken away, and proved gone.
set -eu
cd "$(dirname "$0")/.."

if [ "$(id -u)" = 0 ]; then sudo=; else sudo='sudo '; fi

as_root() {
    if [ -z "$sudo" ]; then "$@"; else sudo "$@"; fi
}

sandboxer() {
    printf '\n$ %ssandboxer %s\n' "$sudo" "$*"
    as_root .venv/bin/sandboxer "$@"
}

name=demo-$$
sandboxer host prepare --fix-engine
sandboxer create --profile profile.hello --name "$name" --ttl 10m
url=$(as_root .venv/bin/sandboxer show "$name" --json |
    .venv/bin/python -c 'import json, sys; print(json.load(sys.stdin)["reachability"]["endpoints"][0]["url"])')
printf '\n$ GET %s\n' "$url"
.venv/bin/python -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode(), end="")' "$url"
sandboxer destroy "$name"

cat <<TEXT

That was a real container on this machine. Next:
  ${sudo}.venv/bin/sandboxer create DIR            the services of your own compose file
  ${sudo}.venv/bin/sandboxer list                  what is there, and when it ends
  .venv/bin/sandboxer --help                     everything else
  ${sudo}.venv/bin/ansible-playbook coulomb.sandboxer.create -e sandboxer_profile=profile.hello
TEXT
