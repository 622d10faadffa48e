#!/usr/bin/env bash
# Rehearses a release without the network: a statically linked binary, packed by the release's own scripts, run by the action's own
# bootstrap from its tool cache. What it cannot do here, release.yml does: musl, macOS and Windows, and optimised builds.
#
# The dependencies of the test build are linked anew, statically against the C library of this machine: a dependency that needs a
# shared library fails here, minutes before it would fail with musl.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT

cargo rustc --locked --quiet --bin mergeline -- -C target-feature=+crt-static
cp "${CARGO_TARGET_DIR:-target}/debug/mergeline" "$folder/mergeline"
if ldd "$folder/mergeline" 2>/dev/null | grep '=>'; then
  echo 'error: the binary needs shared libraries' >&2
  exit 1
fi
strip "$folder/mergeline"

# The other platforms' archives are stand-ins: it is the scripts that are rehearsed.
version=$(cargo pkgid --locked -p mergeline | sed 's/.*[#@]//')
case "$(uname -m)" in arm64) machine=aarch64 ;; *) machine=$(uname -m) ;; esac
while read -r target; do
  program=mergeline
  case "$target" in *windows*) program=mergeline.exe ;; esac
  mkdir -p "$folder/binaries/$target"
  if [ "$target" = "$machine-unknown-linux-musl" ]; then
    cp "$folder/mergeline" "$folder/binaries/$target/$program"
  else
    printf 'stand-in for %s\n' "$target" >"$folder/binaries/$target/$program"
  fi
done <release/targets.txt
release/package.sh "$folder/binaries" "$version" "$folder/archives"

mkdir -p "$folder/action/release" "$folder/temporary" "$folder/cache/mergeline/$version/$machine-unknown-linux-musl"
cp action.sh "$folder/action/"
cp release/checksums.txt "$folder/action/release/"
release/checksums.sh "$folder/archives" "$version" "$folder/action/release/checksums.txt"
cp "$folder/archives/"*"-$machine-unknown-linux-musl.tar.gz" "$folder/cache/mergeline/$version/$machine-unknown-linux-musl/"
cp -R examples/shop/apps/platform "$folder/shop"
git init --quiet "$folder/shop"
env -u MERGELINE_BINARY RUNNER_TEMP="$folder/temporary" RUNNER_TOOL_CACHE="$folder/cache" MERGELINE_DOWNLOAD_URL=http://127.0.0.1:1 \
  INPUT_COMMAND=validate INPUT_WORKING_DIRECTORY="$folder/shop" bash "$folder/action/action.sh"
ls -l "$folder/archives" | sed 1d
