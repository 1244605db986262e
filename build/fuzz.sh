#!/usr/bin/env bash
# Fuzzes the targets in fuzz/, each for the given number of seconds, from valid policy sets that the differential
# tests generate. Without an argument, a target runs until it finds something or is interrupted.
# usage: build/fuzz.sh [SECONDS] [TARGET...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-0}
shift || true
targets=("$@")
if [ $# -eq 0 ]; then
    targets=(open_bundle open_then_decide)
fi

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "fuzzing needs Rust's nightly toolchain: rustup toolchain install nightly" >&2
    exit 1
fi
tools=$PWD/.tools
if [ ! -x "$tools/bin/cargo-fuzz" ]; then
    cargo install --quiet --locked --root "$tools" --version 0.13.1 cargo-fuzz
fi

seeds=$PWD/target/fuzz-seeds
mkdir -p "$seeds"
PALISADE_FUZZ_SEEDS=$seeds cargo test --quiet --locked --package palisade-policy-compiler --test differential seeds \
    -- --ignored

for target in "${targets[@]}"; do
    corpus=$PWD/target/fuzz-corpus/$target
    mkdir -p "$corpus"
    (
        cd fuzz
        PATH="$tools/bin:$PATH" CARGO_TARGET_DIR=../target/fuzz cargo +nightly fuzz run "$target" "$corpus" "$seeds" -- \
            -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048
    )
done
