"""The mistakes that docs/mistakes/ shows: for each kind what it is, and planted mistakes that stand for its forms.

Rows are samples: a_t = x_t W_ih + h_{t-1} W_hh + b, h_t = tanh a_t, y_t = h_t W_ho + b_o.
"""

from __future__ import annotations

from dataclasses import dataclass

from oracle import kinds


@dataclass(frozen=True)
class Form:
    """One form of a mistake.

    program, mistake   of benchmarks/diagnosis: the right program, and the name of what is planted in it
    says               the form in general words
    """

    program: str
    mistake: str
    says: str


@dataclass(frozen=True)
class Kind:
    """A page.

    name     of oracle.kinds
    what     what people write, in words
    algebra  right and wrong, in formulas
    more     what else is worth knowing, as Markdown; may be empty
    """

    name: str
    what: str
    algebra: str
    forms: tuple[Form, ...]
    more: str = ""

    @property
    def stem(self) -> str:
        """Of the page's file: 'bias sum' -> 'bias-sum'."""
        return self.name.replace(" ", "-")


RAISES = """\
Where operands are the wrong way round and the sizes differ, NumPy raises, and the check explains the shapes instead:
[when shapes do not fit](../checking.md#when-shapes-do-not-fit). Equal sizes make the same mistake silent, which is why
the check takes sizes that all differ. What broadcasting lines up in silence is told as
[axes of different meaning](../checking.md#when-nothing-raises-but-should-have)."""

NOT_ZEROED = """\
Gradients that are not set to zero between two calls are no question of the backward pass, and are found by calling it
twice: `bptt-oracle check examples/check_wrong.py::accumulates`. The same call notices arrays of the caller that were
written to (`::modifies_its_inputs`), which makes a comparison of your own with differences of the loss go wrong
although the gradient is right."""

