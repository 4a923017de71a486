# `make help` lists the targets. Everything runs in .venv, which is made once and again when pyproject.toml changes.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# uv is quicker where it is present; pip does the same everywhere else
UV := $(shell command -v uv 2>/dev/null)
install = $(if $(UV),$(UV) pip install --quiet --python $(1)/bin/python,$(1)/bin/python -m pip install --quiet)
create = $(if $(UV),$(UV) venv --quiet --clear --seed --python $(PYTHON) $(1),$(PYTHON) -m venv --clear $(1))
PYTEST := $(BIN)/python -m pytest
UNIT := not browser and not engines and not hub and not long and not pyodide and not marimo
BROWSER := browser and not hub and not long
PYODIDE := $(PYTEST) -m pyodide tests/pyodide
# on a shared CI machine, what failed gets one more chance alone; the log shows both runs
again = $(if $(CI_AGAIN),|| $(1) --last-failed --last-failed-no-failures none,)

.PHONY: help venv demo test test-base test-engines test-pyodide test-marimo test-hub test-compat test-pythons test-long docs lint types imports unit browser bench notebooks outputs screenshots clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: pyproject.toml
	$(call create,$(VENV))
	$(call install,$(VENV)) -e '.[dev]'
	@touch $@

venv: $(VENV)/.ready ## make .venv with everything the demo and the tests need

.venv-demo/.ready: pyproject.toml
	@echo "Installing the demo into .venv-demo (about 130 MB to download, once) …"
	@$(call create,.venv-demo)
	@$(call install,.venv-demo) -e '.[demo]'
	@touch $@

demo: .venv-demo/.ready ## run notebooks/01_quickstart.ipynb in a real kernel and show what arrived
	@.venv-demo/bin/nbtrack demo

lint: venv ## style (ruff, all rules on)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: venv ## types (mypy, strict)
	$(BIN)/mypy

imports: venv ## import directions of the map (import-linter)
	$(BIN)/lint-imports --no-cache

unit: venv ## all tests but those of the browser and the notebooks
	$(PYTEST) -m "$(UNIT)" $(call again,$(PYTEST) -m "$(UNIT)")

browser: venv ## the tests in a real Chromium
	$(PYTEST) -m "$(BROWSER)" $(call again,$(PYTEST) -m "$(BROWSER)")

notebooks: venv ## run the tutorials in a real kernel and compare their outputs
	$(PYTEST) --nbval-lax --nbval-current-env --nbval-cell-timeout 60 --nbval-sanitize-with notebooks/sanitise.cfg -p no:cacheprovider notebooks

test: lint types imports unit notebooks browser ## lint, types, imports, unit, conformance, notebooks, browser

test-long: venv ## full counts of kills, soaks and fuzzing
	NBTRACK_LONG=1 $(PYTEST) --timeout 1800 -m "not browser and not engines and not hub and not pyodide and not marimo"

.venv-marimo/.ready: pyproject.toml
	$(call create,.venv-marimo)
	$(call install,.venv-marimo) -e '.[marimo-tests]'
	@touch $@

MARIMO := .venv-marimo/bin/python -m pytest -m marimo tests/marimo

test-marimo: .venv-marimo/.ready ## marimo in Chromium, in a virtual environment of its own
	$(MARIMO) $(call again,$(MARIMO))

test-pyodide: venv ## Python in a page: npm's pyodide in Node and in Chromium
	$(PYODIDE) $(call again,$(PYODIDE))

.venv-engines/.ready: pyproject.toml
	$(call create,.venv-engines)
	$(call install,.venv-engines) -e '.[engines]'
	@touch $@

test-engines: .venv-engines/.ready ## Dask and Spark, in a virtual environment of their own
	.venv-engines/bin/python -m pytest --timeout 600 -m engines $(call again,.venv-engines/bin/python -m pytest --timeout 600 -m engines)

.venv-hub/.ready: pyproject.toml
	$(call create,.venv-hub)
	$(call install,.venv-hub) -e '.[hub]'
	@touch $@

HUB := .venv-hub/bin/python -m pytest -W default --timeout 240 --durations 12 -m hub tests/places

test-hub: .venv-hub/.ready ## a JupyterHub with two users, and the other programs that run notebooks
	$(HUB) $(call again,$(HUB))

