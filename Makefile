# The two that a newcomer needs are `make demo` and `make test`; both install what is missing, after saying so.

SHELL := /bin/bash
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)
TOOLS := $(or $(STASHHOG_TOOLS),$(CURDIR)/.tools)

.DEFAULT_GOAL := help
.NOTPARALLEL:

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: demo
demo: ## Build, start a server on a private Postgres, scan a folder (DIR=/some/folder), stay up until Ctrl-C
	@.ci/need cargo cc postgres node
	@$(MAKE) --no-print-directory ui-build
	@.ci/demo

.PHONY: test
test: ## Install what the checks need, then run them all
	@.ci/need cargo cc postgres node chromium qbittorrent rustfmt clippy libpq cargo-deny diesel
	@$(MAKE) --no-print-directory check

# The tests come last, so that a run ends with their result. The program's tests open the page, so it is built before them.
.PHONY: check
check: fmt-check deny schema-check lint doc ui-check ui-build unit ui-types-check browser ## Run all that CI runs, installing nothing

# cargo fmt follows `mod` items, and so misses the job files, which automod finds in their folder.
RUST_FILES = $(sort $(shell find src tests examples benches -name target -prune -o -name '*.rs' -print 2>/dev/null))

.PHONY: fmt
fmt: ## Format every Rust file
	@rustfmt --edition 2024 $(RUST_FILES)

.PHONY: fmt-check
fmt-check: ## Fail when a Rust file is not formatted
	@echo 'rustfmt --check, $(words $(RUST_FILES)) files'
	@rustfmt --edition 2024 --check $(RUST_FILES)

.PHONY: deny
deny: ## Check licences, sources and banned crates of the dependencies
	$(TOOLS)/bin/cargo-deny --locked check bans licenses sources

.PHONY: advisories
advisories: ## Check the dependencies for security advisories (downloads the advisory database)
	@.ci/need cargo cc cargo-deny
	$(TOOLS)/bin/cargo-deny --locked check advisories

.PHONY: schema
schema: ## Write src/store/schema.rs anew from the migrations
	@.ci/need cargo cc postgres rustfmt libpq diesel
	@.ci/schema write

.PHONY: schema-check
schema-check: ## Fail when src/store/schema.rs is not what the migrations make
	.ci/schema check

.PHONY: lint
lint: ## Run clippy on everything
	cargo clippy --locked --all-targets -- -D warnings

.PHONY: doc
doc: ## Build the documentation; a link that leads nowhere fails
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps

.PHONY: unit
unit: ## Run the tests
	cargo test --locked --doc
	cargo test --locked --lib --bins --tests
	CARGO_TARGET_DIR=$(abspath $(TARGET))/new-types cargo test --locked --manifest-path examples/own_jobs/Cargo.toml

# Node as .ci/need found or installed it.
IN_UI = cd ui && PATH="$$(../.ci/node-bin):$$PATH"
UI_FILES = $(shell find ui -name node_modules -prune -o -name dist -prune -o -type f -print)
TARGET = $(or $(CARGO_TARGET_DIR),target)

.PHONY: ui
ui: ## Build the web UI, which the next build of the program embeds
	@.ci/need node
	@$(MAKE) --no-print-directory ui-build

.PHONY: ui-build
ui-build: ui/dist/page/index.html

ui/node_modules/.package-lock.json: ui/package.json ui/package-lock.json
	$(IN_UI) npm ci --no-audit --no-fund
	@touch $@

ui/dist/page/index.html: ui/node_modules/.package-lock.json $(UI_FILES)
	$(IN_UI) npm run --silent build -- --logLevel warn

.PHONY: ui-check
ui-check: ui/node_modules/.package-lock.json ## Check and test the web UI's sources, without a browser
	$(IN_UI) npm run --silent check
	$(IN_UI) npm test --silent

.PHONY: ui-types
ui-types: ui-openapi ## Write ui/src/api/schema.ts anew from the program's OpenAPI document
	$(IN_UI) npm run --silent types -- --output src/api/schema.ts

.PHONY: ui-openapi
ui-openapi: ui/node_modules/.package-lock.json
	cargo build --locked
	$(TARGET)/debug/stashhog openapi > ui/node_modules/openapi.json

.PHONY: ui-types-check
ui-types-check: ui-openapi ## Fail when ui/src/api/schema.ts is not what the program says of itself
	$(IN_UI) npm run --silent types -- --output node_modules/schema.ts
	@cmp ui/node_modules/schema.ts ui/src/api/schema.ts || \
		{ echo 'ui/src/api/schema.ts is not what the program says of itself; run: make ui-types' >&2; exit 1; }

.PHONY: browser
browser: ui-build ## Test the page in Chromium against the debug build of the program
	cargo build --locked --bins --examples
	CARGO_TARGET_DIR=$(abspath $(TARGET))/new-types cargo build --locked --manifest-path examples/own_jobs/Cargo.toml
	$(IN_UI) STASHHOG=$(abspath $(TARGET))/debug/stashhog POLICIES=$(abspath $(TARGET))/debug/examples/policies \
		FAKE_STASH=$(abspath $(TARGET))/debug/examples/fake_stash \
		OWN_JOBS=$(abspath $(TARGET))/new-types/debug/own_jobs npm run --silent browser

.PHONY: screenshots
screenshots: ## Take the pictures in docs/screenshots anew
	@.ci/need cargo cc postgres node chromium
	@$(MAKE) --no-print-directory ui-build
	cargo build --locked
	$(IN_UI) SUITE=shot STASHHOG=$(abspath $(TARGET))/debug/stashhog npm run --silent browser

.PHONY: ui-bench
ui-bench: ## Measure the page: first load, many updates, from a finish to its row
	@.ci/need cargo cc postgres node chromium
	@$(MAKE) --no-print-directory ui-build
	cargo build --locked --release
	$(IN_UI) SUITE=bench STASHHOG=$(abspath $(TARGET))/release/stashhog npm run --silent browser

.PHONY: bench
bench: ## Measure: a progress call, the whole server, several, downloads and the sync, from outside (DIR=/some/folder to scan)
	@.ci/need cargo cc postgres
	STASHHOG_BENCH_DIR='$(or $(DIR),/usr/share)' cargo bench --locked --bench progress --bench server --bench cluster --bench downloads --bench sync
