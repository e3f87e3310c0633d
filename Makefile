# Two commands on a fresh machine: `make demo` and `make test`. Each does all its own set-up.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

# Where a machine forbids byte code, each of the processes that tests and demo start would compile every library.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test lint clean

demo: $(VENV)/.installed
	$(BIN)/monitor demo

test: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PYTHONSAFEPATH=1 $(BIN)/pytest -n auto

$(VENV)/bin/uv:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt -e . --group dev
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) build dist
