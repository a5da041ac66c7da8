"""Twins: the same runs from a start a millionth away, which tell where training is chaotic.

Where rounding can grow, so can a millionth; so a run whose twin ends elsewhere may itself end
elsewhere on another machine, or trained alone.
"""

import dataclasses

import numpy as np
import torch

from labs.grid import Grid

SHARE = 1e-6  # what is added to every initial parameter, as a share of it


def twin_of(task):
    """The task whose networks start a millionth away; it measures losses alone."""

    def make_model():
        network = task.make_model()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1 + SHARE)
        return network

    return dataclasses.replace(task, make_model=make_model, metric=None, view=None)


def first_of(grid):
    """The grid with the first value of every axis that repeats a setting."""
    kept = {a.name: a.values[:1] if a.repeats else a.values for a in grid.axes()}
    return Grid(**kept)


def apart(runs, rows, axes):
    """How far the twins of the first repetitions went: (dimensions, array).

    `rows`: their records. The largest difference of a loss along training, as a share of the loss;
    infinite where one of the two diverged and the other did not.
    """
    first = {axis.name: 0 for axis in axes if axis.repeats}
    largest = 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        for name in ("train_loss", "val_loss"):
            mine = runs[name].isel(first, drop=True)
            theirs = rows[name].reshape(mine.shape)
            gone = np.isfinite(mine.values) != np.isfinite(theirs)
            share = np.abs(theirs - mine.values) / np.abs(mine.values)
            share = np.where(gone, np.inf, np.nan_to_num(share, nan=0.0, posinf=np.inf))
            largest = np.maximum(largest, share.max(axis=-1))
    return [name for name in mine.dims if name != "step"], largest.astype("f4")
