"""A twin is the same run from a start a millionth away, and says where training is chaotic."""

import numpy as np
import pytest
import torch

import labs
from labs.engine import twins

CPU = torch.device("cpu")
SPIRALS = labs.tasks.spirals()


def by_hand(task, **setting):
    """The largest relative difference of a loss between a run and its twin, each trained alone."""
    config = labs.TrainConfig(**setting)
    own, twin = (
        np.array([[p.train_loss, p.val_loss] for p in labs.train(one, config, device=CPU)])
        for one in (task, twins.twin_of(task))
    )
    return (abs(twin - own) / own).max()


def test_the_distance_is_that_of_two_runs_trained_by_hand():
    grid = labs.Grid(optimizer=["sgd", "adam"], learning_rate=[0.01, 1.0], seed=[3, 4])
    runs = labs.sweep(SPIRALS, grid, steps=120, device=CPU, twins=True)
    assert "seed" not in runs.twin_distance.dims
    for optimizer in grid.optimizer:
        smooth, rough = (
            runs.twin_distance.sel(optimizer=optimizer, learning_rate=rate).item()
            for rate in grid.learning_rate
        )
        alone = by_hand(SPIRALS, optimizer=optimizer, learning_rate=0.01, seed=3, steps=120)
        assert smooth < 1e-4 and alone < 1e-4
        assert rough > smooth
    wild = by_hand(SPIRALS, optimizer="adam", learning_rate=1.0, seed=3, steps=120)
    assert wild > 1e-4
    assert runs.twin_distance.sel(optimizer="adam", learning_rate=1).item() > 1e-4


def test_twins_change_nothing_else_of_a_record():
    grid = labs.Grid(learning_rate=[0.1, 0.3], seed=[0, 1])
    plain = labs.sweep(SPIRALS, grid, steps=30, device=CPU)
    doubled = labs.sweep(SPIRALS, grid, steps=30, device=CPU, twins=True)
    assert set(doubled.data_vars) - set(plain.data_vars) == {"twin_distance"}
    for name in plain.data_vars:
        assert doubled[name].equals(plain[name]), name
    assert doubled.attrs["call"] == plain.attrs["call"][:-1] + ", twins=True)"


def test_a_twin_is_kept_under_a_key_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_CACHE", str(tmp_path))
    grid = labs.Grid(seed=[0, 1])
    kept = lambda: sum(path.is_file() for path in tmp_path.rglob("*"))
    labs.sweep(SPIRALS, grid, steps=20, device=CPU)
    assert kept() == 2
    first = labs.sweep(SPIRALS, grid, steps=20, device=CPU, twins=True)
    assert kept() == 3
    again = labs.sweep(SPIRALS, grid, steps=20, device=CPU, twins=True)
    assert again.attrs["engine"] == "cache" and again.twin_distance.equals(first.twin_distance)


def test_of_repeated_tasks_the_first_has_twins():
    def task(width, draw):
        return labs.tasks.spirals(width=width, seed=draw)

    tasks = labs.vary(task, repeats=["draw"], width=[4, 8], draw=[0, 1, 2])
    grid = labs.Grid(learning_rate=[0.1, 0.3], seed=[0, 1])
    runs = labs.sweep(tasks, grid, steps=20, device=CPU, twins=True)
    assert runs.twin_distance.squeeze().dims == ("width", "learning_rate")
    assert np.isfinite(runs.twin_distance).all()


class Work:
    """What `distance` reads of the work of a sweep."""

    def __init__(self, train, val, there):
        self.there = np.array(there)
        self.rows = np.zeros(len(train), [("train_loss", "f4", (3,)), ("val_loss", "f4", (3,))])
        self.rows["train_loss"], self.rows["val_loss"] = train, val


@pytest.fixture
def record():
    losses = [[1.0, 0.5, 0.5], [1.0, 0.1, 1e-9], [1.0, np.nan, np.nan], [1.0, 0.5, 0.4]]
    losses = np.array(losses, np.float32)
    arrays = {name: (["step"], losses) for name in ("train_loss", "val_loss")}
    arrays["trained"] = ([], np.array([True, True, True, True]))
    axis = labs.record.Axis("rate", "axis.rate", (1, 2, 3, 4), "linear")
    return labs.record.make([axis], arrays, {}, {"step": [0, 1, 2]})


def distances(record, twin, there=(True,) * 4):
    axes = labs.record.axes(record)
    return twins.distance(record, [Work(twin, twin, there)], axes)[1]


def test_a_difference_counts_as_a_share_of_the_loss_but_of_none_that_is_next_to_nothing(record):
    twin = record.train_loss.values.copy()
    twin[0, 1], twin[1, 2] = 0.55, 3e-9
    found = distances(record, twin)
    assert found[0] == pytest.approx(0.1) and found[1] == pytest.approx(2e-7)
    assert found[2] == found[3] == 0


def test_where_one_of_the_two_diverged_the_distance_is_infinite_and_untrained_it_is_unknown(record):
    twin = record.train_loss.values.copy()
    twin[0, 2], twin[2, 1:] = np.nan, 0.7
    found = distances(record, twin, (True, True, True, False))
    assert np.isinf(found[[0, 2]]).all() and found[1] == 0 and np.isnan(found[3])
