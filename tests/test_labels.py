"""Labels of an axis: short as the chapters write numbers, never two alike."""

import datetime
import random

import numpy as np
import pytest

from labs.labels import axis_labels, listed


@pytest.mark.parametrize(
    "values, texts",
    [
        ([20240101, 20240102], "20240101 20240102"),
        ([0.1, 0.10004], "0.1 0.10004"),
        ([0.1, 0.10004, 10**-0.5], "0.1 0.10004 0.316"),
        ([0.10001, 0.10004], "0.10001 0.10004"),
        ([0.003, 1e-4, 3.1622776, 0.00099996], "0.003 1e-4 3.16 0.001"),
        ([0.0998, 0.1004], "0.0998 0.1004"),
        ([8, 1024.0, 4096, 999999], "8 1024 4096 999999"),
        ([1000.4, 1000, 1234.4], "1000.4 1000 1234"),
        ([7 * 10**400, 10**400 + 1, 0.5], ["7e400", "1" + "0" * 399 + "1", "0.5"]),
        ([10**6, 2.5e6, 1048576, -(10**9)], "1e6 2.5e6 1048576 -1e9"),
        ([20240101.0, 20240102.5], "20240101 2.0240102e7"),
        ([-0.25, 0.0, -0.0, 1e300, -1.5e-300], "-0.25 0 0 1e300 -1.5e-300"),
        ([float("-inf"), float("inf"), float("nan"), 1.5], "-inf inf nan 1.5"),
        ([True, False], "True False"),
        (["sgd", "", "learning_rate {x}"], ["sgd", "", "learning_rate {x}"]),
        (np.array([0.1, 0.3], np.float32), "0.1 0.3"),
        (np.array(["2024-01-01", "2024-01-02"], "M8[ns]"), "2024-01-01 2024-01-02"),
        ([datetime.date(2024, 1, 1), None], "2024-01-01 None"),
        ([1, "1", 1.0], "1 '1' 1"),
        ([], []),
    ],
)
def test_values_are_written_as_the_chapters_write_them(values, texts):
    assert list(axis_labels(values)) == (texts.split() if isinstance(texts, str) else texts)


def drawn(seed):
    """An axis of one of many kinds: far apart, crowded, whole, mixed."""
    rng = random.Random(seed)
    count = rng.choice([2, 5, 40])
    center, width = 10 ** rng.uniform(-12, 12), 10 ** rng.uniform(-14, 0)
    kinds = (
        lambda: 10 ** rng.uniform(-20, 20),
        lambda: center * (1 + width * rng.uniform(-1, 1)),
        lambda: -center * (1 + width * rng.gauss(0, 1)),
        lambda: rng.randrange(10 ** rng.randrange(1, 25)),
        lambda: float(rng.randrange(10**9)),
        lambda: float(f"{center * (1 + width * rng.random()):.3g}"),
    )
    own = rng.sample(kinds, rng.choice([1, 1, 2]))
    return [rng.choice(own)() for _ in range(count)]


@pytest.mark.parametrize("seed", range(400))
def test_a_label_stands_for_its_value_and_for_no_other(seed):
    values = drawn(seed)
    texts = axis_labels(values)
    for value, text in zip(values, texts):
        told = float(text)
        assert abs(told - value) <= 0.0051 * abs(value)
        nearest = min(values, key=lambda other: abs(float(other) - told))
        assert float(nearest) == float(value)
    assert len(set(texts)) == len(set(values))


def test_only_values_that_read_alike_have_more_than_three_digits():
    values = [float(f"{10**x:.3g}") for x in np.linspace(-6, 5, 300)]
    digits = lambda text: len(text.split("e")[0].replace(".", "").strip("0"))
    assert max(digits(text) for text in axis_labels(values)) == 3
    values.append(0.1)
    more = axis_labels([*values, 0.1000401])
    assert more[:-1] == axis_labels(values) and more[-1] == "0.10004"


def test_thousands_of_values_are_labelled_at_once_and_listed_in_a_line():
    values = np.random.default_rng(0).normal(size=5000)
    assert len(set(axis_labels(values))) == 5000
    assert listed(range(5000)) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …, 4999]"
    assert listed(["sgd", 0.1]) == "[sgd, 0.1]"
