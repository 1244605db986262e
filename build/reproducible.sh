#!/usr/bin/env bash
# Builds the filter a second time, from a copy of the committed source in another folder, and compares the bytes.
# What is compared with is target/palisade.wasm, so the work tree has to be clean.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

if [[ -n $(git -C "$root" status --porcelain) ]]; then
    echo "error: the work tree has changes; commit them first" >&2
    exit 1
fi
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git -C "$root" archive --format=tar HEAD | tar --extract --directory "$copy"
"$copy/build/wasm.sh" build palisade-plugin "$copy/palisade.wasm"
cmp "$root/target/palisade.wasm" "$copy/palisade.wasm"
sha256sum "$root/target/palisade.wasm" | sed "s#$root/##"
