#!/usr/bin/env bash
# Writes the SHA-256 of a release's archives into a checksums file: its comments stay, its former lines go. A target without an
# archive is an error, and then the file is as it was.
#
#   release/checksums.sh ARCHIVES VERSION [FILE]
set -euo pipefail
[ $# = 2 ] || [ $# = 3 ] || { echo "usage: $0 ARCHIVES VERSION [FILE]" >&2; exit 2; }
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
archives=$1 version=$2 file=${3:-$here/checksums.txt}

written=$(mktemp)
trap 'rm -f -- "$written"' EXIT
if [ -f "$file" ]; then grep '^#' "$file" >"$written" || true; fi
while read -r target; do
  (cd -- "$archives" && sha256sum -- "mergeline-$version-$target.tar.gz") >>"$written"
done <"$here/targets.txt"
cat -- "$written" >"$file"
