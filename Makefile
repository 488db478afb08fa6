# omadm: targets for people and for CI. `make help` lists them.
SHELL := /bin/bash
CARGO ?= cargo
export RUSTDOCFLAGS ?= -D warnings

.PHONY: help demo build test fmt clippy unit doc deny examples man bench fuzz full lab lab-quick deb deb-test deps test-deps clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: deps ## build, run a server and an agent on loopback and over a serial cable, show sessions and KPIs
	$(CARGO) build --locked -p omadm-agent -p omadm-server
	$(CARGO) build --locked -p omadm-bindings --example null_modem
	@tests/scripts/demo.sh

build: deps ## build the release programs into target/release
	$(CARGO) build --locked --release -p omadm-agent -p omadm-server

test: test-deps fmt clippy unit doc deny examples ## all that CI runs before lab-quick

fmt: ## check the formatting
	$(CARGO) fmt --all --check

clippy: ## lints, with warnings denied
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

unit: ## unit, vector, pair and process tests
	$(CARGO) test --locked --workspace

doc: ## documentation, with broken links denied
	$(CARGO) doc --locked --workspace --no-deps

deny: ## licences, bans and sources of the dependencies
	@tests/scripts/deps.sh cargo-deny
	$(CARGO) deny --all-features check licenses bans sources
	@debian/scripts/copyright.py --check

examples: ## every configuration that is shipped is accepted
	$(CARGO) run --locked -q -p omadm-agent --bin omadm -- check --config agent/daemon/agent.toml

man: ## write the man pages into target/man
	$(CARGO) run --locked -q -p omadm-man -- target/man

bench: test-deps ## bytes, time, allocations, memory, start-up and KPIs, as ratios to a peer or a limit
	@tests/scripts/deps.sh bench
	$(CARGO) build --locked --release -p omadm-agent -p omadm-server
	OMADM_LAB=1 $(CARGO) bench --locked -p omadm-tests

FUZZ_SECONDS ?= 60

# libFuzzer wants compiler flags that are not stable, which the pinned compiler has all the same.
fuzz: deps ## each fuzz target for FUZZ_SECONDS, from the corpus; what is found stays in tests/fuzz
	@tests/scripts/deps.sh fuzz
	@tests/scripts/deps.sh cargo-fuzz
	@for target in $(notdir $(wildcard tests/fuzz/corpus/*)); do \
		mkdir -p tests/fuzz/target/grown/$$target; \
		RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir tests/fuzz $$target \
			tests/fuzz/target/grown/$$target tests/fuzz/corpus/$$target \
			-- -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -print_final_stats=1 || exit; \
	done

full: test ## the long runs: more random cases, damaged messages and kills; benchmarks; packages; the lab
	PROPTEST_CASES=4096 $(CARGO) test --locked -p omadm-syncml -p omadm-dm --lib
	OMADM_LONG=1 $(CARGO) test --locked -p omadm-tests --test mutations --test power_cut \
		--test obex_hmac --test obex_fuzz -- --nocapture
	$(MAKE) fuzz
	$(MAKE) bench
	$(MAKE) deb
	$(MAKE) deb-test
	$(MAKE) lab

lab: deps ## scenarios on a real kernel with virtual devices: all, or SCENARIO=NAME; tests/lab/README.md
	@tests/lab/run.sh $(SCENARIO)

lab-quick: deps ## the quick ones of them, ten minutes at most when the kernel is there
	@tests/lab/run.sh --quick

deb: ## build the Debian packages in a clean Debian 12 and check them with lintian; needs root
	@tests/scripts/deps.sh deb
	@tests/scripts/deb-build.sh

deb-test: ## boot a fresh Debian 12 with the packages of `make deb`: install, session, upgrade, purge
	@tests/scripts/deps.sh deb
	@tests/scripts/deb-test.sh

deps: ## install the system packages that building needs and this machine lacks
	@tests/scripts/deps.sh build

test-deps: ## the same for what the tests need
	@tests/scripts/deps.sh test

clean: ## remove what was built
	$(CARGO) clean
