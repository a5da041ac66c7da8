"""A verdict has to survive its numbers, and a number that may differ is written so that it may."""

import json
import re
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

import labs
from labs import card, claims

ROOT = Path(__file__).resolve().parents[1]
IDS = [
    f"{letter}{number}"
    for letter, count in zip("BCAPTHFZ", (2, 5, 7, 1, 5, 5, 5, 1))
    for number in range(1, count + 1)
]
PLANNED = {
    "background",
    "concepts",
    "trends",
    "faq",
    *("algorithms/" + name for name in ("neural_networks", "gradient_descent", "learning_rate")),
    *("algorithms/" + name for name in ("batch_size", "regularization", "optimizers")),
    *("code/" + name for name in ("first_program", "language_model", "scaling_up")),
    *("code/" + name for name in ("cloud_training", "deployment")),
}


# ---- The table ----


def test_every_claim_stands_in_the_table_once():
    text = (ROOT / "book" / "claims.yml").read_text(encoding="utf-8")
    assert re.findall(r"^(\w+):", text, re.MULTILINE) == IDS == list(claims.known())


def test_every_claim_has_a_sentence_and_a_chapter_that_exists_or_is_planned():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    there = {chapter["file"] for part in toc["parts"] for chapter in part["chapters"]}
    for id, claim in claims.known().items():
        assert set(claim) == {"says", "chapter"}, id
        assert re.fullmatch(r"[A-Z][^.]+\.", claim["says"]), id
        assert claim["chapter"] in there | PLANNED, id


# ---- Spread ----


@pytest.mark.parametrize(
    "values, text",
    [
        (0.473, "≈ 0.47"),
        ([0.473], "≈ 0.47"),
        (np.float32(0.5), "≈ 0.50"),
        (1234, "≈ 1200"),
        (9999, "≈ 1e4"),
        (314 * 10**21, "≈ 3.1e23"),
        (7.04e-18, "≈ 7e-18"),
        (-2.5e-5, "≈ -2.5e-5"),
        (0, "≈ 0"),
        ([0.469, 0.473, 0.477], "≈ 0.473 ± 0.004"),
        ([[0.469, 0.473], [0.477, 0.473]], "≈ 0.473 ± 0.003"),
        (xr.DataArray([0.44, 0.48], dims="seed"), "≈ 0.46 ± 0.03"),
        ([0.50, 0.52, 0.50], "≈ 0.507 ± 0.012"),
        ([0, 0.0096 * 2**0.5], "≈ 0.007 ± 0.010"),
        ([1234, 1300, 1180], "≈ 1240 ± 60"),
        ([1e-18, 3e-18], "≈ 2.0e-18 ± 1.4e-18"),
        ([120000, 121000], "≈ 1.205e5 ± 0.007e5"),
        ([-0.1, 0.1], "≈ 0.00 ± 0.14"),
        ([0.1, 0.1, 0.1], "≈ 0.10 ± 0"),
    ],
)
def test_a_spread_has_as_many_digits_as_its_deviation_allows(values, text):
    assert labs.spread(values) == text


def test_a_single_value_has_the_digits_that_are_asked_for():
    assert [labs.spread(2 / 3, digits) for digits in (1, 3)] == ["≈ 0.7", "≈ 0.667"]


def test_a_diverged_run_may_not_hide_in_a_mean():
    with pytest.raises(ValueError, match=r"got 2 of 3 that are not finite; leave diverged runs"):
        labs.spread([0.4, np.inf, np.nan])


@pytest.mark.parametrize("values", [[], "0.4", [True, False], None])
def test_what_is_no_number_has_no_spread(values):
    with pytest.raises(ValueError, match="expected numbers, got"):
        labs.spread(values)


# ---- Verdicts ----


@pytest.fixture
def shown(monkeypatch):
    """What `record` has displayed: a list of {MIME type: text}."""
    cards = []
    monkeypatch.setattr("IPython.display.display", lambda texts, raw: cards.append(texts))
    return cards


@pytest.mark.parametrize(
    "expectation, good, bad",
    [
        ("0.095 to 0.1", [0.095, 0.1], [0.0949, 0.1001]),
        ("-2 to -1", [-2, -1], [-3, 0]),
        ("< 0.6", [0.59], [0.6]),
        ("<= 0.6", [0.6], [0.61]),
        ("> 1e-3", [0.0011], [0.001]),
        (">= 1e-3", [0.001], [0.0009]),
        ("= 124,439,808", [124439808], [124439807]),
        ("0.7 ± 0.1", [0.6, 0.8], [0.59, 0.81]),
        ("-1e-3 ± 1e-4", [-0.001], [0.001]),
    ],
)
def test_every_repeat_has_to_be_as_expected(shown, expectation, good, bad):
    claims.record("A5", "holds", {"loss": (good, expectation)})
    assert len(shown) == 1
    for value in bad:
        with pytest.raises(AssertionError) as error:
            claims.record("A5", "holds", {"loss": ([*good, value], expectation)})
        told = ["A5", "'loss'", expectation, *(f"{x:.6g}" for x in [*good, value])]
        assert all(text in str(error.value) for text in [*told, "either the run or the verdict"])
    assert len(shown) == 1


