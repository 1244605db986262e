#!/usr/bin/env bash
# Prints the path of wrk, the load generator of `make bench-envoy`; installs Debian's package where it is missing.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
command -v wrk >/dev/null || "$root/build/debian-packages.sh" wrk >&2
command -v wrk
