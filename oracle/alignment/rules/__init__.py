"""Which axes an operation lines up, sums over and hands on, for the NumPy that people write: one module a family.

Names survive the functions in `FUNCTIONS` and `COMPOSED`, the methods in `oracle.alignment.named.METHODS`, every ufunc
with its methods but reduceat, indexing and assignment, and what NumPy builds from these. After any other function the
axes have new labels, and the run remembers that names are lost there.
"""
