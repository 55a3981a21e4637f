#!/bin/sh
# The folders that Debian's merged /usr has: no maintainer script runs here that would make them.
set -eu
for folder in bin sbin lib lib64; do
    mkdir -p "$1/usr/$folder"
    ln -s "usr/$folder" "$1/$folder"
done
