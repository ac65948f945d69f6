# Everything runs in .venv, made here from hash-pinned lock files. Needs python3 (3.11+), make, git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test fuzz check bench chaos lock docs snapshots format dev clean

demo: $(VENV)/.run  ## a seeded workspace, three answers, then a prompt
	creditbot demo

test: $(VENV)/.dev  ## every test
	pytest -n auto

fuzz: $(VENV)/.dev  ## the property tests with examples nobody has seen yet
	HYPOTHESIS_PROFILE=fuzz pytest -n auto

check: $(VENV)/.dev  ## format, lint, types, rooms, generated files
	ruff format --check .
	ruff check .
	mypy
	lint-imports
	python -m bot.pages --check

bench: $(VENV)/.dev  ## ratios beside the goals
	python -m benchmarks

chaos: $(VENV)/.dev  ## kill the service hundreds of times while messages fall due
	python -m tests.chaos

docs: $(VENV)/.dev  ## write the generated files
	python -m bot.pages

snapshots: $(VENV)/.dev  ## renew tests/snapshots; read the difference before committing it
	pytest -n auto --snapshot-update tests

format: $(VENV)/.dev
	ruff format .
	ruff check --fix .

dev: $(VENV)/.dev

clean:
	rm -rf $(VENV) demo .mypy_cache .ruff_cache .hypothesis build dist

# ---- environment

$(UV): locks/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "creditbot needs Python 3.11 or newer; name one with PYTHON=python3.12."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "Python's venv module is missing: install the package python3-venv."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/uv.txt
	@touch $@

# The demo needs no tools for development; once those are there, they are kept.
$(VENV)/.run: $(UV) locks/run.txt pyproject.toml
	@test -e $(VENV)/.dev || $(UV) pip sync --quiet --python $(BIN)/python --require-hashes locks/run.txt
	@test -e $(VENV)/.dev || $(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(UV) locks/dev.txt pyproject.toml
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes locks/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-header --no-emit-index-url --no-emit-find-links

lock: $(UV)  ## pin every dependency anew, for Python 3.11 to 3.14
	$(LOCK) pyproject.toml --extra postgres --extra build -o locks/run.txt
	$(LOCK) pyproject.toml --extra postgres --extra dev -o locks/dev.txt
	echo 'uv>=0.9' | $(LOCK) - -o locks/uv.txt
