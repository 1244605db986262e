#!/usr/bin/env bash
# Looks for disagreements and crashes: generates cases for the differential tests with new seeds, and fuzzes the targets
# in fuzz/ from valid policy sets that those tests generate.
# usage: build/fuzz.sh [SECONDS | --build]
# With SECONDS, each target runs for so long, once, and the differential tests are left to `make test`. Without, both go
# on in turns until something is found or somebody interrupts. A target takes one core; as many run at once as there are.
# With --build, the targets are built and no more.
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
    # All that it does is to start cargo and the targets: optimising it would take longer than it ever runs.
    cargo install --quiet --locked --debug --root "$tools" --version 0.13.1 cargo-fuzz
fi

cargo_fuzz() { (cd fuzz && PATH="$tools/bin:$PATH" CARGO_TARGET_DIR=../target/fuzz "${cargo[@]}" fuzz "$@"); }

mkdir -p target
log=$PWD/target/fuzz-build.log
if ! cargo_fuzz build >"$log" 2>&1; then
    tail --lines 60 "$log"
    echo "error: the fuzz targets could not be built: target/fuzz-build.log" >&2
    exit 1
fi
[[ $seconds != --build ]] || exit 0

seeds=$PWD/target/fuzz-seeds
mkdir -p "$seeds"
# The whole workspace, as everywhere: a part of it would compile cedar-policy again.
PALISADE_FUZZ_SEEDS=$seeds cargo test --quiet --locked --workspace --test differential seeds -- --ignored >/dev/null

fuzz() { # TARGET SECONDS
    local log=$PWD/target/fuzz-$1.log corpora=("$PWD/target/fuzz-corpus/$1")
    mkdir -p "${corpora[0]}"
    # Policy sets say nothing to the targets that read tokens.
    [[ $1 != open_* ]] || corpora+=("$seeds")
    if ! cargo_fuzz run "$1" "${corpora[@]}" -- \
        -max_total_time="$2" -max_len=65536 -timeout=10 -rss_limit_mb=2048 >"$log" 2>&1; then
        tail --lines 60 "$log"
        echo "error: fuzz target $1 found something: target/fuzz-$1.log" >&2
        return 1
    fi
    echo "$1: $(grep '^Done ' "$log")"
}

fuzz_all() { # SECONDS
    local first target one running failed=0 cores
    cores=$(nproc)
    for ((first = 0; first < ${#targets[@]}; first += cores)); do
        running=()
        for target in "${targets[@]:first:cores}"; do
            fuzz "$target" "$1" &
            running+=($!)
        done
        for one in "${running[@]}"; do wait "$one" || failed=1; done
        [[ $failed == 0 ]] || return 1
    done
}

if [[ -n $seconds ]]; then
    fuzz_all "$seconds"
    exit
fi
while true; do
    seed=$(date +%s)
    echo "differential tests, seed $seed"
    PALISADE_DIFFERENTIAL_SEED=$seed PALISADE_DIFFERENTIAL_FACTOR=4 \
        cargo test --quiet --locked --workspace --test differential
    fuzz_all 300
done
