"""Gradient functions that misbehave when they run, or return something else than (loss, gradients)."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.robustness.case import Case
from benchmarks.robustness.made import SEGFAULT, checked, layer


def running() -> Iterator[Case]:
    """What goes wrong while the function runs."""
    late = "layer did not finish within 3 s, at check_it.py line 7"
    yield checked("an endless loop in the forward pass", 3, late, layer("while True: pass"))
    yield checked("an endless loop in C", 3, "layer did not finish within 3 s", layer("sum(iter(int, 1))"))
    yield checked(
        "an endless loop that catches everything",
        3,
        "layer did not finish within 3 s",
        layer("while True:\n        try: time.sleep(1)\n        except BaseException: pass"),
    )
    yield checked("sleeping", 3, late, layer("time.sleep(1000)"))
    yield checked(
        "endless recursion",
        3,
        "layer raised RecursionError: maximum recursion depth",
        layer("def f(): return f()\n    f()"),
    )
    yield checked(
        "recursion without a limit",
        3,
        "layer (crashed: segmentation fault|raised RecursionError|needed more|did not finish)",
        layer("sys.setrecursionlimit(10**9)\n    def f(n): return [f(n + 1) for _ in (1,)]\n    f(0)"),
    )
    yield checked(
        "a crash", 3, r"layer crashed: segmentation fault in check_it.py line 7 \(layer\)", layer(SEGFAULT.strip())
    )
    yield checked("abort", 3, "layer crashed: aborted", layer("os.abort()"))
    yield checked("os._exit in the function", 3, "layer ended by itself with exit status 7", layer("os._exit(7)"))
    yield checked("sys.exit in the function", 3, r"layer called sys.exit\(0\), check_it.py:7", layer("sys.exit(0)"))
    yield checked("it kills itself", 3, r"layer killed by signal 9 \(SIGKILL\)", layer("os.kill(os.getpid(), 9)"))
    yield checked(
        "it kills its parent",
        3,
        "layer raised PermissionError: .*code under test sends no signal to process",
        layer("os.kill(os.getppid(), 15)"),
    )
    yield checked(
        "it kills its parent's group",
        3,
        "layer raised PermissionError: .*code under test sends no signal to process group",
        layer("os.killpg(os.getpgid(os.getppid()), 15)"),
    )
    yield checked(
        "it kills everything",
        3,
        "layer raised PermissionError: .*code under test sends no signal to process -1",
        layer("os.kill(-1, 0)"),
    )
    yield checked(
        "an array of 1 TB", 3, "layer raised MemoryError: Unable to allocate 1.00 TiB", layer("np.empty(1 << 37)")
    )
    yield checked(
        "a list that grows for ever",
        3,
        "layer (needed more than 1 GiB of memory|raised MemoryError)",
        layer("x = []\n    while True: x.append(np.ones(100_000))"),
    )
    yield checked(
        "a string that doubles",
        3,
        r"layer raised MemoryError .*check_it.py.* while True: x \+= x",
        layer("x = 'x'\n    while True: x += x"),
    )
    yield checked(
        "a number of a billion digits", 3, "layer (needed more than 1 GiB|did not finish)", layer("9 ** 9 ** 9")
    )
    yield checked(
        "printing without end",
        3,
        "layer wrote more than 10 MB to the terminal",
        layer("while True: print('x' * 10_000)"),
    )
    yield checked(
        "a file without end",
        3,
        "layer raised OSError: .*File too large",
        layer("with open('f', 'wb') as f:\n        while True: f.write(bytes(1 << 20))"),
    )
    yield checked(
        "orders for the terminal", 0, "all 2 gradients agree", layer(r"print('\x1b[2J\x1b]0;title\x07\x9b31m')")
    )
    yield checked(
        "orders for the terminal in an exception",
        3,
        "layer raised ValueError",
        layer(r"raise ValueError('\x1b[2J\x1b]0;title\x07')"),
    )
    yield checked("an exception without words", 3, "layer raised ValueError", layer("raise ValueError"))
    yield checked("an exception of 10 MB", 3, "layer raised ValueError", layer("raise ValueError('x' * 10_000_000)"))
    yield checked(
        "an exception that cannot be shown",
        3,
        "layer raised E, whose text cannot be had",
        layer("class E(Exception):\n        def __str__(self): raise self\n    raise E"),
    )
    yield checked("bytes that are no text", 0, "all 2 gradients agree", layer(r"os.write(1, b'\xff\xfe\x80')"))
    yield checked(
        "it closes its output", 3, "layer raised OSError: .*Bad file descriptor", layer("os.close(1); os.close(2)")
    )
    yield checked("it closes sys.stdout", 0, "all 2 gradients agree", layer("sys.stdout.close(); sys.stderr.close()"))
    yield checked(
        "it closes every descriptor", 3, "layer ended by itself with exit status 0", layer("os.closerange(0, 4096)")
    )
    yield checked("sys.stdout is None", 0, "all 2 gradients agree", layer("sys.stdout = sys.stderr = None"))
    yield checked(
        "a thread without end",
        0,
        "all 2 gradients agree",
        layer(
            "import threading\n"
            "    if threading.active_count() < 2: threading.Thread(target=time.sleep, args=(1000,)).start()"
        ),
    )
    yield checked(
        "50 threads that fail",
        0,
        "all 2 gradients agree",
        layer("import threading\n    for _ in range(50): threading.Thread(target=os.listdir, args=('/',)).start()"),
    )
    yield checked(
        "a process that goes on",
        0,
        "all 2 gradients agree",
        layer("import subprocess; subprocess.Popen(['sleep', '1000'], start_new_session=True)"),
    )
    yield checked("a fork that goes on", 0, "all 2 gradients agree", layer("if os.fork() == 0: time.sleep(1000)"))
    yield checked("another folder", 0, "all 2 gradients agree", layer("os.chdir('/')"))
    yield checked(
        "it removes its own file",
        3,
        "layer raised PermissionError: .*writes only to its temporary",
        layer("os.remove(__file__)"),
    )
    yield checked(
        "it removes its own folder",
        3,
        "layer raised PermissionError: .*writes only to its temporary",
        layer("import shutil; shutil.rmtree(os.path.dirname(__file__))"),
    )
    yield checked(
        "it removes its working directory",
        3,
        "layer raised FileNotFoundError",
        layer("import shutil; shutil.rmtree(os.getcwd(), ignore_errors=True)"),
    )
    yield checked(
        "it writes beside itself",
        3,
        "layer raised PermissionError: .*check_it.bin",
        layer("np.ones(3).tofile(__file__.replace('.py', '.bin'))"),
    )
    yield checked(
        "no signals",
        3,
        "layer did not finish within 3 s",
        layer(
            "import signal\n"
            "    for n in set(signal.valid_signals()) - {9, 19}: signal.signal(n, signal.SIG_IGN)\n"
            "    while True: pass"
        ),
    )
    yield checked(
        "an alarm",
        3,
        r"layer killed by signal 14 \(SIGALRM\)",
        layer("import signal; signal.setitimer(signal.ITIMER_REAL, 0.01); time.sleep(2)"),
    )
    yield checked(
        "at the end an endless loop",
        0,
        "all 2 gradients agree",
        layer("import atexit; atexit.register(lambda: time.sleep(1000))"),
    )
    yield checked(
        "an object that cannot die",
        3,
        "layer did not finish within 3 s, at .* in __del__",
        layer("class D:\n        def __del__(self): time.sleep(1000)\n    d = [D()]; d.append(d)"),
    )
    yield checked("a trace function of its own", 0, "all 2 gradients agree", layer("sys.settrace(lambda *a: None)"))
    yield checked("NumPy made to raise", 0, "all 2 gradients agree", layer("np.seterr(all='raise')"))
    yield checked(
        "torch in float32", 0, "all 2 gradients agree", layer("import torch; torch.set_default_dtype(torch.float32)")
    )
    yield checked(
        "warnings without end",
        3,
        "layer wrote more than 10 MB to the terminal",
        layer("import warnings\n    for n in range(20_000): warnings.warn(str(n))"),
    )
    yield checked(
        "it calls the tool itself",
        0,
        "all 2 gradients agree",
        layer(
            "from oracle import check_gradients\n"
            "    check_gradients(lambda p: (0.5 * p['w'] @ p['w'], dict(w=p['w'])), dict(w=np.ones(2)))"
        ),
    )


def returning() -> Iterator[Case]:
    """What comes back is not (loss, gradients)."""
    wanted = r"but should return \(loss, gradients\), the gradients a dict with 'W', 'b'"
    for name, returns, kind in (
        ("None", "None", "None"),
        ("a text", "'loss'", "a str"),
        ("a number", "loss", "a float64"),
        ("a set", "{1, 2}", "a set"),
        ("a triple", "loss, dict(W=dW, b=db), None", "3 things"),
        ("a generator", "(x for x in (loss, dict(W=dW, b=db)))", "a generator"),
    ):
        yield checked(f"{name} is returned", 3, f"layer returned {kind}, {wanted}", layer(returns=returns))
    yield checked("a generator function", 3, f"layer returned a generator, {wanted}", layer("yield 1"))
    yield checked(
        "a coroutine", 3, f"layer returned a coroutine, {wanted}", layer().replace("def layer", "async def layer")
    )
    yield checked(
        "gradients in a list", 3, f"layer returned a list for the gradients, {wanted}", layer(returns="loss, [dW, db]")
    )
    yield checked("no gradient of b", 1, "b wrong: there is no such gradient", layer(returns="loss, dict(W=dW)"))
    yield checked(
        "a gradient of nothing",
        3,
        "returned a gradient 'c', but there is no such parameter, only W, b",
        layer(returns="loss, dict(W=dW, c=db)"),
    )
    yield checked(
        "gradients called 1 and 2",
        3,
        "returned a gradient 1, but there is no such parameter, only W, b",
        layer(returns="loss, {1: dW, 2: db}"),
    )
    yield checked("gradients called by arrays", 3, "layer raised TypeError: unhashable", layer(returns="loss, {dW: 1}"))
    yield checked(
        "a gradient of another shape",
        1,
        "W wrong: shape .6, 4., but should be .4, 6.",
        layer(returns="loss, dict(W=dW.T, b=db)"),
    )
    yield checked(
        "a gradient that is a text",
        3,
        "the gradient of W is a str, but should be an array of numbers",
        layer(returns="loss, dict(W='dW', b=db)"),
    )
    yield checked(
        "a gradient that is a function",
        3,
        "the gradient of W is a.*, but should be an array of numbers",
        layer(returns="loss, dict(W=np.tanh, b=db)"),
    )
    yield checked(
        "a gradient of objects",
        3,
        "the gradient of W is an array of shape .* and dtype object, but should be an array of numbers",
        layer(returns="loss, dict(W=dW.astype(object), b=db)"),
    )
    yield checked(
        "a gradient of dates",
        3,
        "the gradient of b is an array of .*datetime64.*, but should be an array of numbers",
        layer(returns="loss, dict(W=dW, b=np.zeros(db.shape, 'M8[s]'))"),
    )
    yield checked(
        "a gradient of records",
        3,
        "the gradient of b is an array of .*, but should be an array of numbers",
        layer(returns="loss, dict(W=dW, b=np.zeros(db.shape, 'f8,f8'))"),
    )
    yield checked(
        "a ragged gradient",
        3,
        "the gradient of b is a list, but should be an array of numbers",
        layer(returns="loss, dict(W=dW, b=[[1.0], [1.0, 2.0]])"),
    )
    yield checked(
        "a complex gradient",
        3,
        "the gradient of W is complex, but should be real",
        layer(returns="loss, dict(W=dW + 0j, b=db)"),
    )
    yield checked(
        "a masked gradient",
        3,
        "the gradient of W is a masked array, but should be a plain one",
        layer(returns="loss, dict(W=np.ma.masked_array(dW), b=db)"),
    )
    yield checked("a gradient of NaN", 1, "W wrong: nan at", layer(returns="loss, dict(W=dW * np.nan, b=db)"))
    yield checked("a gradient of inf", 1, "W wrong: inf at", layer(returns="loss, dict(W=dW + np.inf, b=db)"))
    yield checked("a gradient of zeros", 1, "it is all zeros", layer(returns="loss, dict(W=dW * 0, b=db)"))
    yield checked(
        "an empty gradient",
        1,
        r"b wrong: shape \(0,\), but should be \(6,\)",
        layer(returns="loss, dict(W=dW, b=np.zeros(0))"),
    )
    yield checked(
        "a gradient of 2 GB",
        3,
        "layer needed more than 1 GiB of memory",
        layer(returns="loss, dict(W=np.broadcast_to(0.0, (1 << 28,)), b=db)"),
    )
    yield checked(
        "an array that cannot be one",
        3,
        "the gradient of W is an A that makes no array: RuntimeError: no",
        layer(
            "class A:\n        def __array__(self, *a, **k): raise RuntimeError('no')",
            returns="loss, dict(W=A(), b=db)",
        ),
    )
    yield checked(
        "a dict that raises",
        3,
        "layer returned a D that cannot be read: RuntimeError: no",
        layer(
            "class D(dict):\n        def __iter__(self): raise RuntimeError('no')\n"
            "        keys = items = values = __iter__",
            returns="loss, D(W=dW, b=db)",
        ),
    )
    yield checked(
        "a list that contains itself",
        3,
        "the loss (is a list|has shape)",
        layer("x = []; x.append(x)", returns="x, dict(W=dW, b=db)"),
    )
    yield checked("no loss", 3, "the loss is None, but should be", layer(returns="None, dict(W=dW, b=db)"))
    yield checked(
        "a loss of three numbers",
        3,
        r"the loss has shape \(3,\), but should be a number",
        layer(returns="np.ones(3), dict(W=dW, b=db)"),
    )
    yield checked(
        "a loss of no number",
        3,
        r"the loss has shape \(0,\), but should be a number",
        layer(returns="np.ones(0), dict(W=dW, b=db)"),
    )
    yield checked(
        "a loss that is a text", 3, "the loss is a str, but should be", layer(returns="'0.5', dict(W=dW, b=db)")
    )
    yield checked(
        "a complex loss",
        3,
        "the loss is the complex number .* but should be real",
        layer(returns="loss + 1j, dict(W=dW, b=db)"),
    )
    yield checked("a loss of NaN", 3, "the loss is nan", layer(returns="loss * np.nan, dict(W=dW, b=db)"))
    yield checked("a loss of inf", 3, "the loss is inf", layer(returns="loss + np.inf, dict(W=dW, b=db)"))
    yield checked("a loss that is a constant", 1, "W wrong: it should be zero", layer(returns="1.0, dict(W=dW, b=db)"))
    yield checked(
        "a loss of 10**400",
        3,
        "the loss is an int, but should be an array of numbers",
        layer(returns="10**400, dict(W=dW, b=db)"),
    )
    yield checked(
        "other numbers at every call",
        1,
        "called twice with the same arrays it gives two losses",
        layer(returns="loss + N.__next__(), dict(W=dW, b=db)", head="import itertools\nN = itertools.count()\n"),
    )
    yield checked(
        "random numbers of its own",
        1,
        "called twice with the same arrays it gives two losses",
        layer("p['W'] = p['W'] + np.random.default_rng().normal()"),
    )
    yield checked(
        "the time of day in the loss",
        1,
        "called twice with the same arrays it gives two losses",
        layer(returns="loss * time.time_ns(), dict(W=dW, b=db)"),
    )
    yield checked("it writes to its parameters", 1, "it writes to the parameter", layer("p['W'] *= 0.5"))
    yield checked("it empties its parameters", 3, "layer raised KeyError: .*no parameter", layer("p.clear()"))
    yield checked(
        "it gives back its parameters", 1, "view of the parameter", layer(returns="loss, dict(W=p['W'], b=db)")
    )
    yield checked(
        "one array for both gradients",
        0,
        "the gradients of W and b share memory",
        layer(shapes='W="4 4", b="4"', returns="loss, dict(W=dW, b=dW[0])"),
    )
