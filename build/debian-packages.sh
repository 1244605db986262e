#!/usr/bin/env bash
# Installs the named Debian packages where they are missing, or says what to do.
# Usage: build/debian-packages.sh [--upgrade] PACKAGE…
# With --upgrade, packages that are there are brought up to date as well.
set -euo pipefail

missing=()
if [[ $1 == --upgrade ]]; then
    shift
    missing=("$@")
else
    for package in "$@"; do
        status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
        [[ $status == installed ]] || missing+=("$package")
    done
fi
[[ ${#missing[@]} -gt 0 ]] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "error: needs ${missing[*]} (Debian's names); install them with this system's package manager" >&2
    exit 1
fi
as_root=()
if [[ $(id -u) -ne 0 ]]; then
    if ! sudo --non-interactive true 2>/dev/null; then
        echo "error: run this once, then try again: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo --non-interactive)
fi

echo "installing Debian packages: ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# Old package lists would give old packages, and a fresh machine has none.
if ! {
    "${as_root[@]}" apt-get update &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get install --yes --no-install-recommends "${missing[@]}"
} >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    echo "error: apt-get could not install ${missing[*]}" >&2
    exit 1
fi
