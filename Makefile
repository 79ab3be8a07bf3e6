# Heedful: `make demo`, `make test` and `make check` set up all they need in .venv, on a fresh machine too.

VENV := .venv
BIN := $(VENV)/bin
# Set-up pins torch, in its CPU build, which is much smaller than the default one; the package asks for a range only.
TORCH := torch==2.13.0
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

.PHONY: demo test test-slow check format setup clean help

help:
	@echo 'make demo       install what a run needs, and see a model learn (ARGS: options of heedful demo)'
	@echo 'make test       install what the tests need, and run the fast ones (ARGS: options of pytest)'
	@echo 'make test-slow  the slow ones: real models, a browser, many kills, every command of the docs'
	@echo 'make check      lint, format, types, docs; changes nothing'
	@echo 'make format     mend what lint and format can'
	@echo 'make setup      install what the tests need, and end'
	@echo 'make clean      remove .venv'

demo: $(VENV)/.ready-demo
	@$(BIN)/heedful demo $(ARGS)

# Where bytecode is not to be written (as in many containers), tests and package are compiled anew by each process.
test test-slow: export PYTHONDONTWRITEBYTECODE =

test: $(VENV)/.ready-dev
	@$(BIN)/python -m pytest -n 2 -m 'not slow' $(ARGS)

test-slow: $(VENV)/.ready-dev
	@$(BIN)/python -m pytest -n 2 -m slow $(ARGS)

check: $(VENV)/.ready-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$(BIN)/python docs/check.py

format: $(VENV)/.ready-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

setup: $(VENV)/.ready-dev

# The stamps make second runs fast: they are older than nothing but pyproject.toml.
$(VENV)/.ready-demo: pyproject.toml Makefile
	@sh scripts/setup.sh "$(PYTHON)" $(VENV) '$(TORCH)' demo
	@touch $@

$(VENV)/.ready-dev: pyproject.toml Makefile
	@sh scripts/setup.sh "$(PYTHON)" $(VENV) '$(TORCH)' dev
	@touch $@ $(VENV)/.ready-demo

clean:
	rm -rf $(VENV)
