#!/usr/bin/env bash
# Looks for disagreements and crashes: generates cases for the differential tests with new seeds, and fuzzes the targets
# in fuzz/ from valid policy sets that those tests generate.
# usage: build/fuzz.sh [SECONDS]
# With SECONDS, each target runs for so long, once, and the differential tests are left to `make test`. Without, both go
# on in turns until something is found or somebody interrupts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=${1:-}
targets=()
for file in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done

# The sanitizer is an unstable option: nightly takes it, and so does stable when told to be nightly.
if cargo +nightly --version >/dev/null 2>&1; then
    cargo=(cargo +nightly)
else
    export RUSTC_BOOTSTRAP=1
    cargo=(cargo)
fi
tools=$PWD/.tools
if [ ! -x "$tools/bin/cargo-fuzz" ]; then
    echo "installing cargo-fuzz" >&2
    cargo install --quiet --locked --root "$tools" --version 0.13.1 cargo-fuzz
fi

seeds=$PWD/target/fuzz-seeds
mkdir -p "$seeds"
# The whole workspace, as everywhere: a part of it would compile cedar-policy again.
PALISADE_FUZZ_SEEDS=$seeds cargo test --quiet --locked --workspace --test differential seeds -- --ignored >/dev/null

fuzz() { # TARGET SECONDS
    local log=$PWD/target/fuzz-$1.log corpora=("$PWD/target/fuzz-corpus/$1")
    mkdir -p "${corpora[0]}"
    # Policy sets say nothing to the targets that read tokens.
    [[ $1 != open_* ]] || corpora+=("$seeds")
    if ! (
        cd fuzz
        PATH="$tools/bin:$PATH" CARGO_TARGET_DIR=../target/fuzz "${cargo[@]}" fuzz run "$1" "${corpora[@]}" -- \
            -max_total_time="$2" -max_len=65536 -timeout=10 -rss_limit_mb=2048
    ) >"$log" 2>&1; then
        tail --lines 60 "$log"
        echo "error: fuzz target $1 found something, or could not be built: target/fuzz-$1.log" >&2
        return 1
    fi
    echo "$1: $(grep '^Done ' "$log")"
}

if [[ -n $seconds ]]; then
    for target in "${targets[@]}"; do fuzz "$target" "$seconds"; done
    exit
fi
while true; do
    seed=$(date +%s)
    echo "differential tests, seed $seed"
    PALISADE_DIFFERENTIAL_SEED=$seed PALISADE_DIFFERENTIAL_FACTOR=4 \
        cargo test --quiet --locked --workspace --test differential
    for target in "${targets[@]}"; do fuzz "$target" 300; done
done
