"""The ledger as a reader sees it: two columns, cards on a phone, verdicts that need no colour."""

import pytest
import small_ledger
from test_pages import violations

HOMES = {"A1": "one", "A5": "one", "C2": "two"}


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ledger")
    return small_ledger.built(small_ledger.write(folder, small_ledger.chapters(), **HOMES))


def box(page, selector):
    return page.locator(selector).bounding_box()


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_desktop_the_measurements_stand_beside_the_claim(html, visit, dark):
    found = visit((html / "ledger.html").as_uri(), dark=dark)
    says, measured = box(found.page, "#A5 .claim-says"), box(found.page, "#A5 .claim-measured")
    assert measured["x"] >= says["x"] + says["width"]
    assert abs(measured["y"] - says["y"]) < 40
    assert found.errors == []  # axe asks for style sheets, which a page from disk may not
    assert violations(found.page) == []


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_a_row_is_a_card_that_stays_on_the_page(html, visit, dark):
    found = visit((html / "ledger.html").as_uri(), width=390, height=800, dark=dark)
    last = box(found.page, "#A5 > p:nth-last-of-type(1)")
    measured = box(found.page, "#A5 .claim-measured")
    assert measured["y"] >= last["y"] + last["height"]
    row = box(found.page, "#A5")
    assert row["x"] >= 0 and row["x"] + row["width"] <= 390
    assert found.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert found.errors == []  # axe asks for style sheets, which a page from disk may not
    assert violations(found.page) == []


def test_a_verdict_is_told_by_a_sign_and_by_words(html, visit):
    page = visit((html / "ledger.html").as_uri()).page
    told = [text.split(" the ")[0] for text in page.locator(".claim-verdict").all_inner_texts()]
    assert told == ["✓ holds", "◐ holds when", "✗ does not hold"]


def test_a_row_is_one_click_from_its_card_and_the_card_from_its_row(html, visit):
    page = visit((html / "ledger.html").as_uri()).page
    page.locator("#C2").get_by_role("link", name="Chapter two").click()
    page.wait_for_url("**/two.html#claim-C2")
    card = page.locator("#claim-C2 section.labs-claim")
    assert card.is_visible()
    page.locator("#claim-C2 a").click()
    page.wait_for_url("**/ledger.html#C2")
    assert page.locator("#C2").evaluate("row => row.matches(':target')")


def test_the_overview_leads_to_a_row_by_keyboard(html, visit):
    page = visit((html / "ledger.html").as_uri()).page
    page.get_by_role("link", name="A5").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/ledger.html#A5")


def test_the_real_ledger_has_a_row_with_a_verdict_for_every_claim(site, visit):
    from labs import claims

    page = visit((site / "claims.html").as_uri()).page
    rows = page.locator(".ledger > ul > li")
    ids = rows.evaluate_all("rows => rows.map(row => row.id)")
    assert sorted(ids) == sorted(claims.known())
    assert page.locator(".claim-verdict").count() == len(ids)
    counts = page.locator(".tally strong").all_inner_texts()
    assert sum(map(int, counts)) == len(ids)
