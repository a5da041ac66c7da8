"""The controls of the live panel: one for every setting of `labs.settings`, of a kind that its
table tells.
"""

import functools
import math

import ipywidgets as widgets

from labs import settings, words
from labs.labels import axis_labels

RATES = (1e-5, 10)  # what a slider over real numbers on a logarithmic scale spans at least


def for_task(task, explorer, shown):
    """A control for each setting, {name: widget}, that shows its value of `shown`.

    Extra settings have one where the explorer's record has them, or not their default is shown.
    """
    axes = explorer.meta["axes"] if explorer is not None else []
    recorded = {axis["name"]: axis["values"] for axis in axes}
    samples = len(task.data.train_x)
    return {
        name: control(setting, shown[name], recorded.get(name, ()), samples)
        for name, setting in settings.SETTINGS.items()
        if not setting.extra or name in recorded or shown[name] != setting.default
    }


def close(some):
    """Close widgets, what is inside them, and the models of their looks: an open one is kept for
    good.
    """
    for widget in some:
        close(getattr(widget, "children", ()))
        for part in (widget, widget.layout, getattr(widget, "style", None)):
            if isinstance(part, widgets.Widget):
                part.close()


def control(setting, value, recorded, most):
    """A stock widget that shows `value` of a setting.

    `recorded`: values that it must be able to show besides. `most`: the largest whole number worth
    offering.
    """
    kind = functools.partial(_kind(setting), setting, [value, *recorded], most)
    made = kind()
    made.value = value
    made.description = words.label(f"axis.{setting.name}")
    made.style.description_width = "7em"
    made.layout.width = "auto"
    return made


def _kind(setting):
    if setting.choices is not None:
        return _list
    if isinstance(setting.default, bool):
        return lambda *_: widgets.Checkbox(indent=False)
    if setting.default == math.inf:
        return _bounds
    if isinstance(setting.default, int):
        return _sizes if setting.scale == settings.LOG else lambda *_: widgets.IntText()
    return _rates if setting.scale == settings.LOG else lambda *_: widgets.FloatText()


def _list(setting, values, most):
    return widgets.Dropdown(options=list(setting.choices))


def _sizes(setting, values, most):
    """Powers of two, and what else must be shown."""
    powers = {2**i for i in range(most.bit_length() + 1)}
    return widgets.SelectionSlider(options=sorted({*powers, most, *values}))


def _rates(setting, values, most):
    low, high = min(*RATES, *values), max(*RATES, *values)
    return widgets.FloatLogSlider(
        min=math.floor(math.log10(low)),
        max=math.ceil(math.log10(high)),
        step=0.05,
        readout_format=".3g",
    )


def _bounds(setting, values, most):
    """A ladder of bounds up to none, and what else must be shown."""
    ladder = sorted({*(10.0**i for i in range(-3, 4)), math.inf, *map(float, values)})
    return widgets.SelectionSlider(options=list(zip(axis_labels(ladder), ladder)))


def check_start(task, explorer, start):
    """Raise ValueError where a panel of `task` cannot begin with `start`, or beside `explorer`."""
    for name, value in start.items():
        if name not in settings.SETTINGS:
            raise ValueError(
                f"start: expected one of {list(settings.SETTINGS)}, got {name!r}; "
                "check the spelling"
            )
        settings.check(name, value)
    if explorer is not None and explorer.meta["task"]["name"] != task.name:
        raise ValueError(
            f"explorer: expected runs on the task {task.name!r}, "
            f"got {explorer.meta['task']['name']!r}; give the panel the task that was swept"
        )
    if explorer is not None:
        _check_one_task(explorer)


def _check_one_task(explorer):
    axes = {axis["name"]: axis["values"] for axis in explorer.meta["axes"]}
    more = [name for name in axes if name not in settings.SETTINGS and len(axes[name]) > 1]
    if more:
        raise ValueError(
            f"explorer: expected the runs of one task, got several, with the axes {more}; "
            f"show one of them, as with labs.Explorer(runs.sel({more[0]}={axes[more[0]][0]!r}))"
        )
