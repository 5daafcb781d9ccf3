# make check      everything that needs neither root nor hosts       make test   that, and the tests on real hosts
# make demo       a cluster on this machine, to look at              make demo-down   removes it
# make deny       licences, sources and advisories of everything that comes in, with cargo-deny and a network
# make faults     every fault at every step, for hours                docs/faults.md
# make bench      how long a bring-up takes, here and elsewhere

# How many end-to-end tests run at once: two per Debian release. Each boots hosts of its own, and mostly waits.
E2E_THREADS ?= 4

# Every test target but the one that needs hosts.
OFFLINE_TESTS = $(filter-out e2e,$(patsubst tests/%.rs,%,$(wildcard tests/*.rs)) \
	$(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs)))

.PHONY: check fmt clippy doc shellcheck offline-tests deny test faults demo demo-down bench

check: fmt clippy doc shellcheck offline-tests

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
	  { grep -rlIE '^#! ?/(usr/)?bin/(env )?(ba)?sh' --exclude-dir=target --exclude-dir=.git . ; \
	    find . -name '*.sh' -not -path './target/*' -not -path './.git/*'; } | sort -u | \
	    xargs shellcheck -x -P SCRIPTDIR && echo "shellcheck: every script passes"; \
	else \
	  echo "SKIPPED: shellcheck is not installed, so NO SHELL SCRIPT WAS CHECKED" >&2; \
	fi

offline-tests:
	cargo test --locked --lib --bins $(addprefix --test ,$(OFFLINE_TESTS))
	cargo test --locked --doc

# Not a part of check: cargo-deny takes minutes to build, and advisories are a download (docs/dependencies.md).
deny:
	cargo deny --locked check

test:
	@if [ "$$(id -u)" = 0 ]; then tests/lab/install-tools.sh lab check; \
	else echo "SKIPPED: not root, so the tests on real hosts will be skipped" >&2; fi
	$(MAKE) check
	cargo test --locked --test e2e -- --test-threads=$(E2E_THREADS)

# E2E_FAULTS=PLAYBOOK:FAULT picks; tests/e2e/faults tells which there are.
faults:
	@tests/lab/install-tools.sh lab check
	cargo test --locked --test e2e -- --ignored --test-threads=1 all_faults

demo:
	@tests/lab/demo.sh

demo-down:
	@tests/lab/demo.sh down

bench:
	cargo bench --locked --bench bring_up
