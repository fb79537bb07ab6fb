# Every target sets up what it needs: a virtual environment in .venv with the versions that were tested.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: verify test bench mutants clean

verify: .venv/installed
	$(BIN)/bptt-oracle verify

test: .venv/installed
	$(BIN)/python -m pytest -n auto

# OpenBLAS kernels forced for old builds would slow NumPy but not torch: the comparison must not inherit them
bench: .venv/installed
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test,bench]'
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python benchmarks/speed.py

mutants: .venv/installed
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test,mutants]'
	$(BIN)/python -m pytest --quiet mutants/tests
	$(BIN)/python -m mutants

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed; try: make PYTHON=python3.11 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test]'
	touch $@

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache
