# The README's two commands: `make demo` and `make test`. Both make their own virtual environment.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: demo test test-lowest browser check docs install install-dev clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

# every-eval-ever by itself: its schemas judge our exports, and it asks for a newer Python and an
# older client of the hub than ours.
$(VENV)/.installed-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --ignore-requires-python every-eval-ever==0.3.0
	touch $@ $(VENV)/.installed

install: $(VENV)/.installed

install-dev: $(VENV)/.installed-dev

demo: install
	$(BIN)/gdbench demo

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict tests/typing/public_api.py
	$(BIN)/lint-imports

# The pages as a site in build/docs: every link, anchor and docstring is looked at.
docs: install-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	$(BIN)/python docs/check_site.py build/docs

# The site is tested in a real Chromium, which is got where there is none;
# `make test BROWSER=none` runs the other tests and says how many were left out.
BROWSER = auto
ifeq ($(filter auto none,$(BROWSER)),)
$(error BROWSER=$(BROWSER): expected auto or none)
endif

browser: install-dev
ifeq ($(BROWSER),auto)
	@$(BIN)/python tests/site/chromium.py
endif

# One thread a process: on few cores two processes with one thread beat one with two.
test: browser
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile $(if $(filter none,$(BROWSER)),--no-browser)

# The oldest dependencies that pyproject.toml admits, in an environment of their own; the
# pages are looked at in a browser by `make test`.
LOWEST := .venv-lowest

$(LOWEST)/.installed: pyproject.toml
	$(PYTHON) -m venv --clear $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python \
	  --resolution lowest-direct --editable '.[dev,tokenizers]'
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --ignore-requires-python every-eval-ever==0.3.0
	touch $@

test-lowest: $(LOWEST)/.installed
	OMP_NUM_THREADS=1 $(LOWEST)/bin/pytest -n 2 --dist loadfile --no-browser

clean:
	rm -rf $(VENV) $(LOWEST) build dist site runs demo
