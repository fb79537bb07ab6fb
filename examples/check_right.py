"""Adapters for programs that are right, one for each way in which people write them.

    bptt-oracle check examples/check_right.py                  all of them
    bptt-oracle check examples/check_right.py::lstm_class      one

Find the one that looks like your program; the first line of its docstring names the pattern. What is no parameter
(inputs, targets, first states) is drawn from `rng`: numbers other than 0 and 1 show more mistakes.
"""

from unittest.mock import Mock

import numpy as np

from oracle import gradient_function, load, recovered, with_locals


@gradient_function(Wxh="hidden vocab", Whh="hidden hidden", Why="vocab hidden", bh="hidden 1", by="vocab 1")
def module_globals(p, sizes, rng):
    """Parameters are globals of a script that would read a file and train for ever: run one definition of it."""
    m = load("programs/char_rnn.py", only=["loss_and_gradients"], vocab_size=sizes.vocab, **p)
    inputs, targets = rng.integers(sizes.vocab, size=(2, sizes.time))
    loss, dWxh, dWhh, dWhy, dbh, dby, _ = m.loss_and_gradients(inputs, targets, rng.normal(size=(sizes.hidden, 1)))
    return loss, dict(Wxh=dWxh, Whh=dWhh, Why=dWhy, bh=dbh, by=dby)


GATES = {f"W{gate}": "input+hidden hidden" for gate in "ifog"} | {f"b{gate}": "hidden" for gate in "ifog"}


@gradient_function(GATES)
def lstm_class(p, sizes, rng):
    """A layer without a loss: any weighted sum of its outputs is one, and the weights are the upstream gradient."""
    layer = load("programs/lstm_class.py").LSTM(sizes.input, sizes.hidden)
    layer.params = p
    h_0, c_0 = rng.normal(size=(2, sizes.batch, sizes.hidden))
    hs = layer.forward(rng.normal(size=(sizes.time, sizes.batch, sizes.input)), h_0, c_0)
    upstream = rng.normal(size=hs.shape)
    layer.backward(upstream)
    return np.sum(hs * upstream), layer.grads


@gradient_function(W="3 hidden input", U="3 hidden hidden", b="3 hidden")
def object_per_step(p, sizes, rng):
    """One object for every time step, gradients collected in an object that they share."""
    m = load("programs/gru_steps.py")
    shared = m.Params(p.W, p.U, p.b)
    gru = m.GRU(shared)
    hs = gru.forward(rng.normal(size=(sizes.time, sizes.input)), rng.normal(size=sizes.hidden))
    upstream = rng.normal(size=(sizes.time, sizes.hidden))
    gru.backward(upstream)
    return sum(h @ d for h, d in zip(hs, upstream)), dict(W=shared.dW, U=shared.dU, b=shared.db)


@gradient_function(W="hidden input+hidden", b="hidden 1", h_0="hidden 1")
def cell_unrolled_here(p, sizes, rng):
    """A single step, unrolled by the adapter; the first state is checked as if it were a parameter."""
    cell = load("programs/one_cell.py").Cell(p.W, p.b)
    h, loss, upstream = p.h_0, 0, rng.normal(size=(sizes.time, sizes.hidden, 1))
    for x, d in zip(rng.normal(size=(sizes.time, sizes.input, 1)), upstream):
        h = cell.step(x, h)
        loss += np.sum(h * d)
    carry = 0
    for d in upstream[::-1]:
        _, carry = cell.step_back(d + carry)
    return loss, dict(W=cell.dW, b=cell.db, h_0=carry)


@gradient_function(U="hidden words", W="hidden hidden", V="moods hidden", b="hidden", c="moods")
def many_to_one(p, sizes, rng):
    """A class with forward, loss and backward; one label for the whole sequence."""
    net = load("programs/sentiment.py").SentimentRNN(**p)
    net.forward(list(rng.integers(sizes.words, size=sizes.time)))
    label = rng.integers(sizes.moods)
    return net.loss(label), net.backward(label)


@gradient_function(synapse_0="2 hidden", synapse_h="hidden hidden", synapse_1="hidden 1")
def update_only(p, sizes, rng):
    """A script that only applies W -= rate * dW: the gradient is read off the step. Large rates lose fewer digits."""
    before = {name: array.copy() for name, array in p.items()}
    m = load("programs/binary_adder.py", only=["train_on"], alpha=1.0, **p)
    loss = m.train_on(*rng.integers(2, size=(3, sizes.time)))
    return loss, {name: recovered(before[name], getattr(m, name), 1.0) for name in before}


