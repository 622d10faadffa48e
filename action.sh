#!/usr/bin/env bash
# Runs the Mergeline binary inside a job of GitHub or Gitea Actions. Called by action.yml; every input comes by environment.
set -euo pipefail

fail() {
  printf '::error title=mergeline::%s\n' "$1"
  exit "$2"
}

case "${INPUT_COMMAND}" in
  run | review | validate | promote | status) ;;
  *) fail 'the input "command" must be one of run, review, validate, promote, status' 2 ;;
esac

binary="${MERGELINE_BINARY:-}"
if [ -z "$binary" ]; then
  fail 'this version of the action does not download Mergeline yet: set MERGELINE_BINARY to the path of a binary on the runner' 2
fi
if [ ! -x "$binary" ]; then
  fail 'MERGELINE_BINARY does not name an executable file' 2
fi

arguments=("${INPUT_COMMAND}")
[ -z "${INPUT_FAIL_ON:-}" ] || arguments+=("--fail-on=${INPUT_FAIL_ON}")

cd -- "${INPUT_WORKING_DIRECTORY:-.}"
exec "$binary" "${arguments[@]}"
