"""The page as a reader has it: opened in a browser, clicked through, walked with the keyboard, printed."""

import base64
from dataclasses import replace

import pytest

from oracle.presentation.html import write_html
from oracle.presentation.html.text import visible
from tests.oracle.presentation.html.browser import browser, missing
from tests.oracle.presentation.html.results import HOSTILE, UNSEEN, results

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "there is a browser")
PHONE, DESKTOP = 375, 1280


@pytest.fixture(scope="module")
def chromium():
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_html(results(), path)
    return path


@pytest.fixture
def page(chromium, report):
    """A function that opens the report; afterwards nothing else was loaded, and the console is empty."""
    chromium.requests(), chromium.console()

    def opened(*args, **kwargs):
        chromium.open(report, *args, **kwargs)
        return chromium

    yield opened
    assert set(chromium.requests()) == {report.as_uri()}
    assert chromium.console() == []


def keys():
    from selenium.webdriver.common.keys import Keys

    return Keys


def press(chromium, *pressed):
    from selenium.webdriver import ActionChains

    ActionChains(chromium.driver, duration=0).send_keys(*pressed).perform()


@pytest.mark.parametrize("width", (PHONE, DESKTOP))
@pytest.mark.parametrize("theme", ("light", "dark"))
def test_everything_is_clicked(page, width, theme):
    chromium = page(width, theme=theme)
    assert chromium.overflow() <= 0
    for summary in chromium.all("summary"):
        was = chromium.run("return arguments[0].parentElement.open", summary)
        chromium.run("arguments[0].scrollIntoView({block: 'center'})", summary)
        if summary.is_displayed():
            summary.click()
            assert chromium.run("return arguments[0].parentElement.open", summary) is not was
            assert chromium.overflow() <= 0
    chromium.run("for (const one of document.querySelectorAll('details')) one.open = true")
    assert chromium.overflow() <= 0
    tabs = chromium.all("[role=tab]")
    assert len(tabs) == 10
    for tab in tabs:
        chromium.run("arguments[0].scrollIntoView({block: 'center'})", tab)
        tab.click()
        shown = [panel.get_attribute("id") for panel in chromium.all("[role=tabpanel]") if panel.is_displayed()]
        assert shown == [tab.get_attribute("aria-controls")]
        assert tab.get_attribute("aria-selected") == "true"
        assert chromium.overflow() <= 0
        for maps in chromium.all(f"#{shown[0]} .maps")[:2]:
            output = chromium.run("return arguments[0].parentElement.querySelector('output')", maps)
            chromium.run("arguments[0].scrollIntoView({block: 'center'})", maps)
            box = chromium.run(
                "const map = arguments[0].querySelector('svg.map'), box = map.getBoundingClientRect(),"
                " scale = box.width / map.viewBox.baseVal.width; return [box.x + 32 * scale, box.y + 18 * scale]",
                maps,
            )
            click = {"type": "mousePressed", "x": box[0], "y": box[1], "button": "left", "clickCount": 1}
            for kind in ("mousePressed", "mouseReleased"):
                chromium.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {**click, "type": kind})
            marked = chromium.run("return arguments[0].querySelector('.cursor').getAttribute('visibility')", maps)
            assert marked == "visible"
            data = f"return JSON.parse(document.getElementById('{maps.get_attribute('data-maps')}').textContent)"
            first = chromium.run(data)["index"][0]
            assert output.text.startswith("the number: " if first == "[]" else f"at {first}: ")
    background = chromium.run("return getComputedStyle(document.body.parentElement).backgroundColor")
    assert (sum(map(int, background[4:-1].split(","))) > 380) == (theme == "light")


def test_the_switch_of_the_theme(page):
    from selenium.webdriver.support.ui import Select

    chromium = page(theme="light")
    colour = "return getComputedStyle(document.documentElement).backgroundColor"
    switch = Select(chromium.all("#theme")[0])
    light = chromium.run(colour)
    switch.select_by_value("dark")
    dark = chromium.run(colour)
    assert dark != light
    switch.select_by_value("light")
    assert chromium.run(colour) == light
    system = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    chromium.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", system)
    assert chromium.run(colour) == light
    switch.select_by_value("")
    assert chromium.run(colour) == dark


CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgb = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const linear = (c) => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
const light = ([r, g, b]) => .2126 * linear(r / 255) + .7152 * linear(g / 255) + .0722 * linear(b / 255);
const low = [];
for (const one of document.querySelectorAll('body *:not(svg *, script, style, option)')) {
  const hasText = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!hasText || !one.getClientRects().length) continue;
  let back = one;
  while (rgb(getComputedStyle(back).backgroundColor)[3] === 0) back = back.parentElement;
  const colours = [getComputedStyle(one).color, getComputedStyle(back).backgroundColor];
  const [a, b] = colours.map((colour) => light(rgb(colour))).sort((x, y) => y - x);
  const contrast = (a + .05) / (b + .05);
  if (contrast < 4.5) low.push(one.tagName + '.' + one.className + ' ' + contrast.toFixed(2));
}
return [...new Set(low)];
"""


@pytest.mark.parametrize("theme", ("light", "dark"))
def test_text_can_be_read(page, theme):
    """WCAG 2.1, 1.4.3: a contrast of 4.5 at least."""
    chromium = page(theme=theme)
    chromium.run("for (const one of document.querySelectorAll('details')) one.open = true")
    assert chromium.run(CONTRAST) == []


WALKED = """
const one = document.activeElement, style = getComputedStyle(one);
return [one === document.body, [...document.querySelectorAll('*')].indexOf(one), style.outlineStyle, one.tagName,
        one.getAttribute('role') || '', one.getAttribute('aria-label') || one.textContent.trim() || one.id];
