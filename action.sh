#!/usr/bin/env bash
# Runs the Mergeline binary inside a job of GitHub or Gitea Actions. Called by action.yml; every input comes by environment.
#
# The binary is the one that MERGELINE_BINARY names, else that of the release which this commit of the action belongs to. Its archive
# is taken from the tool cache or downloaded, and compared with release/checksums.txt beside this script before anything of it is
# unpacked: whoever pins the commit of the action pins the bytes that run, also those that an earlier job left in the cache.
set -euo pipefail

fail() {
  printf '::error title=mergeline::%s\n' "$2"
  exit "$1"
}

one_of() { # INPUT VALUE WORD…
  local input=$1 value=$2 word
  shift 2
  for word in "$@"; do
    if [ "$value" = "$word" ]; then return; fi
  done
  fail 2 "the input \"$input\" must be one of: $*"
}

target() {
  case "$(uname -s)/$(uname -m)" in
    Linux/x86_64 | Linux/amd64) echo x86_64-unknown-linux-musl ;;
    Linux/aarch64 | Linux/arm64) echo aarch64-unknown-linux-musl ;;
    Darwin/x86_64) echo x86_64-apple-darwin ;;
    Darwin/arm64) echo aarch64-apple-darwin ;;
    MINGW*/x86_64 | MSYS*/x86_64 | CYGWIN*/x86_64) echo x86_64-pc-windows-msvc ;;
    *) return 1 ;;
  esac
}

has_digest() { # FILE SHA256
  local found
  if command -v sha256sum >/dev/null; then
    found=$(sha256sum <"$1")
  elif command -v shasum >/dev/null; then
    found=$(shasum -a 256 <"$1")
  else
    fail 2 'this runner has neither sha256sum nor shasum, so that a download could not be checked'
  fi
  [ "${found%% *}" = "$2" ]
}

download() { # URL FILE; proxies are those of curl: https_proxy, http_proxy, no_proxy
  local attempt code protocols=(--proto '=https' --tlsv1.2)
  # A mirror may speak plain HTTP: the checksum vouches for the bytes, not the way that they came.
  case "$1" in http://*) protocols=(--proto '=http,https') ;; esac
  for attempt in 1 2 3 4; do
    if code=$(curl --silent --show-error --fail --location "${protocols[@]}" --connect-timeout 20 --max-time 300 \
      --write-out '%{http_code}' --output "$2" -- "$1"); then
      return 0
    fi
    case "$code" in
      408 | 429) ;;
      4??) break ;; # asking again changes nothing
    esac
    if [ "$attempt" != 4 ]; then sleep "$attempt"; fi
  done
  return 1
}

# The binary of this commit's own release; sets `binary`.
install() {
  local target digest archive version cache place folder
  target=$(target) || fail 2 "there is no Mergeline binary for $(uname -s) on $(uname -m); set MERGELINE_BINARY to one that you built"
  read -r digest archive < <(grep -E "^[0-9a-f]{64}  mergeline-[0-9A-Za-z.-]+-$target\.tar\.gz$" "$here/release/checksums.txt") || true
  if [ -z "${archive:-}" ]; then
    fail 2 "this commit of the action is no release: release/checksums.txt has no $target; use a release tag, or set MERGELINE_BINARY"
  fi
  version=${archive#mergeline-}
  version=${version%"-$target.tar.gz"}
  cache=${RUNNER_TOOL_CACHE:-${RUNNER_TEMP:-/tmp}}/mergeline/$version/$target
  place=$cache/$archive
  folder=$(mktemp -d "${RUNNER_TEMP:-/tmp}/mergeline-XXXXXXXX")
  if ! { [ -f "$place" ] && has_digest "$place" "$digest"; }; then
    local base=${MERGELINE_DOWNLOAD_URL:-https://github.com/mergeline/mergeline/releases/download}
    download "${base%/}/v$version/$archive" "$folder/$archive" ||
      fail 4 "cannot download $archive of release v$version; behind a firewall, set the input \"download-url\" to a mirror of the releases"
    if ! has_digest "$folder/$archive" "$digest"; then
      rm -rf -- "$folder"
      fail 5 "$archive is not what release v$version was: its SHA-256 differs from release/checksums.txt; nothing of it was unpacked"
    fi
    # Appears whole or not at all, whoever else is at it; a cache that cannot be written is none.
    { mkdir -p -- "$cache" && cp -- "$folder/$archive" "$place.$$" && mv -f -- "$place.$$" "$place"; } 2>/dev/null || true
    place=$folder/$archive
  fi
  tar -xzf "$place" -C "$folder" || fail 4 "cannot unpack $archive"
  binary=$folder/mergeline
  case "$target" in *windows*) binary=$binary.exe ;; esac
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
one_of command "${INPUT_COMMAND:-run}" run review validate promote status
one_of dry-run "${INPUT_DRY_RUN:-false}" true false
one_of fail-on "${INPUT_FAIL_ON:-}" '' error warning never

command=${INPUT_COMMAND:-run}
arguments=("$command")
given() { # INPUT VALUE ARGUMENT COMMAND…; an input that the command does not have is an error, not passed over
  local input=$1 value=$2 argument=$3 known
  shift 3
  if [ -z "$value" ]; then return; fi
  for known in "$@"; do
    if [ "$command" = "$known" ]; then arguments+=("$argument") && return; fi
  done
  fail 2 "the input \"$input\" is not for the command $command, but for: $*"
}
dry_run=${INPUT_DRY_RUN:-false}
given fail-on "${INPUT_FAIL_ON:-}" "--fail-on=${INPUT_FAIL_ON:-}" run review validate promote
given kubernetes "${INPUT_KUBERNETES:-}" "--kubernetes=${INPUT_KUBERNETES:-}" run review validate promote
given dry-run "${dry_run#false}" --dry-run run promote
if [ "$command" = promote ]; then
  # Its environments are no flag.
  given environment "${INPUT_ENVIRONMENT:-}" -- promote
  given environment "${INPUT_ENVIRONMENT:-}" "${INPUT_ENVIRONMENT:-}" promote
else
  given environment "${INPUT_ENVIRONMENT:-}" "--environment=${INPUT_ENVIRONMENT:-}" run review promote
fi

binary=${MERGELINE_BINARY:-}
if [ -z "$binary" ]; then
  install
elif [ ! -x "$binary" ]; then
  fail 2 'MERGELINE_BINARY does not name an executable file'
fi

cd -- "${INPUT_WORKING_DIRECTORY:-.}"
exec "$binary" "${arguments[@]}"
