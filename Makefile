# The workshop. `make` alone says what there is to do.
#
# Needs Python 3.11 or newer (with venv) and make. Everything else goes into .venv, pinned by hash in requirements/:
# run.txt for running (otel.txt with spans too), dev.txt (which holds both) for everything else; build.txt builds the
# image's wheel. What tests take from npm is pinned by hash beside them: axe-core in tests/browser, SignalR's client in
# tests/clients.
#
#   PYTHON=python3.12   the interpreter for a new .venv        UPSTREAM=URL   what `make run` stands before
#   PRESET=NAME         what kind of server UPSTREAM is     ARGS='...'     further arguments for run, test, bench

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test stranger-test image-test check bench bench-quick lint type docs fix lock pictures build release-check clean

VENV := .venv
FROM_NPM := $(patsubst %/package.json,%/node_modules/npm.installed,$(wildcard tests/*/package.json))
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --no-input --disable-pip-version-check
NPM := npm ci --ignore-scripts --no-audit --no-fund --silent --fetch-retries=1 --fetch-retry-mintimeout=1000
TYPED := $(wildcard gateway bench release tests)
# What `make check` leaves to `make test`: the checks it runs itself, and what starts many processes or servers.
SLOW := $(addprefix tests/,arch/test_checks.py arch/test_coverage_floors.py arch/test_loading.py unit/cli/test_demo.py unit/cli/test_root.py unit/logs/test_setup.py unit/admin/api unit/admin/console)

PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3)
FIT := import sys, ensurepip, venv, ssl, sqlite3; sys.exit(sys.version_info < (3, 11))

LOCK := $(VENV)/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --custom-compile-command 'make lock'

help: ## Say what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/run.installed ## Start the gateway before a demo upstream, or before UPSTREAM=URL [PRESET=NAME]
# The trap keeps the shell waiting after Ctrl-C, and 130 is how the gateway ends then: nothing failed.
	@trap : INT; $(PY) -m gateway serve $(if $(UPSTREAM),--upstream '$(UPSTREAM)' $(if $(PRESET),--preset '$(PRESET)'),--demo) $(ARGS) || \
		{ code=$$?; [ $$code -eq 130 ] || exit $$code; }

test: $(VENV)/dev.installed ## Run every test, with coverage and its floors
	@sh .ci/debian-packages
	@$(MAKE) --silent --no-print-directory $(FROM_NPM)
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --session-timeout 1800 \
		--cov --cov-report term-missing:skip-covered $(ARGS)

stranger-test: $(VENV)/dev.installed ## Follow README.md in an empty folder, with pip and all
	@$(PY) -m tests.docs.test_strangers_path

image-test: $(VENV)/dev.installed ## Build the container image and pass a key through it (Debian, as root)
	@PROGRAMS='mmdebstrap podman buildah nsenter:util-linux' sh .ci/debian-packages
	@IMAGE_TEST=1 $(PY) -m pytest -q -s tests/image $(ARGS)

check: lint type ## Format, lint, types, floors, architecture and unit tests, in under a minute
	@$(PY) -m pytest -q -n 2 --dist loadfile $(addprefix --ignore=,$(SLOW)) $(wildcard tests/arch tests/unit)

bench: $(VENV)/dev.installed ## Measure this gateway beside its peers
	@$(PY) -m bench $(ARGS)

bench-quick: $(VENV)/dev.installed ## A look at the main figures in under a minute
	@$(PY) -m bench --quick $(ARGS)

lint: $(VENV)/dev.installed ## Check format, style and the floors of imports
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/lint-imports --no-logo

type: $(VENV)/dev.installed ## Check types, strictly
	@$(VENV)/bin/mypy $(TYPED)

docs: $(VENV)/dev.installed ## Check that the documentation tells the truth
	@$(PY) -m pytest -q tests/docs

fix: $(VENV)/dev.installed ## Format the code and mend what ruff can mend
	@$(VENV)/bin/ruff check --fix --quiet . ; $(VENV)/bin/ruff format .

lock: $(VENV)/dev.installed ## Renew requirements/ from pyproject.toml, to the newest versions
	@$(LOCK) pyproject.toml -o requirements/run.txt
	@$(LOCK) pyproject.toml -o requirements/otel.txt --extra otel -c requirements/run.txt
	@$(LOCK) pyproject.toml -o requirements/dev.txt --group dev -c requirements/otel.txt
	@$(LOCK) -o requirements/build.txt --group build -c requirements/dev.txt

pictures: $(VENV)/dev.installed ## Take the pictures of the console in docs/pictures anew
	@$(PY) -m tests.browser.pictures

build: $(VENV)/dev.installed ## Build the wheel, the source archive and the SBOM into dist/
	@$(PY) -m release.build

release-check: $(VENV)/dev.installed ## Prove the build: the same bytes twice, installed and used on every Python
	@$(PY) -m pytest -v -n 2 --no-header -o python_files='check_*.py' tests/release $(ARGS)

clean: ## Remove what make made; never a store, a key or a configuration
	@rm -rf $(VENV) $(dir $(FROM_NPM)) dist .mypy_cache .ruff_cache .pytest_cache bench/.cache .hypothesis .import_linter_cache .coverage .coverage.*
	@find gateway tests bench release -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# A stamp is newer than its lock when the lock is installed, so a second call is instant.
$(VENV)/run.installed: requirements/run.txt | $(PY)
	@echo 'Installing what Keyhatch needs to run ...' >&2
	@$(PIP) --require-hashes -r $<
	@touch $@

$(VENV)/dev.installed: requirements/dev.txt pyproject.toml | $(PY)
	@echo 'Installing what the tests and checks need ...' >&2
	@$(PIP) --require-hashes -r $<
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $(VENV)/run.installed $@

# npm is there or not only after .ci/debian-packages; without it the tests that need what it brings are skipped.
%/node_modules/npm.installed: %/package-lock.json
	@if cd $* && $(NPM); then \
		touch node_modules/$(@F); \
	else \
		echo 'What $*/package.json names is not installed: it takes npm (apt install npm) and the network.' \
			'The tests that need it are skipped.' >&2; \
		[ "$$CI" != true ]; \
	fi

$(PY):
	@for python in $(PYTHONS); do \
		if $$python -c '$(FIT)' 2>/dev/null; then \
			echo "Creating $(VENV) with $$($$python --version) ..." >&2; exec $$python -m venv --clear $(VENV); \
		fi; \
	done; \
	echo 'Keyhatch needs Python 3.11 or newer, with venv, ssl and sqlite3; looked for: $(PYTHONS).' >&2; \
	echo 'On Debian or Ubuntu: apt install python3 python3-venv. Elsewhere: make PYTHON=/path/to/python3.12' >&2; \
	exit 1
