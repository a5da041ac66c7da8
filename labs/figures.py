"""Figures from records: matplotlib for what stands still, plotly for what a reader may point at."""
import numpy as np

COLORS = ("#2a6fbb", "#c8553d", "#2f8f6b", "#8a5fbf", "#b7791f", "#5b6770", "#c2498c", "#3f9fb5")
"""A palette that reads on light and dark pages and for colour-blind readers; one colour a line."""


def final_losses(runs, along="learning_rate", lines="optimizer", series="val_loss", **values):
    """A plotly figure of the final value of `series` against the axis `along`, a line for each value of the axis `lines`.

    `values` fixes other axes. What is left is a mean over the runs (the seeds, say); a point at which any of them
    diverged is left out. Raises ValueError for an axis or value that the record does not have.
    """
    import plotly.graph_objects as go  # here: plotly takes a second to import, and most readers of a record need none
    x, means = runs.axis(along), mean_final(runs, along, lines, series, **values)
    figure = go.Figure()
    for color, name, y in zip(np.resize(COLORS, len(means)), runs.axis(lines).values, means):
        figure.add_scatter(x=list(x.values), y=[None if np.isnan(v) else round(float(v), 4) for v in y], name=str(name),
                           mode="lines+markers", line={"color": str(color)})
    figure.update_layout(xaxis={"title": {"text": x.label}, "type": "log" if x.scale == "log" else "category"},
                         yaxis={"title": {"text": f"final {series.replace('_', ' ').replace('val', 'validation')}"}},
                         legend={"title": {"text": runs.axis(lines).label}}, height=380,
                         margin={"l": 60, "r": 20, "t": 20, "b": 50})
    return figure


def mean_final(runs, along, lines, series="val_loss", **values):
    """The final value of `series` (values of `lines`, values of `along`), averaged over the axes that `values` leaves open.

    NaN wherever one of the averaged runs diverged.
    """
    left = [axis.name for axis in runs.axes if axis.name not in values]
    for name in (along, lines):
        if name not in left:
            raise ValueError(f"{name!r} must be an axis that is left open, one of {left}; do not fix it")
    others = tuple(i for i, name in enumerate(left) if name not in (along, lines))
    table = runs.final(series, **values).mean(axis=others)
    return table if left.index(lines) < left.index(along) else table.T
