"""The record of a sweep: named axes, and arrays over them. Plain data; nothing here needs torch."""
import dataclasses
import json
import os
import pathlib
import tempfile
import zipfile

import numpy as np

FORMAT = "labs.runs/1"
SCALES = ("linear", "log", "category")


@dataclasses.dataclass(frozen=True)
class Axis:
    """One axis of a record: a hyper-parameter and the values it took.

    `scale` says how to draw it: "linear", "log" or "category".
    """

    name: str
    label: str
    values: tuple
    scale: str

    def __post_init__(self):
        if self.scale not in SCALES:
            raise ValueError(f"scale must be one of {SCALES}, got {self.scale!r}")
        if not self.values:
            raise ValueError(f"axis {self.name!r} needs at least one value, got none")

    def index(self, value):
        """The position of `value` on the axis. Raises ValueError naming the values there are."""
        for i, known in enumerate(self.values):
            words = isinstance(known, str) or isinstance(value, str)
            if known == value or not words and np.isclose(known, value, rtol=1e-9, atol=0):
                return i
        raise ValueError(f"{self.name} must be one of {list(self.values)}, got {value!r}; choose a recorded value")


@dataclasses.dataclass(frozen=True)
class Runs:
    """What a sweep measured.

    `axes`: the hyper-parameters, in order. `arrays`: name -> array of shape `(*axis lengths, ...)`. The sweep writes
    `train_loss`, `val_loss` and `val_metric` (a column for each of `provenance["record_steps"]`, NaN once a run has
    diverged), `diverged_at` (a step, or -1), `trained` (False where the sweep was interrupted first) and, where the
    task has a view, `view`. `provenance`: what produced the record, as JSON: device, torch version, seconds, the call.
    """

    axes: tuple
    arrays: dict
    provenance: dict

    def __post_init__(self):
        for name, array in self.arrays.items():
            if array.shape[:len(self.axes)] != self.shape:
                raise ValueError(f"array {name!r} must begin with the shape of the axes {self.shape}, got {array.shape}")

    @property
    def shape(self):
        """The number of values on each axis."""
        return tuple(len(axis.values) for axis in self.axes)

    @property
    def count(self):
        """The number of runs."""
        return int(np.prod(self.shape))

    def axis(self, name):
        """The axis called `name`. Raises ValueError naming the axes there are."""
        for axis in self.axes:
            if axis.name == name:
                return axis
        raise ValueError(f"axis must be one of {[a.name for a in self.axes]}, got {name!r}")

    def at(self, **values):
        """The arrays at the given axis values, those axes removed.

        >>> runs.at(optimizer="adam", batch_size=32)["val_loss"]      # shape: the other axes, then time
        """
        where = {name: self.axis(name).index(value) for name, value in values.items()}
        key = tuple(where.get(axis.name, slice(None)) for axis in self.axes)
        return {name: array[key] for name, array in self.arrays.items()}

    def final(self, name="val_loss", **values):
        """The last recorded column of a series: shape of the axes that `values` does not fix; NaN where a run diverged."""
        return self.at(**values)[name][..., -1]

    def save(self, path):
        """Write the record to `path` as one `.npz`, whole or not at all."""
        meta = {"format": FORMAT, "axes": [dataclasses.asdict(axis) for axis in self.axes], "provenance": self.provenance}
        write_npz(path, meta, self.arrays)

    @classmethod
    def load(cls, path):
        """Read a record. Never runs code from the file. Raises ValueError where `path` does not hold a whole record."""
        meta, arrays = read_npz(path, FORMAT)
        axes = tuple(Axis(a["name"], a["label"], tuple(a["values"]), a["scale"]) for a in meta["axes"])
        return cls(axes, arrays, meta["provenance"])

    def __repr__(self):
        sizes = " × ".join(f"{len(a.values)} {a.label}" for a in self.axes if len(a.values) > 1)
        return f"Runs({self.count:,} runs: {sizes or 'one setting'}; {self.provenance.get('steps')} steps)"


def write_npz(path, meta, arrays):
    """Write JSON metadata and arrays to `path`, through a temporary file beside it."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez_compressed(file, __meta__=np.array(json.dumps(meta)), **arrays)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read_npz(path, expected_format):
    """Read what `write_npz` wrote. Raises ValueError for a truncated file or one of another kind."""
    advice = "delete the file and run the sweep again"
    try:
        with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays.pop("__meta__")))
        found = meta["format"]
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, zipfile.zlib.error) as error:
        raise ValueError(f"{path} should be a record written by labs (.npz, {expected_format}), "
                         f"but it cannot be read as one ({type(error).__name__}: {error}); {advice}") from error
    if found != expected_format:
        raise ValueError(f"{path} should hold {expected_format}, got {found}; {advice}")
    return meta, arrays
