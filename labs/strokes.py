"""How matplotlib draws the traces of a plotly figure, one function for each kind."""

import colorsys
import datetime
import re

import numpy as np

from labs import words

DASHES = {"dash": "--", "dot": ":", "dashdot": "-.", "longdash": (0, (8, 3))}
MARKERS = {"square": "s", "diamond": "D", "cross": "P", "x": "X", "triangle-up": "^", "star": "*"}
POINTS = 0.72  # points a pixel, at 100 dots an inch


def text(title):
    """A title without its tags; "" where there is none."""
    found = title.text if hasattr(title, "text") else title
    plain = re.sub("<[^>]*>", "", re.sub("<br ?/?>", "\n", found or ""))
    return plain if plain.count("$") % 2 == 0 else plain.replace("$", r"\$")


def color(value, fallback=None):
    """A plotly colour as matplotlib reads it; `fallback` for what is none that it knows."""
    from matplotlib.colors import is_color_like

    plain = value.strip().lower() if isinstance(value, str) else ""
    found = re.fullmatch(r"(rgb|hsl)a?\((.*)\)", plain)
    parts = re.findall(r"([\d.]+)(%?)", found[2]) if found else []
    if len(parts) in (3, 4):
        return _mixed(found[1], parts)
    return plain if is_color_like(plain) else fallback


def _mixed(space, parts):
    """Red, green and blue from 0 to 1, and the opacity where it is given, of a colour's parts."""
    wholes = [255, 255, 255, 1] if space == "rgb" else [360, 100, 100, 1]
    shares = [float(part) / (100 if sign else end) for (part, sign), end in zip(parts, wholes)]
    first, second, third, *opacity = (min(share, 1) for share in shares)
    if space == "hsl":
        first, second, third = colorsys.hls_to_rgb(first, third, second)
    return first, second, third, *opacity


def numbers(values, as_category=False):
    """Values for matplotlib: numbers or dates with gaps, or words."""
    if values is None:
        return None
    values = np.asarray(values)
    objects = values.ravel().tolist() if values.dtype == object else []
    some = [value for value in objects if value is not None]
    if some and not as_category and all(isinstance(value, datetime.date) for value in some):
        return _dates(values)
    strange = any(not hasattr(value, "__float__") for value in some)
    if as_category or strange or values.dtype.kind in "US":
        return [str(value) for value in values.ravel().tolist()]
    return values if values.dtype.kind in "mM" else values.astype(float)


def _dates(values):
    """Python's dates as numpy's: the clock's time where it was, as plotly shows it."""
    there = [v.replace(tzinfo=None) if hasattr(v, "tzinfo") else v for v in values.ravel()]
    return np.array(there, dtype="datetime64[us]").reshape(values.shape)


def axes_of(trace):
    """The names of a trace's axes in the layout, or of its scene."""
    if hasattr(trace, "scene"):
        return ((trace.scene or "scene"),)
    ids = (getattr(trace, "xaxis", None) or "x", getattr(trace, "yaxis", None) or "y")
    return tuple(f"{name[0]}axis{name[1:]}" for name in ids)


def draw(axes, trace, layout, fallback):
    """One trace that is no bar; a kind that is not known here is told in words."""
    kinds = {
        "scatter": _scatter,
        "scattergl": _scatter,
        "heatmap": _field,
        "contour": _field,
        "surface": _surface,
        "scatter3d": _scatter_in_space,
    }
    if trace.type in kinds:
        kinds[trace.type](axes, trace, layout, fallback)
        return
    said = words.text("figure.other", kind=trace.type)
    put = getattr(axes, "text2D", axes.text)  # axes in space place their texts in space
    height = 0.5 - 0.1 * len(axes.texts)  # below others that are told
    put(0.5, height, said, ha="center", transform=axes.transAxes, wrap=True)


def bars(axes, traces, layout, colors):
    """All bar traces of one place: on top of each other where the layout stacks them, else side by
    side.
    """
    stacked = layout.barmode in ("stack", "relative")
    width, top = 0.8 / (1 if stacked else len(traces)), 0
    for i, (trace, tint) in enumerate(zip(traces, colors)):
        x, y = points(trace, layout)
        lying = trace.orientation == "h"
        along, high = (y, x) if lying else (x, y)
        at = _positions(axes.yaxis if lying else axes.xaxis, along)
        distances = np.diff(np.unique(at[np.isfinite(at)]))
        gap = distances.min() if len(distances) else 1
        at = at if stacked else at + (i - (len(traces) - 1) / 2) * width * gap
        put, base = (axes.barh, "left") if lying else (axes.bar, "bottom")
        tint = color(trace.marker.color) or tint
        put(at, high, width * gap, color=tint, label=name(trace), **{base: top})
        top = top + np.nan_to_num(np.asarray(high, float)) if stacked else 0


def _positions(axis, values):
    """Where bars stand on an axis, as numbers; the axis says what they stand for."""
    from matplotlib.dates import date2num

    if isinstance(values, list):
        axis.set_ticks(range(len(values)), values)
        return np.arange(len(values), dtype=float)
    if values.dtype.kind == "M":
        axis.axis_date()
        return date2num(values)
    return values


