#!/bin/sh
# Fills a folder with all wheels that a controller without internet needs, ours among them.
# wheelhouse.sh FOLDER [PYTHON]     PYTHON is the controller's version, as 3.13
#
# There, with nothing but Python (its pip is in the folder, too):
#   python3 -m venv --without-pip sand-boxer
#   PYTHONPATH=$(echo FOLDER/pip-*.whl) sand-boxer/bin/python -m pip install \
#       --no-index --find-links FOLDER sand-boxer
set -eu
if [ $# -lt 1 ]; then
    sed -n '2,3s/^# //p' "$0" >&2
    exit 2
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
python=.venv/bin/python
version=${2:-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')}

# an older build would be installed as gladly
rm -f "$folder"/sand_boxer-*.whl
"$python" -m build --wheel --no-isolation --outdir "$folder" . >"$folder/build.log" 2>&1 || {
    cat "$folder/build.log" >&2
    exit 1
}
"$python" -m pip download --quiet --dest "$folder" --find-links "$folder" \
    --only-binary=:all: --python-version "$version" --constraint constraints.txt \
    pip "$folder"/sand_boxer-*.whl
rm "$folder/build.log"
echo "$folder: $(find "$folder" -name '*.whl' | wc -l) wheels for Python $version"
