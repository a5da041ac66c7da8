"""A plotly figure that has words, and a still picture of one, painted by matplotlib from the
figure's own traces.

The picture is for papers, notebooks on the web and readers without JavaScript. It holds what was
measured, not every ornament: lines, markers, error bars, bars, heat maps, contours and surfaces, on
linear, log, date and category axes, with titles and a legend. What it cannot draw, it names.
"""

import base64
import io
import itertools

import plotly.graph_objects as go

from labs import strokes
from labs.strokes import axes_of, text

COLOR = "#2a6fbb"  # of a trace, where neither it nor the layout has one that is known


class Figure(go.Figure):
    """A plotly figure with `says`, a sentence on what it shows.

    Wherever it is shown the sentence and a still picture ride along, for pages that run no script
    and readers who see no picture.
    """

    # plotly's would show the figure itself and lose the fallbacks of _repr_mimebundle_
    _ipython_display_ = None

    def __init__(self, *args, says="", **kwargs):
        super().__init__(*args, **kwargs)
        self._says = says

    @property
    def says(self):
        """What the figure shows, in words."""
        return self._says

    def _repr_mimebundle_(self, *args, **kwargs):
        data = super()._repr_mimebundle_(*args, **kwargs) or {}
        picture = base64.b64encode(paint(self)).decode()
        return {**data, "text/plain": self._says, "image/png": picture}


def paint(figure):
    """A PNG of a plotly figure, of its first frame where it has frames, as bytes."""
    file = io.BytesIO()
    drawn(figure).savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def drawn(figure):
    """The picture of a plotly figure, as a figure of matplotlib."""
    import matplotlib.figure
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    layout = figure.layout
    size = ((layout.width or 700) / 100, (layout.height or 450) / 100)
    canvas = matplotlib.figure.Figure(figsize=size, dpi=100, layout="constrained")
    FigureCanvasAgg(canvas)
    places = _traces(canvas, first_frame(figure), layout)
    for names, axes in places.items():
        _label(axes, names, layout)
    if text(layout.title):
        canvas.suptitle(text(layout.title), fontsize=12)
    _legend(list(places.values()), layout)
    return canvas


def _traces(canvas, traces, layout):
    """Draws all that is in sight; returns the places by the names of their axes."""
    shown = [trace for trace in traces if trace.visible not in (False, "legendonly")]
    colorway = layout.colorway or layout.template.layout.colorway or [COLOR]
    palette = itertools.cycle([strokes.color(one, COLOR) for one in colorway])
    colors = {trace.uid or id(trace): next(palette) for trace in shown}
    places, bars = {}, {}
    for trace in shown:
        axes = _place(canvas, places, trace, layout)
        if trace.type == "bar":
            bars.setdefault(axes_of(trace), []).append(trace)
        else:
            strokes.draw(axes, trace, layout, colors[trace.uid or id(trace)])
    for names, some in bars.items():
        tints = [colors[trace.uid or id(trace)] for trace in some]
        strokes.bars(places[names], some, layout, tints)
    return places


def first_frame(figure):
    """The traces that are shown first."""
    traces = list(go.Figure(figure.data).data)
    if not figure.frames:
        return traces
    frame = figure.frames[0]
    for i, part in zip(frame.traces or range(len(frame.data)), frame.data):
        if i < len(traces):
            traces[i].update(part.to_plotly_json(), overwrite=True)
    return traces or list(frame.data)


def _place(canvas, places, trace, layout):
    """The axes of a trace, made where there are none."""
    names = axes_of(trace)
    if names in places:
        return places[names]
    if names[0].startswith("scene"):
        places[names] = canvas.add_subplot(projection="3d")
        return places[names]
    sides = [tuple(getattr(layout[name], "domain", None) or (0, 1)) for name in names]
    if sides == [(0, 1), (0, 1)]:
        places[names] = canvas.add_subplot()
    else:
        canvas.set_layout_engine("none")
        (left, right), (low, high) = sides
        box = [0.1 + 0.87 * left, 0.14 + 0.76 * low, 0.87 * (right - left), 0.76 * (high - low)]
        places[names] = canvas.add_axes(box)
    for side, name in zip("xy", names):
        if layout[name].type == "log":
            getattr(places[names], f"set_{side}scale")("log")
    return places[names]


def _label(axes, names, layout):
    """Titles, scales and ranges of the axes."""
    scene = layout[names[0]] if names[0].startswith("scene") else None
    for side in "xyz" if scene else "xy":
        axis = scene[f"{side}axis"] if scene else layout[names["xy".index(side)]]
        getattr(axes, f"set_{side}label")(text(axis.title))
        if axis.range and all(isinstance(end, int | float) for end in axis.range):
            ends = [10**end for end in axis.range] if axis.type == "log" else axis.range
            getattr(axes, f"set_{side}lim")(*ends)
        elif axis.autorange == "reversed":
            getattr(axes, f"invert_{side}axis")()
    if scene is None:
        axes.spines[["top", "right"]].set_visible(False)


def _legend(places, layout):
    handles = [
        pair for axes in places for pair in zip(*axes.get_legend_handles_labels()) if pair[1]
    ]
    wanted = layout.showlegend if layout.showlegend is not None else len(handles) > 1
    if handles and wanted:
        title = text(layout.legend.title) or None
        places[0].legend(*zip(*handles), title=title, frameon=False, fontsize=9)
