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
test: install ## Run all tests that need no cluster, on all cores
	@$(BIN)/python -m pytest -n auto --dist loadfile

.PHONY: lint
lint: install ## Check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

.PHONY: format
format: install ## Format the code and fix style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

.PHONY: generate
generate: install ## Write the files that are generated: docs/api.md, the dashboard
	@$(BIN)/python -m generators

.PHONY: serve
serve: install ## Serve the hooks in the foreground at BIND=127.0.0.1:8080, in replay mode
	@IPAM_BIND=$(BIND) IPAM_REPLAY=1 IPAM_ACCESS_LOG=- IPAM_LOG_FORMAT=text $(BIN)/gunicorn

.PHONY: certificates
certificates: ## Create a CA and the certificate of the hooks in deploy/tls, or renew the certificate
	@deploy/tls/certificates.sh deploy/tls

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

.PHONY: image
image: install ## Run the steps of the Dockerfile in a clean root, and test the result (as root, with debootstrap)
	@IPAM_IMAGE=1 $(BIN)/python -m pytest tests/e2e/test_image.py

.PHONY: cluster
cluster: install ## Start a real control plane and leave it running
	@$(BIN)/python -m controlplane.cluster up

.PHONY: cluster-down
cluster-down: install ## Stop that control plane
	@$(BIN)/python -m controlplane.cluster down

# Without it, and without a Chromium (apt-get install chromium, or CHROMIUM=/path), these tests are skipped.
.PHONY: browser
browser: install ## Install what the tests of the web page need, and run them in Chromium
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-browser.txt
	@$(BIN)/python -m pytest tests/kubectl_ipam/page

N ?= 1000
M ?= 0
.PHONY: burst
burst: install ## Measure N=1000 requests at once and their deletion on a real control plane, in addition to M=0 existing ones
	@$(BIN)/python -m bench.burst $(N) --standing $(M)

RANGES ?= 1
.PHONY: standing
standing: install ## Measure a restart of Metacontroller with N=1000 standing requests in RANGES=1 ranges
	@$(BIN)/python -m bench.standing $(N) --ranges $(RANGES)

.PHONY: integrations
integrations: N = 300
integrations: install ## Measure N=300 claims, and N=300 Services, beside N=300 plain requests
	@$(BIN)/python -m bench.integrations $(N)

OLD ?=
BENCH ?= bench
.PHONY: compare
compare: install ## Run BENCH=bench (or BENCH="burst N=1000") of OLD=<commit> and of this checkout in turns, print the ratios
	@test -n "$(OLD)" || { echo "compare with what? make compare OLD=<commit>" >&2; exit 2; }
	@$(BIN)/python -m bench.compare $(OLD) -- $(BENCH)

.PHONY: pictures
pictures: install ## Draw the pictures of docs/kubectl-ipam.md again
	@$(BIN)/python -m tests.kubectl_ipam.pictures

.PHONY: lock
lock: install ## Update the locks from the requirements in pyproject.toml
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements-hooks.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --extra cli --extra dev pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 --extra browser --constraint requirements.txt pyproject.toml -o requirements-browser.txt

TAG ?=
.PHONY: release
release: install ## Check that version, chart, changelog and TAG agree and that nothing is missing for a release
	@$(BIN)/python -m release check $(TAG)

.PHONY: notes
notes: install ## Print what the changelog says about this version
	@$(BIN)/python -m release notes

# It runs the generator in an environment of its own, because nothing else needs it.
.PHONY: sbom
sbom: install ## Write build/sbom.json: the packages in the image, by the lock of the hooks
	@mkdir -p build
	@$(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements --output-reproducible \
		--pyproject pyproject.toml --output-file build/sbom.json requirements-hooks.txt

IMAGE ?=
.PHONY: chart
chart: install ## Package the chart as build/ipam-VERSION.tgz, with IMAGE=registry/repository@sha256:...; needs helm
	@rm -rf build/chart build/ipam-*.tgz
	@$(BIN)/python -m release chart "$(IMAGE)" build/chart/ipam
	@helm package build/chart/ipam --destination build
