#!/usr/bin/env bash
# Prints the path of a live OpenID provider for the tests (build/oidc-provider); installs it with npm where it is missing.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
source=$root/build/oidc-provider
major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/' || true)
if [[ ${major:-0} -lt 20 ]] || ! command -v npm >/dev/null; then
    echo "error: the OpenID provider of the tests needs Node.js 20 or later with npm; Debian 12's own is older" >&2
    exit 1
fi

# Whatever is in the folder decides what is installed, so a change installs anew.
digest=$(cat "$source"/{package.json,package-lock.json,issuer.mjs} | sha256sum | cut -c1-12)
target=$root/.tools/oidc-provider-$digest
if [[ ! -e $target/issuer.mjs ]]; then
    echo "installing the OpenID provider of the tests" >&2
    mkdir -p "$root/.tools"
    new=$(mktemp -d "$root/.tools/new-XXXXXX")
    trap 'rm -rf "$new"' EXIT
    cp "$source"/{package.json,package-lock.json,.npmrc,issuer.mjs} "$new"
    (cd "$new" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
    # Two installations at once: the first one stays.
    mv --no-target-directory "$new" "$target" 2>/dev/null || [[ -e $target/issuer.mjs ]]
fi
echo "$target/issuer.mjs"
