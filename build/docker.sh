#!/usr/bin/env bash
# Makes sure that a Docker client with compose is here, and something to run containers with.
# It starts nothing: the compose test uses the engine that answers, or starts one of its own and stops it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

compose() { docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null; }
engine() { docker info >/dev/null 2>&1 || command -v dockerd >/dev/null || [[ -x /usr/sbin/dockerd ]]; }

command -v docker >/dev/null && engine || "$root/build/debian-packages.sh" docker.io
compose || "$root/build/debian-packages.sh" docker-compose
