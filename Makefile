# Every target sets up what it needs: a virtual environment in .venv with the versions that were tested.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: verify test bench regression snapshots mutants docs docs-check robustness wheel-check versions clean

verify: .venv/installed
	$(BIN)/bptt-oracle verify

test: .venv/installed
	$(BIN)/python -m pytest -n auto

# OpenBLAS kernels forced for old builds would slow NumPy but not torch: the comparison must not inherit them
bench: .venv/installed
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test,bench]'
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python benchmarks/speed.py

# by ratio to torch, against benchmarks/ratios.json
regression: .venv/installed
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python benchmarks/regression.py

# the built-in networks against their recorded gradients, in an environment without torch
snapshots: build/light/installed
	build/light/bin/python -m pytest -p syrupy --noconftest tests/snapshots/check_networks.py

build/light/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv build/light
	build/light/bin/pip install --quiet -c constraints.txt numpy pytest syrupy
	build/light/bin/pip install --quiet --no-deps -e .
	touch $@

mutants: .venv/installed
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test,mutants]'
	$(BIN)/python -m pytest --quiet mutants/tests
	$(BIN)/python -m mutants

# the site, in build/docs; a link that leads nowhere fails it
docs: .venv/installed
	$(BIN)/sphinx-build -q -W --keep-going -n -E docs build/docs

# every mistake diagnosed again, some minutes; python -m docs_tools.mistakes writes the pages anew
docs-check: .venv/installed
	$(BIN)/python -m docs_tools.mistakes --check

# broken and hostile inputs, by hand and made at random, half an hour
robustness: .venv/installed
	$(BIN)/python -m benchmarks.robustness --markdown docs/robustness.md

# the wheel in an empty environment, used from an empty folder
wheel-check: .venv/installed
	$(BIN)/python -m benchmarks.wheel --markdown docs/robustness.md

# the suite under other Pythons and NumPys: whichever are there; where there is a torch for the processor, with torch
versions: .venv/installed
	$(BIN)/python -m benchmarks.versions --markdown docs/robustness.md --full python3.11=2.0.0 --full python3.11=newest \
	    --light python3.12=2.0.0 --light python3.12=newest --light python3.13=2.1.0 --light python3.13=newest

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed; try: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test,docs]'
	touch $@

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache
