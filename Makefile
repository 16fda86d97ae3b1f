# Tandem needs Python 3.11 to 3.14 and make; everything else is set up here, into .venv, node_modules and .hub.

BIN := .venv/bin
PAGES := static/dist/.vite/manifest.json
SOURCES := package.json vite.config.mjs $(shell find static templates config hub signals journeys qbr advocacy metrics \
	-path static/dist -prune -o -type f \( -name '*.html' -o -path 'static/*' \) -print 2>/dev/null)
# How many tests run at once; browser and kill tests start processes of their own.
JOBS ?= auto
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy
# Images of Python set this; each of a hub's processes would then compile all that it imports at each start.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run install test test-fast check bench lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: install ## Set up what is missing and start the product
	@exec $(BIN)/python manage.py up

install: .venv/.run $(PAGES) ## Set up what `make run` needs, without starting it

test: .venv/.test $(PAGES) ## Run all tests, browser and kill tests included
	@$(BIN)/python -m tests.chromium
	@$(BIN)/python -m pytest -n $(JOBS)

test-fast: .venv/.test $(PAGES) ## Run the tests without browser, kill and slow tests
	@$(BIN)/python -m pytest -n $(JOBS) -m "not browser and not kill and not slow"

check: .venv/.test $(PAGES) ## Format, lint, types, import floors, migrations, lock files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	! grep -n :// requirements*.txt package-lock.json

bench: .venv/.test $(PAGES) ## Measure; ONLY=name runs one, BENCH_SCALE=0.1 makes it smaller
	@$(BIN)/python -m bench $(ONLY)

lock: .venv/.test ## Resolve all dependencies anew
	$(BIN)/python -m config.embedded.lock
	$(BIN)/python -m config.embedded.node npm run lock

clean: ## Forget what was built; data in .hub stays
	rm -rf .venv node_modules static/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# --- What the targets above stand on -----------------------------------------------------------------------------

# A Python is looked for by running it: the shims of version managers are there and do not work.
.venv/bin/python:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
		$$python -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null || continue; \
		echo "› Virtual environment from $$python …"; $$python -m venv .venv && exit 0; \
	done; echo "No Python 3.11 to 3.14 with venv found. On Debian or Ubuntu: apt-get install python3 python3-venv" >&2; exit 1

.venv/bin/uv: requirements-uv.txt | .venv/bin/python
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-uv.txt && touch $@

.venv/.run: requirements.txt | .venv/bin/uv
	@echo "› Python packages …"
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.txt
	@$(BIN)/python -m config.embedded.binaries
	@rm -f .venv/.test; touch $@

# Everything that `make run` needs and more, so it counts for both.
.venv/.test: requirements.txt requirements-dev.txt | .venv/bin/uv
	@echo "› Python packages, with those for tests …"
	@$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements-dev.txt
	@$(BIN)/python -m config.embedded.binaries
	@touch .venv/.run $@

node_modules/.installed: package-lock.json package.json .npmrc | .venv/.run
	@echo "› Front-end packages …"
	@$(BIN)/python -m config.embedded.node npm ci --ignore-scripts --silent && touch $@

$(PAGES): node_modules/.installed $(SOURCES)
	@echo "› Front end …"
	@$(BIN)/python -m config.embedded.node npm run build --silent -- --logLevel warn && touch $@
