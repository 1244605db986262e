#!/usr/bin/env bash
# Builds the filter into target/palisade.wasm, prints its size, and fails when it is over the ceiling.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
module=$root/target/palisade.wasm

"$root/build/wasm.sh" build palisade-plugin "$module"
size=$(stat --format=%s "$module")
ceiling=$(grep --max-count=1 '^[0-9]' "$root/plugin/size-ceiling")
printf 'target/palisade.wasm: %d bytes of at most %d (%d%%)\n' "$size" "$ceiling" $((size * 100 / ceiling))
if ((size > ceiling)); then
    echo "error: the filter is over the ceiling in plugin/size-ceiling" >&2
    exit 1
fi
