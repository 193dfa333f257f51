# Everything a developer does here, from a machine that has python3, make and git.
# Paths are relative on purpose: the folder may have a space in its name.

PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
ARGS ?=

# A virtual environment whose interpreter was removed is made anew.
broken := $(shell test -x $(VENV_PYTHON) || echo broken)
TEMPLATES = $(wildcard templates)

# The packages that the TypeScript client of the tests is made with, where there is npm.
TYPESCRIPT := tests/api/clients/typescript
NODE_PACKAGES := $(if $(and $(wildcard $(TYPESCRIPT)),$(shell command -v npm 2> /dev/null)),$(TYPESCRIPT)/node_modules/.package-lock.json)

.PHONY: help setup run serve reset test messages lint bench clean broken
.DEFAULT_GOAL := help

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name words; do \
		printf '%-14s %s\n' "$$name" "$$words"; done

setup: .venv/.ready $(NODE_PACKAGES) ## Install the locked packages into .venv (the other commands do it by themselves)
	@:

.venv/.ready: pyproject.toml uv.lock scripts/bootstrap.py $(broken)
	@$(PYTHON) scripts/bootstrap.py

$(TYPESCRIPT)/node_modules/.package-lock.json: $(TYPESCRIPT)/package-lock.json
	@npm ci --prefix $(TYPESCRIPT) --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@ || \
		echo "setup: npm could not install its packages: the test of the TypeScript client is skipped"

run: .venv/.ready ## Start the application for development
	@$(VENV_PYTHON) -m chirp_auth.server

serve: export APP_ENV = production
serve: .venv/.ready ## Start the application for production; refuses unsafe settings
	@$(VENV_PYTHON) -m chirp_auth.server

reset: .venv/.ready ## Remove development's data to begin again; asks first, ARGS=--yes does not
	@$(VENV_PYTHON) -m scripts.reset $(ARGS)

test: .venv/.ready $(NODE_PACKAGES) ## Run the tests; ARGS="-k name" narrows them
	@$(VENV_PYTHON) -m pytest $(ARGS)

# Every check runs, and one that fails makes the whole fail.
messages: .venv/.ready ## Bring the translations up to date with the texts in the code
	@$(VENV_PYTHON) -m scripts.messages

lint: .venv/.ready ## Check style, types, dependencies, imports and templates
	@failed=0; \
	check() { echo "== $$*"; $(VENV_PYTHON) -m "$$@" || failed=1; }; \
	check ruff check .; \
	check ruff format --check .; \
	check mypy; \
	check deptry . --no-ansi --extend-exclude "^tests/|^bench/|^scripts/"; \
	check deptry . --no-ansi --ignore DEP002,DEP004; \
	echo "== lint-imports"; $(VENV_PYTHON) .venv/bin/lint-imports --no-logo || failed=1; \
	$(if $(TEMPLATES),check djlint --lint --quiet templates;) \
	exit $$failed

bench: .venv/.ready ## Measure the application on this machine; ARGS are passed on
	@$(VENV_PYTHON) -m bench $(ARGS)

clean: ## Remove .venv and every cache; your data in instance/ stays
	rm -rf .venv $(TYPESCRIPT)/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