KINDS = (
    Kind(
        kinds.LAYOUT,
        "The right numbers in the wrong places: operands exchanged, an elementwise product for a matrix product,"
        " `reshape` for a"
        " transpose, a column against a vector, a concatenated weight split at the wrong end.",
        "right   dW_ih = Σ x_tᵀ δ_t\nwrong   δ_tᵀ x_t,  x_t ∘ δ_t,  reshape(x_t) δ_t",
        (
            Form("elman_rows", "transposed weight gradient", "operands in the other order"),
            Form("binary_adder", "elementwise for the product", "elementwise for a matrix product"),
            Form("elman_rows", "readout weight reshaped for transposed", "reshaped where transposed is meant"),
            Form("deltas_buffer", "every sample with every other", "every sample paired with every other"),
            Form(
                "lstm_columns",
                "output gate's matrix split at the wrong end",
                "a concatenated weight split at the wrong end",
            ),
        ),
        RAISES,
    ),
    Kind(
        kinds.DERIVATIVE,
        "The slope of the activation is missing, is taken at the wrong value or step, or is that of another function."
        " Of tanh it is"
        " 1 − h², with h the value that tanh gave; of the logistic function s (1 − s).",
        "right   δ_t = dh_t ∘ (1 − h_t²)\n"
        "wrong   dh_t,  dh_t ∘ (1 − a_t²),  dh_t ∘ (1 − tanh(h_t)²),  dh_t ∘ h_t,  dh_t ∘ (1 − h_{t−1}²)",
        (
            Form("elman_rows", "derivative left out", "left out"),
            Form("elman_rows", "derivative at the pre-activation", "at the pre-activation"),
            Form("elman_rows", "derivative of the activated value", "the activation once more"),
            Form("elman_rows", "tanh for its derivative", "the function for its derivative"),
            Form("char_rnn", "derivative applied twice", "applied twice"),
            Form("elman_rows", "derivative at the step before", "at another step"),
            Form("lstm_class", "tanh' at the cell", "of an LSTM's cell, 1 − c² for 1 − tanh(c)²"),
            Form("gru_class", "candidate differentiated as a sigmoid", "of another function"),
        ),
    ),
    Kind(
        kinds.TIME_INDEX,
        "A value of the wrong step: the state after the step for the one before, an index that wraps round at the"
        " first step, a list"
        " with h_0 in front read without the shift, zeros for h_0.",
        "right   dW_hh = Σ h_{t−1}ᵀ δ_t\nwrong   Σ h_tᵀ δ_t,  Σ h_{t−2}ᵀ δ_t with h_{−1} = h_T",
        (
            Form("elman_rows", "h_t for h_{t-1}", "the state after the step"),
            Form("elman_rows", "h_{t-2} for h_{t-1}, wrapping", "one step too early, wrapping round at the first"),
            Form(
                "elman_class",
                "readout misses the shift of the list",
                "a list with h_0 in front, read without the shift",
            ),
            Form("elman_class", "zeros for the first state", "zeros for h_0"),
            Form("elman_rows", "first input at every step", "one fixed step everywhere"),
            Form("lstm_class", "cell after the step", "the new cell where the old one belongs"),
            Form("lstm_columns", "the last step's cache everywhere", "one step's cache for all"),
        ),
    ),
    Kind(
        kinds.CARRY,
        "What flows from step t+1 back to step t is missing, cut, or malformed. Everything is right at T = 1, and the"
        " last step stays"
        " right at any T.",
        "right   dh_t = dy_t W_hoᵀ + δ_{t+1} W_hhᵀ\n"
        "wrong   dy_t W_hoᵀ,  … + δ_{t+1},  … + dh_{t+1} W_hhᵀ,  … + Σ_{s>t} δ_s W_hhᵀ",
        (
            Form("elman_rows", "carry never assigned", "never assigned"),
            Form("elman_rows", "carry without the recurrent matrix", "without the recurrent matrix"),
            Form("elman_rows", "carry without the derivative", "without the derivative"),
            Form("elman_rows", "carry is a running sum", "a running sum"),
            Form("stacked_elman", "carry cut after two steps", "a window of two steps"),
            Form("sequence_regressor", "back cut every third step", "cut every third step"),
            Form("elman_class", "product for the sum", "a product for the sum"),
            Form("elman_rows", "loop runs forward", "the loop runs forward"),
            Form("lstm_class", "cell's carry left out", "of an LSTM's cell, left out"),
        ),
        "No carry, a window of one step, a carry that is never assigned and a backward pass inside the forward loop"
        " give the same "
        "numbers: the cause is named for all of them, and the line comes from the annotated source. A truncation that"
        " is meant is "
        "[declared](../checking.md#what-is-meant-so).",
    ),
    Kind(
        kinds.OPERAND,
        "The right product of the wrong thing: dh where δ belongs, another gate's delta or weight left by copy and"
        " paste, the"
        " pre-activation for the activation, a gradient for a weight, z for 1 − z.",
        "right   dW_ih = Σ x_tᵀ δ_t\nwrong   Σ x_tᵀ dh_t",
        (
            Form("elman_rows", "dh for da in the input weights", "dh where δ belongs"),
            Form("elman_rows", "pre-activation for the state", "the pre-activation for the state"),
            Form("elman_rows", "carry through the gradient of the matrix", "a gradient for its weight"),
            Form("gru_class", "z for 1 - z", "z for 1 − z"),
            Form("lstm_class", "forget gate's delta from the candidate", "another gate's value, by copy and paste"),
            Form(
                "lstm_class",
                "input gate's recurrent matrix for the candidate",
                "another gate's weight, by copy and paste",
            ),
            Form("lstm_class", "dh where dc belongs", "the state's gradient for the cell's"),
        ),
    ),
    Kind(
        kinds.FACTOR,
        "A gradient that is a constant times the right one: a 2 that the loss has and the gradient has not, a mean"
        " against a sum, over"
        " the batch or the steps, a learning rate. The factor is named by its value, and by the sizes that it is made"
        " of.",
        "right   dy_t = y_t − target_t        for ½ Σ (y − target)²\nwrong   2 (y_t − target_t),  (y_t − target_t) /"
        " B,  … / T,  η …",
        (
            Form("elman_rows", "twice the error", "2"),
            Form("char_rnn", "half the readout", "½"),
            Form("elman_rows", "recurrent weights averaged over the batch", "1/B"),
            Form("elman_rows", "all averaged over time", "1/T"),
            Form("deltas_buffer", "mean not taken", "a mean that the loss takes and the gradient does not"),
            Form("binary_adder", "a learning rate in all of them", "a learning rate"),
        ),
        "A common factor does no harm to a direction of descent. One that is meant is"
        " [declared](../checking.md#what-is-meant-so).",
    ),
    Kind(
        kinds.ACCUMULATION,
        "A weight is used at every step, so its gradient is a sum over the steps. `=` for `+=` keeps the last one"
        " that was computed,"
        " which is the first step; a range that ends too early leaves one out.",
        "right   dW_ih = Σ_{t=1..T} x_tᵀ δ_t\nwrong   x_1ᵀ δ_1,  Σ_{t=2..T} x_tᵀ δ_t,  0",
        (
            Form("elman_rows", "input weights overwritten", "= for +="),
            Form("elman_rows", "first step skipped", "the first step skipped"),
            Form("elman_rows", "last step skipped", "the last step skipped"),
            Form("elman_rows", "readout bias never written", "never written"),
        ),
    ),
    Kind(
        kinds.OUTPUT_DELTA,
        "The gradient of the loss with respect to the output's pre-activation: only the diagonal of the softmax"
        " Jacobian, an extra"
        " derivative at a linear output, logits for probabilities, a derivative left out.",
        "right   dz_t = p_t − target_t        for softmax and cross-entropy\nwrong   (p_t − target_t) ∘ p_t (1 −"
        " p_t),  z_t − target_t,  p_t",
        (
            Form("char_rnn", "diagonal of the softmax Jacobian only", "the diagonal of the softmax Jacobian only"),
            Form("char_rnn", "logits for probabilities", "logits for probabilities"),
            Form("char_rnn", "one is not subtracted", "the target's one is not subtracted"),
            Form("elman_rows", "tanh derivative at a linear output", "a derivative at a linear output"),
            Form("binary_adder", "output's derivative left out", "the output's derivative left out"),
        ),
    ),
    Kind(
        kinds.TRANSPOSED,
        "W_hh is square, so both orientations have the right shape, and nothing raises at any size. Only its axes'"
        " meaning, hidden at"
        " t−1 and hidden at t, tells them apart, or the values do.",
        "right   dh_t = … + δ_{t+1} W_hhᵀ\nwrong   dh_t = … + δ_{t+1} W_hh",
        (
            Form("elman_rows", "recurrent matrix not transposed", "of an Elman network"),
            Form("lstm_class", "one of the recurrent matrices not transposed", "of one gate of an LSTM"),
            Form("gru_function", "candidate's matrix not transposed", "of a GRU's candidate"),
        ),
        "Why shapes cannot settle it: [where the rule is not"
        " enough](../balancing.md#where-the-rule-is-not-enough-the-recurrent-matrix).",
    ),
    Kind(
        kinds.BIAS_SUM,
        "A bias is added to every sample, so its gradient is a sum over the batch: not the mean where the weights"
        " sum, not one number,"
        " not a row for each sample.",
        "right   db = Σ_t 1ᵀ δ_t\nwrong   Σ_t mean(δ_t),  Σ_t sum of all elements of δ_t,  Σ_t δ_t",
        (
            Form("elman_rows", "bias averaged over the batch", "averaged over the batch"),
            Form("elman_rows", "readout bias is one number", "one number"),
            Form("elman_class", "bias not summed over the batch", "not summed over the batch"),
            Form("gru_class", "bias summed over the wrong axis", "summed over the wrong axis"),
        ),
    ),
    Kind(
        kinds.UPDATE,
        "A weight is updated while the backward pass still needs it: what goes on to the layer below, or to the step"
        " before, is computed"
        " with the new weight.",
        "right   dh_t = dy_t W_hoᵀ\nwrong   dh_t = dy_t (W_ho − η dW_ho)ᵀ",
        (
            Form("elman_rows", "readout updated before it is used", "the readout, before it is used"),
            Form("binary_adder", "recurrent matrix updated in the loop", "the recurrent matrix, in the loop"),
        ),
    ),
    Kind(
        kinds.BRANCH,
        "A value that is used twice has a gradient of two parts, and one of them is lost: the step's own loss or the"
        " carry, one of the"
        " three paths of a GRU, dc by `=` for `+=`.",
        "right   dh_t = dy_t W_hoᵀ + δ_{t+1} W_hhᵀ\nwrong   δ_{t+1} W_hhᵀ",
        (
            Form("elman_rows", "own loss lost", "the step's own loss"),
            Form("lstm_stacked_weights", "dc overwritten by the carry", "dc overwritten, = for +="),
            Form("lstm_class", "candidate's path lost", "one gate's path to the state before"),
            Form("gru_class", "path through the gates lost", "two of a GRU's paths"),
        ),
    ),
    Kind(
        kinds.SIGN,
        "Target minus prediction, or a term subtracted that should be added.",
        "right   dy_t = y_t − target_t\nwrong   target_t − y_t",
        (
            Form("elman_rows", "target minus prediction", "target minus prediction"),
            Form("elman_rows", "minus the carry", "a term subtracted"),
        ),
        "The direction of ascent, where it is meant, is [declared](../checking.md#what-is-meant-so) as `factor(-1)`.",
    ),
    Kind(
        kinds.INJECTION,
        "The loss of a step enters at another one: the last output's error at every step, errors in the order of the"
        " series where the"
        " loop runs backward, only the last one.",
        "right   dh_t = dy_t W_hoᵀ + …\nwrong   dh_t = dy_T W_hoᵀ + …",
        (
            Form("elman_rows", "last error at every step", "the last error at every step"),
            Form("bidirectional", "upstream of the mirrored step", "of the mirrored step"),
            Form("step_functions", "only the last state's gradient", "at the last step only"),
        ),
    ),
    Kind(
        kinds.STATE,
        "Something that is kept is changed on the way: a cache overwritten by its derivative, gradients clipped"
        " inside the loop, so"
        " that what flows on is clipped as well.",
        "right   clip(Σ_t x_tᵀ δ_t) at the end\nwrong   dh_{t} = … + clip(δ_{t+1} W_hhᵀ)",
        (
            Form("elman_rows", "clipped inside the loop", "the carry clipped inside the loop"),
            Form("elman_rows", "input weights clipped at every step", "each step's contribution clipped"),
            Form("char_rnn", "states overwritten by their derivative", "a cache overwritten"),
        ),
        NOT_ZEROED,
    ),
)
