# Two commands do all the set-up: `make run` (the main job on the seeds) and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
# Where PYTHONDONTWRITEBYTECODE is set, as in many images, every start would compile all modules again.
COMPILE := $(BIN)/python -m compileall -q mtalign

.PHONY: run test lint bench browser axe clean help

help:
	@echo "make run      install, translate the seeds, write outputs/"
	@echo "make test     install, run the test suite"
	@echo "make lint     ruff and mypy"
	@echo "make bench    measure everything: bench/results.json and .md (QUICK=1: ten minutes)"
	@echo "make browser  install Chromium for the page tests (Debian, as root)"
	@echo "make axe      install axe-core for the page tests (npm)"
	@echo "make clean    remove the virtual environment and caches"

run: $(VENV)/installed
	$(BIN)/mtalign run -c mtalign.toml -o outputs

test: $(VENV)/installed-dev axe
	$(BIN)/pytest

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/installed-dev
	$(BIN)/python bench/all.py $(if $(QUICK),--quick)

browser:
	apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null

# Only the tests use it; without npm they say loudly that they cannot, and fail on CI.
axe:
	@test -f node_modules/axe-core/axe.min.js \
	  || { command -v npm >/dev/null && npm install --silent --no-save --no-package-lock --no-audit --no-fund axe-core@4.14.1; } \
	  || echo "axe-core could not be installed: the accessibility tests will say so" >&2

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo "mtalign needs Python 3.10 or newer; name one: make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (PyTorch among it: a few minutes the first time)"
	$(PIP) -e '.[offline]'
	@$(COMPILE)
	@touch $@

$(VENV)/installed-dev: $(BIN)/python pyproject.toml constraints.txt
	@echo "Installing into $(VENV) (PyTorch among it: a few minutes the first time)"
	$(PIP) -e '.[offline,dev]'
	@$(COMPILE)
	@touch $(VENV)/installed $@

clean:
	rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