def points(trace, layout):
    """x and y as matplotlib takes them; positions where x is not given."""
    kinds = [layout[axis].type == "category" for axis in axes_of(trace)]
    x, y = numbers(trace.x, kinds[0]), numbers(trace.y, kinds[1])
    count = np.arange(len(y if x is None else x), dtype=float)
    return (count if x is None else x), (count if y is None else y)


def _style(trace, fallback):
    """Line and marker of a scatter as matplotlib's options."""
    mode = trace.mode or "lines+markers"
    marker, line = trace.marker, trace.line
    chosen = color(line.color) or color(marker.color) or fallback
    style = {"color": chosen, "linestyle": "none", "marker": None}
    if "lines" in mode:
        style["linestyle"] = DASHES.get(line.dash, "-")
        style["linewidth"] = (line.width or 2) * POINTS
    if "markers" in mode:
        style["marker"] = MARKERS.get(marker.symbol, "o")
        style["markersize"] = float(np.mean(6 if marker.size is None else marker.size)) * POINTS
        style["markerfacecolor"] = color(marker.color) or chosen
    return style


def _errors(error):
    """Lengths of error bars, two rows where up and down differ."""
    if error.visible is False or error.array is None:
        return None
    up = np.nan_to_num(numbers(error.array))
    down = up if error.arrayminus is None else np.nan_to_num(numbers(error.arrayminus))
    return np.stack([down, up])


def _scatter(axes, trace, layout, fallback):
    x, y = points(trace, layout)
    style = _style(trace, fallback)
    label = {"label": name(trace), "alpha": trace.opacity or 1}
    errors = {"xerr": _errors(trace.error_x), "yerr": _errors(trace.error_y), "elinewidth": 1}
    shades = numbers(trace.marker.color) if not isinstance(trace.marker.color, str) else None
    if isinstance(shades, np.ndarray) and "lines" not in (trace.mode or ""):
        size = style.get("markersize", 4) ** 2
        axes.scatter(x, y, c=shades, s=size, cmap=_colors(trace.marker.colorscale), **label)
        return _words(axes, trace, x, y)
    axes.errorbar(x, y, **style, **label, **errors)
    if trace.fill and trace.fill != "none":
        tint = color(trace.fillcolor) or style["color"]
        under = 0 if trace.fill == "tozeroy" else _previous(axes, len(y))
        axes.fill_between(x, y, under, color=tint, alpha=0.25, linewidth=0)
    _words(axes, trace, x, y)


def _words(axes, trace, x, y):
    """What a scatter writes beside its points, on the side that it names."""
    if "text" not in (trace.mode or "") or not isinstance(trace.text, tuple):
        return
    side = trace.textposition if isinstance(trace.textposition, str) else ""
    left, low = "left" in side, "bottom" in side
    place = {"xytext": (-4 if left else 4, -4 if low else 4), "textcoords": "offset points"}
    place |= {"ha": "right" if left else "left", "va": "top" if low else "bottom"}
    for one in zip(x, y, trace.text):
        axes.annotate(text(one[2]), one[:2], fontsize=8, **place)


def _previous(axes, count):
    """The heights of the line drawn before the last, where it is as long."""
    lines = [line for line in axes.lines if len(line.get_ydata()) == count]
    return lines[-2].get_ydata() if len(lines) > 1 else 0


def _field(axes, trace, layout, fallback):
    z = np.atleast_2d(numbers(trace.z))
    x, y = (numbers(values) for values in (trace.x, trace.y))
    x = np.arange(z.shape[1]) if x is None else x
    y = np.arange(z.shape[0]) if y is None else y
    ticks = [(axes.set_xticks, x), (axes.set_yticks, y)]
    x, y = (np.arange(len(v)) if isinstance(v, list) else v for v in (x, y))
    shades = {"cmap": _colors(trace.colorscale), "vmin": trace.zmin, "vmax": trace.zmax}
    if trace.type == "contour":
        drawn = axes.contourf(x, y, z, 12, **shades)
    else:
        x, y = x[: z.shape[1]], y[: z.shape[0]]
        drawn = axes.pcolormesh(x, y, z, shading="nearest", **shades)
    for put, values in ticks:
        if isinstance(values, list):
            put(range(len(values)), values)
    if trace.showscale is not False:
        axes.figure.colorbar(drawn, ax=axes, label=text(trace.colorbar.title))


def _surface(axes, trace, layout, fallback):
    z = numbers(trace.z)
    x = np.arange(z.shape[1]) if trace.x is None else numbers(trace.x)
    y = np.arange(z.shape[0]) if trace.y is None else numbers(trace.y)
    if x.ndim == 1:
        x, y = np.meshgrid(x, y)
    axes.plot_surface(x, y, z, cmap=_colors(trace.colorscale), linewidth=0)


def _scatter_in_space(axes, trace, layout, fallback):
    style = _style(trace, fallback)
    axes.plot(*(numbers(v) for v in (trace.x, trace.y, trace.z)), label=name(trace), **style)


def _colors(scale):
    """A plotly colour scale as a colour map."""
    from matplotlib.colors import LinearSegmentedColormap

    if not scale:
        return "viridis"
    return LinearSegmentedColormap.from_list(
        "given", [(at, color(one, "grey")) for at, one in scale]
    )


def name(trace):
    """What the legend calls a trace."""
    return text(trace.name) if trace.showlegend is not False else ""
