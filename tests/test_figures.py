"""Figures show the record's numbers."""

import numpy as np
import pytest
from test_payload import record

import labs


@pytest.fixture(scope="module")
def runs():
    return record()


def test_the_figure_shows_the_mean_over_repetitions_and_leaves_diverged_points_out(runs):
    figure = labs.figures.final_losses(runs, batch_size=32, weight_decay=0.0)
    for line, optimizer in zip(figure.data, ["sgd", "adam"]):
        final = runs.val_loss.sel(optimizer=optimizer, batch_size=32, weight_decay=0.0).isel(
            step=-1
        )
        expected = final.squeeze().mean("seed", skipna=False).values
        assert line.name == optimizer and line.y[-1] is None and np.isnan(expected[-1])
        shown = np.array([np.nan if y is None else y for y in line.y])
        np.testing.assert_allclose(shown, expected, atol=1e-4)
        bars = [np.nan if y is None else y for y in line.error_y.array]
        deviations = final.squeeze().std("seed", ddof=1, skipna=False)
        np.testing.assert_allclose(bars, deviations, atol=1e-4)


def test_a_single_run_has_no_deviation(runs):
    one = labs.figures.final_losses(runs.isel(seed=0), batch_size=32, weight_decay=0.0)
    assert all(y is None for line in one.data for y in line.error_y.array)


def test_axes_and_values_are_named_in_words(runs):
    layout = labs.figures.final_losses(runs, series="val_metric", batch_size=32).layout
    assert layout.xaxis.title.text == "learning rate" and layout.xaxis.type == "log"
    assert layout.yaxis.title.text == "final accuracy on the validation samples"


def test_lines_and_axis_may_be_exchanged(runs):
    table = np.array([line.y for line in labs.figures.final_losses(runs, batch_size=32).data])
    turned = labs.figures.final_losses(runs, "optimizer", "learning_rate", batch_size=32)
    assert np.array_equal(np.array([line.y for line in turned.data]).T, table)
    assert turned.layout.xaxis.type == "category"


def test_a_record_with_a_selected_axis_is_drawn_as_the_whole_with_that_axis_fixed(runs):
    some = labs.figures.final_losses(runs.sel(batch_size=32))
    whole = labs.figures.final_losses(runs, batch_size=32)
    assert [line.y for line in some.data] == [line.y for line in whole.data]


def test_any_number_over_the_axes_can_be_drawn(runs):
    last = runs.isel(step=-1)
    lines = lambda figure: [line.y for line in figure.data]
    drawn, again = (labs.figures.final_losses(r, batch_size=32) for r in (runs, last))
    assert lines(drawn) == lines(again)


@pytest.mark.parametrize(
    "fixed, expected",
    [
        ({"optimizer": "sgd"}, "'optimizer' must be an axis that is left open"),
        ({"rate": 1}, "'rate' must be an axis, one of .*learning_rate.*; check the spelling"),
        ({"batch_size": 7}, "batch_size must be one of .*8, 32.*, got 7; choose a recorded value"),
    ],
)
def test_an_impossible_figure_is_refused_in_words(runs, fixed, expected):
    with pytest.raises(ValueError, match=expected):
        labs.figures.final_losses(runs, **fixed)
