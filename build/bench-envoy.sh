#!/usr/bin/env bash
# Prepares and runs the measurement of benches/envoy: the wasm yardsticks, a signed bundle, a token.
# Usage: build/bench-envoy.sh, with PALISADE_ENVOY, PALISADE_WRK, PALISADE_WASM and PALISADE_CLI set by the Makefile.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$root/target/bench-envoy
project=$root/envoy-config/quickstart
mkdir -p "$work"

for yardstick in noop-abi noop-sdk; do
    "$root/build/wasm.sh" build "palisade-bench-$yardstick" "$work/$yardstick.wasm"
done

cd "$work"
rm -rf keys
{
    "$PALISADE_CLI" keys generate --algorithm ed25519 --kid bundle --out keys
    "$PALISADE_CLI" keys generate --algorithm es256 --kid dev --out keys/issuer
    "$PALISADE_CLI" keys jwks keys/issuer -o dev.jwks.json
    "$PALISADE_CLI" build "$project" -o bench.palisade --jwks dev=dev.jwks.json
    "$PALISADE_CLI" sign bench.palisade --key keys/bundle.pem
    "$PALISADE_CLI" gateway-config bench.palisade --trust keys/bundle.pub -o configuration.json
} >log
# Who may read the repository that the load asks for; see the quickstart's tests/reading.json.
"$PALISADE_CLI" token mint --key keys/issuer/dev.pem --kid dev --expires-in 14m \
    --issuer https://issuer.quickstart.example --audience https://gateway.quickstart.example --subject coder-7 \
    --claims '{"teams": ["payments"], "autonomous": true, "task": {"id": "T-1", "started_at": 1767225600}}' >token

PALISADE_NOOP_ABI=$work/noop-abi.wasm PALISADE_NOOP_SDK=$work/noop-sdk.wasm \
    PALISADE_CONFIGURATION=$work/configuration.json PALISADE_TOKEN=$work/token \
    cargo run --quiet --locked --manifest-path "$root/Cargo.toml" --package palisade-bench-envoy
