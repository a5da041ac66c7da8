"""Figures show the record's numbers."""

import numpy as np
import pytest

import labs


@pytest.fixture(scope="module")
def runs():
    grid = labs.Grid(optimizer=["sgd", "adam"], learning_rate=[0.01, 0.1, 1e30], batch_size=[16, 32], seed=[0, 1])
    return labs.sweep(labs.tasks.spirals(), grid, steps=20)


def test_the_figure_shows_the_mean_over_seeds_and_leaves_diverged_points_out(runs):
    figure = labs.figures.final_losses(runs, batch_size=32)
    for line, optimizer in zip(figure.data, ["sgd", "adam"]):
        expected = runs.final(optimizer=optimizer, batch_size=32).squeeze().mean(-1)
        assert line.name == optimizer and line.y[2] is None and np.isnan(expected[2])
        np.testing.assert_allclose(np.array(line.y[:2], float), expected[:2], atol=1e-4)


def test_lines_and_axis_may_be_exchanged(runs):
    table = labs.figures.mean_final(runs, "learning_rate", "optimizer", batch_size=32)
    assert np.array_equal(labs.figures.mean_final(runs, "optimizer", "learning_rate", batch_size=32), table.T, equal_nan=True)


def test_an_axis_that_is_fixed_cannot_be_drawn(runs):
    with pytest.raises(ValueError, match="'optimizer' must be an axis that is left open"):
        labs.figures.final_losses(runs, optimizer="sgd")
