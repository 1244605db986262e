#!/usr/bin/env bash
# Builds one package of the workspace as a wasm module for wasm32-wasip1, or runs clippy over it as such.
# Usage: build/wasm.sh build PACKAGE OUTPUT [RUSTC OPTION...] | build/wasm.sh clippy PACKAGE
#
# Two toolchains can do it, and each has its own target folder, so that switching never rebuilds the other's:
#   rustup   the active Rust with the wasm32-wasip1 target;
#   debian   Debian's rustc-web and cargo-web, which build the standard library from rust-web-src.
# What is installed is used, rustup's first; else `rustup target add`; else Debian's packages.
# PALISADE_WASM_TOOLCHAIN=rustup|debian forces one. PALISADE_WASM_WORKSPACE names the folder of another workspace.
#
# The same source gives the same bytes on every machine with the same compiler: paths are remapped.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
verb=$1
package=$2
output=${3:-}
target=wasm32-wasip1
debian_packages=(rustc-web cargo-web rust-web-src wasi-libc)

rustup_ready() { [[ -d $(rustc --print sysroot 2>/dev/null)/lib/rustlib/$target/lib ]]; }
rustup_add() {
    command -v rustup >/dev/null || return 1
    echo "adding rustup's $target target" >&2
    # Without its download server rustup would retry for minutes.
    RUSTUP_MAX_RETRIES=0 timeout 120 rustup target add "$target" >/dev/null 2>&1 && rustup_ready
}
debian_ready() {
    dpkg-query --show "${debian_packages[@]}" >/dev/null 2>&1 && new_enough /usr/bin/rustc && linker >/dev/null
}
debian_add() {
    # Debian 12 began with an older compiler under the same name; its security updates have a current one.
    "$root/build/debian-packages.sh" --upgrade "${debian_packages[@]}" || return 1
    linker >/dev/null || "$root/build/debian-packages.sh" lld || return 1
    debian_ready
}
# Whether a compiler is at least the workspace's `rust-version`.
new_enough() {
    local needed found
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    found=$("$1" --version | cut -d' ' -f2)
    [[ $(printf '%s\n' "$needed" "$found" | sort --version-sort | head -n 1) == "$needed" ]]
}
linker() {
    local lld
    for lld in "$(rustc --print sysroot 2>/dev/null)"/lib/rustlib/*/bin/rust-lld; do
        [[ -x $lld ]] && echo "$lld" && return
    done
    command -v wasm-ld
}

case ${PALISADE_WASM_TOOLCHAIN:-} in
    rustup) rustup_ready || rustup_add || { echo "error: rustup could not add the $target target" >&2; exit 1; } ;;
    debian) debian_ready || debian_add || exit 1 ;;
    "") ;;
    *) echo "error: PALISADE_WASM_TOOLCHAIN is neither rustup nor debian" >&2; exit 64 ;;
esac
toolchain=${PALISADE_WASM_TOOLCHAIN:-}
if [[ -z $toolchain ]]; then
    if rustup_ready; then toolchain=rustup
    elif debian_ready; then toolchain=debian
    elif rustup_add; then toolchain=rustup
    elif debian_add; then toolchain=debian
    else
        echo "error: no toolchain for $target: run \`rustup target add $target\`, or install ${debian_packages[*]}" >&2
        exit 1
    fi
fi

flags=(
    # Envoy allows a VM 1 GiB and enforces a lower maximum that the module declares: a runaway allocation
    # fails here, long before it hurts the proxy. 256 MiB hold the largest configuration several times over.
    -Clink-arg=--max-memory=268435456
)
std=()
case $toolchain in
    rustup)
        cargo=(cargo)
        clippy=(cargo clippy)
        sysroot=$(rustc --print sysroot)
        ;;
    debian)
        export RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc
        cargo=(/usr/bin/cargo)
        clippy=(/usr/bin/cargo-clippy clippy)
        std=(-Zbuild-std=std,panic_abort)
        sysroot=$(/usr/bin/rustc --print sysroot)
        flags+=(-Clinker="$(linker)" -Clinker-flavor=wasm-ld -Clink-self-contained=no -Lnative=/usr/lib/wasm32-wasi)
        ;;
esac

# Crates must be unpacked before their folders can be named. Warm, this is a look-up of a tenth of a second.
cd "${PALISADE_WASM_WORKSPACE:-$root}"
"${cargo[@]}" fetch --quiet --locked
cargo_home=${CARGO_HOME:-$HOME/.cargo}
for registry in "$cargo_home"/registry/src/*/; do
    flags+=("--remap-path-prefix=${registry%/}=/crates")
done
flags+=("--remap-path-prefix=$root=/palisade" "--remap-path-prefix=$sysroot=/rust")

CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; echo "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR=$root/target/wasm-$toolchain
common=("${std[@]}" --quiet --locked --package "$package" --lib --profile wasm --target "$target")

case $verb in
    build)
        "${cargo[@]}" rustc "${common[@]}" --crate-type cdylib -- "${@:4}"
        module=$CARGO_TARGET_DIR/$target/wasm/${package//-/_}.wasm
        mkdir -p "$(dirname "$output")"
        cmp --silent "$module" "$output" || cp "$module" "$output"
        ;;
    clippy)
        [[ $toolchain != debian ]] || "$root/build/debian-packages.sh" rust-web-clippy
        "${clippy[@]}" "${common[@]}" -- --deny warnings
        ;;
    *)
        echo "error: the first argument is build or clippy" >&2
        exit 64
        ;;
esac
