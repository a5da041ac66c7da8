"""Landmark models are dated, sourced and possible."""

import datetime

import pytest

from labs import card, scaling
from labs.landmarks import LANDMARKS


def row(name):
    return next(row for row in LANDMARKS if row.name == name)


def test_rows_stand_once_and_in_the_order_of_publication():
    assert len({row.name for row in LANDMARKS}) == len(LANDMARKS) >= 40
    years = [row.year for row in LANDMARKS]
    assert years == sorted(years) and years[0] > 1950
    assert all(datetime.date.fromisoformat(row.published + "-01") for row in LANDMARKS)


def test_every_row_has_a_source_of_the_bibliography_and_a_number():
    for row in LANDMARKS:
        assert row.sources and len(card.names(row.sources)) == len(row.sources)
        assert row.parameters or row.flops


def test_a_mixture_uses_fewer_parameters_than_it_has_and_no_other_model_does():
    for row in LANDMARKS:
        assert row.sparse or row.active is None
        assert row.active is None or row.active < row.parameters / 4
        assert row.used == (row.active if row.sparse else row.parameters)


@pytest.mark.parametrize("name", ["GPT-3", "BERT", "RoBERTa", "Llama 3.1 405B", "Chinchilla"])
def test_what_papers_state_is_6nd_within_a_few_percent(name):
    model = row(name)
    assert model.counted == "stated"
    assert model.flops == pytest.approx(
        scaling.training_flops(model.parameters, model.seen), rel=0.06
    )


def test_t5_has_half_of_its_parameters_for_a_token():
    assert row("T5").flops == pytest.approx(3 * row("T5").parameters * row("T5").seen)


def test_compute_is_counted_with_what_a_token_uses_and_not_without_data():
    deep = row("DeepSeek-V3")
    assert deep.counted == "6ND" and deep.flops == 6 * 37e9 * 14.8e12
    for name in ("GPT-2", "Switch", "NETtalk"):
        assert row(name).flops is None and row(name).counted is None
    zip_codes = row("Zip codes")
    assert zip_codes.counted == "6MD" and zip_codes.flops == 6 * 64_660 * 23 * 7_291


def test_the_products_of_alexnet_are_those_of_the_layers_in_its_paper():
    # kernels, places, weights of a kernel; layers 2, 4 and 5 see only their GPU's half
    layers = [
        (96, 55 * 55, 11 * 11 * 3),
        (256, 27 * 27, 5 * 5 * 48),
        (384, 13 * 13, 3 * 3 * 256),
        (384, 13 * 13, 3 * 3 * 192),
        (256, 13 * 13, 3 * 3 * 192),
        (4096, 1, 6 * 6 * 256),
        (4096, 1, 4096),
        (1000, 1, 4096),
    ]
    products = sum(kernels * places * weights for kernels, places, weights in layers)
    parameters = sum(kernels * (weights + 1) for kernels, _, weights in layers)
    assert row("AlexNet").products == products
    assert parameters == pytest.approx(row("AlexNet").parameters, rel=0.02)
