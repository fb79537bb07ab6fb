"""An adapter for a notebook: the cells that define the wanted names are run, and no other.

bptt-oracle check examples/check_notebook.py
"""

from oracle import gradient_function, load


@gradient_function(w="", r="")
def counting(p, sizes, rng):
    """Functions of a notebook that would read a file, draw and train; both parameters are numbers, of shape ""."""
    m = load("programs/counting.ipynb", only=["states", "cost", "gradient"])
    bits, counts = rng.normal(size=(sizes.batch, sizes.time)), rng.normal(size=sizes.batch)
    s = m.states(bits, p.w, p.r)
    dw, dr = m.gradient(bits, counts, s, p.r)
    return m.cost(s, counts), dict(w=dw, r=dr)