# nbtrack without any extra: what a user of cells, steps and the collector installs
.venv-base/.ready: pyproject.toml
	$(call create,.venv-base)
	$(call install,.venv-base) -e '.[base-tests]'
	@touch $@

BASE := .venv-base/bin/python -m pytest -m "not browser and not engines and not long and not node" \
  tests/collector tests/runtime tests/test_steps.py tests/notebook tests/widget

test-base: .venv-base/.ready ## collector, session, steps, notebook and monitor without the packages of backfills
	$(BASE) $(call again,$(BASE))

# the oldest versions that pyproject.toml allows of everything a notebook brings along
.venv-compat/.ready: pyproject.toml
	$(call create,.venv-compat)
	.venv-compat/bin/python -m pip install --quiet uv
	.venv-compat/bin/uv pip install --quiet --python .venv-compat/bin/python --resolution lowest-direct -e '.[compat]'
	@touch $@

# how much memory old versions of others need is not ours to hold
COMPAT := .venv-compat/bin/python -m pytest -W default -m "not browser and not engines and not long and not node" \
  --ignore tests/bulk/test_memory.py \
  tests/notebook tests/runtime tests/test_steps.py tests/tracker tests/bulk tests/warehouse

test-compat: .venv-compat/.ready ## the notebook and tracker tests on the oldest supported IPython, ipykernel, pandas …
	$(COMPAT) $(call again,$(COMPAT))

# The other Pythons of this machine. A tool that finds interpreters, such as pyenv, has them under its own root.
PYTHONS := 3.12 3.13
python_of = $(shell for python in python$(1) $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$(1).*/bin/python$(1); do \
  $$python -c "" 2>/dev/null && { command -v $$python; break; }; done)
PYTHONS_TESTS := -m "not browser and not engines and not hub and not long and not node and not redis" \
  --ignore tests/tracker/test_types.py --durations 10 tests/tracker tests/runtime tests/activities tests/test_steps.py \
  tests/test_values.py tests/notebook/test_cells.py tests/notebook/test_what_people_write.py tests/delivery/test_stores.py \
  tests/delivery/test_emitters.py tests/bulk/test_row_is_track.py

.venv-3.%/.ready: pyproject.toml
	$(if $(UV),$(UV) venv --quiet --clear --seed --python $(call python_of,3.$*) .venv-3.$*,$(call python_of,3.$*) -m venv --clear .venv-3.$*)
	$(call install,.venv-3.$*) -e '.[all,base-tests]'
	@touch $@

test-python-3.%: .venv-3.%/.ready
	.venv-3.$*/bin/python -m pytest $(PYTHONS_TESTS) $(call again,.venv-3.$*/bin/python -m pytest $(PYTHONS_TESTS))

# one that is missing is skipped by name, or fails where NBTRACK_REQUIRE lists it (python3.12)
test-pythons: ## the tests of tracker, session, cells and delivery on the other Pythons that are here
	@for version in $(PYTHONS); do \
	  if [ -n "$$($(MAKE) --no-print-directory -s find-python-$$version)" ]; then \
	    $(MAKE) --no-print-directory test-python-$$version || exit 1; \
	  elif [[ ",$$NBTRACK_REQUIRE," == *",python$$version,"* ]]; then echo "Python $$version is not here: pyenv install $$version"; exit 1; \
	  else echo "skipped: Python $$version is not here: pyenv install $$version"; fi; \
	done

find-python-%:
	@echo $(call python_of,$*)

.venv-docs/.ready: pyproject.toml
	$(call create,.venv-docs)
	$(call install,.venv-docs) -e '.[all,tutorials,docs]'
	@touch $@

docs: .venv-docs/.ready ## build the documentation into site/, warnings are errors
	.venv-docs/bin/mkdocs build --strict --config-file docs/mkdocs.yml --site-dir $(CURDIR)/site

bench: venv ## speed, as ratios against the reference in the same run
	$(BIN)/python -m tests.bench

outputs: venv ## run the tutorials and keep the outputs that are the same each time
	$(BIN)/python docs/outputs.py

screenshots: venv ## the pictures of the README and the tutorials, from the real thing
	$(BIN)/python docs/screenshots.py

clean: ## remove what make made
	rm -rf $(VENV) .venv-base .venv-demo .venv-engines .venv-marimo .venv-hub .venv-3.* .venv-docs .venv-compat site build dist node_modules .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
