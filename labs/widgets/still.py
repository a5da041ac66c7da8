"""What stands in for an Explorer where no script runs: a sentence and a picture."""

import io

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure

from labs import words
from labs.labels import axis_labels
from labs.widgets import marks
from labs.widgets.glyphs import drawable, fonts
from labs.widgets.means import averaged
from labs.widgets.numbers import count, loss, number

INK = "#3d4752"
# The palette of static/explorer.css on a light page.
CURVES = {"train_loss": ("#2468b0", 1.2), "val_loss": ("#b34700", 2)}
DARK, PALE = "#8f3400", "#fdf0e6"  # the better end of the map, and the other
LEAST = np.finfo(float).tiny  # matplotlib takes no logarithm of smaller numbers
SPREAD = 8  # values further apart than this ratio are shaded by their logarithm
WIDTH, CURVE, MAP = 4, 1.5, 2.1  # inches; a phone shows 90 of its pixels for one
LOOK = {
    "text.parse_math": False,  # a label may hold any signs
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def summary(found, choice, questions=()):
    """A sentence on the record, the questions asked, and a sentence on what is shown; the same text
    every time.
    """
    sizes = [
        words.text("still.size", count=len(axis.values), label=words.label(axis.label))
        for axis in found.axes
        if len(axis.values) > 1
    ]
    title = words.label(found.task["title"])
    kind = "runs" if found.curves else "settings"
    about = words.text(
        f"still.{kind}_on" if title else f"still.{kind}",
        count=count(found.count),
        title=title,
        sizes=words.listed(sizes) or words.text("still.one"),
    )
    asked = [words.text("still.ask", question=question["text"]) for question in questions]
    return "\n".join([about, *asked, _shown(*averaged(found, choice))])


def value_label(found, value):
    """What a `Value` is called."""
    return words.label(value.label, metric=words.label(found.task["metric"] or "value.metric"))


def _setting(axes, choice):
    """Such as "optimizer adam, learning rate 0.01"."""
    named = [
        words.text(
            "still.named",
            label=words.label(axis.label),
            value=axis_labels(axis.values)[choice[axis.name]],
        )
        for axis in axes
    ]
    return words.listed(named)


def _shown(found, choice):
    run = _run(found, choice)
    setting = _setting(found.axes, choice)
    if not found.trained[run]:
        return words.text("still.shown_untrained", setting=setting)
    if found.diverged_at[run] >= 0:
        step = count(int(found.diverged_at[run]))
        return words.text("still.shown_diverged", setting=setting, step=step)
    if not found.curves:
        return words.text("still.shown_values", setting=setting, values=_values(found, run))
    facts = {"setting": setting, "steps": count(found.steps)}
    ends = {name: loss(float(curve[run][-1])) for name, curve in found.curves.items()}
    if len(ends) == 2:
        train, val = (ends[name] for name in CURVES)
        return words.text("still.shown_ends", train=train, val=val, **facts)
    [(name, end)] = ends.items()
    series = words.text(f"series.{name}")
    return words.text("still.shown_ends_one", series=series, loss=end, **facts)


def _values(found, run):
    written = lambda v: ("≈ " if v.varies else "") + number(float(v.array[run]))
    named = [
        words.text("still.named", label=value_label(found, v), value=written(v))
        for v in found.values.values()
    ]
    return words.listed(named)


def _run(found, choice):
    return tuple(choice[name] for name in found.names)


def picture(found, choice, map_axes, map_value):
    """A PNG of the curves, where there are any, over the map, as bytes. No map where `map_value` is
    None.

    It is as wide as a phone's screen. A reader's own look of matplotlib does not reach it.
    """
    found, choice = averaged(found, choice)
    with matplotlib.rc_context(), np.errstate(all="ignore"):
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(LOOK | {"font.family": fonts()[0]})
        heights = [CURVE] * bool(found.curves) + [MAP] * (map_value is not None)
        figure = Figure(figsize=(WIDTH, sum(heights)), dpi=160, layout="constrained")
        FigureCanvasAgg(figure)
        parts = figure.subfigures(len(heights), height_ratios=heights, squeeze=False)[:, 0]
        if found.curves:
            _draw_curves(parts[0].subplots(), found, choice)
        if map_value is not None:
            _draw_map(parts[-1], found, choice, map_axes, found.values[map_value])
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _draw_curves(axes, found, choice):
    run = _run(found, choice)
    for name, (color, width) in CURVES.items():
        if name in found.curves:
            label = drawable(words.text(f"curves.{name}"), 20)
            axes.plot(found.times, found.curves[name][run], color=color, lw=width, label=label)
    said = ""
    if not found.trained[run]:
        said = words.text("still.untrained")
    elif (step := int(found.diverged_at[run])) >= 0:
        axes.axvline(step, color=INK, ls="--", lw=1)
        said = words.text("still.diverged", step=count(step))
    axes.text(0.5, 0.5, drawable(said), transform=axes.transAxes, ha="center")
    axes.set_title(drawable(_setting([a for a in found.axes if len(a.values) > 1], choice)))
    axes.set_xlim(0, max(found.steps, 1))
    axes.set_xlabel(drawable(words.text("curves.step")))
    name = words.label(found.task["loss"])
    label = words.text("curves.loss", loss=name) if name else words.text("curves.loss_unnamed")
    axes.set_ylabel(drawable(label, 20))
    axes.legend(frameon=False)


def _draw_map(figure, found, choice, map_axes, value):
    axes = figure.subplots()
    where = tuple(slice(None) if n in map_axes else choice[n] for n in found.names)
    table = np.atleast_2d(value.array[where])
    if len(map_axes) == 2 and found.names.index(map_axes[0]) < found.names.index(map_axes[1]):
        table = table.T
    norm = shading(value.array)
    ends = [DARK, PALE] if value.better == "lower" else [PALE, DARK]
    colors = LinearSegmentedColormap.from_list("map", ends)
    shown = np.where(np.isfinite(table), table, np.nan)
    image = axes.imshow(shown, origin="lower", cmap=colors, norm=norm, aspect="auto")
    here = [choice[name] for name in map_axes]
    for color, width in (("white", 3.5), (INK, 1.5)):
        place = here if len(here) == 2 else [*here, 0]
        axes.plot(*place, "s", ms=8, mfc="none", mec=color, mew=width)
    held = {name: place for name, place in choice.items() if name not in map_axes}
    for point in marks.shown(found.marks, held):
        place = [point["at"].get(name) for name in map_axes]
        if None not in place:
            across, up = place if len(place) == 2 else [*place, 0]
            axes.plot(across, up - 0.25, "o", ms=4.5, mfc=INK, mec="white", mew=1)
    axes.set_yticks([])
    _name_sides(axes, [found.axis(name) for name in map_axes])
    label = value_label(found, value)
    blank = (found.diverged_at >= 0).any()
    axes.set_title(drawable(words.text("still.map_blank", value=label) if blank else label))
    _draw_scale(figure, axes, image, norm, loss if value.name in CURVES else number)


def _name_sides(axes, sides):
    for axis, set_ticks, set_label in zip(
        sides, [axes.set_xticks, axes.set_yticks], [axes.set_xlabel, axes.set_ylabel]
    ):
        texts = [drawable(text, 12) for text in axis_labels(axis.values)]
        most = 6 if axis is not sides[0] else max(1, 40 // (1 + max(map(len, texts))))
        ticks = range(0, len(texts), -(-len(texts) // min(most, 6)))
        set_ticks(list(ticks), [texts[i] for i in ticks])
        set_label(drawable(words.label(axis.label), 50 if axis is sides[0] else 26))


def _draw_scale(figure, axes, image, norm, written):
    ticks = norm.inverse(np.array([0, 0.5, 1])).tolist()
    bar = figure.colorbar(image, ax=axes)
    bar.ax.minorticks_off()
    bar.set_ticks(ticks, labels=[written(tick) for tick in ticks])


def shading(values):
    """How numbers become shades: by their logarithm where all are positive and far apart."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Normalize(0, 1)
    low, high = float(finite.min()), float(finite.max())
    far = low > LEAST and high > SPREAD * low
    return LogNorm(low, high) if far else Normalize(low, high)
