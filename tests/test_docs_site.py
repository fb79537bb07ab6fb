"""The site builds, in strict mode, from what is here; every link and anchor leads somewhere, the README's too."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from myst_parser.slugs import github_slugify, unique_slug

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def built(source: Path, target: Path, *more: str) -> subprocess.CompletedProcess:
    """As `make docs` does it."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-E", *more, source, target]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    target = tmp_path_factory.mktemp("site")
    run = built(DOCS, target)
    assert run.returncode == 0, run.stderr
    return target


def test_every_page_is_there(site):
    pages = {path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md")}
    assert pages <= {path.relative_to(site).with_suffix("") for path in site.rglob("*.html")}


def test_nothing_comes_from_the_network(site):
    for path in site.rglob("*.html"):
        loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*?(?:src|href)=\"([^\"]*)\"", path.read_text("utf-8"))
        assert loaded and not [one for one in loaded if re.match(r"(\w+:)?//", one)], path.name
    for path in site.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", path.read_text("utf-8")), path.name


def test_the_derivations_are_those_of_the_source(site):
    for cell, line in (("elman", "the carry"), ("lstm", "m_t = o_t * tanh(c_t)"), ("gru", "with u = delta_n W_hn^T")):
        assert line in (ROOT / "rnn_manual" / f"{cell}.py").read_text("utf-8")
        assert line in (site / "derivations" / f"{cell}.html").read_text("utf-8")


@pytest.mark.parametrize(
    "link, complaint",
    [
        ("[a](nowhere.md)", "nowhere.md"),
        ("[a](other.md#nowhere)", "nowhere"),
        ("[a](../no_such.py)", "no_such.py"),
        ("![a](no_such.png)", "no_such.png"),
    ],
)
def test_a_link_that_leads_nowhere_fails_the_build(link, complaint, tmp_path):
    source = tmp_path / "docs"
    source.mkdir()
    (source / "index.md").write_text(f"# Title\n\n{link} [b](other.md#here)\n\n```{{toctree}}\nother\n```\n")
    (source / "other.md").write_text("# Other\n\n## Here\n")
    run = built(source, tmp_path / "site", "-c", str(DOCS), "-D", "html_theme=basic")
    assert run.returncode == 1 and complaint in run.stderr and run.stderr.count("WARNING") == 1


def links(path: Path) -> list[str]:
    """The targets of links and images."""
    inline = [
        one for token in MarkdownIt().enable("table").parse(path.read_text("utf-8")) for one in token.children or ()
    ]
    return [str(one.attrs.get("href") or one.attrs.get("src")) for one in inline if one.type in ("link_open", "image")]


def anchors(path: Path) -> set[str]:
    tokens = MarkdownIt().parse(path.read_text("utf-8"))
    found: set[str] = set()
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(one.content for one in inline.children or () if one.type in ("text", "code_inline"))
            found.add(unique_slug(github_slugify(text), found))
    return found


def broken(path: Path) -> list[str]:
    """The links of a page, other than those to other sites, that lead nowhere."""
    wrong = []
    for link in links(path):
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        inside = not re.match(r"\w+:", link)
        if inside and (not target.exists() or (anchor and anchor not in anchors(target))):
            wrong.append(link)
    return wrong


def test_the_links_of_the_readme_lead_somewhere():
    readme = ROOT / "README.md"
    assert len(links(readme)) > 20
    assert broken(readme) == []


def test_links_that_lead_nowhere_are_found(tmp_path):
    (tmp_path / "other.md").write_text("# One `two`\n\n## One two\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md#one-two-1) [b](other.md#one-two) [c](x.md) [d](other.md#x) ![e](f.png) [g](https://h.i)"
    )
    assert broken(page) == ["x.md", "other.md#x", "f.png"]
