# One word each. `make` alone shows them.

VENV ?= .venv
export VENV

.DEFAULT_GOAL := help
.PHONY: help run test check lint format types docs soak fuzz bench peers picture ci clean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run:  ## the main job in the sandbox; nothing real is touched
	@scripts/run

test:  ## the tests
	@scripts/test

check:  ## tests, lint, format, types and import rules
	@scripts/test
	@scripts/check

lint: $(VENV)/.installed-dev  ## what ruff finds
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/lint-imports

format: $(VENV)/.installed-dev  ## put the code in shape
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .

types: $(VENV)/.installed-dev  ## mypy, strict
	@$(VENV)/bin/mypy

docs: $(VENV)/.installed-dev  ## do the docs still hold?
	@$(VENV)/bin/python -m pytest -q tests/docs

soak: $(VENV)/.installed-dev  ## thousands of simulated histories, a thousand kills; writes docs/reliability.md
	@$(VENV)/bin/python tests/simulation/soak.py --histories $(or $(HISTORIES),10000) --write docs/reliability.md; \
	simulated=$$?; \
	$(VENV)/bin/python tests/processes/soak.py --kills $(or $(KILLS),1000) --append docs/reliability.md \
	&& exit $$simulated

fuzz: $(VENV)/.installed-dev  ## bad input, for SECONDS=60 or longer; needs Linux
	@$(VENV)/bin/python -m pip install -q atheris
	@SECONDS=$(or $(SECONDS),60) $(VENV)/bin/python tests/security/hostile/fuzz.py

bench: $(VENV)/.installed-dev  ## the engine against the same by hand; writes docs/performance.md
	@$(VENV)/bin/python -m benchmarks.report --claims $(or $(CLAIMS),20000) --many $(or $(MANY),200000) --size \
	--write docs/performance.md

peers: $(VENV)/.installed-dev  ## install Node-RED, airbyte-cdk and dlt, for make bench to measure
	@$(VENV)/bin/python -m benchmarks.peers

picture: $(VENV)/.installed-dev  ## make docs/run.svg anew, from a real run
	@$(VENV)/bin/python tools/picture.py docs/run.svg

ci:  ## what the CI runs, in a fresh environment
	@bash .ci/run

clean:  ## remove the virtual environment and caches; the ledger stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.installed-dev: pyproject.toml
	@group=dev; . scripts/environment
