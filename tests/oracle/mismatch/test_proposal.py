"""Which arrays may be factors of the product that is proposed, and what is not said."""

from oracle.mismatch.products import Factor, products
from tests.oracle.mismatch.second_programs import BATCH_FIRST, LSTM


def test_the_gradient_of_a_parameter_is_a_factor_where_it_stands_in_what_failed(explained):
    found = explained(
        """
@gradient_function(W="input hidden", h="batch hidden")
def first_state(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    h = np.tanh(p.h + x @ p.W)
    dh = h * (1 - h**2)
    dW = x @ dh
    return 0.5 * np.sum(h**2), dict(W=dW, h=dh)
"""
    )
    assert found.products == (("x.T @ dh", "(input, batch) @ (batch, hidden)"),)


def test_the_gradient_of_another_parameter_is_none(explained):
    found = explained(
        """
@gradient_function(W="input hidden", h="batch hidden")
def first_state(p, sizes, rng):
    x = rng.normal(size=(sizes.batch, sizes.input))
    dh = rng.normal(size=(sizes.batch, sizes.hidden))
    wide = rng.normal(size=(sizes.input, sizes.input))
    dW = x @ wide @ p.W.T
    return 0.0, dict(W=dW, h=dh)
"""
    )
    assert found.products == ()


def test_two_gradients_that_would_balance_beside_the_weight_leave_it_open(explained):
    wrong = LSTM.replace("da @ self.Wh.T", "df @ self.Wh.T")
    assert [text for text, _ in explained(wrong).products] == ["da @ self.Wh.T"]
    two = wrong.replace("        self.dWx +=", "        dac = np.clip(da, -5, 5)\n        self.dWx +=")
    two = two.replace("self.db += da.sum", "self.db += dac.sum")
    assert explained(two).products == ()


def test_a_join_that_would_only_broadcast_does_not_fit(explained):
    both = "both = np.concatenate([h, h[:, ::-1]], axis=1)\n    y = both @ p.V"
    found = explained(BATCH_FIRST.replace("y = h @ p.V", both))
    assert found.clash == ("second axes differ: 10 against time=5",)
    assert found.departed == ()


def test_a_join_whose_product_does_not_fit_is_none(explained):
    found = explained(BATCH_FIRST.replace("y = h @ p.V", "both = np.concatenate([h, h], axis=0)\n    y = both @ p.V"))
    assert found.clash[0].startswith("first axes differ: ") and found.departed == ()


def test_the_letters_of_an_einsum_are_those_of_the_axes_where_they_differ():
    def formula(*shared):
        both = [Factor("a", (*shared, "hidden"), failing=True), Factor("da", (*shared, "output"), True, failing=True)]
        return products(both, ("hidden", "output"), gradient=True)[0].text

    assert formula("batch", "time") == 'np.einsum("bti,btj->ij", a, da)'
    assert formula("time", "batch") == 'np.einsum("tbi,tbj->ij", a, da)'
    assert formula("batch", "blocks") == 'np.einsum("tbi,tbj->ij", a, da)'
    assert formula("input", "batch") == 'np.einsum("tbi,tbj->ij", a, da)'
    assert formula("5", "batch") == 'np.einsum("tbi,tbj->ij", a, da)'
