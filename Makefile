.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
export METACONTROLLER KUBERNETES KUBE_APISERVER ETCD KUBE_CONTROLLER_MANAGER
VENV := .venv
BIN := $(VENV)/bin
BIND ?= 127.0.0.1:8080

.PHONY: help
help: ## List all targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The virtual environment; created again whenever the lock changes.
$(VENV)/.installed: requirements.txt
	@echo "installing the locked requirements into $(VENV) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

.PHONY: install
install: $(VENV)/.installed ## Install all requirements into .venv

.PHONY: demo
demo: install ## Apply examples/quickstart.yaml to the cluster in a box and print the tables
	@$(BIN)/python -m simulator apply examples/quickstart.yaml

.PHONY: test
test: install ## Run all tests that need no cluster
	@$(BIN)/python -m pytest

.PHONY: lint
lint: install ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

.PHONY: format
format: install ## Format the code and fix style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: serve
serve: install ## Serve the hooks in the foreground at BIND=127.0.0.1:8080, in replay mode
	@IPAM_BIND=$(BIND) IPAM_REPLAY=1 IPAM_ACCESS_LOG=- $(BIN)/gunicorn

.PHONY: bench
bench: install ## Measure the cost of one call of the range's hook
	@$(BIN)/python -m bench.hooks

SEEDS ?= 2000
FIRST ?= 0
.PHONY: simulate
simulate: install ## Attack the design in simulation: SEEDS=2000 seeds from FIRST=0
	@$(BIN)/python -m simulator simulate --seeds $(SEEDS) --first $(FIRST)

.PHONY: mutants
mutants: install ## Check that every deliberately broken design is detected
	@$(BIN)/python -m simulator mutants

# METACONTROLLER=, KUBE_APISERVER=, ETCD= and KUBE_CONTROLLER_MANAGER= set the paths of existing binaries; KUBERNETES=1.31
# builds and tests the API server of that version.
.PHONY: e2e
e2e: install ## Test on a real control plane; METACONTROLLER=/path adds the full loop
	@IPAM_E2E=1 $(BIN)/python -m pytest tests/e2e

.PHONY: cluster
cluster: install ## Start a real control plane and leave it running
	@$(BIN)/python -m controlplane.cluster up

.PHONY: cluster-down
cluster-down: install ## Stop that control plane
	@$(BIN)/python -m controlplane.cluster down

N ?= 1000
M ?= 0
.PHONY: burst
burst: install ## Measure N=1000 requests at once and their deletion on a real control plane, in addition to M=0 existing ones
	@$(BIN)/python -m bench.burst $(N) --standing $(M)

RANGES ?= 1
.PHONY: standing
standing: install ## Measure a restart of Metacontroller with N=1000 standing requests in RANGES=1 ranges
	@$(BIN)/python -m bench.standing $(N) --ranges $(RANGES)

OLD ?=
BENCH ?= bench
.PHONY: compare
compare: install ## Run BENCH=bench (or BENCH="burst N=1000") of OLD=<commit> and of this checkout in turns, print the ratios
	@test -n "$(OLD)" || { echo "compare with what? make compare OLD=<commit>" >&2; exit 2; }
	@$(BIN)/python -m bench.compare $(OLD) -- $(BENCH)

.PHONY: lock
lock: install ## Update the locks from the requirements in pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements-hooks.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --extra dev pyproject.toml -o requirements.txt
