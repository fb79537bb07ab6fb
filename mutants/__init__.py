"""Mutation testing of rnn_manual: one small mistake at a time is put into the code, and a test has to notice it.

    python -m mutants          (what `make mutants` does; needs the extras `mutants` and `test`)

1. `record`    writes down PyTorch's loss and gradients of the problems in `problems`, with the verdict's tolerances.
2. `sources`   makes every mutant of every file, by the operators in `operators`: cosmic-ray's, and ours for array code.
3. `kill`      tests a copy of the package with one mutant in it: the recorded gradients, then the NumPy tests, those of
               tests/rnn_manual. The first failure kills the mutant. The working tree is never changed.
4. `report`    counts, and writes docs/mutants.md: every survivor with the reason in equivalent.toml why no test can
               tell it from the original. A survivor without a reason, or a reason without its survivor, is an error.

Results are kept in build/mutants, in a cosmic-ray session named after everything that they depend on: a run that was
stopped goes on where it was, and a change of the code or of the tests begins a new one.
"""