MEASURED = {"loss": (0.5, "< 0.6")}


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (("A9", "holds", MEASURED), "claim must be one of B1, .*, got 'A9'; add it"),
        (("A5", "true", MEASURED), "verdict must be one of .*, got 'true'"),
        (("A5", "holds when", MEASURED), "expected a condition with 'holds when'.*when=None"),
        (("A5", "holds", {}), "measured must name at least one quantity"),
        (("A5", "holds", {"loss": 0.5}), r"'loss': expected \(value, expectation\), got 0.5"),
        (("A5", "holds", {"loss": (0.5, "small")}), "'loss': expectation must read .* 'small'"),
        (("A5", "holds", {"loss": (0.5, "0.6 to 0.4")}), "the lower one first"),
        (("A5", "holds", {"loss": (0.5, "< 0.6 or so")}), "expectation must read"),
        (("A5", "holds", {"loss": ([0.5, np.nan], "< 1")}), "'loss': .* 1 of 2 .* not finite"),
        (("A5", "holds", {"falls": (True, "= 1")}), "'falls': expected numbers, got True"),
    ],
)
def test_a_record_that_says_nothing_is_refused(shown, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        claims.record(*arguments)
    assert not shown


def test_a_condition_goes_with_holds_when_alone_and_a_source_is_in_the_bibliography(shown):
    with pytest.raises(ValueError, match="got 'holds' and when='it rains'"):
        claims.record("A5", "holds", MEASURED, when="it rains")
    with pytest.raises(ValueError, match="got 'nobody1900'; add it there"):
        claims.record("A5", "holds", MEASURED, sources=["nobody1900"])
    assert not shown


# ---- Cards ----


def test_a_card_says_the_same_in_all_its_formats(shown):
    measured = {"rate <sgd>": (0.0991, "0.095 to 0.1"), "loss": ([0.46, 0.48], "< 0.6")}
    sources = ["cohen2021", "mccandlish2018"]
    note = "It moves & stays."
    claims.record("A4", "holds when", measured, when="b < 8", note=note, sources=sources)
    [formats] = shown
    assert set(formats) == {"text/plain", "text/html", "application/vnd.labs.claim"}
    page = xml.etree.ElementTree.fromstring(formats["text/html"])
    assert page.tag == "section" and page.get("aria-label") == "Claim A4: holds when b < 8"
    for text in (" ".join(page.itertext()), formats["text/plain"]):
        for part in ("Claim A4", "holds when b < 8", claims.known()["A4"]["says"], "rate <sgd>"):
            assert part in text
        for part in ("≈ 0.099", "≈ 0.470 ± 0.014", "n = 2", "0.095 to 0.1", "< 0.6", note):
            assert part in text
        assert "Cohen et al. 2021, McCandlish et al. 2018" in text
    contents = json.loads(formats[claims.MIME])
    assert contents == {
        "id": "A4",
        "verdict": "holds when",
        "when": "b < 8",
        "note": note,
        **claims.known()["A4"],
        "sources": sources,
        "measured": [
            {
                "name": "rate <sgd>",
                "value": "≈ 0.099",
                "expectation": "0.095 to 0.1",
                "repeats": 1,
            },
            {"name": "loss", "value": "≈ 0.470 ± 0.014", "expectation": "< 0.6", "repeats": 2},
        ],
    }
    assert "≈" in formats[claims.MIME]


@pytest.mark.parametrize(
    "value, expectation, text",
    [(0.0949, "< 0.095", "≈ 0.0949"), (2.345, "> 1", "≈ 2.35"), (430, "= 430", "430")],
)
def test_a_value_is_seen_to_be_as_expected(shown, value, expectation, text):
    claims.record("A5", "holds", {"loss": (value, expectation)})
    assert json.loads(shown[0][claims.MIME])["measured"][0]["value"] == text


def test_how_to_read_a_deviation_stands_where_there_is_one(shown):
    claims.record("C1", "holds", {"parameters": ([430, 430], "= 430")})
    claims.record("C1", "holds", {"parameters": ([430, 431], "> 400")})
    exact, about = (formats["text/plain"] for formats in shown)
    assert "430 n = 2" in exact and "±" not in exact and "±: standard deviation" in about


def test_a_source_has_the_year_of_its_entry_whatever_its_key():
    assert card.names(["touvron2023llama2", "deepseek2024v3"]) == [
        "Touvron et al. 2023",
        "DeepSeek-AI 2024",
    ]


def test_without_a_bibliography_a_card_names_the_keys(monkeypatch, tmp_path):
    monkeypatch.setattr(card, "BIBLIOGRAPHY", tmp_path / "references.bib")
    assert card.names(["cohen2021"]) == ["cohen2021"]
