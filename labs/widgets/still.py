"""What stands in for an Explorer where no script runs: a sentence and a picture of the run it shows."""
import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, TRAINING, VALIDATION = "#3d4752", "#2563a8", "#b04a00"


def summary(runs, choice):
    """A sentence on the record and one on the run shown; the same text every time."""
    title = runs.provenance["task"]["title"]
    sizes = ", ".join(f"{len(axis.values)} × {axis.label}" for axis in runs.axes if len(axis.values) > 1)
    setting = ", ".join(f"{axis.label} {number(axis.values[choice[axis.name]])}" for axis in runs.axes)
    return f"Explorer of {runs.count:,} runs on {title} ({sizes or 'one setting'}).\nShown: {setting}: {_outcome(runs, choice)}."


def number(value):
    """A value as the chapters write it: 0.003, 1e-4, adam."""
    if isinstance(value, str):
        return value
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _outcome(runs, choice):
    run = _run(runs, choice)
    if not run["trained"]:
        return "not trained, the sweep was stopped before it"
    if run["diverged_at"] >= 0:
        return f"diverged at step {run['diverged_at']}"
    return (f"after {runs.provenance['steps']} steps training loss {run['train_loss'][-1]:.2g}, "
            f"validation loss {run['val_loss'][-1]:.2g}")


def _run(runs, choice):
    where = tuple(choice[axis.name] for axis in runs.axes)
    return {name: array[where] for name, array in runs.arrays.items()}


def picture(runs, choice, map_axes):
    """A PNG of the curves and the map, as bytes."""
    figure = Figure(figsize=(8.4, 3.1), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    curves, cells = figure.subplots(1, 2, width_ratios=[1.35, 1])
    _draw_curves(curves, runs, choice)
    _draw_map(figure, cells, runs, choice, map_axes)
    for axes in (curves, cells):
        axes.tick_params(colors=INK, labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _draw_curves(axes, runs, choice):
    run, steps = _run(runs, choice), runs.provenance["record_steps"]
    axes.plot(steps, run["train_loss"], color=TRAINING, lw=1.2, label="training")
    axes.plot(steps, run["val_loss"], color=VALIDATION, lw=2, label="validation")
    if run["diverged_at"] >= 0:
        axes.axvline(run["diverged_at"], color=INK, ls="--", lw=1)
        axes.text(0.5, 0.5, f"diverged at step {run['diverged_at']}", transform=axes.transAxes, ha="center", color=INK)
    setting = [f"{axis.label} {number(axis.values[choice[axis.name]])}" for axis in runs.axes if len(axis.values) > 1]
    axes.set_title(", ".join(setting[:3]), fontsize=9, loc="left", color=INK)
    axes.set_xlim(0, runs.provenance["steps"])
    axes.set_xlabel("step", fontsize=8, color=INK)
    axes.set_ylabel(f"{runs.provenance['task']['loss']} loss", fontsize=8, color=INK)
    axes.legend(frameon=False, fontsize=8)


def _draw_map(figure, axes, runs, choice, map_axes):
    across, up = map_axes
    names = [axis.name for axis in runs.axes]
    where = tuple(slice(None) if name in map_axes else choice[name] for name in names)
    final = runs.arrays["val_loss"][where][..., -1]
    final = final.T if names.index(across) < names.index(up) else final
    image = axes.imshow(np.log10(np.maximum(final, 1e-9)), origin="lower", cmap="YlOrBr_r", aspect="auto")
    axes.plot(choice[across], choice[up], "s", ms=9, mfc="none", mec=INK, mew=2)
    sides = (across, axes.set_xticks, axes.set_xlabel), (up, axes.set_yticks, axes.set_ylabel)
    for name, ticks, set_label in sides:
        axis = runs.axis(name)
        shown = range(0, len(axis.values), -(-len(axis.values) // 6))
        ticks(list(shown), [number(axis.values[i]) for i in shown])
        set_label(axis.label, fontsize=8, color=INK)
    axes.set_title("final validation loss (blank: diverged)", fontsize=9, loc="left", color=INK)
    bar = figure.colorbar(image, ax=axes, format=lambda value, _: f"{10 ** value:.2g}")
    bar.ax.tick_params(labelsize=7, colors=INK)
