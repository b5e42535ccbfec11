# make app    the app on http://127.0.0.1:7860 with the embedded checkpoints
# make test   all tests
# Both make .venv first, from requirements.txt, and again only when that file changes.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: app test check lint format

app: .venv/installed
	@$(BIN)/python app/app.py

test: .venv/installed
	@$(BIN)/python -m pytest

check: lint test

lint: .venv/installed
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: .venv/installed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; set PYTHON=python3.12, say")'
	@echo "Setting up .venv (about 6 GB with PyTorch's GPU libraries; some minutes, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar on --requirement requirements.txt
	@touch $@
