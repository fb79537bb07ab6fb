"""The mistakes planted in programs/encoder_decoder.py."""

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

plant = planter("encoder_decoder")

MISTAKES = (
    plant("cells' recurrent weights not transposed", TRANSPOSED, ("return self.B.T @ dpre", "return self.B @ dpre")),
    plant("cells' derivative left out", DERIVATIVE, ("dpre = (1 - new * new) * ds", "dpre = ds")),
    plant(
        "derivative at the state before", DERIVATIVE, ("(1 - new * new)", "(1 - s * s)"), or_kinds=(TIME_INDEX, OPERAND)
    ),
    plant("tanh again", DERIVATIVE, ("(1 - new * new)", "(1 - np.tanh(new) ** 2)")),
    plant("sigmoid' for tanh'", DERIVATIVE, ("(1 - new * new)", "new * (1 - new)")),
    plant("no square", DERIVATIVE, ("(1 - new * new)", "(1 - new)")),
    plant("derivative twice", DERIVATIVE, ("(1 - new * new)", "(1 - new * new) ** 2")),
    plant("bridge's derivative left out", DERIVATIVE, ("dq * (1 - self.opening**2)", "dq")),
    plant(
        "bridge's derivative at its argument",
        DERIVATIVE,
        ("(1 - self.opening**2)", "(1 - (self.M @ self.summary + self.m) ** 2)"),
    ),
    plant(
        "bridge's derivative at the decoder's first state",
        DERIVATIVE,
        ("(1 - self.opening**2)", "(1 - self.answers[0][0] ** 2)"),
        or_kinds=(TIME_INDEX, OPERAND),
    ),
    plant("tape read from its beginning", TIME_INDEX, ("self.tape.pop()", "self.tape.pop(0)"), or_kinds=(STATE, CARRY)),
    plant("state made for the state before", TIME_INDEX, ("dpre @ s.T", "dpre @ new.T"), or_kinds=(OPERAND,)),
    plant("decoder's first state in the readout", TIME_INDEX, ("dlogits @ q.T", "dlogits @ self.answers[0][0].T")),
    plant("opening in the readout", TIME_INDEX, ("dlogits @ q.T", "dlogits @ self.opening.T"), or_kinds=(OPERAND,)),
    plant("decoder's last state in the readout", TIME_INDEX, ("dlogits @ q.T", "dlogits @ self.answers[-1][0].T")),
    plant(
        "nothing carried from the decoder's later steps",
        CARRY,
        ("dq += self.R.T @ dlogits", "dq = self.R.T @ dlogits"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "answers from the first on",
        CARRY,
        ("reversed(self.answers)", "self.answers"),
        lines=(CHANGED, "dq += self.R.T @ dlogits", "dq = self.decoder.back(dq)"),
        or_kinds=(TIME_INDEX,),
    ),
    plant("cells carry without the weights", CARRY, ("return self.B.T @ dpre", "return dpre")),
    plant(
        "cells carry without the derivative",
        CARRY,
        ("return self.B.T @ dpre", "return self.B.T @ ds"),
        or_kinds=(OPERAND, DERIVATIVE),
    ),
    plant("decoder's carry adds up", CARRY, ("dq = self.decoder.back(dq)", "dq = dq + self.decoder.back(dq)")),
    plant("encoder's carry adds up", CARRY, ("ds = self.encoder.back(ds)", "ds = ds + self.encoder.back(ds)")),
    plant(
        "encoder's later steps not carried",
        CARRY,
        ("            ds = self.encoder.back(ds)", "            self.encoder.back(ds)"),
    ),
    plant(
        "encoder's last step alone",
        CARRY,
        ("        while self.encoder.tape:\n            ds = ", "        ds = "),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "encoder cut off after two steps",
        CARRY,
        ("        while self.encoder.tape:", "        for _ in range(2):"),
        lines=(CHANGED, "ds = self.encoder.back(ds)"),
        or_kinds=(ACCUMULATION,),
    ),
    plant(
        "state's gradient in the input weights",
        OPERAND,
        ("self.gA += dpre @ x.T", "self.gA += ds @ x.T"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "state's gradient in the recurrent weights",
        OPERAND,
        ("self.gB += dpre @ s.T", "self.gB += ds @ s.T"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "state's gradient in the bias",
        OPERAND,
        ("self.gc += dpre.sum", "self.gc += ds.sum"),
        or_kinds=(DERIVATIVE, BIAS_SUM),
    ),
    plant(
        "gradient for the recurrent weights",
        OPERAND,
        ("return self.B.T @ dpre", "return self.gB.T @ dpre"),
        or_kinds=(CARRY,),
    ),
    plant(
        "decoder's gradient past the bridge's delta",
        OPERAND,
        ("ds = self.M.T @ dbridge", "ds = self.M.T @ dq"),
        or_kinds=(DERIVATIVE,),
    ),
    plant(
        "decoder's gradient in the bridge's weights", OPERAND, ("gM = dbridge @", "gM = dq @"), or_kinds=(DERIVATIVE,)
    ),
    plant(
        "decoder's gradient in the bridge's bias",
        OPERAND,
        ("gm = dbridge.sum", "gm = dq.sum"),
        or_kinds=(DERIVATIVE, BIAS_SUM),
    ),
    plant("words for their deltas in the readout's bias", OPERAND, ("gr += dlogits.sum", "gr += word.sum")),
    plant("loss's mean forgotten", FACTOR, ("(chances - word) / N", "chances - word")),
    plant(
        "loss divided by the words too", FACTOR, ("(chances - word) / N", "(chances - word) / (N * len(self.answers))")
    ),
    plant("twice the carry", FACTOR, ("return self.B.T @ dpre", "return 2 * self.B.T @ dpre"), or_kinds=(CARRY,)),
    plant("bridge averaged once more", FACTOR, ("gM = dbridge @ self.summary.T", "gM = dbridge @ self.summary.T / N")),
    plant("half of the input weights", FACTOR, ("self.gA += dpre @ x.T", "self.gA += 0.5 * dpre @ x.T")),
    plant("cells' recurrent weights overwritten", ACCUMULATION, ("self.gB +=", "self.gB =")),
    plant("cells' input weights overwritten", ACCUMULATION, ("self.gA +=", "self.gA =")),
    plant("cells' bias overwritten", ACCUMULATION, ("self.gc +=", "self.gc =")),
    plant("readout overwritten", ACCUMULATION, ("gR +=", "gR =")),
    plant(
        "last answer skipped",
        ACCUMULATION,
        ("reversed(self.answers)", "reversed(self.answers[:-1])"),
        lines=(CHANGED, "dlogits = (chances - word) / N"),
        or_kinds=(INJECTION,),
    ),
    plant("first answer skipped", ACCUMULATION, ("reversed(self.answers)", "reversed(self.answers[1:])")),
    plant(
        "encoder's first step skipped", ACCUMULATION, ("while self.encoder.tape:", "while len(self.encoder.tape) > 1:")
    ),
    plant(
        "readout's bias never added up",
        ACCUMULATION,
        ("            gr += dlogits.sum(axis=1, keepdims=True)\n", ""),
        lines=("gR, gr = np.zeros_like(self.R)", "grads.update(R=gR, r=gr)"),
    ),
    plant("cells' recurrent gradient transposed", LAYOUT, ("dpre @ s.T", "s @ dpre.T")),
    plant("cells' inputs reshaped", LAYOUT, ("dpre @ x.T", "dpre @ x.reshape(x.shape[::-1])")),
    plant(
        "readout reshaped for transposed", LAYOUT, ("self.R.T @ dlogits", "self.R.reshape(self.R.T.shape) @ dlogits")
    ),
    plant("bridge reshaped for transposed", LAYOUT, ("self.M.T @ dbridge", "self.M.reshape(self.M.T.shape) @ dbridge")),
    plant(
        "bridge's gradient in another order",
        LAYOUT,
        ("gM = dbridge @ self.summary.T", "gM = (self.summary @ dbridge.T).reshape(self.M.shape)"),
    ),
    plant("summary reshaped", LAYOUT, ("dbridge @ self.summary.T", "dbridge @ self.summary.reshape(N, -1)")),
    plant(
        "softmax' on the diagonal",
        OUTPUT_DELTA,
        ("(chances - word) / N", "(chances - word) * chances * (1 - chances) / N"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("logits for chances", OUTPUT_DELTA, ("(chances - word) / N", "(self.R @ q + self.r - word) / N")),
    plant(
        "tanh' at the chances",
        OUTPUT_DELTA,
        ("(chances - word) / N", "(chances - word) * (1 - chances**2) / N"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("softmax' left out", OUTPUT_DELTA, ("(chances - word) / N", "-word / chances / N")),
    plant(
        "cells' bias averaged",
        BIAS_SUM,
        ("dpre.sum(axis=1, keepdims=True)", "dpre.mean(axis=1, keepdims=True)"),
        or_kinds=(FACTOR,),
    ),
    plant("cells' bias one number", BIAS_SUM, ("dpre.sum(axis=1, keepdims=True)", "dpre.sum()")),
    plant(
        "readout's bias averaged",
        BIAS_SUM,
        ("dlogits.sum(axis=1, keepdims=True)", "dlogits.mean(axis=1, keepdims=True)"),
        or_kinds=(FACTOR,),
    ),
    plant("bridge's bias of the first sample", BIAS_SUM, ("dbridge.sum(axis=1, keepdims=True)", "dbridge[:, :1]")),
    plant("word minus chances", SIGN, ("(chances - word) / N", "(word - chances) / N")),
    plant("readout subtracted from the decoder's carry", SIGN, ("dq += self.R.T", "dq -= self.R.T")),
    plant(
        "bridge's derivative with a plus",
        SIGN,
        ("(1 - self.opening**2)", "(1 + self.opening**2)"),
        or_kinds=(DERIVATIVE,),
    ),
    plant("encoder's gradient with a minus", SIGN, ("ds = self.M.T @ dbridge", "ds = -self.M.T @ dbridge")),
    plant(
        "encoder not reached",
        BRANCH,
        ("ds = self.M.T @ dbridge", "ds = np.zeros_like(self.summary)"),
        or_kinds=(CARRY,),
    ),
    plant(
        "the last answer's error alone goes back",
        INJECTION,
        ("dq += self.R.T @ dlogits", "dq += self.R.T @ dlogits * (q is self.answers[-1][0])"),
        or_kinds=(BRANCH,),
    ),
    plant(
        "last answer's error at every step",
        INJECTION,
        ("dlogits = (chances - word) / N", "dlogits = (self.answers[-1][1] - self.answers[-1][2]) / N"),
        or_kinds=(TIME_INDEX,),
    ),
    plant(
        "error of the answer after the decoder's step",
        INJECTION,
        (
            "            dq += self.R.T @ dlogits\n            dq = self.decoder.back(dq)\n",
            "            dq = self.decoder.back(dq)\n            dq += self.R.T @ dlogits\n",
        ),
        lines=(CHANGED, "dq = self.decoder.back(dq)", "dq += self.R.T"),
        or_kinds=(TIME_INDEX, CARRY),
    ),
    plant(
        "decoder's carry clipped",
        STATE,
        ("dq = self.decoder.back(dq)", "dq = np.clip(self.decoder.back(dq), -0.02, 0.02)"),
    ),
    plant(
        "encoder's carry clipped",
        STATE,
        ("ds = self.encoder.back(ds)", "ds = np.clip(self.encoder.back(ds), -0.002, 0.002)"),
    ),
    plant(
        "cells' deltas clipped",
        STATE,
        ("dpre = (1 - new * new) * ds", "dpre = np.clip((1 - new * new) * ds, -0.02, 0.02)"),
    ),
    plant(
        "summary overwritten by the encoder's gradient",
        STATE,
        (
            "        gM = dbridge @ self.summary.T\n",
            "        np.matmul(self.M.T, dbridge, out=self.summary)\n        gM = dbridge @ self.summary.T\n",
        ),
        lines=(CHANGED, "gM = dbridge @"),
    ),
    plant(
        "readout moved before it is used",
        UPDATE,
        ("            dq += self.R.T", "            self.R = self.R - 0.2 * gR\n            dq += self.R.T"),
        lines=(CHANGED, "dq += self.R.T"),
    ),
    plant(
        "bridge moved before it is used",
        UPDATE,
        ("        ds = self.M.T", "        self.M = self.M - 0.5 * gM\n        ds = self.M.T"),
        lines=(CHANGED, "ds = self.M.T"),
    ),
    plant(
        "cells' weights moved before they are used",
        UPDATE,
        ("        return self.B.T", "        self.B = self.B - 0.5 * self.gB\n        return self.B.T"),
        lines=(CHANGED, "return self.B.T"),
    ),
)
