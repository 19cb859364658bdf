# Everything that people and CI do here; `make` alone prints this manual.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Tests wait for brokers and rebalances more than they compute: four at a time on two cores, each
# with a broker of its own.
JOBS ?= 4
COMPILED := $(addprefix tests/,deliver endpoints events formats records transport)
EVENTS ?=
ARGS ?=
# Tests start many processes: without bytecode, each of them would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup run test test-fast test-broker coverage nightly fuzz interop interop-go breaks lint format lock build sbom test-wheel compile test-compiled \
	bench bench-compiled bench-report soak soak-dlq docs screenshots chart monitoring image clean

help: ## print this manual
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/all.stamp ## make the virtual environment with everything that developing needs

run: $(VENV)/run.stamp ## the whole pipeline on this machine, live; EVENTS=200 publishes so many and checks; ARGS=--use-cluster
	@$(BIN)/plaudit dev $(if $(EVENTS),--events $(EVENTS)) $(ARGS)

test: $(VENV)/all.stamp ## all tests, on a real broker; ARGS="-k ledger" chooses
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal --durations=10 -m "not nightly" $(ARGS)

test-fast: $(VENV)/all.stamp ## the tests that need no broker
	@$(BIN)/python -m pytest -m "not broker and not docker and not nightly" $(ARGS)

test-broker: $(VENV)/all.stamp ## the tests that need a broker
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "(broker or docker) and not nightly" $(ARGS)

coverage: $(VENV)/all.stamp ## all tests again, with what they reach counted; fails below the bound in pyproject.toml
	@rm -rf build/coverage && mkdir -p build/coverage
	@$(BIN)/python -m coverage run -m pytest -q -n $(JOBS) --dist worksteal -m "not nightly" --timeout 300 $(ARGS)
	@$(BIN)/python -m coverage combine -q && $(BIN)/python -m coverage html -q && $(BIN)/python -m coverage report

nightly: $(VENV)/all.stamp build/fuzz/tools.stamp ## the tests that take minutes: long fuzzing, attacks and outages at full size
	@$(BIN)/python -m pytest --durations=10 -m nightly $(ARGS)

fuzz: $(VENV)/all.stamp build/fuzz/tools.stamp ## a search for bytes that make our code raise; ARGS="records --seconds 600"
	@cd tests && PYTHONPATH=.:../build/fuzz/tools ../$(BIN)/python -m fuzz.run $(or $(ARGS),--help)

interop: $(VENV)/all.stamp build/interop/tools.stamp ## what other toolchains make of API, topics and database
	@build/interop/bin/openapi-python-client --version; for each in node tsc redocly spectral openapi-typescript; do \
		printf '%s ' $$each; PATH=build/interop/node_modules/.bin:$$PATH $$each --version 2>/dev/null | tail -1 || echo "is not installed"; done
	@java -version 2>&1 | head -1; go version; pgbouncer --version 2>/dev/null | head -1 || true
	@$(BIN)/python -m pytest -rs tests/interop $(ARGS)

lint: $(VENV)/all.stamp ## style, types and the rules of the layout
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/typos
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/all.stamp ## put the style right where a tool can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(VENV)/all.stamp ## resolve and pin what is installed, with hashes
	@$(BIN)/python requirements/lock.py

interop-go: build/interop/bin/kube-apiserver build/interop/bin/keda-scaling ## KEDA's scalers and an API server for tests/interop; ten minutes

breaks: $(VENV)/all.stamp ## break each promise in a copy and see its tests fail; ARGS="-k commit"
	@cd tests && ../$(BIN)/python -m breaks.run $(ARGS)

build: $(VENV)/all.stamp ## the wheel and the source archive, into dist/
	@rm -rf dist && $(BIN)/python -m build --no-isolation --outdir dist .

sbom: $(VENV)/all.stamp ## a CycloneDX bill of materials of what the image installs, into dist/
	@mkdir -p dist && $(PYTHON) -m venv build/sbom && build/sbom/bin/python -m pip install -q "cyclonedx-bom>=7,<8"
	@build/sbom/bin/cyclonedx-py requirements requirements/image.txt --output-file dist/sbom.cdx.json

test-wheel: build ## the fast tests against the built wheel, away from the tree
	@tests/wheel.sh dist/*.whl $(BIN)/python requirements/all.txt

compile: $(VENV)/all.stamp ## the wheel with its hot path compiled, for this platform; needs a C compiler
	@rm -rf dist/compiled
	@PLAUDIT_COMPILE=1 $(BIN)/python -m build --wheel --no-isolation --outdir dist/compiled .

test-compiled: compile ## the fast tests of what is compiled, against that wheel
	@deploy/compile/python -m pytest -q -m "not broker and not docker and not nightly and not tree" $(COMPILED) $(ARGS)

bench-compiled: compile ## the same as bench, with that wheel
	@PYTHONPATH=$(CURDIR)/tests deploy/compile/python -m bench $(ARGS)

bench: $(VENV)/all.stamp ## measure this machine against plain loops, 15 minutes; ARGS=--quick takes one
	@$(BIN)/plaudit bench $(ARGS)

bench-report: compile ## measure both forms, five repetitions each, and write the table in docs/benchmarks.md; an hour or two
	@mkdir -p build/bench
	@$(BIN)/plaudit bench --repeat 5 --json build/bench/pure.json $(ARGS) || [ $$? = 3 ]
	@PYTHONPATH=$(CURDIR)/tests deploy/compile/python -m bench --repeat 5 --json build/bench/compiled.json $(ARGS) || [ $$? = 3 ]
	@cd tests && ../$(BIN)/python -m bench.write_report ../docs/benchmarks.md ../build/bench/pure.json ../build/bench/compiled.json

soak: $(VENV)/all.stamp ## a million deliveries under fifty kills, or ARGS="--day --minutes 60": a day of a platform
	@cd tests && ../$(BIN)/python -m lab.soak $(ARGS)

soak-dlq: $(VENV)/all.stamp ## a million dead letters, redriven under kills; ARGS="--letters 100000"
	@cd tests && ../$(BIN)/python -m dlq.soak $(ARGS)

screenshots: $(VENV)/all.stamp ## every page of the console in both themes and widths, into build/console and the docs; needs Chromium
	@cd tests && ../$(BIN)/python -m console.screenshots

docs: $(VENV)/all.stamp ## the documentation site, into build/site; fails on a dead link
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

chart: $(VENV)/all.stamp ## the generated files of the Helm chart, and the base for kustomize; needs helm
	@$(BIN)/python -m plaudit.cli.docs.chart
	@helm template plaudit deploy/helm/plaudit --kube-version 1.33.0 -f deploy/kustomize/values.yaml > deploy/kustomize/.plaudit.yaml
	@mv deploy/kustomize/.plaudit.yaml deploy/kustomize/plaudit.yaml

monitoring: $(VENV)/all.stamp ## the alert rules for Prometheus and the dashboards for Grafana, into deploy/
	@$(BIN)/python -m plaudit.cli.docs.monitoring.files

image: ## the container image, where Docker is
	@docker build -t plaudit -f deploy/Dockerfile .

clean: ## remove what was made here
	@rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

build/interop/bin/kube-apiserver: tests/interop/apiserver/go.mod tests/interop/crds.sh
	@tests/interop/crds.sh build/interop/crds
	@cd tests/interop/apiserver && CGO_ENABLED=0 go build -trimpath -o $(CURDIR)/$@ .

# Only the scalers that the chart names: KEDA's package has those of every cloud.
build/interop/bin/keda-scaling: tests/interop/keda/go.mod tests/interop/keda/main.go
	@rm -rf build/interop/keda && mkdir -p build/interop/keda/scalers && cp tests/interop/keda/* build/interop/keda
	@cd build/interop/keda && go mod download && for each in kafka_scaler metrics_api_scaler scaler; do \
		install -m 644 "$$(go list -m -f '{{.Dir}}' github.com/kedacore/keda/v2)/pkg/scalers/$$each.go" scalers; done
	@mv build/interop/keda/shared.go.txt build/interop/keda/scalers/shared.go
	@cd build/interop/keda && CGO_ENABLED=0 go build -trimpath -o $(CURDIR)/$@ .

build/interop/tools.stamp: tests/interop/package.json tests/interop/java/pom.xml
	@mkdir -p build/interop && $(PYTHON) -m venv build/interop
	@build/interop/bin/python -m pip install -q openapi-python-client==0.29.1
	@cp tests/interop/package.json build/interop && if command -v npm >/dev/null; \
		then cd build/interop && npm install --no-audit --no-fund --ignore-scripts --loglevel error; \
		else echo "npm is not installed: tests of Node's tools are skipped"; fi
	@if command -v mvn >/dev/null; then mvn -q -B -f tests/interop/java/pom.xml dependency:copy-dependencies \
		-DoutputDirectory=$(CURDIR)/build/interop/java && mvn -q -B -f tests/interop/java/apicurio3/pom.xml \
		dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/build/interop/java3 && mvn -q -B -f \
		tests/interop/java/debezium/pom.xml dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/build/interop/java-debezium; else echo "mvn is not installed: tests in Java are skipped"; fi
	@touch $@

# Wheels of atheris are for Linux and some versions of Python.
build/fuzz/tools.stamp: requirements/fuzz.txt
	@mkdir -p build/fuzz
	@$(PIP) install -q --upgrade --only-binary :all: --require-hashes --target build/fuzz/tools -r $< || \
		echo "atheris can't be had here: tests that need it are skipped"
	@touch $@

$(VENV)/pip.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Plaudit needs Python 3.11 or newer; set PYTHON=/path/to/it"; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -q -U "pip>=25.1"
	@touch $@

$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(VENV)/pip.stamp
	@echo "installing what running needs into $(VENV) …"
	@$(PIP) install -q --require-hashes -r requirements/run.txt
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/all.stamp: requirements/all.txt pyproject.toml | $(VENV)/pip.stamp
	@echo "installing what developing needs into $(VENV) …"
	@$(PIP) install -q --require-hashes -r requirements/all.txt
	@$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/run.stamp
