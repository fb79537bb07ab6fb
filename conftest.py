"""The suite runs over the grid that a conformance run has: the same options. `pytest --help` lists them."""

pytest_plugins = ["oracle.conformance.options"]
