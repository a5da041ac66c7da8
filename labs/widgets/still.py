"""What stands in for an Explorer where no script runs: a sentence and a picture."""

import io
import math

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from labs import words

INK = "#3d4752"
CURVES = {"train_loss": ("#2563a8", 1.2), "val_loss": ("#b04a00", 2)}
SPREAD = 8  # values further apart than this ratio are shaded by their logarithm


def summary(found, choice, questions=()):
    """A sentence on the record, the questions asked, and a sentence on what is shown; the same text
    every time.
    """
    sizes = ", ".join(
        f"{len(a.values)} × {words.label(a.label)}" for a in found.axes if len(a.values) > 1
    )
    facts = {
        "count": f"{found.count:,}",
        "title": found.task["title"],
        "sizes": sizes or words.text("still.one"),
    }
    kind = "runs" if found.curves else "settings"
    about = f"still.{kind}_on" if found.task["title"] else f"still.{kind}"
    setting = ", ".join(_named(axis, choice) for axis in found.axes)
    shown = words.text("still.shown", setting=setting, outcome=_outcome(found, _run(found, choice)))
    asked = [words.text("still.ask", question=question["text"]) for question in questions]
    return "\n".join([words.text(about, **facts), *asked, shown])


def number(value):
    """A value as the chapters write it: 0.003, 1e-4, adam."""
    if isinstance(value, str | bool):
        return str(value)
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def value_label(found, value):
    """What a `Value` is called."""
    return words.label(value.label, metric=found.task["metric"] or words.text("value.metric"))


def _named(axis, choice):
    at = choice[axis.name]
    return f"{words.label(axis.label)} {at if at == 'mean' else number(axis.values[at])}"


def _run(found, choice):
    return tuple(0 if choice[name] == "mean" else choice[name] for name in found.names)


def _outcome(found, run):
    if not found.trained[run]:
        return words.text("still.untrained")
    if found.diverged_at[run] >= 0:
        return words.text("still.diverged", step=found.diverged_at[run])
    if found.curves:
        ends = [
            f"{words.text(f'series.{name}')} {found.curves[name][run][-1]:.2g}"
            for name in CURVES
            if name in found.curves
        ]
        return words.text("still.ends", steps=found.steps, losses=", ".join(ends))
    values = [(value_label(found, v), float(v.array[run])) for v in found.values.values()]
    return ", ".join(f"{label} {number(value)}" for label, value in values)


def picture(found, choice, map_axes, map_value):
    """A PNG of the curves, where there are any, and the map, as bytes."""
    figure = Figure(figsize=(8.4 if found.curves else 4.4, 3.1), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    sides = figure.subplots(1, 2, width_ratios=[1.35, 1]) if found.curves else [figure.subplots()]
    if found.curves:
        _draw_curves(sides[0], found, choice)
    _draw_map(figure, sides[-1], found, choice, map_axes, found.values[map_value])
    for axes in sides:
        axes.tick_params(colors=INK, labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _draw_curves(axes, found, choice):
    run = _run(found, choice)
    for name, (color, width) in CURVES.items():
        if name in found.curves:
            label = words.text(f"curves.{name}")
            axes.plot(found.times, found.curves[name][run], color=color, lw=width, label=label)
    step = found.diverged_at[run]
    if step >= 0:
        axes.axvline(step, color=INK, ls="--", lw=1)
        said = words.text("still.diverged", step=step)
        axes.text(0.5, 0.5, said, transform=axes.transAxes, ha="center", color=INK)
    setting = [_named(axis, choice) for axis in found.axes if len(axis.values) > 1]
    axes.set_title(", ".join(setting[:3]), fontsize=9, loc="left", color=INK)
    axes.set_xlim(0, found.steps)
    axes.set_xlabel(words.text("curves.step"), fontsize=8, color=INK)
    label = words.text("curves.loss", loss=found.task["loss"]).strip()
    axes.set_ylabel(label, fontsize=8, color=INK)
    axes.legend(frameon=False, fontsize=8)


def _draw_map(figure, axes, found, choice, map_axes, value):
    where = tuple(
        slice(None) if n in map_axes else (0 if choice[n] == "mean" else choice[n])
        for n in found.names
    )
    table = np.atleast_2d(value.array[where])
    if len(map_axes) == 2 and found.names.index(map_axes[0]) < found.names.index(map_axes[1]):
        table = table.T
    norm = shading(value.array)
    strong_is_low = value.better == "lower"
    colors = "YlOrBr_r" if strong_is_low else "YlOrBr"
    shown = np.where(np.isfinite(table), table, np.nan)
    image = axes.imshow(shown, origin="lower", cmap=colors, norm=norm, aspect="auto")
    here = [0 if choice[name] == "mean" else choice[name] for name in map_axes]
    axes.plot(*(here if len(here) == 2 else [*here, 0]), "s", ms=9, mfc="none", mec=INK, mew=2)
    axes.set_yticks([])
    sides = zip(map_axes, [axes.set_xticks, axes.set_yticks], [axes.set_xlabel, axes.set_ylabel])
    for name, set_ticks, set_label in sides:
        axis = found.axis(name)
        ticks = range(0, len(axis.values), -(-len(axis.values) // 6))
        set_ticks(list(ticks), [number(axis.values[i]) for i in ticks])
        set_label(words.label(axis.label), fontsize=8, color=INK)
    blank = f" ({words.text('still.blank')})" if (found.diverged_at >= 0).any() else ""
    axes.set_title(value_label(found, value) + blank, fontsize=9, loc="left", color=INK)
    ticks = norm.inverse(np.array([0, 0.5, 1])).tolist()
    bar = figure.colorbar(image, ax=axes)
    bar.ax.minorticks_off()
    bar.set_ticks(ticks, labels=[number(float(f"{tick:.3g}")) for tick in ticks])
    bar.ax.tick_params(labelsize=7, colors=INK)


def shading(values):
    """How numbers become shades: by their logarithm where all are positive and far apart."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return Normalize(0, 1)
    low, high = float(finite.min()), float(finite.max())
    return LogNorm(low, high) if low > 0 and high > SPREAD * low else Normalize(low, high)
