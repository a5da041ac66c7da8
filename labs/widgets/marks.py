"""Marks on an explorer's map: what a record brings along to compare with, such as published runs
beside a formula.

`runs.attrs["marks"]` is {"label": what they are called, "points": [{"at": {axis name: value},
"values": {variable: number}, "label": its own name}]}; the last two may be left out. A point lies
wherever the setting agrees with `at`; its numbers are said beside the record's own.
"""

import math
import numbers

from labs import record


def read(runs, axes, values):
    """The marks of a record with places as positions on `axes`, or None where it has none.

    Raises ValueError for an axis, a value of an axis or a variable that the record does not have,
    for an axis of repetitions, and for what is no number.
    """
    marks = runs.attrs.get("marks")
    if marks is None:
        return None
    if not (isinstance(marks, dict) and marks.keys() == {"label", "points"}):
        raise ValueError(f'marks: expected {{"label": text, "points": a list}}, got {marks!r}')
    known = {axis.name: axis for axis in axes if not axis.repeats}
    points = [_point(point, known, values) for point in marks["points"]]
    return {"label": str(marks["label"]), "points": points}


def _point(point, axes, values):
    at, told = point["at"], point.get("values", {})
    for name in at:
        _known(name, axes, "at")
    for name, value in told.items():
        _known(name, values, "values")
        if not (isinstance(value, numbers.Real) and math.isfinite(value)):
            raise ValueError(f"marks: expected a number for {name}, got {value!r}")
    places = {name: record.position(axes[name], value) for name, value in at.items()}
    label = {"label": str(point["label"])} if "label" in point else {}
    return {"at": places, "values": {name: float(value) for name, value in told.items()}} | label


def _known(name, known, where):
    if name not in known:
        raise ValueError(f"marks, {where}: expected one of {list(known)}, got {name!r}")


def shown(marks, choice):
    """The points that agree with `choice`, {axis name: position} for some of the axes."""
    points = marks["points"] if marks else []
    agrees = lambda at: all(choice.get(name, place) == place for name, place in at.items())
    return [point for point in points if agrees(point["at"])]
