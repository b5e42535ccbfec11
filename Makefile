# make app    the app on http://127.0.0.1:7860 with the embedded checkpoints
# make test   all tests, a file of them on each of up to four cores; make test-fast: those of equations and files
# Both make .venv first, from requirements.txt, and again only when that file changes.
#
# make train-faces PHOTOS=folder    from a folder of photos to runs/faces/checkpoint; train-faces-rb: the Rb-VAE
# make train-digits                 from MNIST, fetched into data/, to runs/digits/checkpoint; train-digits-rb
# MINUTES=60 bounds a run by the clock, and the same command continues it; FACES=faces-paper trains the paper's method on pixels.

PYTHON ?= python3
BIN := .venv/bin

FACES ?= faces
MINUTES ?= 60

FAST := tests/rbvae/models tests/rbvae/objectives tests/rbvae/extensions tests/rbvae/digits tests/rbvae/images \
    tests/training/data tests/test_readme.py

.PHONY: app test test-fast check lint format train-faces train-faces-rb train-digits train-digits-rb

app: .venv/installed
	@$(BIN)/python app/app.py

test: .venv/installed
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

test-fast: .venv/installed
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile $(FAST)

check: lint test

lint: .venv/installed
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: .venv/installed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

data/faces96/dataset.json: | .venv/installed
	@test -n "$(PHOTOS)" || { echo "say where the photos are: make train-faces PHOTOS=folder"; exit 2; }
	@$(BIN)/python training/prepare_faces.py --photos "$(PHOTOS)" --out data/faces96 --size 96

train-faces train-faces-rb: data/faces96/dataset.json
	@$(BIN)/python training/train.py --preset $(FACES) --data data/faces96 --minutes $(MINUTES) \
	    --method $(if $(filter %-rb,$@),rb,srb) --out runs/$(@:train-%=%)

train-digits train-digits-rb: .venv/installed
	@$(BIN)/python training/train.py --preset digits --minutes $(MINUTES) \
	    --method $(if $(filter %-rb,$@),rb,srb) --out runs/$(@:train-%=%)

.venv/installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; set PYTHON=python3.12, say")'
	@echo "Setting up .venv (about 7.4 GB with PyTorch's GPU libraries; some minutes, once)"
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --progress-bar on --requirement requirements.txt
	@touch $@
