"""One table of settings: what a run can be told, what it may be, and how it is drawn and chosen.

`Grid`, `TrainConfig`, the engine, the explorer and the live panel read it. A new setting is a line
here, its use in `labs.optimizers.update`, and its label in `labs/words/en.json`.
"""

import dataclasses
import math
import numbers
from collections.abc import Callable
from functools import partial

from labs import optimizers

CATEGORY, LOG, LINEAR = "category", "log", "linear"


@dataclasses.dataclass(frozen=True)
class Setting:
    """A hyper-parameter.

    `check` takes a plain value and returns it, or raises ValueError. `scale` says how an axis of it
    is drawn: "log", "linear" or "category"; `control` how a value is chosen: "slider" or "list".
    `repeats`: its values repeat one setting, so that a mean over them has a meaning. `column`: the
    update rule reads it, as one number a run. `axis`: a `Grid` may have several values of it.
    `choices`: all values there are, where they can be listed. `extra`: neither a record nor the
    live panel tells of it while it has its default. Its label is the word "axis.<name>".
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
    extra: bool = False


def check(name, value):
    """The value of the setting `name` as a plain Python value; `value` may be numpy's or torch's.

    Raises ValueError for a setting that is not in the table, and for a value that it cannot have.
    """
    if name not in SETTINGS:
        raise ValueError(f"a setting must be one of {list(SETTINGS)}, got {name!r}; check the name")
    return SETTINGS[name].check(name, plain(value))


def plain(value):
    """A single number of numpy or torch as Python's; anything else as it is."""
    return value.item() if getattr(value, "ndim", None) == 0 else value


def whole(value):
    """A whole number of any type, also 32.0, as an int; None where `value` is none."""
    number = plain(value)
    real = isinstance(number, numbers.Real) and not isinstance(number, bool)
    return int(number) if real and number % 1 == 0 else None


def _one_of(table, name, value):
    if not isinstance(value, str) or value not in table:
        raise ValueError(
            f"{name} must be one of {sorted(table)}, got {value!r}; choose one of these"
        )
    return value


def _whole(least, name, value):
    number = whole(value)
    if number is None or number < least:
        raise ValueError(
            f"{name} must be a whole number of at least {least}, got {value!r}; "
            f"give {max(least, 1)} or more"
        )
    return number


def _real(words, fits, name, value, example=0.01):
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not fits(value):
        raise ValueError(f"{name} must be {words}, got {value!r}; give a number such as {example}")
    return float(value)


def _most(name, value):
    """A bound: positive, infinite where there is none."""
    if value is None or value == math.inf:
        return math.inf
    words = "positive, or None, which bounds nothing"
    return _real(words, lambda value: value > 0, name, value, example=1.0)


def _listed(name, default, table):
    return Setting(name, default, partial(_one_of, table), control="list", choices=tuple(table))


def _own(name, check, scale=CATEGORY):
    """A setting that only some rules read. Its default is their own value; None, where they differ,
    stands for it.
    """
    values = set(optimizers.readers(name).values())
    default = values.pop() if len(values) == 1 else None
    plain = lambda name, value: default if value is None else check(name, value)
    return Setting(name, default, plain, scale=scale, column=True, extra=True)


_positive = partial(_real, "positive", lambda value: value > 0)
_not_negative = partial(_real, "zero or positive", lambda value: value >= 0)
_share = partial(_real, "between 0 and 1", lambda value: 0 <= value <= 1, example=0.1)
_below_1 = partial(_real, "at least 0 and below 1", lambda value: 0 <= value < 1, example=0.9)
_little = partial(_real, "positive", lambda value: value > 0, example=1e-8)
_smoothing = partial(_below_1, example=0.1)

SETTINGS = {
    setting.name: setting
    for setting in (
        _listed("optimizer", "sgd", optimizers.RULES),
        Setting("learning_rate", 0.1, _positive, scale=LOG, column=True),
        Setting("batch_size", 32, partial(_whole, 1), scale=LOG),
        Setting("weight_decay", 0.0, _not_negative, column=True),
        Setting("l2", 0.0, _not_negative, column=True),
        Setting("l1", 0.0, _not_negative, column=True),
        Setting("label_smoothing", 0.0, _smoothing, scale=LINEAR, column=True, extra=True),
        Setting("clip_norm", math.inf, _most, column=True, extra=True),
        _own("momentum", _below_1),
        _own("beta1", _below_1),
        _own("beta2", _below_1),
        _own("eps", _little, scale=LOG),
        _listed("schedule", "constant", optimizers.SCHEDULES),
        Setting("warmup_share", 0.1, _share, scale=LINEAR, extra=True),
        Setting("seed", 0, partial(_whole, 0), control="list", repeats=True),
        Setting("steps", 500, partial(_whole, 1), axis=False),
    )
}
"""The settings by name.

`learning_rate`: per step, before the schedule. `batch_size`: samples. `weight_decay`: decoupled,
per unit of learning rate. `l2` and `l1`: the weights of |theta|²/2 and of
sum(|theta|) in the loss. `label_smoothing`: see `labs.tasks.smoothed`; losses are measured without
it. `clip_norm`: the largest norm of the gradient of a run, without penalties; infinite, or None,
where it is not clipped. `momentum`, `beta1`, `beta2` (RMSprop's alpha), `eps`: as torch.optim has
them; None is each rule's own. `warmup_share`: the part of training in which schedules with a
warm-up rise. `steps`: updates.
"""

AXES = tuple(name for name, setting in SETTINGS.items() if setting.axis)
COLUMNS = tuple(name for name, setting in SETTINGS.items() if setting.column)


def in_use(name, values):
    """Whether a step must read the column `name` where runs have these values of the setting.

    Where all have the default, a rule does without.
    """
    return name == "learning_rate" or any(value != SETTINGS[name].default for value in values)


def column(name, values):
    """A row for each run of what a rule reads: one number, or none where it is not in use."""
    used = in_use(name, values)
    return [[optimizers.told(name, value)] if used else [] for value in values]


def read_by_rule(setting):
    """What the rule of a run reads of its settings, {column: value}; its own value for None."""
    own = optimizers.RULES[setting["optimizer"]].own
    read = {n: setting[n] for n in COLUMNS if n in own or not optimizers.readers(n)}
    return {name: own[name] if value is None else value for name, value in read.items()}


def scale_of(values):
    """How an axis of `values` that is in no table is drawn.

    "log" where they are positive numbers and the largest is at least eight times the smallest,
    "linear" for other numbers, "category" for the rest.
    """
    if not all(isinstance(v, numbers.Real) and not isinstance(v, bool) for v in values):
        return CATEGORY
    return LOG if min(values) > 0 and max(values) >= 8 * min(values) else LINEAR
