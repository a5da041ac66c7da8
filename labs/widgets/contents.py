"""What an explorer finds in a record: curves, a value of every run, a view of the models. Any
dataset will do.

R runs (the product of the axes)   K recorded steps   F moments of the view, H × W values each
S settings: the runs at the first position of every axis that repeats
"""

import dataclasses
import math
import numbers
import re
from typing import NamedTuple

import numpy as np
import xarray as xr

from labs import record
from labs.widgets import marks

MEAN = "mean"
"""Stands for a position on an axis of repetitions: all of them, averaged."""
CURVES = ("val_loss", "train_loss")
BETTER = {"val_loss": "lower", "train_loss": "lower", "val_metric": "higher"}
RESERVED = ("diverged_at", "trained", "view", "samples")
TASK = ("name", "title", "loss", "metric")


class Value(NamedTuple):
    """A number of every run.

    `label`: a key of the table of words, or words. `better`: "lower", "higher" or None. `array`:
    floats of the shape of the axes, NaN where there is none. `varies`: whether the same program
    finds other numbers each time, as with seconds.
    """

    name: str
    label: str
    better: str | None
    array: np.ndarray
    varies: bool = False


class View(NamedTuple):
    """What the models look like.

    `about`: what `labs.views` says of the kind. `steps`: F of them. `images`: (*S, F, H, W) of
    0…255, or of any `numbers`. `plane`: whether the H × W values are one picture, which may be made
    smaller. `samples`:
    (*axes of `sample_axes`, N, columns) or None.
    """

    about: dict
    steps: list
    images: np.ndarray
    plane: bool
    numbers: bool
    samples: np.ndarray | None
    sample_axes: list
    columns: list


