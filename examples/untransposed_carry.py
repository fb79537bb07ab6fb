"""A mistake that raises nothing: the recurrent matrix is not transposed on the way back.

W_hh is square, so `delta @ W_hh` has the same shape as `delta @ W_hh.T`, whatever the sizes. The network even learns,
badly. Run this file to see what is said of it; mend the line marked with an arrow and run it again.

To check a pass of your own against the built-in networks, offer the same two functions.
"""

import sys
from types import SimpleNamespace

import numpy as np

from oracle import Case, check, problem
from oracle.presentation import describe


def forward(network, parameters, x, h_0, **_):
    """x (time, batch, input), h_0 (1, batch, hidden) -> the states h_1 .. h_T and the last of them."""
    p = parameters
    states = [h_0[0]]
    for x_t in x:
        a = x_t @ p["weight_ih"] + p["bias_ih"] + states[-1] @ p["weight_hh"] + p["bias_hh"]
        states.append(np.tanh(a))
    return SimpleNamespace(
        parameters=p, x=x, states=states, outputs=np.stack(states[1:]), h_n=states[-1][None], c_n=None
    )


def backward(run, d_outputs, d_h_n, d_c_n=None):
    """dL/d(every state) and dL/d(the last one) -> the gradient of every parameter, of x and of h_0."""
    p, carry = run.parameters, d_h_n[0]
    gradients = {name: np.zeros_like(value) for name, value in p.items()} | {"x": np.zeros_like(run.x)}
    for t in reversed(range(len(run.x))):
        delta = (carry + d_outputs[t]) * (1 - run.states[t + 1] ** 2)
        gradients["x"][t] = delta @ p["weight_ih"].T
        gradients["weight_ih"] += run.x[t].T @ delta
        gradients["weight_hh"] += run.states[t].T @ delta
        gradients["bias_ih"] += delta.sum(axis=0)
        gradients["bias_hh"] += delta.sum(axis=0)
        carry = delta @ p["weight_hh"]  # <- should be p["weight_hh"].T
    return gradients | {"h_0": carry[None]}


if __name__ == "__main__":
    case = Case("elman", time=5, batch=3, hidden=6, dtype="float64", regime="ordinary")
    report = check(problem(case), implementation=sys.modules[__name__])
    print(describe(report))
    sys.exit(0 if report.outcome == "agrees" else 1)
