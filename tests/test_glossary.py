"""The glossary has the words that chapters use, and chapters lead to it, each term once."""

import re
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
sys.path.insert(0, str(BOOK / "_ext"))
from glossary_links import BETWEEN, mark_chinese, slug  # noqa: E402

LINK = r"\]\((?:\.\./)?glossary\.md#(term-[\w-]+)\)"
WRITTEN = {"key/value cache": "keys and values"}
"""How chapters write a term where they write it differently."""


def terms():
    """{English: Chinese} of the glossary, in its order."""
    text = (BOOK / "glossary.md").read_text(encoding="utf-8")
    return dict(re.findall(rf"^([^\s`#][^\n]*?){BETWEEN}(.+)$", text, re.MULTILINE))


def chapters():
    """{name: prose} of every chapter in the table of contents but the glossary."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return {name: prose(name) for name in names if name != "glossary"}


def prose(name):
    """What a reader reads of a chapter, without its code."""
    path = BOOK / f"{name}.ipynb"
    if not path.exists():
        return (BOOK / f"{name}.md").read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def uses(text, term):
    """Whether a text has the term, as it is or with another end."""
    stem = WRITTEN.get(term, term).removesuffix("ing").removesuffix("ation")
    stem = re.escape(stem).replace("\\ ", "[ \n-]")
    return re.search(rf"(?<!\w){stem}", text, re.IGNORECASE)


def test_terms_are_in_order_and_have_a_chinese_name_and_a_sentence():
    found = list(terms())
    assert len(found) > 100
    assert found == sorted(found, key=lambda term: term.lower().replace("-", " "))
    for chinese in terms().values():
        assert re.search("[\u4e00-\u9fff]", chinese), chinese
    text = (BOOK / "glossary.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^  [A-Z$].*[.]$", text, re.MULTILINE)) == len(found)


def test_every_term_is_one_that_a_chapter_uses():
    text = "\n".join(chapters().values())
    assert not [term for term in terms() if not uses(text, term)]


@pytest.mark.parametrize("name", chapters())
def test_a_chapter_leads_to_terms_that_exist_and_to_each_once(name):
    links = re.findall(LINK, chapters()[name])
    assert len(links) >= 5 or name in {"claims"}
    assert set(links) <= {slug(term) for term in terms()}
    assert len(set(links)) == len(links)


def test_a_name_for_links_is_made_of_the_english_term():
    assert slug("key/value cache · 键值缓存") == "term-key-value-cache"
    assert slug("ReLU · 修正线性单元（ReLU）") == "term-relu"


def test_chinese_names_are_marked_as_chinese():
    html = '<dt id="term-batch">batch · 批次<a class="headerlink">¶</a></dt>'
    assert '>batch <span lang="zh">批次</span><a' in mark_chinese(html)
    assert mark_chinese("<p>a · b</p>") == "<p>a · b</p>"
