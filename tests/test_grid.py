"""Grids and variations: what they hold, and what they refuse in words."""

import dataclasses
import math

import numpy as np
import pytest
import torch

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
        (
            {"momentum": [0.9, 1.0]},
            "momentum must be at least 0 and below 1, got 1.0; give a number such as 0.9",
        ),
        ({"momentum": -0.1}, "momentum must be at least 0 and below 1, got -0.1"),
        ({"beta1": 1}, "beta1 must be at least 0 and below 1, got 1"),
        ({"beta2": math.nan}, "beta2 must be at least 0 and below 1, got nan"),
        ({"eps": 0}, "eps must be positive, got 0; give a number such as 1e-08"),
        ({"clip_norm": 0.0}, "clip_norm must be positive, or None, which bounds nothing, got 0.0"),
        ({"clip_norm": -math.inf}, "clip_norm must be positive, .*, got -inf"),
        ({"clip_norm": [None, math.inf]}, r"clip_norm must not repeat a value, got \[inf, inf\]"),
        ({"warmup_share": 1.5}, "warmup_share must be between 0 and 1, got 1.5"),
        (
            {"label_smoothing": 1},
            "label_smoothing must be at least 0 and below 1, got 1; give a number such as 0.1",
        ),
        (
            {"beta2": [None, 0.9]},
            r"beta2 must be all numbers, or None alone, got \[None, 0.9\]; write what None stands "
            r"for, 0.99 \(rmsprop\), 0.999 \(adam\)",
        ),
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


NUMBERS = [np.int64(8), np.float32(8), np.array(8), torch.tensor(8), torch.tensor(8.0), 8.0, 8]


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_a_number_of_any_library_is_the_plain_one_everywhere(number):
    grid = labs.Grid(batch_size=number, learning_rate=[number], seed=number)
    assert repr(grid) == "labs.Grid(learning_rate=[8.0], batch_size=[8], seed=[8])"
    config = labs.TrainConfig(batch_size=number, learning_rate=number, steps=number)
    assert config == labs.TrainConfig(batch_size=8, learning_rate=8.0, steps=8)
    assert type(config.steps) is type(config.batch_size) is int
    runs = labs.sweep(
        labs.tasks.wave(width=4), labs.Grid(batch_size=8), number, "cpu", record_at=[number]
    )
    assert runs.step.values.tolist() == [0, 8]
    again = eval(runs.attrs["call"], {"labs": labs})
    assert again.drop_attrs().equals(runs.drop_attrs())
    varied = labs.vary(labs.tasks.spirals, width=number)
    assert type(varied.axes[0].values[0]) in (int, float) and varied.axes[0].values == (8,)


def test_axes_are_taken_from_tensors_and_whole_floats_but_from_no_other_fraction():
    assert labs.Grid(batch_size=torch.arange(1, 4)).batch_size == (1, 2, 3)
    assert labs.Grid(batch_size=labs.logspace(8, 32, 3)).batch_size == (8, 16, 32)
    for wrong in (2.5, torch.tensor(2.5), True, np.bool_(True), math.inf, "8"):
        with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
            labs.Grid(batch_size=wrong)


def test_an_impossible_run_is_refused_in_words():
    with pytest.raises(ValueError, match="learning_rate must be positive, got -1"):
        labs.TrainConfig(learning_rate=-1)
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1, got 0"):
        labs.TrainConfig(steps=0)


def test_a_grid_prints_as_the_call_that_makes_it():
    grid = labs.Grid(optimizer=["sgd", "adam"], seed=[0, 1])
    assert repr(grid) == "labs.Grid(optimizer=['sgd', 'adam'], seed=[0, 1])"
    assert eval(repr(grid), {"labs": labs}).settings() == grid.settings()


def test_a_bound_may_be_none_and_prints_as_what_makes_it():
    grid = labs.Grid(clip_norm=[None, 1], beta2=None, momentum=None)
    assert grid.clip_norm == (math.inf, 1.0) and grid.beta2 == (None,) and grid.momentum == (0.9,)
    assert repr(grid) == "labs.Grid(clip_norm=[float('inf'), 1.0])"
    assert eval(repr(grid), {"labs": labs}).settings() == grid.settings()
    assert labs.TrainConfig(clip_norm=None) == labs.TrainConfig()


def test_a_grid_has_no_axis_of_an_extra_setting_that_has_its_default():
    extra = [name for name, setting in settings.SETTINGS.items() if setting.extra]
    assert not set(extra) & {axis.name for axis in labs.Grid(beta1=0.9, eps=None).axes()}
    values = dict(momentum=0.5, eps=[1e-8, 1e-4], warmup_share=[0.1, 0.2])
    told = [axis.name for axis in labs.Grid(**values).axes() if axis.name in extra]
    assert told == list(values)


def test_a_number_that_all_rules_share_is_the_default_and_none_stands_for_others():
    defaults = {n: settings.SETTINGS[n].default for n in ("momentum", "beta1", "beta2", "eps")}
    assert defaults == {"momentum": 0.9, "beta1": 0.9, "beta2": None, "eps": None}


def test_the_grid_says_which_rules_read_what():
    for name, rules in {
        "momentum": "momentum, nesterov",
        "beta2": "rmsprop, adam, adamw, lion, adam uncorrected",
        "eps": "adagrad, rmsprop, adam, adamw, adam uncorrected",
    }.items():
        assert f"- `{name}`: {rules}\n" in labs.Grid.__doc__


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
