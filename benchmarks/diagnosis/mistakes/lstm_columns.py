"""The mistakes planted in programs/lstm_columns.py."""

from benchmarks.diagnosis.mistake import CHANGED, planter
from oracle.kinds import (
    ACCUMULATION,
    BIAS_SUM,
    BRANCH,
    CARRY,
    DERIVATIVE,
    FACTOR,
    INJECTION,
    LAYOUT,
    OPERAND,
    OUTPUT_DELTA,
    SIGN,
    STATE,
    TIME_INDEX,
    TRANSPOSED,
    UPDATE,
)

plant = planter("lstm_columns")

MISTAKES = (
    plant("forget gate's matrix not transposed", TRANSPOSED, ('["Wf"][:, :n_a].T, dft', '["Wf"][:, :n_a], dft')),
    plant("candidate's matrix not transposed", TRANSPOSED, ('["Wc"][:, :n_a].T, dcct', '["Wc"][:, :n_a], dcct')),
    plant("output gate's matrix split at the wrong end", LAYOUT, ('["Wo"][:, :n_a].T', '["Wo"][:, -n_a:].T')),
    plant("input gate's matrix split at the wrong end", LAYOUT, ('["Wi"][:, :n_a].T', '["Wi"][:, xt.shape[0] :].T')),
    plant(
        "concatenated the other way round",
        LAYOUT,
        ("dft, concat.T", "dft, np.concatenate((xt, a_prev), axis=0).T"),
        or_kinds=(OPERAND,),
    ),
    plant("concatenated input reshaped", LAYOUT, ("dit, concat.T", "dit, concat.reshape(concat.T.shape)")),
    plant("tanh' without tanh", DERIVATIVE, ("(1 - np.tanh(c_next) ** 2)", "(1 - c_next**2)")),
    plant(
        "tanh' of the state",
        DERIVATIVE,
        ("(1 - np.tanh(c_next) ** 2)", "(1 - np.tanh(a_next) ** 2)"),
        or_kinds=(OPERAND,),
    ),
    plant(
        "tanh' of the cell missing",
        DERIVATIVE,
        ("dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)", "dc = dc_next + da_next * ot"),
    ),
    plant("candidate's derivative not squared", DERIVATIVE, ("(1 - cct**2)", "(1 - cct)")),
    plant("candidate's derivative of an activated value", DERIVATIVE, ("(1 - cct**2)", "(1 - np.tanh(cct) ** 2)")),
    plant("forget gate's derivative missing", DERIVATIVE, ("dc * c_prev * ft * (1 - ft)", "dc * c_prev")),
    plant(
        "output gate's derivative half", DERIVATIVE, ("np.tanh(c_next) * ot * (1 - ot)", "np.tanh(c_next) * (1 - ot)")
    ),
    plant(
        "cell after the step in the forget gate",
        TIME_INDEX,
        ("dc * c_prev * ft", "dc * c_next * ft"),
        or_kinds=(OPERAND,),
    ),
    plant("readout with the state before", TIME_INDEX, ("np.dot(dy, caches[t][0].T)", "np.dot(dy, caches[t][2].T)")),
    plant(
        "the last step's cache everywhere",
        TIME_INDEX,
        ("dc_prevt, caches[t], parameters", "dc_prevt, caches[-1], parameters"),
        or_kinds=(STATE,),
    ),
    plant(
        "targets in reverse",
        INJECTION,
        ("dy = y_pred[t] - y[:, :, t]", "dy = y_pred[t] - y[:, :, -t - 1]"),
        or_kinds=(TIME_INDEX, OUTPUT_DELTA),
    ),
    plant("last error at every step", INJECTION, ("dy = y_pred[t] - y[:, :, t]", "dy = y_pred[-1] - y[:, :, -1]")),
    plant(
        "state's carry left out",
        CARRY,
        ("lstm_cell_backward(da + da_prevt,", "lstm_cell_backward(da,"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "cell's carry never assigned",
        CARRY,
        ('        dc_prevt = step["dc_prev"]\n', ""),
        lines=("dc_prevt = np.zeros_like", "step = lstm_cell_backward"),
    ),
    plant("cell's carry without the forget gate", CARRY, ("dc_prev = dc * ft", "dc_prev = dc")),
    plant(
        "cell's carry is what came in",
        CARRY,
        ("dc_prev = dc * ft", "dc_prev = dc_next * ft"),
        or_kinds=(OPERAND, BRANCH),
    ),
    plant(
        "loop runs forward",
        CARRY,
        ("reversed(range(len(caches)))", "range(len(caches))"),
        lines=(CHANGED, "step = lstm_cell_backward"),
    ),
    plant("input gate's delta for the forget gate's weights", OPERAND, ("dft, concat.T", "dit, concat.T")),
    plant("output gate's weights for the input gate's", OPERAND, ('["Wi"][:, :n_a].T, dit', '["Wo"][:, :n_a].T, dit')),
    plant("candidate's bias from the input gate", OPERAND, ("np.sum(dcct, axis=1", "np.sum(dit, axis=1")),
    plant("input gate for candidate", OPERAND, ("dit = dc * cct", "dit = dc * it")),
    plant("forget gate for input gate", OPERAND, ("dcct = dc * it", "dcct = dc * ft")),
    plant(
        "output gate from the cell's delta",
        OPERAND,
        ("dot = da_next * np.tanh(c_next)", "dot = dc_next * np.tanh(c_next)"),
    ),
    plant(
        "averaged over the batch", FACTOR, ("dy = y_pred[t] - y[:, :, t]", "dy = (y_pred[t] - y[:, :, t]) / y.shape[1]")
    ),
    plant(
        "averaged over time in the accumulation",
        FACTOR,
        ("gradients[name] += step[name]", "gradients[name] += step[name] / len(caches)"),
    ),
    plant("weights overwritten", ACCUMULATION, ("gradients[name] += step[name]", "gradients[name] = step[name]")),
    plant("readout overwritten", ACCUMULATION, ('gradients["dWy"] +=', 'gradients["dWy"] =')),
    plant(
        "candidate's bias never added",
        ACCUMULATION,
        ('"dbi", "dbc", "dbo"):', '"dbi", "dbo"):'),
        lines=(CHANGED, 'gradients = {"d" + name'),
    ),
    plant("first step dropped", ACCUMULATION, ("reversed(range(len(caches)))", "reversed(range(1, len(caches)))")),
    plant(
        "softmax differentiated once more",
        OUTPUT_DELTA,
        ("dy = y_pred[t] - y[:, :, t]", "dy = (y_pred[t] - y[:, :, t]) * y_pred[t] * (1 - y_pred[t])"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("bias averaged over the samples", BIAS_SUM, ("np.sum(dft, axis=1", "np.mean(dft, axis=1")),
    plant(
        "output bias of the first sample",
        BIAS_SUM,
        ('gradients["dby"] += np.sum(dy, axis=1, keepdims=True)', 'gradients["dby"] += dy[:, :1]'),
    ),
    plant(
        "candidate's path overwritten",
        BRANCH,
        ('da_prev += np.dot(parameters["Wc"]', 'da_prev = np.dot(parameters["Wc"]'),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "output gate's path lost",
        BRANCH,
        ('    da_prev += np.dot(parameters["Wo"][:, :n_a].T, dot)\n', ""),
        lines=('np.dot(parameters["Wc"][:, :n_a].T', 'gradients["da_prev"] = da_prev'),
        or_kinds=(CARRY,),
    ),
    plant(
        "path through the state lost in the cell",
        BRANCH,
        (
            "dc = dc_next + da_next * ot * (1 - np.tanh(c_next) ** 2)",
            "dc = dc_next if np.any(dc_next) else da_next * ot * (1 - np.tanh(c_next) ** 2)",
        ),
    ),
    plant("target minus prediction", SIGN, ("dy = y_pred[t] - y[:, :, t]", "dy = y[:, :, t] - y_pred[t]")),
    plant("forget gate subtracted", SIGN, ('da_prev += np.dot(parameters["Wi"]', 'da_prev -= np.dot(parameters["Wi"]')),
    plant(
        "state's carry clipped", STATE, ('da_prevt = step["da_prev"]', 'da_prevt = np.clip(step["da_prev"], -0.1, 0.1)')
    ),
    plant(
        "cell's delta overwritten in place",
        STATE,
        ("dft = dc * c_prev * ft * (1 - ft)", "dc *= c_prev\n    dft = dc * ft * (1 - ft)"),
        lines=("dc *= c_prev", "dc_prev = dc * ft"),
    ),
    plant(
        "readout updated before it is used",
        UPDATE,
        (
            'da = np.dot(parameters["Wy"].T, dy)',
            'Wy = parameters["Wy"] - 0.1 * gradients["dWy"]\n        da = np.dot(Wy.T, dy)',
        ),
    ),
)
