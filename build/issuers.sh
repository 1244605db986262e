#!/usr/bin/env bash
# Prints a folder with the foreign issuers of the tests: the scripts of tests/issuers beside the npm and PyPI packages that
# they use, at pinned versions. The packages are installed once into .tools/, anew where the pins change; no install script
# of any runs.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
source=$root/tests/issuers
pins=("$source/package.json" "$source/package-lock.json" "$source/requirements.txt")
home=$root/.tools/issuers-$(cat "${pins[@]}" | sha256sum | cut -c1-12)

command -v openssl >/dev/null || "$root/build/debian-packages.sh" openssl >&2
if [[ ! -d $home ]]; then
    major=$(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/' || true)
    if [[ ${major:-0} -lt 20 ]] || ! command -v npm >/dev/null; then
        echo "error: the issuers of the tests need Node.js 20 or later with npm; Debian 12's own is older" >&2
        exit 1
    fi
    python3 -m pip --version >/dev/null 2>&1 || "$root/build/debian-packages.sh" python3 python3-pip >&2
    echo "installing the tests' foreign issuers into .tools/" >&2
    mkdir -p "$root/.tools"
    staging=$(mktemp -d "$root/.tools/staging.XXXXXX")
    trap 'rm -rf "$staging"' EXIT
    cp "${pins[@]}" "$staging"
    (cd "$staging" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2
    python3 -m pip install --quiet --disable-pip-version-check --no-input --root-user-action ignore \
        --requirement "$staging/requirements.txt" --target "$staging/python" >&2
    # Two installations at once: the first one stays.
    mv --no-target-directory "$staging" "$home" 2>/dev/null || [[ -d $home ]]
fi
# Modules are found from where a script lies.
cp "$source"/*.mjs "$source"/*.py "$home"
echo "$home"
