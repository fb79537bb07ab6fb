"""How good is the diagnosis? Right programs, mistakes planted in them by hand, and what is said of each of them.

    programs/       right programs, each in a style of its own: network, hand-written backward pass, gradient function
    mistakes/       for each program the mistakes planted in it, each a small change of the text of its backward pass
    mistake.py      what a planted mistake is, and how several are put into one source
    gradients.py    the gradients of a source in plain NumPy, and which of them two sources disagree about
    cases.py        the right programs, the single mistakes, and doubles and triples drawn from them; what is put aside
    patches.py      unified diffs applied without a `patch` command
    running.py      one case given to the diagnosis, in a worker process with a time limit
    scoring.py      what was right about each answer
    report.py       the figures as tables

`python -m benchmarks.diagnosis` measures the part for development; `--aside` measures the programs put aside, which
nobody should look at while working on the diagnosis. `--help` lists the rest.
"""
