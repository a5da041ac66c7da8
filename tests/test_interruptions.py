"""Formulas for interrupted runs: against their papers, against search, and against simulation."""

import math

import numpy as np
import pytest

from labs.interruptions import (
    daly_interval,
    expected_time,
    expected_time_with_notice,
    first_order_time,
    simulate,
    spot_pays_from,
    table,
    young_interval,
)

SHARES = [0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 1.5, 1.9, 1.99, 2.0, 3.0]


def best(save, between):
    """The best interval, by golden-section search of the mean time."""
    time = lambda interval: expected_time(1.0, interval, save, 0.0, between)
    low, high, part = 1e-6 * between, 20 * between, (math.sqrt(5) - 1) / 2
    for _ in range(100):
        one, other = high - part * (high - low), low + part * (high - low)
        low, high = (low, other) if time(one) < time(other) else (one, high)
    return low


def longer(interval, save):
    """How much longer a run takes with an interval than with the best one."""
    time = lambda interval: expected_time(1.0, interval, save, 0.0, 1.0)
    return time(interval) / time(best(save, 1.0)) - 1


def test_youngs_formula_is_the_square_root_of_twice_the_product():
    assert young_interval(2, 100) == 20


@pytest.mark.parametrize("between, printed", [(24 * 60, 117), (6 * 60, 57), (15, 9.1)])
def test_dalys_formula_gives_the_intervals_of_his_figures_3_to_5(between, printed):
    """In minutes, with checkpoints of five."""
    assert daly_interval(5, between) == pytest.approx(printed, rel=0.006)


def test_where_saving_takes_twice_the_time_between_interruptions_the_interval_is_that_time():
    assert daly_interval(20, 10) == daly_interval(50, 10) == 10


@pytest.mark.parametrize("share", SHARES)
def test_the_intervals_are_as_good_as_their_docstrings_say(share):
    assert longer(daly_interval(share, 1.0), share) < 0.002
    young = longer(young_interval(share, 1.0), share)
    assert young < (0.005 if share <= 0.1 else 0.15 if share <= 1 else math.inf)
    if share == 1:
        assert young > 0.13  # where it does not hold


def mean(*about, **more):
    """The mean time of many simulated runs, and its standard error."""
    times, _ = simulate(*about, **more)
    return times.mean(), times.std() / math.sqrt(len(times))


@pytest.mark.parametrize(
    "work, interval, save, restart, between",
    [
        (100, 1, 0.05, 0.1, 5),
        (100, 1, 0.05, 0.1, 50),
        (20, 1, 0.1, 0.5, 2),
        (20.5, 1, 0.05, 0.1, 5),  # the last part is shorter
        (100, 3, 0.05, 0.1, 5),
        (100, 5, 0.05, 0.1, 5),
        (60, 1, 0.5, 0.5, 1),  # interrupted ten times an hour of work, and more
        (30, 1, 0.0, 0.0, 3),
    ],
)
def test_simulated_runs_take_as_long_as_the_formula_says(work, interval, save, restart, between):
    about = work, interval, save, restart, between
    found, error = mean(*about, runs=20_000, seed=1)
    expected = expected_time(*about)
    assert abs(found - expected) < 0.01 * expected and error < 0.003 * expected


def test_a_formula_for_many_intervals_is_off_by_less_than_one_where_they_are_few():
    about = 5.5, 1, 0.05, 0.1, 5
    found, _ = mean(*about, runs=20_000)
    assert 0 < found - expected_time(*about) < 0.05


@pytest.mark.parametrize("save, between", [(0.05, 5), (0.2, 2)])
def test_simulated_runs_are_shortest_at_dalys_interval(save, between):
    best_one = daly_interval(save, between)
    times = [
        mean(200 * best_one, best_one * factor, save, 0.1, between, runs=2000)
        for factor in (1, 0.25, 4)
    ]
    assert all(times[0][0] + 5 * (error + times[0][1]) < time for time, error in times[1:])


def test_interruptions_are_as_many_as_the_time_holds():
    times, counts = simulate(100, 1, 0.05, 0.1, 5, runs=20_000)
    assert counts.mean() * 5 == pytest.approx(times.mean(), rel=0.01)


