#!/usr/bin/env bash
# Prints a folder with the foreign issuers of the tests: the scripts of tests/issuers with the npm and PyPI packages that
# they use, at pinned versions. Installed once into .tools/, anew where the scripts or the pins change.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
source=$root/tests/issuers
digest=$(cat "$source"/* | sha256sum | cut -c1-12)
home=$root/.tools/issuers-$digest
if [[ -d $home ]]; then
    echo "$home"
    exit 0
fi

command -v npm >/dev/null || "$root/build/debian-packages.sh" nodejs npm >&2
python3 -m pip --version >/dev/null 2>&1 || "$root/build/debian-packages.sh" python3 python3-pip >&2
echo "installing the tests' foreign issuers into .tools/" >&2
mkdir -p "$root/.tools"
staging=$(mktemp -d "$root/.tools/staging.XXXXXX")
trap 'rm -rf "$staging"' EXIT
cp "$source"/* "$staging"
(cd "$staging" && npm ci --silent --no-audit --no-fund --omit dev) >&2
python3 -m pip install --quiet --disable-pip-version-check --no-input --root-user-action ignore \
    --requirement "$staging/requirements.txt" --target "$staging/python" >&2
mv "$staging" "$home"
trap - EXIT
echo "$home"
