"""Grids and variations: what they hold, and what they refuse in words."""

import dataclasses
import math

import numpy as np
import pytest

import labs
from labs import settings


@pytest.mark.parametrize(
    "bad, words",
    [
        (
            {"optimizer": ["sgd", "adamm"]},
            r"optimizer must be one of \[.*\], got 'adamm'; choose one of these",
        ),
        ({"learning_rate": [0.1, -0.1]}, "learning_rate must be positive, got -0.1"),
        ({"learning_rate": [0.0]}, "learning_rate must be positive, got 0.0"),
        ({"learning_rate": [math.nan]}, "learning_rate must be positive, got nan"),
        ({"weight_decay": [-1]}, "weight_decay must be zero or positive, got -1"),
        ({"batch_size": [0]}, "batch_size must be a whole number of at least 1, got 0"),
        ({"batch_size": [2.5]}, "batch_size must be a whole number of at least 1, got 2.5"),
        ({"seed": []}, "seed needs at least one value, got an empty axis"),
        ({"seed": [1, 1]}, r"seed must not repeat a value, got \[1, 1\]"),
        ({"schedule": ["sometimes"]}, "schedule must be one of"),
    ],
)
def test_an_impossible_grid_is_refused_in_words(bad, words):
    with pytest.raises(ValueError, match=words):
        labs.Grid(**bad)


@pytest.mark.parametrize(
    "wrong, words",
    [
        (dict(rate=[0.1]), r"an axis must be one of \['optimizer', .*got 'rate'; check the name"),
        (dict(steps=[10]), "an axis must be one of .*got 'steps'"),
    ],
)
def test_an_axis_that_is_not_in_the_table_is_refused_in_words(wrong, words):
    with pytest.raises(ValueError, match=words):
        labs.Grid(**wrong)


def test_a_grid_and_a_run_have_the_same_defaults():
    config = labs.TrainConfig()
    assert [f.name for f in dataclasses.fields(config)] == list(settings.SETTINGS)
    for name in settings.AXES:
        assert getattr(labs.Grid(), name) == (getattr(config, name),)


def test_numbers_of_numpy_become_plain_ones():
    grid = labs.Grid(seed=np.arange(3), learning_rate=np.float32(0.5), batch_size=np.int64(8))
    assert grid.seed == (0, 1, 2) and type(grid.seed[0]) is int
    assert grid.learning_rate == (0.5,) and type(grid.batch_size[0]) is int
    assert labs.TrainConfig(steps=np.int64(7)).steps == 7


def test_an_impossible_run_is_refused_in_words():
    with pytest.raises(ValueError, match="learning_rate must be positive, got -1"):
        labs.TrainConfig(learning_rate=-1)
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1, got 0"):
        labs.TrainConfig(steps=0)


def test_a_grid_prints_as_the_call_that_makes_it():
    grid = labs.Grid(optimizer=["sgd", "adam"], seed=[0, 1])
    assert repr(grid) == "labs.Grid(optimizer=['sgd', 'adam'], seed=[0, 1])"
    assert eval(repr(grid), {"labs": labs}).settings() == grid.settings()


def test_variations_are_tasks_on_axes_the_last_fastest():
    varied = labs.vary(labs.tasks.spirals, width=[4, 16], noise=0.5)
    assert [axis.name for axis in varied.axes] == ["width", "noise"]
    assert [task.call for task in varied.tasks()] == [
        "labs.tasks.spirals(width=4, noise=0.5)",
        "labs.tasks.spirals(width=16, noise=0.5)",
    ]
    assert repr(varied) == "labs.vary(labs.tasks.spirals, width=[4, 16], noise=[0.5])"


def test_an_axis_of_the_task_may_repeat_one_setting():
    varied = labs.vary(
        labs.tasks.spirals, repeats=["seed_of_data"], width=[4, 64], seed_of_data=[0, 1]
    )
    assert [(a.scale, a.repeats) for a in varied.axes] == [("log", False), ("linear", True)]


@pytest.mark.parametrize(
    "values, words",
    [
        (dict(width=[]), "width needs at least one value, got an empty axis"),
        (dict(width=[4, 4]), r"width must not repeat a value, got \[4, 4\]"),
        (dict(seed=[0, 1]), "may not be called 'seed', because .*; put settings into labs.Grid"),
        (dict(sample=[0, 1]), "may not be called 'sample', because a record has that name already"),
        (dict(width=[4, "auto"]), r"width must be all numbers or all texts, got \[4, 'auto'\]"),
        (
            dict(repeats=["draw"], width=[4]),
            r"repeats must name axes, one of \['width'\], got 'draw'",
        ),
        (dict(width=[(1, 2)]), "width must be all numbers or all texts, got .*; wrap the function"),
        (dict(), "vary needs at least one axis, got none"),
    ],
)
def test_an_impossible_variation_is_refused_in_words(values, words):
    with pytest.raises(ValueError, match=words):
        labs.vary(labs.tasks.spirals, **values)


@pytest.mark.parametrize("values", [dict(width=0), dict(depth=-1), dict(width=2.5)])
def test_an_impossible_network_is_refused_in_words(values):
    (name,) = values
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got"):
        labs.tasks.spirals(**values)


@pytest.mark.parametrize(
    "values, scale",
    [
        ((1, 8), "log"),
        ((1, 7), "linear"),
        ((0, 100), "linear"),
        (("a",), "category"),
        ((True,), "category"),
    ],
)
def test_the_scale_of_an_axis_follows_from_its_values(values, scale):
    assert settings.scale_of(values) == scale


def test_logspace_reads_well():
    assert labs.logspace(1e-3, 1e-1, 5) == [0.001, 0.00316, 0.01, 0.0316, 0.1]
    assert math.isclose(labs.logspace(1, 2, 2)[1], 2)
