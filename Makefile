# make demo: see a photograph compressed · make test: lint, types and tests · both set up .venv on first use
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint clean web

demo: .venv/ready
	$(BIN)/python scripts/demo.py

test: lint  # two files at a time on a core each: two teams of threads would get in each other's way
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable ".[train,eval,dev]"
	touch $@

web:  # the decoder for browsers, from C; needs clang and lld
	$(PYTHON) scripts/build_web.py

clean:
	rm -rf .venv demo runs
