"""Gradient functions whose declarations cannot be meant."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.robustness.case import Case
from benchmarks.robustness.made import HEAD, SHAPES, checked, layer


def declaring() -> Iterator[Case]:
    """Declarations that cannot be meant."""
    word = "check_it.py raised (TypeError|ValueError): "
    yield checked("no shapes", 2, word + "gradient_function is given no parameter", layer(shapes=""))
    yield checked(
        "no brackets",
        2,
        word + "gradient_function needs the shapes",
        layer().replace("@gradient_function(" + SHAPES + ")", "@gradient_function"),
    )
    yield checked(
        "a shape that is a tuple",
        2,
        word + r"the shape of W is \(4, 5\), but should be a string",
        layer(shapes="W=(4, 5)"),
    )
    yield checked(
        "a shape that is None", 2, word + "the shape of W is None, but should be a string", layer(shapes="W=None")
    )
    yield checked("a negative size", 2, word + "the shape of W cannot be read at '-4'", layer(shapes='W="-4 hidden"'))
    yield checked(
        "a size of zero", 2, word + "the shape of W cannot be read at '0': 0 is no size", layer(shapes='W="0 hidden"')
    )
    yield checked(
        "a size of 10**9",
        3,
        "layer (needed more than 1 GiB|raised|did not finish)",
        layer(shapes='W="1000000000 hidden", b="hidden"'),
    )
    yield checked(
        "a size of 10**30",
        3,
        r"W \(1000000000000000000000000000000, hidden\) is .* no array is as large",
        layer(shapes=f'W="{10**30} hidden", b="hidden"'),
    )
    yield checked(
        "a size that is a power",
        2,
        word + "the shape of W cannot be read at '9\\*\\*9': only",
        layer(shapes='W="9**9 hidden"'),
    )
    yield checked(
        "a size that divides by zero",
        3,
        "the axis 'hidden//0' divides by zero",
        layer(shapes='W="4 hidden//0", b="hidden"'),
    )
    yield checked(
        "a size that comes out negative",
        3,
        "the axis 'hidden-100' is -94",
        layer(shapes='W="4 hidden-100", b="hidden"'),
    )
    yield checked(
        "a size that vanishes", 3, "the axis 'hidden-hidden' is 0", layer(shapes='W="4 hidden-hidden", b="hidden"')
    )
    yield checked(
        "a product that no array can have",
        3,
        "no array is as large as that",
        layer(shapes='W="hidden*999999999*999999999", b="hidden"'),
    )
    yield checked(
        "shapes that contradict the code",
        3,
        r"layer raised ValueError: .*(matmul|broadcast)",
        layer(shapes='W="5 hidden", b="hidden"'),
    )
    yield checked("40 axes", 3, "layer raised", layer(shapes=f'W="{"1 " * 40}", b="hidden"'))
    yield checked(
        "70 axes",
        2,
        word + "the shape of W has 70 axes, but should have at most 64",
        layer(shapes=f'W="{"1 " * 70}", b="hidden"'),
    )
    yield checked(
        "a shape of 80,000 characters",
        2,
        word + "the shape of W cannot be read at .*it has 84006 characters, but should have at most 200",
        layer(shapes=f'W="4 {"hidden+" * 12_000}hidden", b="hidden"'),
    )
    yield checked(
        "a shape of 1,000 brackets",
        2,
        word + "the shape of W cannot be read",
        layer(shapes=f'W="{"(" * 1000}4{")" * 1000} hidden"'),
    )
    yield checked(
        "a shape with a line end in it", 0, "all 2 gradients agree", layer(shapes='W="4\\nhidden", b="hidden"')
    )
    yield checked(
        "a shape with a null byte in it", 2, word + "the shape of W cannot be read", layer(shapes='W="4 hid\\0den"')
    )
    yield checked(
        "parameters called p, sizes and rng",
        3,
        "layer raised KeyError: .*no parameter 'W', only p, sizes, rng",
        layer(shapes='p="4", sizes="hidden", rng="2"'),
    )
    yield checked(
        "a parameter called loss",
        0,
        "all 2 gradients agree",
        layer(shapes='{"loss": "4 hidden", "b": "hidden"}', returns="loss, dict(loss=dW, b=db)").replace(
            'p["W"]', 'p["loss"]'
        ),
    )
    yield checked(
        "a parameter without a name",
        2,
        word + "a parameter's name is '', but should be a text that can be printed",
        layer(shapes='{"": "4 hidden"}'),
    )
    yield checked(
        "a parameter called 7",
        2,
        word + "a parameter's name is 7, but should be a string",
        layer(shapes='{7: "4 hidden"}'),
    )
    yield checked(
        "a parameter named in Chinese",
        0,
        "权重",
        layer(shapes='{"权重": "4 hidden", "b": "hidden"}', returns='loss, {"权重": dW, "b": db}').replace(
            'p["W"]', 'p["权重"]'
        ),
    )
    yield checked(
        "a parameter whose name clears the screen",
        2,
        word + "a parameter's name is .*, but should be a text that can be printed",
        layer(shapes='{"\\x1b[2J": "4 hidden", "b": "hidden"}', returns='loss, {"\\x1b[2J": dW, "b": db}').replace(
            'p["W"]', 'p["\\x1b[2J"]'
        ),
    )
    yield checked(
        "a parameter whose name is HTML",
        0,
        "all 2 gradients agree",
        layer(
            shapes='{"<script>alert(1)</script>": "4 hidden", "b": "hidden"}',
            returns='loss, {"<script>alert(1)</script>": dW, "b": db}',
        ).replace('p["W"]', 'p["<script>alert(1)</script>"]'),
        "--html",
        "page.html",
    )
    yield checked(
        "a parameter whose name cannot be encoded",
        2,
        word + "a parameter's name is .*, but should be a text that can be printed",
        layer(shapes='{"\\ud800": "4 hidden", "b": "hidden"}', returns='loss, {"\\ud800": dW, "b": db}').replace(
            'p["W"]', 'p["\\ud800"]'
        ),
    )
    yield checked(
        "a name of 10,000 characters",
        0,
        "all 2 gradients agree",
        layer(shapes='{"W" * 10_000: "4 hidden", "b": "hidden"}', returns='loss, {"W" * 10_000: dW, "b": db}').replace(
            'p["W"]', 'p["W" * 10_000]'
        ),
    )
    yield checked(
        "a deviation that is a number",
        2,
        word + "deviation holds 5, but should hold clip",
        layer(shapes=SHAPES + ", deviation=5"),
    )
    yield checked(
        "a dtype that is none",
        2,
        word + "dtype is 'float16', but should be one of float64",
        layer(shapes=SHAPES + ", dtype='float16'"),
    )
    yield checked(
        "a reference that is a number",
        2,
        word + "reference is 5, but should be a function",
        layer(shapes=SHAPES + ", reference=5"),
    )
    yield checked(
        "a reference that raises",
        3,
        "reference raised ZeroDivisionError",
        layer(shapes=SHAPES + ", reference=lambda p, sizes, rng: 1 / 0"),
    )
    yield checked(
        "two arguments", 2, word + r"layer\(p, sizes\) should take three arguments", layer(arguments="p, sizes")
    )
    yield checked("only *args", 2, word + r"layer\(\*args\) should take three arguments", layer(arguments="*args"))
    made = HEAD + "import functools\nlayer = gradient_function(b='hidden')({})\n"
    right = "lambda p, sizes, rng: (0.5 * p.b @ p.b, dict(b=p.b.copy()))"
    yield checked("a lambda", 0, "layer at check_it.py", made.format(right))
    yield checked(
        "a partial",
        2,
        word + "gradient_function decorates functools.partial.*but should decorate a function",
        made.format("functools.partial(print, 1)"),
    )
    yield checked(
        "a built-in function",
        2,
        word + "gradient_function decorates <built-in function print>, but should decorate a function",
        made.format("print"),
    )
    yield checked(
        "a class", 2, word + "gradient_function decorates <class.*but should decorate a function", made.format("dict")
    )
    yield checked(
        "an object that can be called",
        2,
        word + "gradient_function decorates .* but should decorate a function",
        made.replace("layer =", "class Net:\n    def __call__(self, p, sizes, rng): ...\nlayer =").format("Net()"),
    )
    yield checked(
        "None", 2, word + "gradient_function decorates None, but should decorate a function", made.format("None")
    )
    yield checked(
        "a function wrapped by another",
        0,
        "all 2 gradients agree",
        layer()
        .replace("def layer", "@wrapped\ndef layer")
        .replace(
            "from oracle",
            "import functools\ndef wrapped(f):\n    @functools.wraps(f)\n    def inner(*args): return f(*args)\n"
            "    return inner\nfrom oracle",
        ),
    )
    yield checked(
        "a function wrapped without its name",
        2,
        word + r"inner\(\*args\) should take three arguments",
        layer()
        .replace("def layer", "@wrapped\ndef layer")
        .replace(
            "from oracle", "def wrapped(f):\n    def inner(*args): return f(*args)\n    return inner\nfrom oracle"
        ),
    )
