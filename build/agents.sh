#!/usr/bin/env bash
# Prints a folder with the A2A agent and client of the tests: the scripts of tests/agents beside the PyPI packages that they
# use, at pinned versions with digests. The packages are installed once into .tools/, anew where the pins change.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
source=$root/tests/agents
home=$root/.tools/agents-$(sha256sum <"$source/requirements.txt" | cut -c1-12)

if [[ ! -d $home ]]; then
    python3 -m pip --version >/dev/null 2>&1 || "$root/build/debian-packages.sh" python3 python3-pip >&2
    echo "installing the A2A SDK of the tests into .tools/" >&2
    mkdir -p "$root/.tools"
    staging=$(mktemp -d "$root/.tools/staging.XXXXXX")
    trap 'rm -rf "$staging"' EXIT
    python3 -m pip install --quiet --disable-pip-version-check --no-input --root-user-action ignore --require-hashes \
        --only-binary :all: --requirement "$source/requirements.txt" --target "$staging/python" >&2
    # Two installations at once: the first one stays.
    mv --no-target-directory "$staging" "$home" 2>/dev/null || [[ -d $home ]]
fi
cp "$source"/*.py "$home"
echo "$home"
