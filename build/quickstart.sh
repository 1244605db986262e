#!/usr/bin/env bash
# Fills envoy-config/quickstart/build/ with all that the quickstart needs to run: development keys, the signed bundle,
# the filter and its configuration. These are the steps of a real roll-out, in order; the README there explains them.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
palisade=${PALISADE_CLI:?run \`make quickstart\`}
wasm=${PALISADE_WASM:?run \`make quickstart\`}
cd "$root/envoy-config/quickstart"
mkdir -p build/filter

# Keys are made once and kept, so that tokens and bundles from before stay good.
if [[ ! -e build/issuer ]]; then
    "$palisade" keys generate --algorithm es256 --kid dev-es256 --out build/issuer
    "$palisade" keys generate --algorithm rs256 --kid dev-rs256 --out build/issuer
    "$palisade" keys generate --algorithm ed25519 --kid dev-eddsa --out build/issuer
fi
if [[ ! -e build/signers ]]; then
    "$palisade" keys generate --algorithm ed25519 --kid release --out build/signers
fi
"$palisade" keys jwks build/issuer -o build/dev.jwks.json

report=$("$palisade" test . --keys build/issuer) || { echo "$report"; exit 2; }
tail -n 1 <<<"$report"
"$palisade" build . -o build/quickstart.palisade --jwks dev=build/dev.jwks.json
"$palisade" sign build/quickstart.palisade --key build/signers/release.pem
"$palisade" verify build/quickstart.palisade --trust "$(cat build/signers/release.pub)"

# Into place by rename, never half-written: a running Envoy picks the file up at once.
cmp --silent "$wasm" build/palisade.wasm || { cp "$wasm" build/palisade.wasm.new && mv build/palisade.wasm.new build/palisade.wasm; }
"$palisade" gateway-config build/quickstart.palisade --trust "$(cat build/signers/release.pub)" --ecds \
    --decision-log filter_state -o build/filter/palisade.json.new
mv build/filter/palisade.json.new build/filter/palisade.json
