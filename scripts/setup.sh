#!/bin/sh
# Makes .venv with the newest Python here that really runs, and installs what constraints.txt pins.
# setup.sh FOLDER CORE makes another environment, with another version of ansible-core.
set -eu
cd "$(dirname "$0")/.."
folder=${1:-.venv}
core=${2:-}

# A version manager's shim may stand first on PATH and answer "command not found".
candidates() {
    for minor in 13 12 11; do
        echo "python3.$minor"
        for home in "${PYENV_ROOT:-$HOME/.pyenv}/versions" "$HOME/.local/share/uv/python"; do
            for python in "$home"/*3."$minor"*/bin/python3."$minor"; do
                if [ -x "$python" ]; then echo "$python"; fi
            done
        done
        echo "/usr/bin/python3.$minor"
    done
}

runs_with_venv() {
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1
}

find_python() {
    for python in $(candidates); do
        if runs_with_venv "$python"; then
            command -v "$python"
            return
        fi
    done
    return 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

if [ ! -x "$folder/bin/python" ]; then
    if ! python=$(find_python); then
        echo "setup: no Python from 3.11 to 3.13 with venv; installing Debian's python3-venv" >&2
        as_root apt-get update -qq
        as_root apt-get install -y -qq --no-install-recommends python3-venv
        python=$(find_python)
    fi
    echo "setup: $("$python" --version) at $python"
    "$python" -m venv "$folder"
fi

constraints=$folder/constraints.txt
if [ -n "$core" ]; then
    grep -v '^ansible-core==' constraints.txt >"$constraints"
    echo "ansible-core==$core" >>"$constraints"
else
    cp constraints.txt "$constraints"
fi
stamp=$folder/installed
wanted=$(cat pyproject.toml "$constraints" | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    "$folder/bin/python" -m pip install --quiet --constraint "$constraints" hatchling editables
    "$folder/bin/python" -m pip install --quiet --constraint "$constraints" \
        --no-build-isolation --editable '.[dev]'
    echo "$wanted" >"$stamp"
fi
