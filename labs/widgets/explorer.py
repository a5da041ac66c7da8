"""The Explorer: a widget whose sliders move through a record of runs that really happened.

Traits are the truth: what is shown follows from `choice`, `map_axes`, `log_x`, `log_y`, `frame` and `live` alone. Python
normalises them, JavaScript (in `static`) draws them; `meta` and `payload` hold the record, see labs/widgets/payload.py.
"""
import base64
import math
import numbers
import re

import anywidget
import numpy as np
import traitlets

from labs.widgets import frontend, payload, still

LIVE_KEYS = ("label", "steps", "train_loss", "val_loss", "running")
FIRST_AT_START = ("optimizer", "schedule", "weight_decay", "l2", "seed")      # the other axes start in their middle


class Explorer(anywidget.AnyWidget):
    """Show a `Runs` record: curves, a map of the final loss, the model's view, and one sentence of why.

    `runs`: the record. `name`: what permalinks call this explorer, unique on its page. `start`: {axis name: value} shown
    first; axes left out start in their middle. `map_axes`: the two axes of the map, horizontal first. `log_x`, `log_y`:
    logarithmic axes at first. `limit`: the most bytes of coded arrays; model views are thinned until they fit.

    `choice` {axis name: index} says which run is shown. `live`, {} or a dict of label, steps, train_loss, val_loss (with
    None where there is no value) and running, is drawn over the recorded curve. Raises ValueError for an unknown axis
    or value.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    meta = traitlets.Dict(read_only=True).tag(sync=True)
    payload = traitlets.Bytes(read_only=True).tag(sync=True)
    choice = traitlets.Dict().tag(sync=True)
    map_axes = traitlets.List().tag(sync=True)
    log_x = traitlets.Bool(False).tag(sync=True)
    log_y = traitlets.Bool(False).tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)
    live = traitlets.Dict().tag(sync=True)

    _ipython_display_ = None      # ipywidgets 7 would show through this and lose the fallbacks of _repr_mimebundle_

    def __init__(self, runs, name="explorer", start=None, map_axes=("learning_rate", "batch_size"), limit=1_000_000,
                 log_x=False, log_y=False):
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise ValueError("name: expected small letters, digits and hyphens (it goes into links), "
                             f"got {name!r}; try 'learning-rate'")
        self.runs = runs
        choice = _start(runs, start or {})
        coded, data = payload.encode(runs, limit)
        self.set_trait("meta", describe(runs, name) | coded)      # before the comm opens: it then opens with all of it
        self.set_trait("payload", data)
        super().__init__(choice=choice, map_axes=_long_axes(runs, map_axes), log_x=log_x, log_y=log_y, frame=self._frames() - 1)

    @traitlets.default("_esm")
    def _default_esm(self):
        return frontend.module()

    @traitlets.default("_css")
    def _default_css(self):
        return frontend.style()

    @property
    def values(self):
        """The values of the run shown: {axis name: value}."""
        return {axis.name: axis.values[self.choice[axis.name]] for axis in self.runs.axes}

    def show(self, **values):
        """Move to the recorded values given; axes left out stay. Raises ValueError for a value not in the record."""
        self.choice = {**self.choice, **_indices(self.runs, values, "show")}

    def _frames(self):
        return max(1, len((self.meta.get("view") or {}).get("steps", ())))

    @traitlets.validate("choice")
    def _validate_choice(self, proposal):
        known = {axis.name: len(axis.values) for axis in self.runs.axes}
        choice = {name: 0 for name in known} | self.choice
        for name, index in proposal["value"].items():
            _check_axis(known, name, "choice")
            if not isinstance(index, numbers.Real) or index != int(index) or not 0 <= index < known[name]:
                raise ValueError(f"choice[{name!r}]: expected a whole number from 0 to {known[name] - 1} "
                                 f"(a position on the axis), got {index!r}; to choose by value use show({name}=…)")
            choice[name] = int(index)
        return choice

    @traitlets.validate("map_axes")
    def _validate_map_axes(self, proposal):
        names = list(proposal["value"])
        for name in names:
            _check_axis([axis.name for axis in self.runs.axes], name, "map_axes")
        if len(names) != 2 or names[0] == names[1]:
            raise ValueError(f"map_axes: expected two different axis names, got {names}; "
                             f"choose two of {[axis.name for axis in self.runs.axes]}")
        return names

    @traitlets.validate("frame")
    def _validate_frame(self, proposal):
        return min(max(proposal["value"], 0), self._frames() - 1)

    @traitlets.validate("live")
    def _validate_live(self, proposal):
        live = dict(proposal["value"])
        if not live:
            return live
        missing = [key for key in LIVE_KEYS if key not in live]
        lengths = {len(live[key]) for key in ("steps", "train_loss", "val_loss") if key in live}
        if missing or len(lengths) != 1:
            raise ValueError(f"live: expected {{}} or a dict of {', '.join(LIVE_KEYS)} with three lists of one length, "
                             f"got keys {sorted(live)} and lengths {sorted(lengths)}; pass None where there is no value")
        return live | {key: [_number_or_none(v) for v in live[key]] for key in ("steps", "train_loss", "val_loss")}

    def _repr_mimebundle_(self, **kwargs):
        shown = super()._repr_mimebundle_(**kwargs)
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        picture = base64.b64encode(still.picture(self.runs, self.choice, self.map_axes)).decode()
        return {**(data or {}), "text/plain": still.summary(self.runs, self.choice), "image/png": picture}, metadata


def describe(runs, name):
    """What the front end must know about a record besides its arrays: JSON-able."""
    task = runs.provenance["task"]
    return {
        "name": name,
        "axes": [{"name": axis.name, "label": axis.label, "scale": axis.scale, "values": [_plain(v) for v in axis.values],
                  "code": [repr(_plain(v)) for v in axis.values]} for axis in runs.axes],
        "steps": int(runs.provenance["steps"]),
        "record_steps": [int(step) for step in runs.provenance["record_steps"]],
        "task": {key: task[key] for key in ("name", "title", "loss", "metric")},
        "call": [f"labs.sweep({task['call']}, labs.Grid(", f"), steps={runs.provenance['steps']})"],      # the axes between
        "loss_range": loss_range(runs),
    }


def loss_range(runs):
    """[lowest, highest] loss worth drawing, the same for every setting, so that moves can be compared.

    The highest leaves out what a run reaches on its way to diverging: at most a quarter over the usual first loss.
    """
    losses = np.concatenate([runs.arrays[key][runs.arrays["trained"]].ravel() for key in payload.SERIES])
    first = runs.arrays["val_loss"][..., 0]
    losses, first = (a[np.isfinite(a) & (a > 0)] for a in (losses, first))
    if not losses.size:
        return [0.1, 1.0]
    usual = float(np.median(first)) if first.size else float(np.median(losses))
    highest = min(float(np.quantile(losses, 0.995)), 1.25 * usual)
    return [float(np.quantile(losses, 0.001)), max(highest, float(np.median(losses)))]


def _check_axis(known, name, where):
    if name not in known:
        raise ValueError(f"{where}: expected one of the axes {list(known)}, got {name!r}; check the spelling")


def _indices(runs, values, where):
    found = {}
    for name, value in values.items():
        _check_axis([axis.name for axis in runs.axes], name, where)
        axis = runs.axis(name)
        try:
            found[name] = axis.index(value)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{where}: expected {name} to be one of {[_plain(v) for v in axis.values]}, got {value!r}; "
                             "choose a recorded value, or sweep again with it") from error
    return found


def _start(runs, start):
    middle = {axis.name: 0 if axis.name in FIRST_AT_START else (len(axis.values) - 1) // 2 for axis in runs.axes}
    return middle | _indices(runs, start, "start")


def _long_axes(runs, names):
    """`names`, with an axis of a single value replaced by a longer one where there is one."""
    for name in names:
        _check_axis([axis.name for axis in runs.axes], name, "map_axes")
    length = {axis.name: len(axis.values) for axis in runs.axes}
    spare = [name for name in length if length[name] > 1 and name not in names]
    return [name if length[name] > 1 or not spare else spare.pop(0) for name in names]


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value


def _number_or_none(value):
    return None if value is None or not math.isfinite(value) else _plain(value)
