#!/usr/bin/env bash
# Packs the binaries of a release: BINARIES/TARGET/mergeline[.exe] becomes ARCHIVES/mergeline-VERSION-TARGET.tar.gz, for every target
# of targets.txt. The same binaries make the same bytes. Needs GNU tar.
#
#   release/package.sh BINARIES VERSION ARCHIVES
set -euo pipefail
[ $# = 3 ] || { echo "usage: $0 BINARIES VERSION ARCHIVES" >&2; exit 2; }
binaries=$1 version=$2 archives=$3
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

case "$version" in
  [0-9]*.[0-9]*.[0-9]*) ;;
  *) echo "error: \`$version\` is no version like 1.2.3" >&2; exit 2 ;;
esac
mkdir -p "$archives"
while read -r target; do
  program=mergeline
  case "$target" in *windows*) program=mergeline.exe ;; esac
  [ -s "$binaries/$target/$program" ] || { echo "error: there is no $binaries/$target/$program" >&2; exit 3; }
  folder=$(mktemp -d)
  cp -- "$binaries/$target/$program" "$here/../LICENSE" "$here/../NOTICE" "$folder/"
  chmod 755 "$folder/$program"
  chmod 644 "$folder/LICENSE" "$folder/NOTICE"
  tar --create --format ustar --sort name --mtime '2000-01-01 00:00Z' --owner 0 --group 0 --numeric-owner --directory "$folder" LICENSE NOTICE "$program" |
    gzip -9 --no-name >"$archives/mergeline-$version-$target.tar.gz"
  rm -rf -- "$folder"
done <"$here/targets.txt"
