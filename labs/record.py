"""The record of a sweep: an `xarray.Dataset` with named axes. Plain data; nothing here needs torch.

Dimensions: the axes (settings, and arguments of a task), then `step` for what is measured along
training. A view of the model has dimensions of its own, see `labs.views`. `runs.attrs` says where
the record comes from.
"""

import itertools
import json
import numbers
import os
import pathlib
import secrets
import zipfile
from typing import NamedTuple

import numpy as np
import xarray as xr

from labs import settings
from labs.labels import listed

FORMAT = "labs.record/1"
DAMAGE = (  # what numpy, zipfile, json and xarray raise when bytes of a file are wrong
    *(OSError, EOFError, zipfile.BadZipFile, zipfile.zlib.error, RuntimeError),
    *(ValueError, KeyError, TypeError, AttributeError, MemoryError, OverflowError),
)
SCALES = ("linear", "log", "category")
OTHER_DIMENSIONS = ("step", "moment", "x", "y", "coordinate", "sample", "column", "parameter")
"""Dimensions that are no axis: steps of training, and what views are made of."""
VARIABLES = (
    "train_loss",
    "val_loss",
    "val_metric",
    "diverged_at",
    "trained",
    "view",
    "samples",
    "twin_distance",
    "parameters",
)
"""What a sweep writes; see `labs.sweep`."""


class Axis(NamedTuple):
    """One axis of a record: a setting, or an argument of the task, and the values it took.

    `label`: a key of the table of words, or the words themselves. `scale`: how it is drawn,
    "linear", "log" or "category". `control`: how a value is chosen, "slider" or "list". `repeats`:
    whether its values repeat one setting, as seeds do.
    """

    name: str
    label: str
    values: tuple
    scale: str
    control: str = "slider"
    repeats: bool = False

    @classmethod
    def of_setting(cls, setting, values):
        """The axis of a setting of `labs.settings`."""
        label = f"axis.{setting.name}"
        return cls(
            setting.name, label, tuple(values), setting.scale, setting.control, setting.repeats
        )

    def coordinate(self):
        """The axis as a coordinate of a dataset: (dimension, values, attributes)."""
        marks = {key: getattr(self, key) for key in ("label", "scale", "control", "repeats")}
        return self.name, np.array(self.values), marks


def make(axes, arrays, attrs, coordinates=None):
    """A record of `arrays` over `axes`.

    `arrays`: {name: (dimensions after the axes, array of the shape of the axes and these)}.
    `coordinates`: values of these other dimensions. Returns an `xarray.Dataset`; raises ValueError
    where a shape does not fit.
    """
    names = [axis.name for axis in axes]
    variables = {name: ([*names, *after], array) for name, (after, array) in arrays.items()}
    marks = {axis.name: axis.coordinate() for axis in axes}
    return xr.Dataset(variables, {**marks, **(coordinates or {})}, attrs)


def axes(runs):
    """The axes of a record, in the order of its dimensions.

    A coordinate that was selected is an axis of one value. Any dataset will do: what a coordinate
    does not say of itself is read off its values.
    """
    names = [name for name in runs.dims if name not in OTHER_DIMENSIONS]
    names += [name for name in runs.coords if not runs[name].dims and name not in OTHER_DIMENSIONS]
    return tuple(_axis(runs[name]) for name in names)


def _axis(coordinate):
    name, marks = str(coordinate.name), coordinate.attrs
    values = np.atleast_1d(coordinate.values)
    # As plain values, but for dates: those would become whole numbers of nanoseconds.
    values = tuple(values if values.dtype.kind in "mM" else values.tolist())
    scale = marks.get("scale") or settings.scale_of(values)
    if scale not in SCALES:
        raise ValueError(
            f"the scale of axis {name!r} must be one of {SCALES}, got {scale!r}; "
            f'set runs.{name}.attrs["scale"]'
        )
    if marks.get("repeats") and "mean" in values:
        raise ValueError(
            "an axis of repetitions may not have the value 'mean', which stands for all of them, "
            f"got {list(values)} on {name!r}; call it something else"
        )
    control = marks.get("control") or ("list" if scale == "category" else "slider")
    label = str(marks.get("label") or marks.get("long_name") or f"axis.{name}")
    return Axis(name, label, values, scale, control, bool(marks.get("repeats", False)))


def whole(runs):
    """The same record with every axis as a dimension.

    The axes come first and in order, in every array that has any of them.
    """
    names = [axis.name for axis in axes(runs)]
    runs = runs.expand_dims([name for name in names if name not in runs.dims])
    return runs.transpose(*names, ...)


def position(axis, value):
    """The position of `value` on an axis. Raises ValueError naming the values there are."""
    equal = (i for i, known in enumerate(axis.values) if known == value)
    close = (i for i, known in enumerate(axis.values) if _close(known, value))
    found = next(itertools.chain(equal, close), None)
    if found is None:
        raise ValueError(
            f"{axis.name} must be one of {listed(axis.values)}, got {value!r}; "
            "choose a recorded value"
        )
    return found


def _close(known, value):
    numeric = isinstance(known, numbers.Real) and isinstance(value, numbers.Real)
    return numeric and bool(np.isclose(known, value, rtol=1e-9, atol=0, equal_nan=True))


def save(runs, path):
    """Write a record to `path` as one `.npz`, whole or not at all.

    Raises ValueError where it holds what is neither number, truth value nor text, or attributes
    that are not JSON.
    """
    variables, arrays = {}, {}
    for name, variable in runs.variables.items():
        array = _plain_array(name, variable.values)
        variables[name] = {"dims": list(variable.dims), "attrs": variable.attrs}
        arrays[f"data/{name}"] = array
    meta = {"format": FORMAT, "attrs": runs.attrs, "variables": variables}
    meta["coordinates"] = [str(name) for name in runs.coords]
    try:
        text = json.dumps(meta)
    except TypeError as error:
        raise ValueError(
            f"the attributes of a record must be JSON, but {error}; change runs.attrs"
        ) from error
    write_whole(path, lambda file: np.savez_compressed(file, meta=np.array(text), **arrays))


def _plain_array(name, values):
    array = np.asarray(values)
    if array.dtype.kind in "biufcU":
        return array
    texts = array.ravel().tolist()
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(
            f"{name} must hold numbers, truth values or texts, got {array.dtype}; "
            "convert it before saving"
        )
    return np.array(texts, dtype="U").reshape(array.shape)


def load(path):
    """Read a record.

    Never runs code from the file. Raises ValueError where `path` does not hold a whole record.
    """
    advice = "delete the file and run the sweep again"
    try:
        with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays["meta"]))
        found = meta["format"]
        if found == FORMAT:
            return _dataset(meta, arrays)
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        raise
    except DAMAGE as error:
        raise ValueError(
            f"{path} should be a record written by labs (.npz, {FORMAT}), but it cannot be read "
            f"as one ({type(error).__name__}: {error}); {advice}"
        ) from error
    raise ValueError(f"{path} should hold {FORMAT}, got {found}; {advice}")


def _dataset(meta, arrays):
    variables = {
        name: (about["dims"], arrays[f"data/{name}"], about["attrs"])
        for name, about in meta["variables"].items()
    }
    coordinates = {name: variables.pop(name) for name in meta["coordinates"]}
    return xr.Dataset(variables, coordinates, meta["attrs"])


def write_whole(path, write):
    """Let `write` fill a temporary file beside `path`, and put it there when it is complete."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as file:
            write(file)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
