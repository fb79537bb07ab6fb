"""Reading, selecting and importing other people's Python files, as `oracle.load.load` needs it."""
