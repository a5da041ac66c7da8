"""The ledger says what the chapters recorded in this build, of every claim, and nothing else."""

import json
import re
from pathlib import Path

import nbformat
import pytest
import small_ledger
import yaml
from bs4 import BeautifulSoup
from small_ledger import notebook, record

from labs import claims

ROOT = Path(__file__).resolve().parents[1]
HOMES = {"A1": "one", "A5": "one", "C2": "two"}


def read(path):
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def words(element):
    return " ".join(element.get_text(" ").split())


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """The pages of a small book with nothing amiss."""
    folder = tmp_path_factory.mktemp("ledger")
    return small_ledger.built(small_ledger.write(folder, small_ledger.chapters(), **HOMES))


@pytest.fixture(scope="module")
def page(html):
    return read(html / "ledger.html")


def test_a_row_says_claim_verdict_measurement_and_spread(page):
    row = page.find(id="A1")
    assert row.name == "li" and "holds" in row["class"]
    told = words(row)
    for part in ("A1", claims.known()["A1"]["says"], "✓ holds", "final loss", "n = 2"):
        assert part in told
    assert "≈ 0.470 ± 0.014" in told


def test_a_row_says_the_condition_and_the_note_and_escapes_names(page):
    row = page.find(id="A5")
    assert f"◐ holds when {small_ledger.LONG}" in words(row) and "And more." in words(row)
    assert "loss <sgd>" in words(row) and row.find("sgd") is None
    assert "n = " not in words(row)  # single values


def test_a_row_leads_to_the_card_in_its_chapter_and_the_card_back(html, page):
    link = page.find(id="C2").find("a", string="Chapter two")
    assert link["href"] == "two.html#claim-C2"
    card = read(html / "two.html").find(id="claim-C2")
    assert card.find("section", class_="labs-claim")["aria-label"] == "Claim C2: does not hold"
    assert card.find("a")["href"] == "ledger.html#C2"


def test_the_literature_is_listed_on_the_page_and_linked_from_the_row(page):
    link = page.find(id="A1").find("a", href=re.compile("^#"))
    assert link["href"].startswith("#") and "Cohen" in words(link)
    assert "Gradient descent on neural networks" in words(page.find(id=link["href"][1:]))
    assert len(page.find_all("div", class_="citation")) == 2


def test_the_counts_and_the_overview_say_how_many_and_which(html, page):
    tally = [words(item) for item in page.find("div", class_="tally").find_all("li")]
    assert tally == ["1 ✓ holds", "1 ◐ holds when …", "1 ✗ does not hold"]
    links = page.find("div", class_="overview").find_all("a")
    assert [(link["href"], words(link)) for link in links] == [
        ("#A1", "A1 ✓ holds"),
        ("#A5", "A5 ◐ holds when"),
        ("#C2", "C2 ✗ does not hold"),
    ]
    index = read(html / "index.html")
    assert "Of 3 claims 1 holds, 1 under a condition." in words(index.find("article"))
    targets = [link["href"] for link in index.find("article").find_all("a", class_="reference")]
    assert targets == ["two.html#claim-C2", "ledger.html#A5"]


def test_another_verdict_is_on_the_page_after_the_next_build_and_then_nothing_is_to_do(tmp_path):
    book = small_ledger.write(tmp_path, small_ledger.chapters(), **HOMES)
    html = small_ledger.built(book)
    nbformat.write(notebook("Chapter 2", record("C2", "holds")), book / "two.ipynb")
    small_ledger.built(book)
    row = read(html / "ledger.html").find(id="C2")
    assert "✓ holds" in words(row) and row.find("a", string="Chapter 2")
    assert "Of 3 claims 2 holds" in words(read(html / "index.html"))
    assert len(read(html / "ledger.html").find_all("div", class_="citation")) == 1
    written = (html / "ledger.html").stat().st_mtime_ns
    status, said = small_ledger.build(book)
    assert status == 0 and "no targets are out of date" in said
    assert (html / "ledger.html").stat().st_mtime_ns == written
    text = (book / "claims.yml").read_text(encoding="utf-8")
    (book / "claims.yml").write_text(text.replace("more neurons", "more units"), encoding="utf-8")
    small_ledger.built(book)
    assert "more units" in words(read(html / "ledger.html").find(id="C2"))


def test_a_build_fails_for_each_thing_that_keeps_the_ledger_from_being_one(tmp_path):
    card = {"verdict": "holds", "when": None, "note": None,
            "says": "It is.", "sources": [], "measured": []}  # fmt: skip
    stored = {id: [json.dumps({"id": id, **card})] for id in ("F1", "F2")}
    chapters = {
        "one": notebook("One", record("A1", "holds")),
        "two": notebook("Two", record("A1", "holds"), record("A5", "holds")),
        "three": notebook("Three", stored=stored["F1"]),
        "four": notebook("Four", stored=stored["F2"], tags=["skip-execution"]),
    }
    homes = {"A1": "one", "A5": "one", "C2": "two", "F1": "three", "F2": "four"}
    book = small_ledger.write(tmp_path, chapters, **homes)
    text = (book / "index.md").read_text(encoding="utf-8").partition("See")[0]
    (book / "index.md").write_text(text, encoding="utf-8")
    first, again = small_ledger.build(book), small_ledger.build(book)
    for status, said in (first, again):
        assert status != 0
        for sentence in (
            "claim A1: expected one verdict, in one, got 2, in one, two; record it there",
            "claim A5: expected one verdict, in one, got 1, in two; record it there",
            "claim C2: expected one verdict, in two, got none; record it there",
            "claim F1: expected a verdict from a cell that ran in this build, got a stored one",
            "claim F2: expected a verdict from a cell that ran in this build, got a stored one",
            "claim F1: expected one row in the ledger, got 0; write {ledger} F once",
        ):
            assert sentence in said
    assert "No verdict was recorded" in words(
        read(tmp_path / "_build" / "html" / "ledger.html").find(id="C2")
    )


def test_a_letter_or_a_verdict_that_there_is_not_is_refused(tmp_path):
    book = small_ledger.write(tmp_path, small_ledger.chapters(), letters="ACX", **HOMES)
    with (book / "index.md").open("a", encoding="utf-8") as file:
        file.write("\n{verdicts}`maybe`\n")
    status, said = small_ledger.build(book)
    assert status != 0
    assert "ledger: expected the first letter of a claim, got 'X'" in said
    assert "verdicts: expected one of ('all', 'holds', 'holds when', 'does not hold')" in said


def test_the_book_has_its_ledger_with_all_letters():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    assert "claims" in {chapter["file"] for part in toc["parts"] for chapter in part["chapters"]}
    page = (ROOT / "book" / "claims.md").read_text(encoding="utf-8")
    letters = re.findall(r"^```\{ledger\} (\w)$", page, re.MULTILINE)
    assert sorted(letters) == sorted({id[0] for id in claims.known()})
