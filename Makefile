# make demo: see a photograph compressed, by the base install · make test: lint, types and tests · make docs: the site
# Each sets up what it needs on first use.
PYTHON ?= python3
BIN := .venv/bin
BASE := .venv-base/bin

.PHONY: demo test lint base docs pages clean web

demo: .venv-base/ready
	$(BASE)/python scripts/demo.py

test: lint base docs  # two files at a time on a core each: two teams of threads would get in each other's way
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

base: .venv-base/ready  # what people have who install no extra
	$(BASE)/python -m tests.base_install

docs: .venv/ready  # into site/; a dead link fails, and no network is used
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

pages: .venv/ready  # writes the tables and pages that are made from measurements and from the parsers
	$(BIN)/python -m scripts.pages

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable ".[train,eval,dev]"
	touch $@

.venv-base/ready: pyproject.toml
	$(PYTHON) -m venv .venv-base
	$(BASE)/python -m pip install --quiet --editable .
	touch $@

web:  # the decoder for browsers, from C; needs clang and lld
	$(PYTHON) scripts/build_web.py

clean:
	rm -rf .venv .venv-base demo runs site
