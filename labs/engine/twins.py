"""Twins: the same runs from a start a millionth away, which tell where training is chaotic.

Where rounding can grow, so can a millionth; so a run whose twin ends elsewhere may itself end
elsewhere on another machine, or trained alone. Of repetitions, the first has a twin.
"""

import dataclasses

import numpy as np
import torch

from labs.grid import Grid, Varied

NUDGE = 1e-6  # every initial parameter is multiplied by 1 plus this
LEAST = 0.01  # of the first loss: a difference is compared with no smaller loss than this


def twin_of(task):
    """The task whose networks start a millionth away; it measures losses alone."""

    def make_model():
        """The task's own network, nudged."""
        network = task.make_model()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1 + NUDGE)
        return network

    return dataclasses.replace(task, make_model=make_model, metric=None, view=None)


def tasks_of(task):
    """The twins of a task, or of the tasks of `labs.vary` at the first of every repetition."""
    if not isinstance(task, Varied):
        return [twin_of(task)]
    axes = tuple(a._replace(values=a.values[:1]) if a.repeats else a for a in task.axes)
    return [twin_of(one) for one in Varied(task.make_task, axes).tasks()]


def grid_of(grid):
    """The grid with the first value of every axis that repeats a setting."""
    return Grid(**{a.name: a.values[:1] if a.repeats else a.values for a in grid.axes()})


def distance(runs, works, axes):
    """How far the twins that `works` trained went from their runs: (dimensions, array).

    The largest relative difference of a loss along training; infinite where one of the two diverged
    and the other did not, NaN where one was not trained.
    """
    first = {axis.name: 0 for axis in axes if axis.repeats}
    own = runs.isel(first, drop=True)
    rows = np.concatenate([work.rows for work in works])
    there = np.concatenate([work.there for work in works]).reshape(own.trained.shape)
    furthest = np.zeros(own.trained.shape, np.float32)
    for name in ("train_loss", "val_loss"):
        loss, twin = own[name].values, rows[name].reshape(own[name].shape)
        one_only = np.isfinite(loss) != np.isfinite(twin)
        scale = np.maximum(np.abs(loss), LEAST * np.abs(loss[..., :1]))
        share = np.abs(twin - loss) / np.where(scale > 0, scale, 1)
        share = np.where(one_only, np.inf, np.where(np.isfinite(loss), share, 0))
        furthest = np.maximum(furthest, share.max(axis=-1))
    known = there & own.trained.values
    return list(own.trained.dims), np.where(known, furthest, np.nan).astype("f4")
