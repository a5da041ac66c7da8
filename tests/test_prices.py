"""Prices are dated, sourced and possible; an unknown chip is refused."""

import datetime
import re

import pytest

from labs import chips, prices


def test_each_price_says_when_it_was_read_and_where():
    for row in prices.PRICES:
        assert datetime.date.fromisoformat(row.read) >= datetime.date(2026, 8, 1)
        assert re.search(r"\w+\.\w+/|API", row.source) and row.machine
    rows = [(row.cloud, row.chip) for row in prices.PRICES]
    assert len(set(rows)) == len(rows) and len({cloud for cloud, _ in rows}) >= 4


def test_spot_costs_less_than_on_demand_and_no_chip_is_given_away():
    spot = [row for row in prices.PRICES if row.spot is not None]
    assert len(spot) >= 4 and all(0.3 < row.spot / row.on_demand < 1 for row in spot)
    assert all(1 < row.on_demand < 20 for row in prices.PRICES)


def test_a_chip_is_one_of_the_table_of_chips_or_a_slower_one_of_that_name():
    for row in prices.PRICES:
        assert row.chip in chips.CHIPS or chips.chip_called(row.chip) is None


def test_the_cheapest_comes_first_and_an_unknown_chip_is_refused():
    rows = prices.prices_of("H100")
    assert [row.cloud for row in rows] == ["Hyperstack", "Lambda", "AWS", "Google", "Azure"]
    with pytest.raises(ValueError, match=r"chip must be one of \['A100', .*, got 'H1000'"):
        prices.prices_of("H1000")