@dataclasses.dataclass(frozen=True)
class Contents:
    """A record as the explorer reads it.

    `times`: K steps. `curves`: {name: (*axes, K)}. `values`: {name: Value}. `steps`: how long a run
    trains, or None. `task`: its name, title, loss and metric (texts, "" where unknown), and its
    constant_loss (a number or None). `call`: code with the places {axis}, or None. `diverged_at`,
    `trained`: as in the record, or none and all. `marks`: see labs/widgets/marks.py.
    """

    axes: tuple
    steps: int | None
    times: list
    curves: dict
    values: dict
    diverged_at: np.ndarray
    trained: np.ndarray
    view: View | None
    task: dict
    call: str | None
    marks: dict | None

    @property
    def shape(self):
        """The number of values on each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def count(self):
        """The number of runs."""
        return math.prod(self.shape)

    @property
    def names(self):
        """The names of the axes."""
        return [axis.name for axis in self.axes]

    def axis(self, name):
        """The axis called `name`."""
        return self.axes[self.names.index(name)]


def read(runs):
    """The `Contents` of a record. Raises ValueError where it is no dataset, or has no axis or no
    numbers over them.
    """
    if not isinstance(runs, xr.Dataset):
        raise ValueError(
            "runs: expected an xarray.Dataset, as labs.sweep and labs.load return it, "
            f"got {type(runs).__name__}; to show one array give array.to_dataset()"
        )
    runs = record.whole(runs)
    axes = record.axes(runs)
    sizes = {axis.name: len(axis.values) for axis in axes}
    values = _values(runs, sizes)
    if not axes or not values:
        raise ValueError(
            "runs: expected numbers over at least one axis, got "
            f"the axes {list(sizes)} and the variables {list(runs.data_vars)}; "
            "give a dataset with named dimensions"
        )
    curves = {
        name: _over(runs[name], sizes, "step") for name in CURVES if _along_step(runs, name, sizes)
    }
    times = np.atleast_1d(runs["step"].values).tolist() if curves else []
    return Contents(
        axes=axes,
        steps=_steps(runs, times),
        times=times,
        curves=curves,
        values=values,
        # A dataset that was masked has NaN here.
        diverged_at=np.nan_to_num(_mark(runs, "diverged_at", sizes, -1), nan=-1).astype(np.int32),
        trained=_mark(runs, "trained", sizes, True).astype(bool),
        view=_view(runs, axes, sizes),
        task=_task(runs),
        call=_call(runs, sizes),
        marks=marks.read(runs, axes, values),
    )


def _task(runs):
    """What the record says of its task: keys of the table of words, or words, or ""; and the loss
    of the best constant answer, or None.
    """
    said = {"title": runs.attrs.get("title")} | dict(runs.attrs.get("task") or {})
    constant = said.get("constant_loss")
    known = isinstance(constant, numbers.Real) and math.isfinite(constant)
    texts = {key: "" if said.get(key) is None else str(said[key]) for key in TASK}
    return texts | {"constant_loss": float(constant) if known else None}


def _steps(runs, times):
    steps = times[-1] if times else runs.attrs.get("steps")
    return None if steps is None else int(steps)


def _over(variable, sizes, *after):
    """A variable as an array over all axes, then the dimensions `after`: repeated along axes that
    it does not have.
    """
    whole = sizes | {name: variable.sizes[name] for name in after}
    return variable.variable.set_dims(whole).transpose(*whole).values


def _along_step(runs, name, sizes):
    dims = set(runs[name].dims) if name in runs.data_vars else set()
    return "step" in dims and dims <= {*sizes, "step"}


def _values(runs, sizes):
    """Every number that a run has: the last of what is measured along the steps, the whole of what
    is over axes only.
    """
    known = [name for name in BETTER if name in runs.data_vars]
    found = {}
    for name in [*known, *(name for name in runs.data_vars if name not in known)]:
        variable = runs[name]
        if name in RESERVED or variable.dtype.kind not in "iuf":
            continue
        if _along_step(runs, name, sizes):
            variable = variable.isel(step=-1)
        if set(variable.dims) <= set(sizes):
            marks = variable.attrs
            label = str(marks.get("label") or marks.get("long_name") or f"value.{name}")
            better = _better(name, marks.get("better", BETTER.get(name)))
            array, varies = _over(variable, sizes).astype(float), bool(marks.get("varies"))
            found[str(name)] = Value(str(name), label, better, array, varies)
    return found


def _better(name, better):
    if better not in ("lower", "higher", None):
        raise ValueError(
            f"better: expected 'lower' or 'higher', got {better!r}; "
            f'set runs.{name}.attrs["better"] to one of them or leave it out'
        )
    return better


def _mark(runs, name, sizes, default):
    if name not in runs.data_vars:
        return np.full(tuple(sizes.values()), default)
    return _over(runs[name], sizes)


def _view(runs, axes, sizes):
    about = runs.attrs.get("view")
    if not about or "view" not in runs.data_vars:
        return None
    first = {axis.name: 0 for axis in axes if axis.repeats}
    kept = {name: size for name, size in sizes.items() if name not in first}
    view = runs["view"].isel(first, missing_dims="ignore")
    if "moment" not in view.dims:
        view = view.expand_dims("moment")
    own = [name for name in view.dims if name not in kept and name != "moment"]
    images = _over(view, kept, "moment", *own)
    wide = images.shape[-1] if own else 1
    images = images.reshape(*images.shape[: len(kept) + 1], -1, wide)
    steps = np.atleast_1d(runs["moment"].values).tolist()
    about, numbers = dict(about), bool(about.get("numbers"))
    plane = len(own) == 2 and not numbers
    return View(about, steps, images, plane, numbers, *_samples(runs, first, kept))


def _samples(runs, first, kept):
    """The samples at the first of the repetitions, over the axes along which they change."""
    if "samples" not in runs.data_vars:
        return None, [], []
    samples = runs["samples"].isel(first, missing_dims="ignore").variable
    for name in kept:
        if name in samples.dims and samples.isel({name: [0] * kept[name]}).equals(samples):
            samples = samples.isel({name: 0})
    own = [name for name in kept if name in samples.dims]
    columns = [str(column) for column in runs["column"].values]
    return samples.transpose(*own, "sample", "column").values, own, columns


def _call(runs, sizes):
    template = runs.attrs.get("run_call")
    places = re.findall(r"\{(\w+)\}", template or "")
    return template if template and set(places) <= set(sizes) else None
