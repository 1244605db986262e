#!/usr/bin/env bash
# Makes a container image of the Envoy that the tests run, for machines that reach no image registry.
# Prints the image's name, for use as ENVOY_IMAGE with the compose files.
# The image is FROM scratch: the binary, the libraries that it links, and nothing else.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
envoy=${PALISADE_ENVOY:-$("$root/build/envoy.sh")}
version=$("$envoy" --version | grep --only-matching --extended-regexp '/[0-9]+\.[0-9]+\.[0-9]+/' | tr -d /)
image=palisade-local/envoy:$version

files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
install -D "$envoy" "$files/usr/local/bin/envoy"
# `ldd` names each library by the path at which the loader finds it; the loader itself is among them.
ldd "$envoy" | grep --only-matching --extended-regexp '/[^ ]+' | while read -r library; do
    install -D "$library" "$files$library"
done
# The official image runs as this user too.
mkdir -m 1777 "$files/tmp"
tar --directory "$files" --create . |
    docker import --change 'ENTRYPOINT ["/usr/local/bin/envoy"]' --change 'USER 65532:65532' - "$image" >/dev/null
echo "$image"
