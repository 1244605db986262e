#!/usr/bin/env bash
# Prints the path of the reference MCP server that the tests put behind the gateway: its entry point, for `node`.
# It comes from npm, pinned with digests in build/mcp-server/package-lock.json, and is installed once into .tools/. No
# install script of any package runs.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
pins=$root/build/mcp-server

home=$root/.tools/mcp-server-$(cat "$pins/package.json" "$pins/package-lock.json" | sha256sum | cut -c1-12)
server=$home/node_modules/@modelcontextprotocol/server-everything/dist/index.js
if [[ -f $server ]]; then
    echo "$server"
    exit 0
fi
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    "$root/build/debian-packages.sh" nodejs npm >&2
fi

echo "installing the reference MCP server into .tools/" >&2
mkdir -p "$root/.tools"
staging=$(mktemp -d "$root/.tools/staging.XXXXXX")
trap 'rm -rf "$staging"' EXIT
cp "$pins/package.json" "$pins/package-lock.json" "$staging"
(cd "$staging" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
rm -rf "$home"
mv "$staging" "$home"
echo "$server"
