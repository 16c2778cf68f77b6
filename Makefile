# Everything a person does with this project: `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CONFIG ?=
DB ?=
# Of name:password@ in DB; everybody on the machine can read the command line of make.
PASSWORD := $(and $(findstring @,$(DB)),$(word 2,$(subst :, ,$(firstword $(subst @, ,$(DB:postgresql://%=%))))))

.DEFAULT_GOAL := help
.PHONY: help setup campaign doctor ui server deploy worker-cpu worker-gpu down test test-fast check docs format benchmark benchmark-full clean

help: ## list all commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## install everything into .venv; other commands do so when needed

campaign: $(INSTALLED) ## run a design campaign; CONFIG=file.yaml for your own
	@$(BIN)/python -m flows.campaign $(if $(CONFIG),--config "$(CONFIG)")

doctor: $(INSTALLED) ## check the installation and the results, and say what is wrong
	@$(BIN)/python -m flows.doctor

ui: $(INSTALLED) ## open Prefect and MLflow on the results, until Ctrl-C
	@$(BIN)/python -m tasks.servers.pages

ifneq ($(DB),)
server: export DESIGN_DATABASE := $(DB)
endif
server: $(INSTALLED) ## start the Prefect and the MLflow server; DB=postgresql://... for PostgreSQL
	@$(if $(and $(PASSWORD),$(filter command,$(origin DB))),$(error a password has no place on a \
		command line: put the address into the variable DESIGN_DATABASE))
	@$(BIN)/python -m tasks.servers.operate server

deploy: $(INSTALLED) ## create or update pools, queues, deployments and schedules
	@$(BIN)/python -m tasks.servers.operate deploy

worker-cpu: $(INSTALLED) ## start the worker that runs campaigns, in the background
	@$(BIN)/python -m tasks.servers.operate worker-cpu

worker-gpu: $(INSTALLED) ## start one worker per GPU in the background, for training and sampling
	@$(BIN)/python -m tasks.servers.operate worker-gpu

down: $(INSTALLED) ## stop all servers and workers started here
	@$(BIN)/python -m tasks.servers.operate down

# Three processes on two cores: tests of servers wait a good part of their time.
test: $(INSTALLED) ## run all tests, about 20 minutes on two cores
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --durations=10

test-fast: $(INSTALLED) ## run the tests that start no server, about three minutes
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=10 \
		-m "not services and not slow"

check: $(INSTALLED) docs ## check format, lint, imports, types, documentation and known weaknesses
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive flows tasks designlib
	@$(BIN)/python -m tests.security.audit

docs: $(INSTALLED) ## build the documentation into site/; open site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: $(INSTALLED) ## format the code and apply automatic fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: $(INSTALLED) ## compare methods on one problem of each kind, about ten minutes
	@$(BIN)/python -m flows.benchmark quick
	@$(BIN)/python -m flows.benchmark digits --seeds 2

benchmark-full: $(INSTALLED) ## compare tuned methods on all problems and write BENCHMARKS.md, hours
	@$(BIN)/python -m flows.benchmark all
	@$(BIN)/python -m flows.benchmark checkpoints
	@$(BIN)/python -m flows.benchmark digits
	@$(BIN)/python -m flows.benchmark mnist
	@$(BIN)/python -m flows.benchmark page

clean: ## remove the environment and caches; results/ stays
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find flows tasks designlib data tests -name __pycache__ -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock pytorch.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; say which with make PYTHON=python3.11"; exit 1; }
	@echo "Installing into $(VENV): about 2 GB, a few minutes, once."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r pytorch.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --editable .
	@$(BIN)/python -m tasks.servers.prepare
	@touch $@
