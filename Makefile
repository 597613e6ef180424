# Everything below needs Python 3.11 or newer and make; the rest is installed into .venv from the lock files.

.DEFAULT_GOAL := help
.PHONY: help run cluster test check bench soak fmt reference docs lock clean

VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Worker processes of pytest (pytest-xdist): 0 runs in one. Tests of servers wait a good part of the time.
TEST_PROCESSES ?= 4
# Newest first among what is installed; set PYTHON to choose.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
# Where bytecode must not lie beside the sources it lies here: without any a server starts in 8 s instead of 3.
ifneq ($(PYTHONDONTWRITEBYTECODE),)
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/bytecode
endif
# As root the embedded Postgres runs as another user, who has to be able to read what is installed, whatever the umask.
PIP := umask 022 && $(BIN)/python -m pip --disable-pip-version-check --quiet

help:
	@echo "make run     start a server: object store, embedded Postgres, emulated drives (ARGS='--port 9000 …')"
	@echo "make cluster start a cluster of processes on this machine: 7 nodes, 2 gateways, a worker, Postgres"
	@echo "make test    run the default test suite (ARGS='tests/unit -k name')"
	@echo "make check   lint, format, types, architecture, dead code"
	@echo "make bench   measure, print a table and JSON"
	@echo "make soak    the long tests"
	@echo "make fmt     format the sources"
	@echo "make docs    build the documentation into site/"
	@echo "make reference  write what is generated: docs/reference, objstore/client/calls"
	@echo "make lock    compile the lock files anew from pyproject.toml"

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "objstore needs Python 3.11 or newer with the venv module" \
		"(on Debian and Ubuntu: apt install python3 python3-venv). Found: $$(python3 -V 2>&1)." \
		"If it is installed elsewhere: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	umask 022 && $(PYTHON) -m venv $(VENV)

# One stamp a lock file: a second call does nothing.
$(VENV)/.run: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements-dev.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.run

run: $(VENV)/.run
	@exec $(BIN)/objstore serve $(ARGS)

cluster: $(VENV)/.run
	@exec $(BIN)/objstore cluster run $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/unit/test_architecture.py
	$(BIN)/vulture

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(VENV)/.dev
	$(BIN)/python -m pytest -m soak --timeout=7200 $(ARGS)

fmt: $(VENV)/.dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

reference: $(VENV)/.dev
	$(BIN)/python -m tools.client
	$(BIN)/python -m tools.reference
	$(BIN)/python -m objstore.cli.metrics_reference > docs/metrics.md

# Without network: the theme's fonts are the system's, its search runs in the browser.
docs: $(VENV)/.docs
	$(BIN)/mkdocs build --quiet --strict

$(VENV)/.docs: pyproject.toml | $(VENV)/.dev
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# Needs uv. The dev file comes first, so that both name the same versions.
UV_COMPILE := uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url \
	--custom-compile-command "make lock" pyproject.toml --extra build
lock:
	$(UV_COMPILE) --extra dev --extra docs -o requirements-dev.lock
	$(UV_COMPILE) -c requirements-dev.lock -o requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