@gradient_function(W_in="hidden input", W_rec="hidden hidden", W_out="input hidden")
def local_variables(p, sizes, rng):
    """Gradients that are local variables of a method which also updates the parameters: taken when it returns."""
    net = load("programs/trainer.py").EchoNetwork(sizes.hidden, sizes.input)
    net.W_in, net.W_rec, net.W_out = (array.copy() for array in p.values())
    xs, targets = rng.normal(size=(2, sizes.time, sizes.input))
    loss, v = with_locals(net.train_step, xs, targets)
    return loss, dict(W_in=v.grad_in, W_rec=v.grad_rec, W_out=v.grad_out)


@gradient_function(E="words hidden", R="hidden hidden", O="hidden tags")
def handed_to_an_optimizer(p, sizes, rng):
    """Gradients that go straight to an optimizer: a stand-in receives them, and steps nowhere."""
    optimizer = Mock()
    tagger = load("programs/tagger.py").Tagger(p, optimizer)
    loss = tagger.fit_sentence(rng.integers(sizes.words, size=sizes.time), rng.integers(sizes.tags, size=sizes.time))
    _, gradients = optimizer.step.call_args.args
    return loss, gradients


@gradient_function(U="hidden input", W="hidden hidden", V="output hidden")
def np_matrix(p, sizes, rng):
    """Code on np.matrix, where * is the matrix product: give it matrices."""
    m = load("programs/matrix_elman.py")
    xs = [np.matrix(x).T for x in rng.normal(size=(sizes.time, sizes.input))]
    ds = [np.matrix(d).T for d in rng.normal(size=(sizes.time, sizes.output))]
    loss, *gradients = m.run(*(np.asmatrix(array) for array in p.values()), xs, ds)
    return loss, dict(zip("UWV", gradients))


@gradient_function(w_xh="input hidden", w_hh="hidden hidden", w_hy="hidden output", b_h="1 hidden", b_y="1 output")
def row_vectors(p, sizes, rng):
    """States of shape (1, hidden), weights (in, out), gradients returned as a tuple."""
    net = load("programs/row_elman.py").ElmanNet(**p)
    net.forward(rng.normal(size=(sizes.time, sizes.input)), rng.normal(size=(1, sizes.hidden)))
    targets = rng.uniform(size=(sizes.time, 1, sizes.output))
    return net.cost(targets), dict(zip(p, net.backprop(targets)))


@gradient_function(Wx="input hidden", Wh="hidden hidden", b="hidden")
def float32_inside(p, sizes, rng):
    """float32 buffers inside: noticed, and judged by the rounding of float32."""
    layer = load("programs/float32_layer.py").TimeRNN(p.Wx, p.Wh, p.b)
    hs = layer.forward(rng.normal(size=(sizes.batch, sizes.time, sizes.input)))
    upstream = rng.normal(size=hs.shape)
    layer.backward(upstream)
    return np.sum(hs * upstream), dict(zip(p, layer.grads))


@gradient_function(W="input hidden", R="hidden hidden", b="hidden")
def overwrites_its_caches(p, sizes, rng):
    """The backward pass overwrites the states, then the parameters: take the loss first, and give it copies."""
    net = load("programs/reused_buffers.py").FrugalRNN(*(array.copy() for array in p.values()))
    x, h_0 = rng.normal(size=(sizes.time, sizes.batch, sizes.input)), rng.normal(size=(sizes.batch, sizes.hidden))
    states = net.forward(x, h_0)
    upstream = rng.normal(size=states.shape)
    loss = np.sum(states * upstream)
    return loss, dict(zip(p, net.step(upstream, rate=0.1)))


@gradient_function(E="words embedding", Wx="embedding embedding", Wh="embedding embedding", b="embedding")
def several_modules(p, sizes, rng):
    """A program of several files that import one another, loaded by the one that matters."""
    model = load("programs/word_rnn/model.py").WordModel(**p)
    loss = model.forward(*rng.integers(sizes.words, size=(2, sizes.time)))
    model.backward()
    layer = model.recurrent
    return loss, dict(E=model.embedding.dW, Wx=layer.dWx, Wh=layer.dWh, b=layer.db)
