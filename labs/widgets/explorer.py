"""The Explorer: a widget whose sliders move through a record of runs that really happened.

Traits are the truth: what is shown follows from `choice`, `map_axes`, `map_value`, `log_x`,
`log_y`, `frame` and `live` alone. Python normalises them, JavaScript (in `static`) draws them;
`meta` and `payload` hold the record, see labs/widgets/payload.py.
"""

import base64
import numbers
import re

import traitlets

from labs import labels, record
from labs.widgets import contents, meta, payload, question, still
from labs.widgets.contents import MEAN
from labs.widgets.part import Part, number_or_none

LIVE_SERIES = ("steps", "train_loss", "val_loss")
LIVE_KEYS = ("label", *LIVE_SERIES, "running")


class Explorer(question.Asking, Part):
    """Show a record: curves, a map of any value, the models' view, and a sentence of why; whatever
    of these it has.

    `runs`: an `xarray.Dataset`, as `labs.sweep` makes it or any other with numbers over named
    dimensions. `name`: what permalinks call this explorer, unique on its page. `start`: {axis name:
    value} shown first; axes left out start in their middle, lists at their first value, repetitions
    with their mean. `map_axes`: the two axes of the map, horizontal first (one, where there is no
    other). `map_value`: the variable that it shows, by default the final validation loss. `log_x`,
    `log_y`: logarithmic axes at first. `play`: play training once when the reader comes. `limit`:
    the most bytes of coded arrays; views are thinned until they fit. `ask`: a `labs.Question` or a
    list of them; map and sentence of why are covered until the reader has predicted each answer, or
    asked to be shown it.

    The attributes of a variable may say what it is called ("label"), which end is better ("better":
    "lower" or "higher"), and that its numbers differ from one time to the next, as seconds do
    ("varies": True): the text that stands in for the widget then has them after ≈. Those of the
    record may hold points to draw on the map ("marks": see `labs.widgets.marks`).

    `choice` {axis name: index, or "mean" of repetitions} says which run is shown. `live`, {} or a
    dict of label, steps, train_loss, val_loss (with None where there is no value) and running, is
    drawn over the recorded curve. `answers` are the reader's, see `labs.widgets.question`. Raises
    ValueError for an unknown axis or value, and what `ask` raises: see `labs.Question`.
    """

    part = traitlets.Unicode("explorer", read_only=True).tag(sync=True)
    meta = traitlets.Dict(read_only=True).tag(sync=True)
    payload = traitlets.Bytes(read_only=True).tag(sync=True)
    choice = traitlets.Dict().tag(sync=True)
    map_axes = traitlets.List().tag(sync=True)
    map_value = traitlets.Unicode().tag(sync=True)
    log_x = traitlets.Bool(False).tag(sync=True)
    log_y = traitlets.Bool(False).tag(sync=True)
    frame = traitlets.Int(0).tag(sync=True)
    play = traitlets.Bool(False).tag(sync=True)
    live = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        runs,
        name="explorer",
        start=None,
        map_axes=None,
        map_value=None,
        limit=1_000_000,
        log_x=False,
        log_y=False,
        play=False,
        ask=None,
    ):
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
            raise ValueError(
                "name: expected small letters, digits and hyphens (it goes into links), "
                f"got {name!r}; try 'learning-rate'"
            )
        self.runs, self.found = runs, contents.read(runs)
        coded, data = payload.encode(self.found, limit)
        # Before the comm opens: it then opens with all of it.
        self.set_trait("meta", meta.describe(self.found, name) | coded)
        self.set_trait("payload", data)
        self.set_trait("questions", _questions(self.found, ask, runs))
        super().__init__(
            choice=_start(self.found, start or {}),
            map_axes=_map_axes(self.found, map_axes),
            map_value=_map_value(self.found) if map_value is None else map_value,
            log_x=log_x,
            log_y=log_y,
            frame=self._frames() - 1,
            play=play,
        )

    @property
    def values(self):
        """The values of the run shown: {axis name: value}.

        "mean" stands for all values of an axis of repetitions.
        """
        chosen = {axis: self.choice[axis.name] for axis in self.found.axes}
        return {axis.name: MEAN if i == MEAN else axis.values[i] for axis, i in chosen.items()}

    def show(self, **values):
        """Move to the recorded values given; axes left out stay. Raises ValueError for a value not
        in the record.
        """
        self.choice = {**self.choice, **_indices(self.found, values, "show")}

    def _frames(self):
        viewed = len((self.meta.get("view") or {}).get("steps", ()))
        return max(1, viewed or len(self.meta["record_steps"]))

    @traitlets.validate("choice")
    def _validate_choice(self, proposal):
        known = dict(zip(self.found.names, self.found.shape))
        choice = {name: 0 for name in known} | self.choice
        for name, index in proposal["value"].items():
            _check_axis(known, name, "choice")
            if index == MEAN and self.found.axis(name).repeats:
                choice[name] = MEAN
                continue
            whole = isinstance(index, numbers.Real) and float(index).is_integer()
            if not whole or not 0 <= index < known[name]:
                raise ValueError(
                    f"choice[{name!r}]: expected a whole number from 0 to {known[name] - 1} (a "
                    f"position on the axis), got {index!r}; to choose by value use show({name}=…)"
                )
            choice[name] = int(index)
        return choice

    @traitlets.validate("map_axes")
    def _validate_map_axes(self, proposal):
        names, known = list(proposal["value"]), self.found.names
        for name in names:
            _check_axis(known, name, "map_axes")
        if len(names) != min(2, len(known)) or len(set(names)) != len(names):
            raise ValueError(
                f"map_axes: expected two different axis names, got {names}; choose two of {known}"
            )
        return names

    @traitlets.validate("map_value")
    def _validate_map_value(self, proposal):
        name, known = proposal["value"], list(self.found.values)
        if name not in known:
            raise ValueError(
                f"map_value: expected one of the record's values {known}, got {name!r}; "
                "check the spelling"
            )
        return name

    @traitlets.validate("frame")
    def _validate_frame(self, proposal):
        return min(max(proposal["value"], 0), self._frames() - 1)

    @traitlets.validate("live")
    def _validate_live(self, proposal):
        live = dict(proposal["value"])
        if not live:
            return live
        missing = [key for key in LIVE_KEYS if key not in live]
        lengths = {len(live[key]) for key in LIVE_SERIES if key in live}
        if missing or len(lengths) != 1:
            raise ValueError(
                f"live: expected {{}} or a dict of {', '.join(LIVE_KEYS)} with three lists of one "
                f"length, got keys {sorted(live)} and lengths {sorted(lengths)}; "
                "pass None where there is no value"
            )
        return live | {key: [number_or_none(value) for value in live[key]] for key in LIVE_SERIES}

    def _repr_mimebundle_(self, **kwargs):
        shown = super()._repr_mimebundle_(**kwargs)
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        # The map would answer what the questions ask.
        value = None if self.questions and self.found.curves else self.map_value
        picture = still.picture(self.found, self.choice, self.map_axes, value)
        text = still.summary(self.found, self.choice, self.questions)
        fallbacks = {"text/plain": text, "image/png": base64.b64encode(picture).decode()}
        return {**(data or {}), **fallbacks}, metadata


