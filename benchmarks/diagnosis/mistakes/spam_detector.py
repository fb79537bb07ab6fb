"""The mistakes planted in programs/spam_detector.py."""

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

plant = planter("spam_detector")

TAKE = "hx, c_prev, f, i, g, o, c = cache"
TANH = "tanh_c = np.tanh(c)"
TO_O = "do = dh * tanh_c"
TO_C = "dc = dc_next + dh * o * (1 - tanh_c**2)"
TO_F = "df = dc * c_prev"
TO_I = "di = dc * g"
TO_G = "dg = dc * i"
C_BACK = "dc_prev = dc * f"
Z_F = "zf = df * f * (1 - f)"
Z_I = "zi = di * i * (1 - i)"
Z_G = "zg = dg * (1 - g**2)"
Z_O = "zo = do * o * (1 - o)"
GRADS = "    step_grads = {\n"
BY_F, BY_I, BY_G, BY_O = (f"z{k} @ W{k}[:H].T" for k in "figo")
H_BACK = f"dh_prev = {BY_F} + {BY_I} + {BY_G} + {BY_O}"
X_BACK = "dx = zf @ Wf[H:].T + zi @ Wi[H:].T + zg @ Wg[H:].T + zo @ Wo[H:].T"
ZEROS = "grads = {name: np.zeros_like(value) for name, value in params.items()}"
ERROR = "dscore = (p - y) / N"
D_OUT = 'grads["W_out"] = pooled.T @ dscore'
D_B_OUT = 'grads["b_out"] = dscore.sum(axis=0)'
POOLED = 'dpooled = dscore @ params["W_out"].T'
SHARE = "dstate = dpooled / T"
D_WORDS = "dwords = np.zeros_like(words)"
NOTHING = "dh_next, dc_next = np.zeros_like(h), np.zeros_like(c)"
WALK = "for t in reversed(range(T)):"
DH = "dh = dstate + dh_next"
STEP = "dx, dh_next, dc_next, step_grads = lstm_step_backward(dh, dc_next, caches[t], params)"
INTO_WORDS = "dwords[:, t] = dx"
EACH = "for name in step_grads:"
ADD = "grads[name] += step_grads[name]"
INTO_E = 'np.add.at(grads["E"], messages, dwords)'

