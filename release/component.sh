#!/usr/bin/env bash
# Writes the SHA-256 of the Linux archives from a checksums file into GitLab's component, between its two marks, so that whoever
# includes the component by a tag pins the bytes that run.
#
#   release/component.sh [CHECKSUMS [COMPONENT]]
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
checksums=${1:-$here/checksums.txt} component=${2:-$here/../templates/mergeline.yml}

lines=$(grep -E '^[0-9a-f]{64}  mergeline-[0-9A-Za-z._-]+-linux-musl\.tar\.gz$' "$checksums" || true)
[ "$(grep -cE '^ *# (begin|end) checksums$' "$component")" = 2 ] || { echo "error: $component lacks its marks" >&2; exit 2; }
written=$(mktemp)
trap 'rm -f -- "$written"' EXIT
LINES_OF_RELEASE=$lines awk '
  /^ *# begin checksums$/ {
    print
    indent = $0
    sub(/#.*/, "", indent)
    count = split(ENVIRON["LINES_OF_RELEASE"], line, "\n")
    for (at = 1; at <= count; at++) if (line[at] != "") print indent line[at]
    inside = 1
  }
  /^ *# end checksums$/ { inside = 0 }
  !inside { print }
' "$component" >"$written"
cat -- "$written" >"$component"
