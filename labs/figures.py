"""Figures from records: matplotlib for what stands still, plotly for what a reader may point at."""

import itertools

import numpy as np

from labs import record, words
from labs.labels import axis_labels

COLORS = (
    "#2a6fbb",
    "#c8553d",
    "#2f8f6b",
    "#8a5fbf",
    "#b7791f",
    "#5b6770",
    "#c2498c",
    "#3f9fb5",
)
"""A palette that reads on light and dark pages and for colour-blind readers; one colour a line."""


def final_losses(runs, along="learning_rate", lines="optimizer", series="val_loss", **fixed):
    """A plotly figure of the final value of `series` against the axis `along`, a line for each
    value of the axis `lines`.

    `fixed` holds other axes at a value. What is left is a mean over the runs (the seeds, say), with
    their sample standard deviation where they are repeats; a point at which any of them diverged is
    left out. Raises ValueError for an axis or value that the record does not have.
    """
    # Here: plotly takes a second to import, and most readers of a record need none.
    from labs.painter import Figure

    axes = {axis.name: axis for axis in record.axes(runs)}
    left = [name for name in axes if name not in fixed]
    for name in (along, lines):
        if name not in left:
            raise ValueError(
                f"{name!r} must be an axis that is left open, one of {left}; do not fix it"
            )
    final = _at(record.whole(runs)[series].isel(step=-1, missing_dims="ignore"), axes, fixed)
    others = [name for name in left if name not in (along, lines)]
    x_label, line_label = (words.label(axes[name].label) for name in (along, lines))
    names = axis_labels(axes[lines].values)
    said = {"value": _title(runs, series), "axis": x_label, "lines": line_label}
    said["names"] = words.listed(names)
    figure = Figure(says=_capital(words.text("figure.final", **said)))
    averages = _averages(final, [axes[name] for name in others])
    x = [str(v) if v == float("inf") else v for v in axes[along].values]  # JSON has no infinity
    tables = (table.transpose(lines, along).values for table in averages)
    for color, name, row, spread in zip(itertools.cycle(COLORS), names, *tables):
        bars = {"array": _rounded(spread), "thickness": 1, "width": 0}
        style = {"mode": "lines+markers", "line": {"color": color}, "error_y": bars}
        y = _rounded(row)
        figure.add_scatter(x=x, y=y, name=name, **style)
    figure.update_layout(
        xaxis={"title": {"text": x_label}, "type": axes[along].scale},
        yaxis={"title": {"text": _title(runs, series)}},
        legend={"title": {"text": line_label}},
        height=380,
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
    )
    return figure


def show(figure, says):
    """Show a plotly figure of your own with `says`, a sentence on what to see in it.

    The sentence and a still picture go with it to readers who cannot see or move it. Raises
    ValueError where there is no sentence.

    >>> labs.figures.show(figure, says="The loss falls as a power of the width.")
    """
    from IPython.display import display

    from labs.painter import Figure

    if not isinstance(says, str) or " " not in says.strip():
        raise ValueError(f"says: expected a sentence on what to see, got {says!r}; write one")
    display(Figure(figure, says=says.strip()))


def _averages(values, axes):
    """Means over axes, and the standard deviations where these hold repeats, else no numbers."""
    names = [axis.name for axis in axes]
    means = values.mean(names, skipna=False)
    several = [axis for axis in axes if values.sizes[axis.name] > 1]
    repeated = several and all(axis.repeats for axis in several)
    return means, values.std(names, ddof=1, skipna=False) if repeated else means * np.nan


def _capital(sentence):
    return sentence[:1].upper() + sentence[1:]


def _rounded(values):
    return [None if np.isnan(value) else float(f"{value:.4g}") for value in values]


def _title(runs, series):
    metric = words.label((runs.attrs.get("task") or {}).get("metric") or "value.metric")
    return words.label(runs[series].attrs.get("label", f"value.{series}"), metric=metric)


def _at(array, axes, fixed):
    for name in fixed:
        if name not in axes:
            raise ValueError(f"{name!r} must be an axis, one of {list(axes)}; check the spelling")
    return array.isel({n: record.position(axes[n], value) for n, value in fixed.items()})
