# make check      everything that needs neither root nor hosts       make test   that, and the tests on real hosts
# make demo       a cluster on this machine, to look at              make demo-down   removes it
# make sbom       what a release is made of, as CycloneDX             make release   the program
# make deny       licences, sources and advisories of everything that comes in, with cargo-deny and a network
# make faults     every fault at every step, for hours                docs/faults.md
# make gaps       how long clients wait in each playbook             docs/playbooks/README.md
# make bench      how long a bring-up takes, here and elsewhere

# How many end-to-end tests run at once: two per release of a day. Each boots hosts of its own, and mostly waits.
E2E_THREADS ?= 4

# The cargo-deny that continuous integration installs.
CARGO_DENY ?= 0.20.2

# Every test target but the one that needs hosts.
OFFLINE_TESTS = $(filter-out e2e,$(patsubst tests/%.rs,%,$(wildcard tests/*.rs)) \
	$(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs)))

.PHONY: check fmt clippy doc shellcheck supply offline-tests deny sbom release test faults gaps demo demo-down bench

check: fmt clippy doc shellcheck supply offline-tests

fmt:
	cargo fmt --check

clippy:
	cargo clippy --all-targets --locked -- -D warnings

doc:
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --document-private-items --locked

# By their first line, so that no script escapes for want of a suffix; sourced parts have the suffix only.
shellcheck:
	@if [ -n "$${CI:-}" ]; then tests/lab/install-tools.sh check; fi
	@if command -v shellcheck >/dev/null; then \
	  { grep -rlIE '^#! ?/(usr/)?bin/(env )?(ba)?sh' --exclude-dir=target --exclude-dir=.git --exclude='*.rs' . ; \
	    find . -name '*.sh' -not -path './target/*' -not -path './.git/*'; } | sort -u | \
	    xargs shellcheck -x -P SCRIPTDIR && echo "shellcheck: every script passes"; \
	else \
	  echo "SKIPPED: shellcheck is not installed, so NO SHELL SCRIPT WAS CHECKED" >&2; \
	fi

offline-tests:
	cargo test --locked --lib --bins $(addprefix --test ,$(OFFLINE_TESTS))
	cargo test --locked --doc

# What cargo-deny checks without a network. Built without optimisation: that takes a minute and a half instead of three and a
# half, and it runs for a few seconds. On a person's machine it is installed by nobody but the person.
supply:
	@if [ -n "$${CI:-}" ] && ! cargo deny --version >/dev/null 2>&1; then \
	  CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	    cargo install --quiet --locked cargo-deny --version $(CARGO_DENY); \
	fi
	@if cargo deny --version >/dev/null 2>&1; then \
	  cargo fetch --quiet --locked && cargo deny --offline --locked check bans licenses sources; \
	else \
	  echo "SKIPPED: cargo-deny is not installed; tests/supply checks most of deny.toml without it" >&2; \
	fi

# What the release is made of, for whoever must know: target/rabbitup.cdx.json, and in the program itself where
# cargo-auditable is installed.
sbom:
	cargo cyclonedx --format json --spec-version 1.5 --override-filename rabbitup.cdx
	mkdir -p target && sed "s|$(CURDIR)|.|g" rabbitup.cdx.json >target/rabbitup.cdx.json && rm rabbitup.cdx.json

release:
	@if cargo auditable --version >/dev/null 2>&1; then cargo auditable build --release --locked; \
	else echo "cargo-auditable is not installed: the program will not say what it is made of" >&2; \
	  cargo build --release --locked; fi

# Not a part of check: advisories are a download (docs/dependencies.md).
deny:
	cargo deny --locked check

# Where there is no package of Chromium (Ubuntu), one scenario is skipped, but never in continuous integration.
test:
	@if [ "$$(id -u)" = 0 ]; then \
	  tests/lab/install-tools.sh lab check && { tests/lab/install-tools.sh browser || [ -z "$${CI:-}" ]; }; \
	else echo "SKIPPED: not root, so the tests on real hosts will be skipped" >&2; fi
	$(MAKE) check
	cargo test --locked --test e2e -- --test-threads=$(E2E_THREADS)

# E2E_FAULTS=PLAYBOOK:FAULT picks; tests/e2e/faults tells which there are.
faults:
	@tests/lab/install-tools.sh lab check
	cargo test --locked --test e2e -- --ignored --test-threads=1 all_faults

# E2E_ONLY=PLAYBOOK picks.
gaps:
	@tests/lab/install-tools.sh lab check
	cargo test --locked --test e2e -- --ignored --test-threads=1 gaps_

demo:
	@tests/lab/demo.sh

demo-down:
	@tests/lab/demo.sh down

bench:
	cargo bench --locked --bench bring_up
