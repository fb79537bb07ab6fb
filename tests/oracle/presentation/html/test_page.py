"""The page as text: nothing of the user's is markup, nothing is loaded, and the pictures hold the numbers."""

import base64
import hashlib
import json
import re
import unicodedata
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from oracle.annotation import Listed
from oracle.norms import Series
from oracle.presentation.html import NotInstalled, page, ready, write_html
from oracle.presentation.html.chart import HEIGHT, MOST, chart, trend
from oracle.presentation.html.maps import MOST_CELLS, MOST_SHEETS, pictures
from oracle.presentation.html.source import blocks, diff_lines, highlighted
from oracle.presentation.html.text import shape_in_words, visible
from oracle.verdict import WRONG, Verdict
from tests.oracle.presentation.html.results import HOSTILE, UNSEEN, results


class Elements(HTMLParser):
    """Every tag with its attributes, and the text between."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        self.tags.append(("/" + tag, {}))

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def plain():
    return page.page(results())


@pytest.mark.parametrize(
    "more", (HOSTILE, HOSTILE + UNSEEN, "]]>", "' onfocus='alert(1)", "{% raw %}{{ 1 }}", "&lt;b&gt;")
)
def test_names_are_text_and_never_markup(plain, more):
    """The same tags with the same attributes, whatever the names are."""
    shape = lambda text: [(tag, sorted(attributes)) for tag, attributes in Elements(text).tags]  # noqa: E731
    # highlighted source has a tag for each token: it is the one place where the text decides on the tags
    without = lambda text: re.sub(r"<code>.*?</code>", "<code></code>", text)  # noqa: E731
    hostile = page.page(results(lambda text: text + more))
    assert shape(without(hostile)) == shape(without(plain))
    inside = {tag for code in re.findall(r"<code>(.*?)</code>", hostile) for tag, _ in Elements(code).tags}
    assert inside <= {"span", "/span"}
    text = " ".join(Elements(hostile).text)
    for name in (
        "matrix",
        "wrong_rnn",
        "it printed this",
        "R is not transposed",
        "too much noise",
        "p['R'] is transposed",
    ):
        assert visible(name + more) in text


def test_what_cannot_be_seen_is_spelt_out():
    assert visible("a\u202eb\x00\ud800\u2028\x85") == "a\\u202eb\\x00\\ud800\\u2028\\x85"
    assert visible("né × δᵀ\n\tΩ 漢字") == "né × δᵀ\n\tΩ 漢字"
    text = page.page(results(lambda name: name + UNSEEN))
    seen = {unicodedata.category(one) for one in set(text) - {"\n", "\t"}}
    assert not seen & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    text.encode()


def test_it_loads_nothing(plain):
    """And its policy allows its own style and script, by their hashes, and nothing else."""
    tags = Elements(plain).tags
    loading = {"src", "srcset", "data", "action", "formaction", "poster", "background", "xlink:href", "ping", "style"}
    assert not [(tag, name) for tag, attributes in tags for name in attributes if name in loading or name[:2] == "on"]
    assert {attributes["href"][0] for tag, attributes in tags if "href" in attributes} == {"#"}
    assert not {tag for tag, _ in tags} & {"link", "img", "iframe", "object", "embed", "base", "form", "audio", "video"}
    assert not re.search(r"url\(|@import|@font-face|https?:", plain)
    policy = next(attributes["content"] for tag, attributes in tags if "http-equiv" in attributes)
    hashes = {}
    for kind in ("style", "script"):
        (body,) = re.findall(rf"<{kind}>(.*?)</{kind}>", plain, re.DOTALL)
        hashes[kind] = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes['style']}'; script-src 'sha256-{hashes['script']}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_links_and_labels_lead_somewhere(plain):
    tags = [attributes for _, attributes in Elements(plain).tags]
    ids = [one["id"] for one in tags if "id" in one]
    assert len(ids) == len(set(ids))
    for name in ("href", "aria-controls", "aria-labelledby", "aria-describedby", "data-maps", "data-for"):
        targets = {one[name].removeprefix("#") for one in tags if name in one}
        assert targets and targets <= set(ids), name


def test_the_same_results_give_the_same_bytes(tmp_path):
    write_html(results(), tmp_path / "a.html")
    write_html(results(), tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert "Nothing was checked." in page.page([])
    with pytest.raises(OSError):
        write_html([], tmp_path / "no folder" / "a.html")


def test_what_the_page_says(plain):
    text = re.sub(r"\s+", " ", " ".join(Elements(plain).text))
    for said in (
        "1 wrong", "1 agrees", "1 cannot tell", "wrong_rnn at check_rnn.py:7", "T=5 B=3 hidden=4",
        "2 mistakes would give exactly this:", "dh = δ Wᵀ", "R (4, 4)", "another size tells",
        "unexplained: matrix, vector", "check_rnn.py:4: p['R'] is transposed", "another fix, verified as well",
        "Verified: every gradient agrees at sizes that the search had not seen: time=5.",
        "first wrong line: the first wrong value", "(4, 4) hidden × hidden", "a single number",
        "A cell stands for 3 × 2 elements", "8 more slices", "[1, :, :]", "not checked: it raised ValueError",
        "how often V has the contribution of each step", "2 more are in the table only",
        "vanishes going back: at step 0 it is 1.0e-12 times that of step 12, 0.1 a step", "it is not finite",
        "It could not be diagnosed: half of it", "the cause was not found", "nothing happens step by step",
        "bptt-oracle check /tmp/programs/check_rnn.py::wrong_rnn --sequence-lengths 2,5 --hidden-sizes 4 --seed 3",
        "What came is no array of numbers to draw: 'a text'",
    ):  # fmt: skip
        assert said in text, said


def test_a_part_of_a_fix_and_what_explains_the_rest():
    one, *_ = results()
    found = one.diagnosis
    part = replace(found.repair, left=("vector",))
    of = replace(found, repair=None, alternatives=(), part=part, rest=found.readings[1:])
    text = re.sub(r"\s+", " ", " ".join(Elements(page.page([replace(one, diagnosis=of)])).text))
    fix = text[text.index("No fix was found; 1,234 candidates were tried.") :]
    for said in (
        "A part of it: check_rnn.py:4: p['R'] is transposed",
        "Verified: matrix agrees, vector not yet, at sizes that the search had not seen: time=5.",
        "With that done, the rest would be explained by: or the sign unexplained: vector",
    ):
        assert said in fix, fix[:800]
    assert "A part of it" not in " ".join(Elements(page.page(results())).text)


def test_without_what_it_is_made_with(monkeypatch, tmp_path):
    ready()
    monkeypatch.setattr(page, "find_spec", lambda name: None if name == "jinja2" else name)
    message = r"the page needs jinja2, which is not installed: pip install 'bptt-oracle\[html\]'"
    with pytest.raises(NotInstalled, match=message):
        write_html([], tmp_path / "a.html")


def verdict(right, wrong, tolerance=1e-12, reason=""):
    right = np.asarray(right, float)
    return Verdict("W", WRONG, wrong, right, None if reason else np.full(right.shape, tolerance), reason=reason)


def cells(sheet, kind):
    """{(column, row): class} of a map."""
    found = {}
    for map in sheet.maps:
        if map.kind == kind:
            for name, path in map.paths:
                for x, y in re.findall(r"M(\d+) (\d+)h", path):
                    found[(int(x) - 30) // sheet.cell_width, (int(y) - 16) // sheet.cell_height] = name
    return found


@pytest.mark.parametrize("shape", ((), (1,), (5,), (4, 3), (64, 64), (2, 3, 4), (2, 2, 2, 3)))
def test_every_element_is_in_the_picture(shape):
    rng = np.random.default_rng(3)
    right, wrong = rng.normal(size=shape), rng.normal(size=shape)
    (picture,) = pictures(verdict(right, np.asarray(wrong)))
    seen = {}
    for sheet in picture.sheets:
        assert len(cells(sheet, "error")) == sheet.rows * sheet.columns and sheet.pooled == (1, 1)
        values = dict(zip(sheet.data["titles"], sheet.data["values"]))
        for index, *numbers in zip(sheet.data["index"], values["error"], values["should be"], values["is"]):
            seen[tuple(json.loads(index))] = tuple(map(float, numbers))
    assert picture.left_out == 0
    assert seen == {
        index: (float(wrong[index] - right[index]), float(right[index]), float(wrong[index]))
        for index in np.ndindex(shape)
    }


def test_the_colours_tell_sign_and_size():
    right = np.array([[1.0, -1.0, 0.5], [0.0, 0.25, -2.0]])
    wrong = right + np.array([[4.0, -4.0, 0.0], [1e-13, 1e-9, -2.0]])
    (picture,) = pictures(verdict(right, wrong))
    (sheet,) = picture.sheets
    assert cells(sheet, "error") == {
        (0, 0): "p16", (1, 0): "n16", (2, 0): "p0", (0, 1): "p0", (1, 1): "p4", (2, 1): "n10",
    }  # fmt: skip
    # what should be and what is have one scale: -5 is the largest
    assert cells(sheet, "right")[2, 1] == "n6" and cells(sheet, "wrong")[1, 0] == "n16"
    assert picture.scale == 5 and picture.wrong_scale == 4


def test_what_is_not_finite_is_marked():
    (picture,) = pictures(verdict(np.zeros(4), np.array([np.nan, np.inf, -np.inf, 0.0]), reason="nan at [0]"))
    (sheet,) = picture.sheets
    assert cells(sheet, "wrong") == {(0, 0): "odd", (1, 0): "odd", (2, 0): "odd", (3, 0): "p0"}
    texts = next(map.texts for map in sheet.maps if map.kind == "wrong")
    assert [text for _, _, text, _ in texts] == ["NaN", "∞", "−∞", "0"]
    assert sheet.data["values"][2] == ["nan", "inf", "-inf", "0.0"]


def test_a_large_one_is_pooled_and_shows_the_worst_of_each_block():
    right = np.random.default_rng(1).normal(size=(130, 200))
    wrong = right.copy()
    wrong[129, 198] += 7
    (picture,) = pictures(verdict(right, wrong))
    (sheet,) = picture.sheets
    assert sheet.pooled == (3, 4) and (sheet.rows, sheet.columns) == (44, 50) and sheet.columns <= MOST_CELLS
    assert sheet.data["index"][sheet.worst] == "[129, 198]"
    assert {at for at, name in cells(sheet, "error").items() if name != "p0"} == {(49, 43)}


def test_of_many_sheets_the_worst_are_shown():
    right = np.zeros((40, 2, 2))
    wrong = right.copy()
    wrong[37, 1, 0] = 5
    (picture,) = pictures(verdict(right, wrong))
    assert len(picture.sheets) == MOST_SHEETS and picture.left_out == 40 - MOST_SHEETS
    assert picture.sheets[-1].label == "[37, :, :]"


@pytest.mark.parametrize("given", (None, "text", [1.0], object(), np.array(["a"]), np.array([None])))
def test_what_is_no_array_is_not_drawn(given):
    (picture,) = pictures(verdict(np.ones(2), given, reason="there is no such gradient"))
    assert [map.title for map in picture.sheets[0].maps] == ["should be"]


def test_another_shape_is_drawn_apart():
    right, wrong = pictures(verdict(np.ones((3, 2)), np.ones(3), reason="shape (3,)"))
    assert right.sheets[0].data["titles"] == ["should be"] and wrong.sheets[0].data["titles"] == ["is"]
    assert pictures(verdict(np.zeros((0, 3)), np.zeros((0, 3))))[0].sheets == ()


def series(*norms, parameter=""):
    return Series(parameter, "/a/rnn.py", 5, "h = f(h)", norms)


def test_a_power_of_ten_is_one_step_of_the_axis():
    made = chart("title", [series(1e-6, 1e-3, 1.0), series(1.0, 0.0, float("nan"))])
    heights = [y for _, y in made.lines[0].marks]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2) and heights[0] > heights[2]
    assert dict((text, y) for y, text in made.down)["1e−6"] == heights[0] <= HEIGHT
    assert [text for _, text in made.lines[1].off] == ["0", "NaN"] and len(made.lines[1].marks) == 1
    assert made.lines[0].label == "the state of line 5 of rnn.py"


def test_charts_of_nothing_and_of_many():
    assert chart("title", []) is None
    assert len(chart("title", [series(0.0, 0.0)]).lines[0].off) == 2
    many = chart("title", [series(1.0, 2.0, parameter=f"W{k}") for k in range(11)])
    assert len(many.lines) == MOST and len(many.all_lines) == 11


@pytest.mark.parametrize(
    "norms, said",
    (
        ((1e-4, 1e-2, 1.0), "vanishes going back: at step 0 it is 1.0e-04 times that of step 2, 0.01 a step"),
        ((1e6, 1e3, 1.0), "explodes going back: at step 0 it is 1.0e+06 times that of step 2, 1e+03 a step"),
        ((2.0, 9.0, 1.0), "steady: at step 0 it is 2 times that of step 2"),
        ((0.0, 1.0), "nothing of it reaches step 0"),
        ((1.0, 0.0), "the last step gets nothing"),
        ((1.0, float("inf")), "it is not finite"),
    ),
)
def test_trends(norms, said):
    assert trend(norms) == said


def test_source_stays_line_by_line():
    lines = ["x = '''a", "<b>", "\x0c'''  # c\u2028d", "", "y = 1"]
    html = highlighted(lines)
    assert len(html) == 5 and html[3] == ""
    assert "&lt;b&gt;" in html[1] and "\\u2028" in html[2] and "\\x0c" in html[2]
    assert html[0].count("<span") == html[0].count("</span>")
    kinds = [kind for kind, _ in diff_lines("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n c\n")]
    assert kinds == ["file", "file", "hunk", "removed", "added", ""]


def test_the_line_of_the_fix_is_marked():
    """And without a fix the first wrong one."""
    made = [Listed("/a/rnn.py", "backward", line, "x = 1", "", line == 3) for line in (2, 3, 7)]
    marks = lambda *changed: [row.mark for one in blocks(made, changed) for row in one.rows]  # noqa: E731
    assert marks() == ["", "first wrong line: ", ""]
    assert marks(("/a/rnn.py", 3), ("/a/rnn.py", 7)) == ["", "first wrong line: ", "changed by the fix: "]
    assert marks(("/a/rnn.py", 2)) == ["changed by the fix: ", "", ""] and marks(("/b/rnn.py", 3)) == ["", "", ""]
    (block,) = blocks(made, ())
    assert [row.gap for row in block.rows] == [False, False, True] and block.file == "rnn.py"


def test_axes_are_named_where_a_size_is_one_of_theirs():
    sizes = {"time": 5, "hidden": 4, "input": 6, "batch": 6}
    assert shape_in_words((4, 16), sizes) == "(4, 16)  hidden × 16"
    assert shape_in_words((6,), sizes) == "(6,)" and shape_in_words((), sizes) == "a single number"


def test_the_styles_of_every_level_are_there(plain):
    style = plain[plain.index("<style>") : plain.index("</style>")]
    used = set(re.findall(r'<path class="(\w+)"', plain))
    assert {"p0", "p16", "n16", "odd"} <= used
    assert not [name for name in used if f".{name}{{" not in style and f".{name} {{" not in style]


def test_its_parts_are_installed_with_it():
    root = Path(page.__file__).parent
    shipped = (Path(__file__).parents[4] / "pyproject.toml").read_text()
    for file in root.iterdir():
        if file.suffix not in (".py", ".pyc", "") and file.is_file():
            assert f'"*{file.suffix}"' in shipped