MISTAKES = (
    # layout
    plant("candidate's matrix split from the end", LAYOUT, (BY_G, "zg @ Wg[-H:].T")),
    plant(
        "word taken to be on top of the state",
        LAYOUT,
        (H_BACK, "D = hx.shape[1] - H\n    " + H_BACK.replace("[:H]", "[D:]")),
        (X_BACK, X_BACK.replace("[H:]", "[:D]")),
        lines=("dh_prev = zf @ Wf[D:]", "dx = zf @ Wf[:D]"),
    ),
    plant("mean state reshaped for transposed", LAYOUT, (D_OUT, 'grads["W_out"] = pooled.reshape(-1, N) @ dscore')),
    plant(
        "words flattened in two orders",
        LAYOUT,
        (INTO_E, 'np.add.at(grads["E"], messages.T.ravel(), dwords.reshape(N * T, -1))'),
    ),
    plant(
        "gates unpacked with the input gate first",
        LAYOUT,
        (TAKE, "hx, c_prev, i, f, g, o, c = cache"),
        or_kinds=(OPERAND,),
    ),
    # activation derivative
    plant("forget gate's derivative left out", DERIVATIVE, (Z_F, "zf = df")),
    plant("input gate with tanh'", DERIVATIVE, (Z_I, "zi = di * (1 - i**2)")),
    plant("candidate with sigmoid'", DERIVATIVE, (Z_G, "zg = dg * g * (1 - g)")),
    plant("output gate through the sigmoid again", DERIVATIVE, (Z_O, "zo = do * sigmoid(o) * (1 - sigmoid(o))")),
    plant("tanh' of the cell left out", DERIVATIVE, (TO_C, "dc = dc_next + dh * o")),
    plant(
        "tanh' of the cell of its value before tanh",
        DERIVATIVE,
        (TO_C, TO_C.replace("tanh_c**2", "c**2")),
        or_kinds=(OPERAND,),
    ),
    # time index
    plant("forget gate with the cell after", TIME_INDEX, (TO_F, "df = dc * c"), or_kinds=(OPERAND,)),
    plant("tanh of the cell before", TIME_INDEX, (TANH, "tanh_c = np.tanh(c_prev)"), or_kinds=(OPERAND,)),
    plant(
        "candidate's weights with the state after",
        TIME_INDEX,
        ('"Wg": hx.T @ zg', '"Wg": np.hstack([o * tanh_c, hx[:, H:]]).T @ zg'),
        or_kinds=(OPERAND,),
    ),
    plant("words one place early", TIME_INDEX, (INTO_WORDS, "dwords[:, t - 1] = dx")),
    plant(
        "cache of the step before",
        TIME_INDEX,
        (STEP, STEP.replace("caches[t]", "caches[t - 1]")),
        or_kinds=(OPERAND,),
    ),
    # carry
    plant(
        "nothing handed back through the states",
        CARRY,
        (STEP, STEP.replace("dh_next", "_", 1)),
        lines=(CHANGED, DH),
        or_kinds=(BRANCH,),
    ),
    plant(
        "cell's error not handed back",
        CARRY,
        (STEP, STEP.replace("dc_next", "_", 1)),
        lines=(CHANGED, TO_C),
        or_kinds=(BRANCH,),
    ),
    plant("cell's error back without the forget gate", CARRY, (C_BACK, "dc_prev = dc"), or_kinds=(OPERAND,)),
    plant(
        "words read forward",
        CARRY,
        (WALK, "for t in range(T):"),
        lines=(CHANGED, DH, STEP),
    ),
    plant(
        "states' errors pile up",
        CARRY,
        (STEP, STEP.replace("dh_next", "dh_prev", 1) + "\n        dh_next += dh_prev"),
        or_kinds=(ACCUMULATION,),
    ),
    # operand
    plant(
        "input gate and candidate exchanged",
        OPERAND,
        (TO_I, "di = dc * i"),
        (TO_G, "dg = dc * g"),
    ),
    plant(
        "forget gate's derivative pasted for the input gate",
        OPERAND,
        (Z_I, "zi = di * f * (1 - f)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("forget gate's delta in the input gate's weights", OPERAND, ('"Wi": hx.T @ zi', '"Wi": hx.T @ zf')),
    plant("output gate with the cell before tanh", OPERAND, (TO_O, "do = dh * c"), or_kinds=(DERIVATIVE,)),
    plant("input gate's matrix for the candidate on the way back", OPERAND, (BY_G, "zg @ Wi[:H].T")),
    plant(
        "readout with the last state",
        OPERAND,
        (D_OUT, 'grads["W_out"] = states[-1].T @ dscore'),
        or_kinds=(TIME_INDEX,),
    ),
    # factor
    plant("messages not averaged", FACTOR, (ERROR, "dscore = p - y"), or_kinds=(OUTPUT_DELTA,)),
    plant("mean of the states taken for a sum", FACTOR, (SHARE, "dstate = dpooled"), or_kinds=(INJECTION,)),
    plant("readout averaged twice", FACTOR, (D_OUT, D_OUT + " / N")),
    plant("averaged over the words at every step", FACTOR, (ADD, "grads[name] += step_grads[name] / T")),
    plant("learning rate already in the word vectors", FACTOR, (INTO_E, INTO_E.replace("dwords)", "0.1 * dwords)"))),
    # accumulation
    plant("weights of the first word only", ACCUMULATION, (ADD, "grads[name] = step_grads[name]")),
    plant("repeated words counted once", ACCUMULATION, (INTO_E, 'grads["E"][messages] += dwords')),
    plant(
        "first word left out", ACCUMULATION, (WALK, "for t in range(T - 1, 0, -1):"), lines=(CHANGED, INTO_WORDS, ADD)
    ),
    plant(
        "last word left out",
        ACCUMULATION,
        (WALK, "for t in reversed(range(T - 1)):"),
        lines=(CHANGED, DH, STEP),
        or_kinds=(INJECTION, TIME_INDEX),
    ),
    plant(
        "output gate's bias forgotten",
        ACCUMULATION,
        ('        "bo": zo.sum(axis=0),\n', ""),
        lines=("step_grads = {", '"bg": zg.sum(axis=0)', EACH, ADD, ZEROS),
        or_kinds=(BIAS_SUM,),
    ),
    # output delta
    plant(
        "sigmoid' as for a squared error",
        OUTPUT_DELTA,
        (ERROR, "dscore = (p - y) * p * (1 - p) / N"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("score for the probability", OUTPUT_DELTA, (ERROR, "dscore = (score - y) / N"), or_kinds=(OPERAND,)),
    plant(
        "stopped at the probability",
        OUTPUT_DELTA,
        (ERROR, "dscore = ((1 - y) / (1 - p) - y / p) / N"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("rounded prediction", OUTPUT_DELTA, (ERROR, "dscore = ((p > 0.5) - y) / N"), or_kinds=(OPERAND,)),
    plant("errors of the spam only", OUTPUT_DELTA, (ERROR, "dscore = y * (p - 1) / N"), or_kinds=(BRANCH,)),
    # transposed
    plant("forget gate's recurrent part not transposed", TRANSPOSED, (BY_F, "zf @ Wf[:H]")),
    plant("output gate's recurrent part not transposed", TRANSPOSED, (BY_O, "zo @ Wo[:H]")),
    plant(
        "no recurrent part transposed",
        TRANSPOSED,
        (H_BACK, "dh_prev = zf @ Wf[:H] + zi @ Wi[:H] + zg @ Wg[:H] + zo @ Wo[:H]"),
    ),
    # bias sum
    plant("forget gate's bias averaged", BIAS_SUM, ("zf.sum(axis=0)", "zf.mean(axis=0)"), or_kinds=(FACTOR,)),
    plant("candidate's bias one number", BIAS_SUM, ('"bg": zg.sum(axis=0)', '"bg": zg.sum()')),
    plant("input gate's bias from the first message", BIAS_SUM, ('"bi": zi.sum(axis=0)', '"bi": zi[0]')),
    plant("readout's bias averaged", BIAS_SUM, (D_B_OUT, 'grads["b_out"] = dscore.mean(axis=0)'), or_kinds=(FACTOR,)),
    # update order
    plant(
        "readout moved before its error goes back",
        UPDATE,
        ("    " + POOLED, '    params["W_out"] = params["W_out"] - 0.1 * grads["W_out"]\n    ' + POOLED),
        lines=(CHANGED, POOLED),
    ),
    plant(
        "weights moved after every word",
        UPDATE,
        (ADD, ADD + "\n            params[name] = params[name] - 0.1 * step_grads[name]"),
        lines=("params[name] - 0.1", STEP),
    ),
    plant(
        "output gate's matrix moved inside the step",
        UPDATE,
        ("    # the first H rows", '    Wo = Wo - 0.1 * step_grads["Wo"]\n    # the first H rows'),
        lines=("Wo = Wo - 0.1", H_BACK, X_BACK),
    ),
    # branch
    plant("cell's error from the state only", BRANCH, (TO_C, "dc = dh * o * (1 - tanh_c**2)"), or_kinds=(CARRY,)),
    plant("output gate's way to the state before lost", BRANCH, (f" + {BY_O}", ""), or_kinds=(CARRY,)),
    plant("word reaches the candidate only", BRANCH, (X_BACK, "dx = zg @ Wg[H:].T")),
    # sign
    plant("label minus prediction", SIGN, (ERROR, "dscore = (y - p) / N"), or_kinds=(OUTPUT_DELTA,)),
    plant("tanh' of the cell with a plus", SIGN, (TO_C, TO_C.replace("1 -", "1 +")), or_kinds=(DERIVATIVE,)),
    plant("candidate's tanh' the wrong way round", SIGN, (Z_G, "zg = dg * (g**2 - 1)"), or_kinds=(DERIVATIVE,)),
    # injection
    plant(
        "error enters at the last word only",
        INJECTION,
        (DH, "dh = dpooled + dh_next if t == T - 1 else dh_next"),
    ),
    plant(
        "every state but the last forgotten",
        INJECTION,
        (DH, "dh = dh_next"),
        (NOTHING, "dh_next, dc_next = dstate, np.zeros_like(c)"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "last state gets its share twice",
        INJECTION,
        (NOTHING, "dh_next, dc_next = dstate, np.zeros_like(c)"),
        lines=(CHANGED, DH),
    ),
    # state
    plant(
        "shares added up in place",
        STATE,
        (DH, "dh = dstate\n        dh += dh_next"),
        or_kinds=(ACCUMULATION, CARRY),
    ),
    plant(
        "gates' biases share one array",
        STATE,
        (ZEROS, ZEROS + '\n    grads["bf"] = grads["bi"] = grads["bg"] = grads["bo"]'),
        lines=('= grads["bo"]', ADD),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "state's error multiplied in place",
        STATE,
        (TO_O, "do = dh\n    do *= tanh_c"),
        lines=(CHANGED, TO_C),
        or_kinds=(OPERAND,),
    ),
    plant(
        "errors clipped between the words",
        STATE,
        (INTO_WORDS, INTO_WORDS + "\n        dc_next = np.clip(dc_next, -0.002, 0.002)"),
        or_kinds=(CARRY,),
    ),
)