@pytest.mark.parametrize(
    "work, restart, notice, between",
    [(100, 0.1, 0.05, 5), (100, 0.5, 0.1, 2), (50, 0.1, 0.05, 5)],
)
def test_with_enough_notice_only_restarts_cost(work, restart, notice, between):
    about = dict(work=work, interval=1e6, save=0.03, restart=restart, between=between)
    found, _ = mean(**about, notice=notice, runs=20_000)
    expected = expected_time_with_notice(work, restart, notice, between)
    assert found == pytest.approx(expected, rel=0.005)
    without = expected_time(work, daly_interval(0.03, between), 0.03, restart, between)
    assert expected < without


def test_a_notice_too_short_to_save_is_none():
    about = dict(work=50, interval=1, save=0.2, restart=0.1, between=4)
    short, none = simulate(**about, notice=0.1), simulate(**about)
    assert all(np.array_equal(one, other) for one, other in zip(short, none))


def test_nobody_interrupts_a_run_that_is_short():
    times, counts = simulate(1, 0.25, 0.01, 0.1, 1e9)
    assert np.allclose(times, 1.04) and not counts.any()


def test_a_simulation_is_its_seeds():
    about = 20, 1, 0.05, 0.1, 5
    assert np.array_equal(simulate(*about, seed=3), simulate(*about, seed=3))
    assert not np.array_equal(simulate(*about, seed=3), simulate(*about, seed=4))


def test_the_first_order_sum_is_least_at_youngs_interval_and_right_where_interruptions_are_rare():
    time = lambda interval, between: first_order_time(100, interval, 0.01, 0.1, between)
    least = young_interval(0.01, 5)
    assert time(least, 5) < min(time(0.99 * least, 5), time(1.01 * least, 5))
    about = 100, young_interval(0.01, 1000), 0.01, 0.1, 1000
    assert first_order_time(*about) == pytest.approx(expected_time(*about), rel=1e-4)
    about = 100, 1, 0.01, 0.1, 0.5
    assert expected_time(*about) > 1.5 * first_order_time(*about)


def test_a_table_holds_what_each_of_its_settings_gives_alone():
    found = table(20, [0.5, 5], [0.5, 2, 80], [0.05], [0.1, 0.2], runs=200, seed=3)
    assert dict(found.sizes) == dict(between=2, interval=3, save=1, restart=2)
    one = found.sel(between=5, interval=2, save=0.05, restart=0.2)
    times, counts = simulate(20, 2, 0.05, 0.2, 5, runs=200, seed=3)
    assert float(one.time) == pytest.approx(times.mean() / 20)
    assert float(one.interruptions) == counts.mean()
    assert [float(one.low), float(one.high)] == list(np.quantile(times / 20, [0.1, 0.9]))
    assert float(one.formula) == expected_time(20, 2, 0.05, 0.2, 5) / 20
    assert float(one.first_order) == first_order_time(20, 2, 0.05, 0.2, 5) / 20
    gone = found.sel(between=0.5, interval=80).to_array()  # it would take longer than anything
    assert np.isnan(gone).all() and np.isfinite(found.time.sel(between=5, interval=2)).all()


def test_spot_pays_from_where_the_two_bills_are_equal():
    between = spot_pays_from(10.44, 6.26, work=100, save=0.05, restart=0.1)
    interval = daly_interval(0.05, between)
    bill = 6.26 * expected_time(100, interval, 0.05, 0.1, between)
    assert bill == pytest.approx(10.44 * 100.05, rel=0.005)
    assert spot_pays_from(10.44, 8, 100, 0.05, 0.1) > between > 0.5
    assert spot_pays_from(1, 1, 100, 0.05, 0.1) == math.inf


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: young_interval(0, 5), "save must be positive and finite, got 0"),
        (lambda: daly_interval(1, -5), "between must be positive and finite, got -5"),
        (lambda: expected_time(1, 0, 0, 0, 1), "interval must be positive and finite, got 0"),
        (lambda: expected_time(1, 1, -1, 0, 1), "save must be 0 or more and finite, got -1"),
        (lambda: simulate(math.inf, 1, 1, 1, 1), "work must be positive and finite, got inf"),
        (lambda: simulate(1, 1, 1, math.nan, 1), "restart must be 0 or more and finite, got nan"),
        (lambda: simulate(9, 9, 1, 1, 1), "between must be more than a seventh of .*, 11, got 1;"),
        (lambda: spot_pays_from(1, 0, 1, 1, 1), "spot_price must be positive and finite, got 0"),
    ],
)
def test_what_cannot_be_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
