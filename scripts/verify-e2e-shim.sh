#!/usr/bin/env bash
# Proves the old entries on this machine, which has been prepared: `python -m e2e_framework` and
# `make e2e` are `validate run`, for a repository that passes, one that fails, one whose contract
# is wrong. Makes real sandboxes, and looks that none is left.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin=$PWD/.venv/bin
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

# Runs of nobody: no event of theirs goes to a hub, and the user's own are left alone.
export XDG_CONFIG_HOME=$work/config XDG_STATE_HOME=$work/state
export SANDBOXER_OWNER=verify-$$
unset SANDBOXER_HUB_URL ANSIBLE_INVENTORY INVENTORY HOST KEEP PROFILE MAKEFLAGS MAKELEVEL

fail() {
    echo "verify-e2e-shim: $*" >&2
    exit 1
}

# repository NAME LINE...: a folder whose contract has these lines
repository() {
    local folder=$work/$1
    mkdir -p "$folder/e2e"
    printf '%s\n' 'version: 1' 'profile: profile.hello' "${@:2}" >"$folder/e2e/e2e.yml"
}

# said NAME COMMAND...: its streams are NAME.out and NAME.err, its status is $status
said() {
    status=0
    "${@:2}" >"$work/$1.out" 2>"$work/$1.err" </dev/null || status=$?
}

# Ids, keys, times, and the hashes of what holds them, differ from run to run.
shape() {
    "$bin/python" - "$1" <<'PY'
import json
import re
import sys

VARY = {"run", "run_key", "sandbox", "seconds", "started_at", "ended_at", "sha256", "bytes"}


def shape(value):
    if isinstance(value, dict):
        return {key: key if key in VARY else shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    if isinstance(value, str):
        value = re.sub(r"\b(run|sbx)-[a-z0-9]{8,}", r"\1-ID", value)
        return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", value)
    return value


with open(sys.argv[1]) as file:
    print(json.dumps(shape(json.load(file)), indent=1))
PY
}

# compare NAME STATUS: each entry ends with it, and the two with --json say the same
compare() {
    local folder=$work/$1
    said new "$bin/validate" run "$folder" --json
    [[ $status == "$2" ]] || fail "$1: validate run ended with $status, not $2: $(<"$work/new.err")"
    said old "$bin/python" -m e2e_framework --repo "$folder" --json
    [[ $status == "$2" ]] || fail "$1: e2e_framework ended with $status, not $2: $(<"$work/old.err")"
    shape "$work/new.out" >"$work/new.shape"
    shape "$work/old.out" >"$work/old.shape"
    diff "$work/new.shape" "$work/old.shape" >&2 || fail "$1: they say different things"
    [[ $(grep -c deprecated "$work/old.err") == 1 ]] || fail "$1: it does not warn once on stderr"
    ! grep -q deprecated "$work/old.out" || fail "$1: the warning is on stdout"
    ! grep -q deprecated "$work/new.err" || fail "$1: validate itself is called deprecated"

    # make's status is 0 or 2; the program's own is in its last line
    said make make --no-print-directory e2e REPO="$folder"
    if [[ $2 == 0 ]]; then
        [[ $status == 0 ]] || fail "$1: make e2e ended with $status: $(<"$work/make.err")"
    else
        [[ $status == 2 ]] || fail "$1: make e2e ended with $status, not with make's own 2"
        [[ $(tail -n 1 "$work/make.err") == *"e2e] Error $2" ]] ||
            fail "$1: make's last line is not of $2: $(tail -n 1 "$work/make.err")"
    fi
    echo "$1: all three ended with $2"
}

export LC_ALL=C.UTF-8
repository passes "test_command: 'case \$SANDBOXER_ENDPOINT_WEB_80 in http://*) ;; *) exit 1 ;; esac'"
repository fails "test_command: 'exit 3'"
repository wrong "test_command: 'true'" 'retires: 1'

compare passes 0
compare fails 9
compare wrong 2

said words "$bin/python" -m e2e_framework "$work/passes" --frobnicate
[[ $status == 2 ]] || fail "an unknown option ended with $status, not 2"
grep -q 'validate --help' "$work/words.err" || fail "an unknown option has no hint"

left=$("$bin/sandboxer" list)
[[ -z $left ]] || fail "left behind: $left"
echo "nothing is left"
