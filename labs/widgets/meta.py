"""What the front end must know about a record besides its arrays, as JSON.

Labels travel as keys of the table of words, and axis values with their labels ("texts").
"""

import math

import numpy as np

from labs.labels import axis_labels, code


def describe(found, name):
    """The description of the `Contents` of a record; `name` is the explorer's."""
    return {
        "name": name,
        "axes": [_axis(axis) for axis in found.axes],
        "values": [
            {"name": value.name, "label": value.label, "better": value.better}
            for value in found.values.values()
        ],
        "steps": found.steps,
        "record_steps": found.times,
        "task": found.task,
        "call": found.call,
        "loss_range": loss_range(found),
        "marks": found.marks,
    }


def _axis(axis):
    return {
        "name": axis.name,
        "label": axis.label,
        "scale": axis.scale,
        "control": axis.control,
        "repeats": axis.repeats,
        "values": [_json(value) for value in axis.values],
        "texts": list(axis_labels(axis.values)),
        "code": [code(value) for value in axis.values],
    }


def _json(value):
    """JSON has no infinity, and no dates."""
    plain = isinstance(value, str | bool | int) or isinstance(value, float) and math.isfinite(value)
    return value if plain else str(value)


def loss_range(found):
    """[lowest, highest] loss worth drawing, the same for every setting, so that moves can be
    compared.

    The highest leaves out what a run reaches on its way to diverging: at most a quarter over the
    usual first loss.
    """
    if not found.curves:
        return None
    losses = np.concatenate([curve[found.trained].ravel() for curve in found.curves.values()])
    first = next(iter(found.curves.values()))[..., 0]
    losses, first = (a[np.isfinite(a) & (a > 0)] for a in (losses, first))
    if not losses.size:
        return [0.1, 1.0]
    usual = float(np.median(first)) if first.size else float(np.median(losses))
    highest = min(float(np.quantile(losses, 0.995)), 1.25 * usual)
    return [float(np.quantile(losses, 0.001)), max(highest, float(np.median(losses)))]
