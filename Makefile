# adsync: what a developer types. `make` or `make help` lists it.
#
# Rust (rust-toolchain.toml pins the version) is the one prerequisite; what else a Debian machine lacks, `tests/env/setup` installs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Try it
.PHONY: demo demo-down
demo: setup ## Start a real API server and Active Directory, run the operator on examples/quickstart, show the result
	@tests/env/demo up

demo-down: ## Stop what `make demo` started
	@tests/env/demo down

##@ Develop
.PHONY: build test test-release soak bench lint fmt generate examples
build: ## Build the release binary, target/release/adsync
	@tests/env/setup build
	cargo build --release --locked

test: setup test-release ## Run the tests, against a real API server and a real Active Directory
	cargo test --locked

soak: setup test-release ## Run the slow tests, too, that `make test` leaves out
	cargo test --locked -- --include-ignored

# What the tests of installing put into their image. They would build it themselves, but in the way of all other tests.
test-release:
	@! tests/env/node/possible >/dev/null || cargo build --release --locked

bench: setup ## Measure, beside what one would use instead (docs/performance.md); a quick look: ADSYNC_BENCH_ROUNDS=1
	@tests/env/setup bench
	cargo bench --locked

lint: ## Check format, lints, dependencies and scripts
	@tests/env/setup lint
	shellcheck --external-sources --source-path=SCRIPTDIR $$(grep -lrE '^#!/usr/bin/env bash' tests packaging .ci)
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	tests/env/cargo-deny --locked check bans licenses sources

fmt: ## Format the code
	cargo fmt

generate: ## Write everything that is generated: crds/ and docs/reference/ from the types, the chart's schema and README, deploy/
	@tests/env/setup build
	cargo run --locked --quiet -- crds --output-dir crds
	cargo run --locked --quiet -- reference --output-dir docs/reference
	cargo run --locked --quiet -- chart --folder charts/adsync
	packaging/manifests

examples: setup ## Rewrite the pages in examples/ with what their commands print, and docs/dashboard.md with what its panels show
	SNAPSHOTS=overwrite cargo test --locked --test integration -- examples:: dashboard::

##@ House-keeping
.PHONY: setup clean
setup: ## Install what this machine lacks, build the API server and the directory's image (once, cached)
	@tests/env/setup

clean: demo-down ## Remove everything that was built here (`tests/env/setup clean` removes the cached servers)
	cargo clean
