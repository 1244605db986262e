#!/usr/bin/env bash
# Prints a folder with the MCP software of the tests that others wrote: the scripts of tests/mcp beside the npm and PyPI
# packages that they use, at pinned versions: the SDKs of TypeScript (of both eras) and Python, the reference file server, the
# conformance suite, and the Node.js that the suite needs. Installed once into .tools/, anew where the pins change; no install
# script of any runs.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
source=$root/tests/mcp
pins=("$source/package.json" "$source/package-lock.json" "$source/requirements.txt")
home=$root/.tools/mcp-tools-$(cat "${pins[@]}" | sha256sum | cut -c1-12)

if [[ ! -d $home ]]; then
    command -v npm >/dev/null || "$root/build/debian-packages.sh" nodejs npm >&2
    python3 -m pip --version >/dev/null 2>&1 || "$root/build/debian-packages.sh" python3 python3-pip >&2
    echo "installing the tests' MCP software into .tools/" >&2
    mkdir -p "$root/.tools"
    staging=$(mktemp -d "$root/.tools/staging.XXXXXX")
    trap 'rm -rf "$staging"' EXIT
    cp "${pins[@]}" "$staging"
    # The engines that some packages ask for are those of the Node.js beside them.
    (cd "$staging" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2
    python3 -m pip install --quiet --disable-pip-version-check --no-input --root-user-action ignore \
        --no-deps --require-hashes --requirement "$staging/requirements.txt" --target "$staging/python" >&2
    # Two installations at once: the first one stays.
    mv --no-target-directory "$staging" "$home" 2>/dev/null || [[ -d $home ]]
fi
# Modules are found from where a script lies.
cp "$source"/*.mjs "$source"/*.py "$home"
echo "$home"
