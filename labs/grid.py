"""Which runs to train: the axes of a sweep and their values."""

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np

from labs import optimizers, settings
from labs.labels import code
from labs.record import OTHER_DIMENSIONS, VARIABLES, Axis


def logspace(low, high, count):
    """`count` values from `low` to `high`, equal ratios apart.

    They are rounded to three digits so that they read well.

    >>> logspace(1e-3, 1e-1, 5)     # [0.001, 0.00316, 0.01, 0.0316, 0.1]
    """
    return [float(f"{value:.3g}") for value in np.geomspace(low, high, count)]


class Grid:
    """The settings to train: every combination of the values on the axes.

    The axes are those of `labs.settings.SETTINGS`; one that is left out has its default, and a
    single value stands for a list of one. `grid.learning_rate` is the tuple of values. Raises
    ValueError for an unknown or empty axis, a repeated value, or one that is impossible.

    >>> Grid(optimizer=["sgd", "adam"], learning_rate=logspace(1e-3, 1, 7), seed=[0, 1, 2])
    """

    def __init__(self, **values):
        for name in values:
            if name not in settings.AXES:
                raise ValueError(
                    f"an axis must be one of {list(settings.AXES)}, got {name!r}; check the name"
                )
        for name in settings.AXES:
            given = values.get(name, settings.SETTINGS[name].default)
            plain = tuple(settings.check(name, value) for value in _listed(name, given))
            _check_own(name, plain)
            setattr(self, name, _without_repetition(name, plain))

    def axes(self):
        """The axes of the record that this grid makes, in order.

        Of the settings that `labs.settings` marks as extra, those alone that are not left at their
        default.
        """
        told = [n for n in settings.AXES if self._varied(n) or not settings.SETTINGS[n].extra]
        return tuple(Axis.of_setting(settings.SETTINGS[n], getattr(self, n)) for n in told)

    def settings(self):
        """The values of every run, as dicts, in the order of the record's flat index."""
        values = itertools.product(*(getattr(self, name) for name in settings.AXES))
        return [dict(zip(settings.AXES, row)) for row in values]

    def __repr__(self):
        shown = [name for name in settings.AXES if self._varied(name)]
        axes = [f"{name}=[{', '.join(map(code, getattr(self, name)))}]" for name in shown]
        return f"labs.Grid({', '.join(axes)})"

    def _varied(self, name):
        return getattr(self, name) != (settings.SETTINGS[name].default,)


def _read_by():
    """A line for each setting that only some rules read, from the table of rules."""
    table = {name: ", ".join(optimizers.readers(name)) for name in settings.COLUMNS}
    return "\n".join(f"    - `{name}`: {rules}" for name, rules in table.items() if rules)


Grid.__doc__ = f"""{Grid.__doc__.rstrip()}

    Of some settings only these optimizers know; under the others they change nothing:

{_read_by()}
    """


@dataclasses.dataclass(frozen=True)
class Varied:
    """What `vary` returns: `make_task` and the axes of its arguments."""

    make_task: Callable
    axes: tuple

    def tasks(self):
        """A task for every combination of the values, the last axis fastest."""
        names = [axis.name for axis in self.axes]
        rows = itertools.product(*(axis.values for axis in self.axes))
        return [self.make_task(**dict(zip(names, row))) for row in rows]

    def __repr__(self):
        values = "".join(f", {axis.name}={list(axis.values)}" for axis in self.axes)
        return f"labs.vary({name_of(self.make_task)}{values})"


def vary(make_task, repeats=(), **values):
    """Tasks on axes of their own.

    `labs.sweep` trains its grid on each, and these axes come first in the record.

    `make_task`: a function that returns a task, such as `labs.tasks.spirals`; `values`: lists of
    its arguments. `repeats` names the axes that repeat one setting, as another draw of the data
    does. Raises ValueError for an empty axis, a repeated value, one that is neither a number nor a
    text, or a name that `labs.Grid` has.

    >>> tasks = labs.vary(labs.tasks.spirals, width=[4, 16, 64], depth=[1, 2])
    >>> labs.sweep(tasks, labs.Grid(), steps=500)
    """
    for name in (*values, *repeats):
        _check_name(make_task, name, values)
    if not values:
        raise ValueError(
            "vary needs at least one axis, got none; give an argument a list of values"
        )
    return Varied(make_task, tuple(_axis(name, values[name], name in repeats) for name in values))


def _check_name(make_task, name, values):
    if name not in values:
        raise ValueError(f"repeats must name axes, one of {list(values)}, got {name!r}")
    if name in (*settings.SETTINGS, *OTHER_DIMENSIONS, *VARIABLES):
        raise ValueError(
            f"an axis of {name_of(make_task)} may not be called {name!r}, because a record has "
            "that name already; put settings into labs.Grid, or wrap the function and rename its "
            "argument"
        )


def _axis(name, given, repeats):
    values = tuple(settings.plain(value) for value in _listed(name, given))
    texts = [isinstance(value, str) for value in values]
    if not all(isinstance(value, (str, int, float)) for value in values) or len(set(texts)) > 1:
        raise ValueError(
            f"{name} must be all numbers or all texts, got {list(values)}; wrap the function that "
            "makes the task in one of those"
        )
    scale = settings.scale_of(_without_repetition(name, values))
    control = "list" if scale == settings.CATEGORY else "slider"
    return Axis(name, f"axis.{name}", values, scale, control, repeats)


def name_of(function):
    """How a reader calls `function`: `labs.tasks.spirals`, or its bare name outside of labs."""
    module, name = getattr(function, "__module__", ""), getattr(function, "__name__", "make_task")
    package = module.split(".")[:2]  # labs.tasks offers what its files hold
    return ".".join([*package, name]) if package[0] == "labs" else name


def _listed(name, given):
    given = settings.plain(given)
    single = given is None or np.isscalar(given)
    values = (given,) if single else tuple(given)
    if not values:
        raise ValueError(
            f"{name} needs at least one value, got an empty axis; leave it out to keep its default"
        )
    return values


def _check_own(name, values):
    if None in values and len(values) > 1:
        own = ", ".join(f"{value} ({rule})" for rule, value in optimizers.readers(name).items())
        raise ValueError(
            f"{name} must be all numbers, or None alone, got {list(values)}; write what None "
            f"stands for, {own}, as a number"
        )


def _without_repetition(name, values):
    if len(set(values)) < len(values):
        raise ValueError(
            f"{name} must not repeat a value, got {list(values)}; remove the repetition"
        )
    return values
