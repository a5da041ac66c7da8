"""The book as one PDF: all of it, in order, with bookmarks, numbers and links that lead there."""

import re
import unicodedata

import built
import pdf
import pypdf
import pytest

from labs import claims, words

PAGES = built.pages()


def flat(text):
    """Text without what printing does to it: spaces, ligatures, other codes of the same letter."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


@pytest.fixture(scope="module")
def book(made):
    return pypdf.PdfReader(made("pdf"))


@pytest.fixture(scope="module")
def texts(book):
    """The text of every page."""
    return [page.extract_text() for page in book.pages]


@pytest.fixture(scope="module")
def marks(book):
    """{title: page} of the bookmarks, each title's first; parts of the book have no heading."""
    found, parts = {}, {page.part for page in PAGES}

    def walk(items, top=False):
        for item in items:
            if isinstance(item, list):
                walk(item)
            elif not (top and item.title in parts):
                found.setdefault(flat(item.title), book.get_destination_page_number(item))

    walk(book.outline, top=True)
    return found


def leads(book, page):
    """The numbers of the pages to which the links on a page lead."""
    links = (one.get_object().get("/Dest") for one in page.get("/Annots", ()))
    return [book.get_page_number(to[0].get_object()) for to in links if to]


def test_the_file_is_small_enough_to_send(made):
    assert made("pdf").stat().st_size < 40e6


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_bookmark_leads_to_the_page_on_which_a_title_stands(texts, marks, page):
    assert flat(page.title) in flat(texts[marks[flat(page.title)]])


def test_every_section_has_its_bookmark_on_the_page_where_it_stands(texts, marks):
    found = [h for page in PAGES for h in page.article.select("section > h2")]
    headings = [flat(h.get_text().removesuffix("#")) for h in found if not h.select(".math")]
    assert headings and [h for h in headings if h not in marks] == []
    assert [h for h in headings if h not in flat(texts[marks[h]])] == []


def test_the_pages_are_in_the_books_order(marks):
    starts = [marks[flat(page.title)] for page in PAGES]
    assert starts == sorted(starts)


def test_every_page_bears_the_number_that_is_its_label(book, texts):
    assert book.page_labels[0] == "i" and "1" in book.page_labels
    wrong = [k for k, text in zip(book.page_labels, texts) if k not in text.split()]
    assert wrong == [] and len(set(book.page_labels)) == len(texts)


def test_the_contents_name_each_page_with_its_number(book, texts, marks):
    front = book.page_labels.index("1")
    lines = flat("".join(texts[:front]))
    for page in PAGES:
        assert flat(page.title) + book.page_labels[marks[flat(page.title)]] in lines


def test_links_between_pages_lead_within_the_file_and_every_explorer_links_to_the_web(book):
    outside, inside = [], 0
    for page in book.pages:
        for link in (one.get_object() for one in page.get("/Annots", ())):
            inside += "/Dest" in link
            outside.append(str(link.get("/A", {}).get("/URI", "")))
    assert inside > 100
    addresses = {page.address for page in PAGES}
    ours = [a for a in outside if a.partition("#")[0] in addresses]
    assert ours and all(address.endswith(":") for address in ours if "#" in address)


def test_a_row_of_the_ledger_leads_to_the_page_with_its_card(book, texts, marks):
    number = next(k for k, page in enumerate(PAGES) if page.name == "claims")
    first, last = (marks[flat(page.title)] for page in PAGES[number : number + 2])
    ends = {to for page in book.pages[first:last] for to in leads(book, page)}
    there = "".join(flat(texts[to]) for to in ends)
    cards = {id: flat(words.text("claims.claim", id=id)) for id in claims.known()}
    assert [id for id, card in cards.items() if card not in there] == []


def test_every_chinese_name_of_the_glossary_is_printed_in_its_letters(texts):
    glossary = next(page.article for page in PAGES if page.name == "glossary")
    names = [flat(name.get_text()) for name in glossary.select("dt [lang=zh]")]
    printed = flat("".join(texts))
    assert names and [name for name in names if name not in printed] == []


@pytest.fixture
def tab(chromium):
    with built.tab(chromium) as tab:
        yield tab


def test_what_is_wider_than_the_sheet_is_refused_by_name(tab):
    box = '<article class="bd-article"><div style="width: {}px" class="wide">text</div></article>'
    tab.set_content(box.format(400))
    pdf.refuse_cuts(tab, "narrow")
    tab.set_content(box.format(900))
    with pytest.raises(SystemExit, match="expected all of chapter .*div.wide, text"):
        pdf.refuse_cuts(tab, "chapter")


def test_a_letter_that_no_font_has_is_refused(tab):
    tab.set_content('<article class="bd-article"><p>loss ≈ 0.47, ✓ holds</p></article>')
    pdf.refuse_boxes(tab, "chapter")
    tab.set_content('<article class="bd-article"><p>letter \U0010fffe</p></article>')
    with pytest.raises(SystemExit, match="expected a font .* every letter of chapter.*noto-cjk"):
        pdf.refuse_boxes(tab, "chapter")


def test_a_place_to_which_only_other_pages_link_is_known(tab):
    tab.set_content('<article class="bd-article"><p id="claim-A5">A card</p></article>')
    tab.evaluate(pdf.MENDED, ["", "", pdf.HIGH])
    printed = pdf.Printed(None, pdf.printed(tab), 0)
    assert printed.find("claim-A5")[1] is not None and printed.find("claim-A6")[1] is None


def test_a_widget_fits_on_a_sheet_and_says_where_it_moves(tab):
    page = next(page for page in PAGES if page.name == "algorithms/learning_rate")
    pdf.draw(tab, page, 0)
    hosts = tab.locator(".widget-host:has(.labs-explorer[data-name])")
    assert hosts.count() > 2
    for host in hosts.all():
        assert host.evaluate("host => host.getBoundingClientRect().height") <= pdf.HIGH + 2
        link = host.locator("xpath=following-sibling::p[1]/a").inner_text()
        assert link.startswith(page.address + "#") and link.endswith(":")
