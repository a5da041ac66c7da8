"""One table of settings: what a run can be told, what it may be, and how it is drawn and chosen.

`Grid`, `TrainConfig`, the engine, the explorer and the live panel read it. A new setting is a line
here, its use in `labs.optimizers.update`, and its label in `labs/words/en.json`.
"""

import dataclasses
import math
import numbers
from collections.abc import Callable
from functools import partial

import numpy as np

from labs import optimizers

CATEGORY, LOG, LINEAR = "category", "log", "linear"


@dataclasses.dataclass(frozen=True)
class Setting:
    """A hyper-parameter.

    `check` takes a plain value and returns it, or raises ValueError. `scale` says how an axis of it
    is drawn: "log", "linear" or "category"; `control` how a value is chosen: "slider" or "list".
    `repeats`: its values repeat one setting, so that a mean over them has a meaning. `column`: the
    update rule reads it, as one number a run. `axis`: a `Grid` may have several values of it.
    `choices`: all values there are, where they can be listed. Its label is the word "axis.<name>".
    """

    name: str
    default: object
    check: Callable
    scale: str = CATEGORY
    control: str = "slider"
    repeats: bool = False
    column: bool = False
    axis: bool = True
    choices: tuple | None = None


def check(name, value):
    """The value of the setting `name` as a plain Python value; `value` may be numpy's.

    Raises ValueError for a setting that is not in the table, and for a value that it cannot have.
    """
    if name not in SETTINGS:
        raise ValueError(f"a setting must be one of {list(SETTINGS)}, got {name!r}; check the name")
    plain = value.item() if isinstance(value, np.generic) else value
    return SETTINGS[name].check(name, plain)


def _one_of(table, name, value):
    if not isinstance(value, str) or value not in table:
        raise ValueError(
            f"{name} must be one of {sorted(table)}, got {value!r}; choose one of these"
        )
    return value


def _whole(least, name, value):
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise ValueError(
            f"{name} must be a whole number of at least {least}, got {value!r}; "
            f"give {max(least, 1)} or more"
        )
    return int(value)


def _real(words, fits, name, value):
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not fits(value):
        raise ValueError(f"{name} must be {words}, got {value!r}; give a number such as 0.01")
    return float(value)


def _listed(name, default, table):
    return Setting(name, default, partial(_one_of, table), control="list", choices=tuple(table))


_positive = partial(_real, "positive", lambda value: value > 0)
_not_negative = partial(_real, "zero or positive", lambda value: value >= 0)

SETTINGS = {
    setting.name: setting
    for setting in (
        _listed("optimizer", "sgd", optimizers.RULES),
        Setting("learning_rate", 0.1, _positive, scale=LOG, column=True),
        Setting("batch_size", 32, partial(_whole, 1), scale=LOG),
        Setting("weight_decay", 0.0, _not_negative, column=True),
        Setting("l2", 0.0, _not_negative, column=True),
        _listed("schedule", "constant", optimizers.SCHEDULES),
        Setting("seed", 0, partial(_whole, 0), control="list", repeats=True),
        Setting("steps", 500, partial(_whole, 1), axis=False),
    )
}
"""The settings by name.

`learning_rate`: per step, before the schedule. `batch_size`: samples. `weight_decay`: decoupled,
per unit of learning rate. `l2`: the weight of |theta|²/2 in the loss. `steps`: updates.
"""

AXES = tuple(name for name, setting in SETTINGS.items() if setting.axis)
COLUMNS = tuple(name for name, setting in SETTINGS.items() if setting.column)


def scale_of(values):
    """How an axis of `values` that is in no table is drawn.

    "log" where they are positive numbers and the largest is at least eight times the smallest,
    "linear" for other numbers, "category" for the rest.
    """
    if not all(isinstance(v, numbers.Real) and not isinstance(v, bool) for v in values):
        return CATEGORY
    return LOG if min(values) > 0 and max(values) >= 8 * min(values) else LINEAR
