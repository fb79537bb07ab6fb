"""The kinds of mistakes people make in backward passes of recurrent networks, and the gradients a mistake can reach."""

ELMAN_KINDS = (
    LAYOUT := "layout",
    DERIVATIVE := "activation derivative",
    INDEX := "time or axis index",
    CARRY := "carry",
    OPERAND := "wrong operand",
    FACTOR := "reduction factor",
    ACCUMULATION := "accumulation over time",
    OUTPUT_DELTA := "output delta",
    TRANSPOSE := "recurrent weight not transposed",
    BIAS := "bias gradient",
    BETWEEN_CALLS := "state between calls",
    THE_CHECK := "the check, not the gradient",
    UPDATE := "weights updated before use",
    BRANCH := "branch lost",
    SIGN := "sign",
    INJECTION := "loss at the wrong steps",
)

GATED_KINDS = (
    PATH := "recurrence path missing",
    ACTIVATED := "derivative of an activated value",
    CELL_SLOPE := "slope of tanh at the wrong value",
    BOUNDARY := "first step dropped or boundary mismatch",
    COPY_PASTE := "gate copy-paste",
    ALGEBRA := "cell algebra",
    SLICE := "transpose or slice",
    STATE_INDEX := "state index",
    ACCUMULATOR := "accumulator",
    FUNCTION := "wrong function",
    PAIRING := "weight gradient paired with the wrong step",
    UPSTREAM := "upstream error at the wrong step",
    CACHE := "stale or shared cache",
    ONE_STEP := "only one step kept",
)

W_IH, W_HH, B_IH, B_HH, X, H_0, C_0, W_HO, B_HO, LOSS = (
    frozenset({name})
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "x", "h_0", "c_0", "weight_ho", "bias_ho", "loss")
)
PARAMETERS = W_IH | W_HH | B_IH | B_HH
RECURRENT = PARAMETERS | X | H_0 | C_0  # whatever is made from a delta
READOUT = W_HO | B_HO
ALL = RECURRENT | READOUT