def _check_axis(known, name, where):
    if name not in known:
        raise ValueError(
            f"{where}: expected one of the axes {list(known)}, got {name!r}; check the spelling"
        )


def _questions(found, ask, runs):
    """The questions as the page gets them; what they show as positions on the axes."""
    asked = question.asked(ask, runs)
    for one in asked:
        if "show" in one:
            one["show"] = [_indices(found, place, "show") for place in one["show"]]
    return asked


def _indices(found, values, where):
    indices = {}
    for name, value in values.items():
        _check_axis(found.names, name, where)
        axis = found.axis(name)
        if isinstance(value, str) and value == MEAN and axis.repeats:
            indices[name] = MEAN
            continue
        try:
            indices[name] = record.position(axis, value)
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"{where}: expected {name} to be one of {labels.listed(axis.values)}, "
                f"got {value!r}; choose a recorded value, or sweep again with it"
            ) from error
    return indices


def _start(found, start):
    """Repetitions start with their mean, numbers in their middle, what has no order with its first
    value.
    """
    return {axis.name: _first(axis) for axis in found.axes} | _indices(found, start, "start")


def _first(axis):
    if axis.repeats and len(axis.values) > 1:
        return MEAN
    ordered = axis.scale != "category" and axis.control != "list" and not axis.repeats
    return (len(axis.values) - 1) // 2 if ordered else 0


def _map_axes(found, names):
    """`names`, with an axis of a single value replaced by a longer one where there is one; numbers
    before the rest.
    """
    for name in names or ():
        _check_axis(found.names, name, "map_axes")
    length = dict(zip(found.names, found.shape))
    ranked = sorted(found.axes, key=lambda a: (len(a.values) < 2, a.repeats, a.control == "list"))
    if names is None:
        return [axis.name for axis in ranked[:2]]
    spare = [axis.name for axis in ranked if length[axis.name] > 1 and axis.name not in names]
    return [name if length[name] > 1 or not spare else spare.pop(0) for name in names]


def _map_value(found):
    """The validation loss, or the first value that is not a known one, or whatever there is."""
    names = list(found.values)
    extras = [name for name in names if name not in contents.BETTER]
    return next(iter(["val_loss"] * ("val_loss" in names) + extras + names))