"""


def test_the_keyboard_reaches_everything_in_order(page):
    chromium = page(DESKTOP)
    walked = []
    for _ in range(200):
        press(chromium, keys().TAB)
        is_body, *one = chromium.run(WALKED)
        if is_body or (walked and one[0] == walked[0][0]):
            break
        walked.append(one)
    places = [one[0] for one in walked]
    assert places == sorted(places) and len(walked) > 20
    assert all(outline != "none" for _, outline, *_ in walked), walked
    assert all(label for *_, label in walked), walked
    kinds = {(tag, role) for _, _, tag, role, _ in walked}
    assert {("INPUT", ""), ("SELECT", ""), ("A", ""), ("SUMMARY", ""), ("BUTTON", "tab"), ("DIV", "group")} <= kinds


def test_the_keys_of_tabs_and_maps(page):
    chromium = page(DESKTOP)
    active = lambda: chromium.driver.switch_to.active_element  # noqa: E731
    chromium.run("document.querySelector('[role=tab]').focus()")
    press(chromium, keys().ARROW_RIGHT, keys().ARROW_RIGHT)
    assert active().text == "matrix" and active().get_attribute("aria-selected") == "true"
    press(chromium, keys().END)
    assert active().text == "unsure"
    press(chromium, keys().ARROW_RIGHT)
    assert active().text == "scalar"
    press(chromium, keys().ARROW_RIGHT, keys().ARROW_RIGHT, keys().TAB)
    assert active().get_attribute("role") == "group"
    output = chromium.run("return document.activeElement.parentElement.querySelector('output')")
    press(chromium, keys().HOME, keys().PAGE_UP)
    assert output.text.startswith("at [0, 0]: error 0.0;")
    press(chromium, keys().ARROW_RIGHT, keys().ARROW_DOWN, keys().ARROW_DOWN)
    assert output.text.startswith("at [2, 1]: ")
    press(chromium, keys().ARROW_LEFT, keys().ARROW_LEFT, keys().ARROW_LEFT, keys().END, keys().PAGE_DOWN)
    assert output.text.startswith("at [3, 3]: ")


def test_finding(page):
    from selenium.webdriver.support.ui import WebDriverWait

    chromium = page(DESKTOP)
    shown = lambda: [row.text.split()[0] for row in chromium.all(".verdicts tbody tr") if row.is_displayed()]  # noqa: E731
    status = chromium.all("#matches")[0]
    everything = shown()
    assert len(everything) == 12 and status.text == ""
    press(chromium, "/", "mat")
    assert shown() == ["matrix"] and status.text == "1 of 12 gradients"
    assert [one.is_displayed() for one in chromium.all(".function")] == [True, False, False]
    press(chromium, keys().ARROW_DOWN, keys().ARROW_DOWN)
    assert chromium.driver.switch_to.active_element.text == "matrix"
    press(chromium, keys().ENTER)
    chosen = lambda _: [one.text for one in chromium.all("[aria-selected=true]")] == ["matrix"]  # noqa: E731
    WebDriverWait(chromium.driver, 30).until(chosen)  # the hash changes after the key
    press(chromium, "/", "cannot tell")
    assert shown() == ["unsure"]
    press(chromium, keys().ESCAPE)
    assert shown() == everything and status.text == ""


def test_paper_has_everything_unfolded(page):
    chromium = page(DESKTOP)
    closed = "return [...document.querySelectorAll('details')].filter((one) => !one.open).length"
    before = chromium.run(closed)
    chromium.run(
        "window.atPrint = [];"
        "addEventListener('beforeprint', () => window.atPrint.push([...document.querySelectorAll('details')]"
        ".filter((one) => !one.open).length))"
    )
    pdf = base64.b64decode(chromium.driver.print_page())
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") > 2
    assert before > 3 and chromium.run("return window.atPrint") == [0] and chromium.run(closed) == before

    page(700, media="print", theme="dark")
    hidden = [panel.get_attribute("id") for panel in chromium.all("[role=tabpanel]") if not panel.is_displayed()]
    assert hidden == []
    assert chromium.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert (
        chromium.run("return getComputedStyle(document.querySelector('.function')).backgroundColor")
        != "rgb(28, 32, 39)"
    )
    assert not chromium.all("#search")[0].is_displayed()


@pytest.mark.parametrize("more", ("", "_of_a_long_name" * 4), ids=("short", "long"))
def test_paper_cuts_nothing_off(chromium, tmp_path, more):
    """There is nothing to scroll by."""
    path = tmp_path / "paper.html"
    write_html(results(lambda text: text + more), path)
    chromium.open(path, 700, media="print")
    assert chromium.overflow() <= 0
    cut = "return [...document.querySelectorAll('.scroll, .verdicts th, pre, .source')].filter((one) =>"
    assert chromium.run(f"{cut} one.scrollWidth > one.clientWidth + 1).map((one) => one.outerHTML.slice(0, 300))") == []


@pytest.mark.parametrize("width", (PHONE, DESKTOP))
def test_a_remark_beside_a_long_line_is_seen(chromium, tmp_path, width):
    path = tmp_path / "long_lines.html"
    checked, *_ = results()
    found = checked.diagnosis
    listing = tuple(
        replace(one, source="        da = np.hstack([" + "dc * g * i * (1 - i), " * 9) for one in found.where.listing
    )
    write_html([replace(checked, diagnosis=replace(found, where=replace(found.where, listing=listing)))], path)
    chromium.open(path, width)
    for remark in chromium.all(".source .remark"):
        assert remark.rect["x"] + remark.rect["width"] <= width


def test_strings_in_source_have_not_the_colours_of_a_chart(page):
    """Pygments and the chart both have a class s1."""
    chromium = page(DESKTOP)
    colour = (
        "const one = document.createElement('span'); one.className = arguments[0]; document.body.append(one);"
        "return getComputedStyle(one).color"
    )
    assert len({chromium.run(colour, name) for name in ("s", "s1", "s2")}) == 1
    assert len({chromium.run(colour, f"series s{number}") for number in range(8)}) == 8


def test_without_scripts_nothing_is_hidden(page):
    chromium = page()
    chromium.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page(PHONE)
        assert all(panel.is_displayed() for panel in chromium.all("[role=tabpanel]"))
        assert not chromium.all("[role=tablist]")[0].is_displayed()
        assert chromium.all("output")[0].text == "the number: error 0.5; should be 1.5; is 2.0"
    finally:
        chromium.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("width", (PHONE, DESKTOP))
@pytest.mark.parametrize("more", (HOSTILE + UNSEEN, "W" * 10_000), ids=("markup", "long"))
def test_hostile_names(chromium, tmp_path, width, more):
    path = tmp_path / "hostile.html"
    write_html(results(lambda text: text + more), path)
    chromium.requests(), chromium.console()
    chromium.open(path, width)
    chromium.run("for (const one of document.querySelectorAll('details')) one.open = true")
    assert chromium.overflow() <= 0
    for tab in chromium.all("[role=tab]"):
        chromium.run("arguments[0].click()", tab)
        assert chromium.overflow() <= 0
    assert chromium.driver.title == "1 wrong of 3 – gradients"
    assert chromium.all("img, iframe, object, embed, link") == []
    names = chromium.run("return [...document.querySelectorAll('.verdicts tbody th')].map((one) => one.textContent)")
    assert names[2] == visible("matrix" + more)
    assert set(chromium.requests()) == {path.as_uri()} and chromium.console() == []


def test_the_policy_forbids_every_load(chromium, report):
    chromium.open(report)
    blocked = chromium.driver.execute_async_script("""
        const done = arguments[0], blocked = new Set();
        addEventListener('securitypolicyviolation', (event) => blocked.add(event.effectiveDirective));
        const script = document.createElement('script');
        script.textContent = 'window.owned = true';
        const image = document.createElement('img'), style = document.createElement('style');
        image.src = 'https://example.invalid/x.png';
        style.textContent = 'body { color: red }';
        document.body.append(script, image, style);
        document.body.setAttribute('style', 'color: red');
        fetch('https://example.invalid/').catch(() => 0);
        setTimeout(() => done([[...blocked].sort(), window.owned || false]), 200);
    """)
    assert blocked == [["connect-src", "img-src", "script-src-elem", "style-src-attr", "style-src-elem"], False]
    chromium.requests(), chromium.console()
