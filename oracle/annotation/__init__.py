"""The annotated backward pass: what each line of it computes, and where it goes wrong first."""

from oracle.annotation.annotation import Annotation, FirstWrong, Listed, Remark, annotate
from oracle.annotation.coefficients import Coefficients, coefficients
from oracle.annotation.reading import reading
from oracle.annotation.truths import Truth, Truths, truths

__all__ = [
    "Annotation",
    "Coefficients",
    "FirstWrong",
    "Listed",
    "Remark",
    "Truth",
    "Truths",
    "annotate",
    "coefficients",
    "reading",
    "truths",
]
