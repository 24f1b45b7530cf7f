# Two commands: `make demo` and `make test`. Each sets up what it needs: Python >= 3.11, git and make are enough.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

UV_VERSION := 0.13.9
UV_OLDEST := 0.9
# The first Python that is new enough; `make PYTHON=/path/to/python demo` names another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$p"; break; fi; done)
BIN := .venv/bin
# As many test workers as there are processors, up to four: they share one database and one Temporal.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 4 ? n : 4)))
TESTS ?= tests

.PHONY: help setup demo test bench lint format clean clean-cache

help:
	@echo "make demo         start everything with demo data; Ctrl-C stops it"
	@echo "make test         lint, types and every test, on real servers (TESTS=tests/runtime for some)"
	@echo "make bench        measure speed; results in bench/results"
	@echo "make lint         ruff, mypy, import-linter;  make format  puts the code in form"
	@echo "make setup        only the Python environment"
	@echo "make clean        removes the environment and caches in this folder (not .redress, your data)"
	@echo "make clean-cache  removes our own copies of Temporal and PostgreSQL"

setup: .venv/.made

demo: .venv/.made
	@exec $(BIN)/redress up --demo

# pytest comes last, so that its summary is the last thing said.
test: lint
	@$(BIN)/python -m runtime.temporal_binary
	@$(BIN)/python -m tests.support.browser
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal $(TESTS)

bench: .venv/.made
	@$(BIN)/python -m runtime.temporal_binary
	@$(BIN)/python -m bench

lint: .venv/.made
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports

format: .venv/.made
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

clean:
	rm -rf .venv .uv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-cache: .venv/.made
	@$(BIN)/python -m runtime.cache --clear

# The environment, made anew whenever what it is made from changes. The mark is written last.
.venv/.made: pyproject.toml uv.lock
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed, and none is on PATH. Install it, or say where it is: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; exit 1; }
	@command -v git >/dev/null || { echo "git is needed, and is not on PATH. Install it (on Debian: apt-get install git)." >&2; exit 1; }
	@uv=$$(command -v uv || true); \
	if [ -n "$$uv" ]; then \
		has=$$("$$uv" --version | cut -d ' ' -f 2); \
		[ "$$(printf '%s\n' $(UV_OLDEST) "$$has" | sort -V | head -n 1)" = $(UV_OLDEST) ] || uv=; \
	fi; \
	if [ -z "$$uv" ]; then $(MAKE) .uv/made-$(UV_VERSION); uv=.uv/bin/uv; fi; \
	echo "Setting up the Python environment in .venv ..."; \
	UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 "$$uv" sync --locked --python "$(PYTHON)"
	@touch $@

# uv itself, where PATH has none that is new enough. A half-made one has no mark and is made again.
.uv/made-$(UV_VERSION):
	@echo "Getting uv $(UV_VERSION), which makes the Python environment ..."
	@rm -rf .uv
	@if "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then \
		"$(PYTHON)" -m venv .uv && .uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION); \
	elif "$(PYTHON)" -m pip --version >/dev/null 2>&1; then \
		"$(PYTHON)" -m pip install --quiet --disable-pip-version-check --target .uv uv==$(UV_VERSION); \
	else \
		echo "Python has neither venv with ensurepip nor pip, and there is no uv on PATH. Install one of them (on Debian: apt-get install python3-venv) and start again." >&2; \
		exit 1; \
	fi
	@[ -x .uv/bin/uv ] || { echo "uv did not get installed; is the network there? Or install uv $(UV_VERSION) yourself (https://docs.astral.sh/uv)." >&2; exit 1; }
	@touch $@
