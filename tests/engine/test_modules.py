"""Any module that PyTorch can train alone, a sweep trains alike or refuses in a sentence."""

import dataclasses
import warnings

import pytest
import zoo
from test_sweep import CPU, compare

import labs
from labs.data import Data


def task(make_model=None, kind=zoo.POINTS, **changed):
    """The digits with another network, loss or metric."""
    task = labs.tasks.digits()
    whole = task.data
    shape = {
        zoo.POINTS: lambda x: x,
        zoo.ROWS: lambda x: x.unflatten(-1, (8, 8)),
        zoo.TOKENS: lambda x: (16 * x[:, 20:28]).long(),
    }[kind]
    few = Data(
        *(shape(whole.train_x[:96]), whole.train_y[:96]),
        *(shape(whole.val_x[:48]), whole.val_y[:48]),
    )
    changed |= {"make_model": make_model} if make_model else {}
    return dataclasses.replace(task, data=few, view=None, **changed)


def swept(task):
    grid = labs.Grid(optimizer=["sgd", "adam"], learning_rate=0.01, batch_size=16, seed=[0, 1])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "nothing says beforehand")  # such runs are not kept
        warnings.filterwarnings("ignore", "There is a performance drop")  # PyTorch's own
        return labs.sweep(task, grid, steps=8, device=CPU)


def agrees_or_is_refused(task, words):
    if words is None:
        return compare(swept(task), task, steps=8)
    with pytest.raises(ValueError) as refused:
        swept(task)
    assert words in str(refused.value)


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_a_network_trains_as_it_does_alone_or_is_refused(name):
    make_model, kind, words = zoo.NETWORKS[name]
    agrees_or_is_refused(task(make_model, kind), words)


@pytest.mark.parametrize("name", zoo.LOSSES)
def test_a_loss_trains_as_it_does_alone_or_is_refused(name):
    loss, words = zoo.LOSSES[name]
    agrees_or_is_refused(task(loss=loss, metric=None), words)


@pytest.mark.parametrize("name", zoo.METRICS)
def test_a_metric_is_measured_as_it_is_alone_or_is_refused(name):
    metric, words = zoo.METRICS[name]
    agrees_or_is_refused(task(metric=metric), words)
