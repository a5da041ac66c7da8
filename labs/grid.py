"""Which settings to train: the axes of a sweep and their values."""
import dataclasses
import itertools

import numpy as np

from labs.runs import Axis
from labs.train import check_setting

AXES = {"optimizer": ("optimizer", "category"), "learning_rate": ("learning rate", "log"), "batch_size": ("batch size", "log"),
        "weight_decay": ("weight decay", "category"), "l2": ("L2 penalty", "category"), "schedule": ("schedule", "category"),
        "seed": ("seed", "category")}
REAL = ("learning_rate", "weight_decay", "l2")


def logspace(low, high, count):
    """`count` values from `low` to `high`, equal ratios apart, rounded to three digits so that they read well.

    >>> logspace(1e-3, 1e-1, 5)     # [0.001, 0.00316, 0.01, 0.0316, 0.1]
    """
    return [float(f"{value:.3g}") for value in np.geomspace(low, high, count)]


@dataclasses.dataclass(frozen=True)
class Grid:
    """The settings to train: every combination of the values on the axes. A single value may stand for a list of one.

    `learning_rate`: per step, before the schedule. `batch_size`: samples. `weight_decay`: decoupled. `l2`: the weight of
    |theta|²/2 in the loss. Raises ValueError for an empty axis, a repeated value, or one that is impossible.
    """

    optimizer: tuple = ("sgd",)
    learning_rate: tuple = (0.1,)
    batch_size: tuple = (32,)
    weight_decay: tuple = (0.0,)
    l2: tuple = (0.0,)
    schedule: tuple = ("constant",)
    seed: tuple = (0,)

    def __post_init__(self):
        for name in AXES:
            given = getattr(self, name)
            values = (given,) if isinstance(given, str) or np.isscalar(given) else tuple(given)
            if not values:
                raise ValueError(f"{name} needs at least one value, got an empty axis; leave it out to keep its default")
            plain = tuple(v.item() if isinstance(v, np.generic) else v for v in values)
            for value in plain:
                check_setting(name, value)
            if name in REAL:
                plain = tuple(map(float, plain))
            if len(set(plain)) < len(plain):
                raise ValueError(f"{name} must not repeat a value, got {list(plain)}; remove the repetition")
            object.__setattr__(self, name, plain)

    def axes(self):
        """The axes of the record that this grid makes, in order."""
        return tuple(Axis(name, label, getattr(self, name), scale) for name, (label, scale) in AXES.items())

    def settings(self):
        """The values of every run, as dicts, in the order of the record's flat index."""
        return [dict(zip(AXES, values)) for values in itertools.product(*(getattr(self, name) for name in AXES))]

    def __str__(self):
        shown = {f.name: list(getattr(self, f.name)) for f in dataclasses.fields(self) if getattr(self, f.name) != f.default}
        return f"labs.Grid({', '.join(f'{name}={values}' for name, values in shown.items())})"
