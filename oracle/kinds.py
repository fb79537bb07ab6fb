"""The kinds of mistakes that people make in a backward pass: the words for a cause, the same wherever one is named."""

KINDS = (
    LAYOUT := "layout",
    DERIVATIVE := "activation derivative",
    TIME_INDEX := "time index",
    CARRY := "carry",
    OPERAND := "operand",
    FACTOR := "factor",
    ACCUMULATION := "accumulation",
    OUTPUT_DELTA := "output delta",
    TRANSPOSED := "transposed recurrent matrix",
    BIAS_SUM := "bias sum",
    UPDATE := "update order",
    BRANCH := "branch",
    SIGN := "sign",
    INJECTION := "injection",
    STATE := "state",
)
