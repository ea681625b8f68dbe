.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
export METACONTROLLER KUBE_APISERVER ETCD KUBE_CONTROLLER_MANAGER
VENV := .venv
BIN := $(VENV)/bin
BIND ?= 127.0.0.1:8080

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The virtual environment; made anew whenever the lock changes.
$(VENV)/.installed: requirements.txt
	@echo "installing the locked requirements into $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.PHONY: install
install: $(VENV)/.installed ## Install what everything else needs into .venv

.PHONY: demo
demo: install ## Run examples/quickstart.yaml in the cluster in a box and show the tables
	@$(BIN)/python -m simulator apply examples/quickstart.yaml

.PHONY: test
test: install ## Run all tests
	@$(BIN)/python -m pytest

.PHONY: lint
lint: install ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

.PHONY: format
format: install ## Bring the code into form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: serve
serve: install ## Serve the hooks in the foreground at BIND=127.0.0.1:8080, in replay mode
	@IPAM_BIND=$(BIND) IPAM_REPLAY=1 IPAM_ACCESS_LOG=- $(BIN)/gunicorn

.PHONY: bench
bench: install ## Measure what one call of the range's hook costs
	@$(BIN)/python -m bench.hooks

SEEDS ?= 2000
FIRST ?= 0
.PHONY: simulate
simulate: install ## Attack the design in simulation: SEEDS=2000 seeds from FIRST=0
	@$(BIN)/python -m simulator simulate --seeds $(SEEDS) --first $(FIRST)

.PHONY: mutants
mutants: install ## Attack designs that are wrong on purpose: each must be found
	@$(BIN)/python -m simulator mutants

# METACONTROLLER=, KUBE_APISERVER=, ETCD= and KUBE_CONTROLLER_MANAGER= name ready binaries.
.PHONY: e2e
e2e: install ## Test on a real control plane; with METACONTROLLER=/path the full loop too
	@IPAM_E2E=1 $(BIN)/python -m pytest tests/e2e

.PHONY: cluster
cluster: install ## Start a real control plane and leave it running
	@$(BIN)/python -m controlplane.cluster up

.PHONY: cluster-down
cluster-down: install ## Stop it
	@$(BIN)/python -m controlplane.cluster down

N ?= 1000
M ?= 0
.PHONY: burst
burst: install ## Create N=1000 requests at once on a real control plane, on top of M=0 standing ones
	@$(BIN)/python -m bench.burst $(N) --standing $(M)

OLD ?=
BENCH ?= bench
.PHONY: compare
compare: install ## Run BENCH=bench (or BENCH="burst N=1000") of OLD=<commit> and of this checkout in turns, print the ratios
	@test -n "$(OLD)" || { echo "compare with what? make compare OLD=<commit>" >&2; exit 2; }
	@$(BIN)/python -m bench.compare $(OLD) -- $(BENCH)

.PHONY: lock
lock: install ## Lock the requirements of pyproject.toml anew
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements-hooks.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --extra dev pyproject.toml -o requirements.txt
