"""The mean over repetitions, where an explorer shows that instead of one run."""

import dataclasses

import numpy as np

from labs import words
from labs.widgets.contents import MEAN


def averaged(found, choice):
    """The `Contents` and the choice with one position, the mean, on every axis of which `choice`
    asks for MEAN. A mean has no number where one of its runs has none.
    """
    over = tuple(i for i, name in enumerate(found.names) if choice[name] == MEAN)
    if not over:
        return found, choice
    mean = lambda array: array.mean(axis=over, keepdims=True)
    diverged = np.where(found.diverged_at < 0, np.inf, found.diverged_at)
    first = diverged.min(axis=over, keepdims=True)
    axes = [_mean_axis(axis) if i in over else axis for i, axis in enumerate(found.axes)]
    whole = dataclasses.replace(
        found,
        axes=tuple(axes),
        curves={name: mean(curve) for name, curve in found.curves.items()},
        values={name: v._replace(array=mean(v.array)) for name, v in found.values.items()},
        diverged_at=np.where(np.isinf(first), -1, first).astype(np.int32),
        trained=found.trained.all(axis=over, keepdims=True),
    )
    return whole, choice | {found.names[i]: 0 for i in over}


def _mean_axis(axis):
    return axis._replace(values=(words.text("still.mean", n=len(axis.values)),), repeats=False)
