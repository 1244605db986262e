# The one command surface: people, CI and the README use these targets and nothing else.
# Bare `make` lists them. Scripts in build/ install what is missing, one tool each.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# What the demo and the tests are handed. An Envoy of your own: make test PALISADE_ENVOY=/path/to/envoy
PALISADE_WASM := $(CURDIR)/target/palisade.wasm
# The command as `cargo test` builds it too, so that a clean build compiles cedar-policy once.
PALISADE_CLI := $(CURDIR)/target/debug/palisade
export PALISADE_WASM PALISADE_CLI

# Evaluated in the recipe, not when make starts: only targets that need Envoy install it.
with_envoy = PALISADE_ENVOY="$$(build/envoy.sh)"; export PALISADE_ENVOY;

with_mcp_server = PALISADE_MCP_SERVER="$$(build/mcp-server.sh)"; export PALISADE_MCP_SERVER; \
	PALISADE_MCP_TOOLS="$$(build/mcp-tools.sh)"; export PALISADE_MCP_TOOLS;
with_agents = PALISADE_AGENTS="$$(build/agents.sh)"; export PALISADE_AGENTS;

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: plugin dev-cli ## Start a real Envoy with the filter, send requests, check every answer
	@$(with_envoy) target/debug/demo

.PHONY: demo-mcp
demo-mcp: plugin dev-cli ## The same for an agent's session with two MCP servers that others wrote
	@$(with_envoy) $(with_mcp_server) target/debug/demo_mcp

.PHONY: run
run: plugin dev-cli ## Start the same gateway, leave it up, and print curl lines to try
	@$(with_envoy) target/debug/run

.PHONY: quickstart
quickstart: plugin dev-cli ## Fill envoy-config/quickstart/build/, which its compose file mounts
	@build/quickstart.sh

.PHONY: envoy-image
envoy-image: ## Make a container image of the tests' Envoy, where no image registry is in reach
	@build/envoy-image.sh

.PHONY: plugin
plugin: ## Build the filter into target/palisade.wasm and check its size
	@build/plugin.sh

# The engine alone, for tests and measurements in wasm. Its stack is small on purpose: what overflows it would trap.
.PHONY: engine-wasm
engine-wasm:
	@build/wasm.sh build palisade-engine-guest target/engine.wasm -Clink-arg=-zstack-size=32768

.PHONY: cli
cli: ## Build the optimised command into target/release/palisade
	@cargo build --locked --release --package palisade-policy-compiler --bin palisade

# Always the whole workspace: a part of it would select other features of shared crates, and compile them again.
.PHONY: dev-cli
dev-cli:
	@cargo build --quiet --locked --workspace --bin palisade --bin demo --bin demo_mcp --bin run

# `cargo test` builds the command before it runs the first test. Tests of gateways mostly wait, so more of them run at once than
# there are cores; those that start an Envoy take turns (tests/src/turn.rs).
.PHONY: test
test: plugin engine-wasm ## Run every test, those against the real Envoy included
	@build/docker.sh
	@command -v valgrind >/dev/null || build/debian-packages.sh valgrind
	@command -v docker-registry >/dev/null || build/debian-packages.sh docker-registry
	@$(with_envoy) $(with_mcp_server) $(with_agents) PALISADE_ISSUERS="$$(build/issuers.sh)" \
		RUST_TEST_THREADS="$${RUST_TEST_THREADS:-$$((3 * $$(nproc)))}" cargo test --locked --workspace

.PHONY: bad-days
bad-days: plugin dev-cli ## Kill gateways and their bundle server at random for a minute, under load
	@$(with_envoy) PALISADE_BAD_DAY_SECONDS=60 cargo test --locked --workspace --test envoy -- bad_days

.PHONY: lint
lint: ## Check formatting, lints and dependencies
	@cargo fmt --all --check
	@cargo clippy --quiet --locked --workspace --all-targets -- --deny warnings
	@build/wasm.sh clippy palisade-plugin
	@build/wasm.sh clippy palisade-engine-guest

.PHONY: goldens
goldens: plugin ## Rewrite the golden files of the wasm module (review the difference)
	@PALISADE_UPDATE_GOLDENS=1 cargo test --quiet --locked --workspace --test module --test dependencies --test fuel

.PHONY: reproducible
reproducible: plugin ## Build the filter twice, in two places, and compare the bytes
	@build/reproducible.sh

.PHONY: fuzz
fuzz: engine-wasm ## Look for disagreements and crashes; FUZZ_SECONDS=N: each fuzz target once, N seconds
	@build/fuzz.sh $(FUZZ_SECONDS)

# For CI, which has another core for it at the time.
.PHONY: fuzz-targets
fuzz-targets:
	@build/fuzz.sh --build

.PHONY: bench
bench: engine-wasm plugin ## Measure the engine beside cedar-policy, natively and in wasm; and lists in the filter
	@command -v protoc >/dev/null || build/debian-packages.sh protobuf-compiler
	@CARGO_TARGET_DIR=$(CURDIR)/target/protobuf cargo build --quiet --locked --release --manifest-path benches/protobuf/Cargo.toml
	@cargo bench --quiet --locked --package palisade-benches --bench targets

.PHONY: bench-envoy
bench-envoy: plugin dev-cli ## Measure the filter in Envoy beside its alternatives; QUICK=1: a short look
	@$(with_envoy) build/bench-envoy.sh $(if $(QUICK),--quick)
