"""Edits that undo the mistakes people make, one file a family; each template gives what could stand in a place."""

from oracle.repair.templates import derivative, everywhere, flow, layout, operand, reduction, term, time_index

EXPRESSIONS = (
    *layout.TEMPLATES,
    *time_index.TEMPLATES,
    *operand.TEMPLATES,
    *derivative.TEMPLATES,
    *reduction.TEMPLATES,
    *term.TEMPLATES,
    *everywhere.OF_EXPRESSIONS,
)
STATEMENTS = (*flow.TEMPLATES, *everywhere.TEMPLATES)

__all__ = ["EXPRESSIONS", "STATEMENTS"]
