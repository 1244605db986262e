#!/usr/bin/env bash
# Builds what palisade is measured beside in Envoy, and runs the measurement of benches/envoy.
# Usage: build/bench-envoy.sh [--quick], with PALISADE_ENVOY, PALISADE_WASM and PALISADE_CLI set by the Makefile.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
parts=$root/target/bench-envoy
alternatives=$root/benches/envoy/alternatives
mkdir -p "$parts"

for yardstick in buffer-abi buffer-sdk headers-abi noop-abi noop-sdk; do
    "$root/build/wasm.sh" build "palisade-bench-$yardstick" "$parts/$yardstick.wasm"
done
# The alternatives on cedar-policy, optimised: a few minutes, once.
PALISADE_WASM_WORKSPACE=$alternatives "$root/build/wasm.sh" build palisade-bench-embedded "$parts/embedded.wasm"
# From its folder, for the wasm target's options are not for it.
(cd "$alternatives" && cargo build --quiet --locked --release --target-dir "$root/target/alternatives" --bins)
cp --update "$root/target/alternatives/release/palisade-bench-ext-authz" "$parts/ext-authz"

cd "$root"
cargo build --quiet --locked --release --package palisade-bench-envoy
PALISADE_BENCH=$parts PALISADE_BENCH_OUTPUT=$root/target/bench target/release/palisade-bench-envoy "$@"
