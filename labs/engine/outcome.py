"""What comes out of a sweep: the record, its arrays by name, and where it comes from."""

import numpy as np
import torch

from labs import record as records
from labs.device import describe
from labs.engine.twins import distance
from labs.grid import Varied, name_of

SERIES = ("train_loss", "val_loss", "val_metric")


def check_alike(works):
    """Raise ValueError where the tasks of a sweep do not measure and show the same things."""
    first = works[0]
    about = lambda work: work.task.view and (work.task.view.kind, work.task.view.about)
    for work in works:
        if work.rows.dtype != first.rows.dtype or about(work) != about(first):
            raise ValueError(
                f"the tasks of a sweep must have views and metrics alike, got "
                f"{first.rows.dtype.names} for {first.task.call} and {work.rows.dtype.names} for "
                f"{work.task.call}, with the views {about(first)} and {about(work)}; sweep them "
                "one by one"
            )


def record(task, works, twins, grid, record_at, chunks):
    """The record of a sweep of `task`, which may be varied.

    `twins`: the works of the runs' twins, if any. `chunks`: how many this process trained now.
    """
    own_axes = task.axes if isinstance(task, Varied) else ()
    axes = (*own_axes, *grid.axes())
    attrs = _attributes(task, works, grid, record_at, bool(twins), chunks)
    attrs["seconds"] = round(float(sum(w.rows["seconds"].sum() for w in works + twins)), 2)
    runs = records.make(axes, *_arrays(works, axes, attrs))
    if works[0].task.view:
        drawn, columns = _samples(works, own_axes)
        runs = runs.assign(samples=drawn).assign_coords(column=columns)
    return runs.assign(twin_distance=distance(runs, twins, axes)) if twins else runs


def _arrays(works, axes, attrs):
    """What `labs.record.make` takes after the axes."""
    first = works[0]
    rows = np.concatenate([work.rows for work in works])
    rows = rows.reshape([len(axis.values) for axis in axes])
    there = np.concatenate([work.there for work in works]).reshape(rows.shape)
    found = {"trained": ([], there), "diverged_at": ([], rows["diverged_at"])}
    found |= {name: (["step"], rows[name]) for name in SERIES if name in rows.dtype.names}
    coordinates = {"step": np.array(first.moments)}
    if first.keep:
        found["parameters"] = ["parameter"], rows["parameters"]
    if first.task.view:
        found["view"] = ["moment", *first.task.view.dimensions], rows["view"]
        coordinates |= {"moment": np.array(first.viewed), **first.task.view.coordinates}
    return found, attrs, coordinates


def _samples(works, axes):
    """The samples that the views draw, (dimensions, array), and the names of their columns.

    The dimensions are the axes of the task, `sample` and `column`; where tasks have fewer samples,
    NaN fills up.
    """
    tables, names = zip(*(work.task.view.samples(work.task.data) for work in works))
    most = max(len(table) for table in tables)
    full = np.full((len(tables), most, len(names[0])), np.nan, np.float32)
    for place, table in zip(full, tables):
        place[: len(table)] = table
    shape = [len(axis.values) for axis in axes]
    dimensions = [*(axis.name for axis in axes), "sample", "column"]
    return (dimensions, full.reshape(*shape, *full.shape[1:])), np.array(names[0])


def _attributes(task, works, grid, record_at, twins, chunks):
    """Where the record comes from, as JSON.

    `call` makes the record; `run_call` makes one of its runs, when its {axis} places have taken the
    run's values. `seconds`, of `record`: what training took, all threads together, whenever it was.
    """
    first, one = works[0], works[0].task
    places = ", ".join(f"{axis.name}=[{{{axis.name}}}]" for axis in grid.axes())
    length = f", steps={first.steps}"
    if record_at is not None:
        length += f", record_at={record_at}"
    call = one.call.replace("{", "{{").replace("}", "}}")
    if isinstance(task, Varied):
        arguments = ", ".join(f"{axis.name}={{{axis.name}}}" for axis in task.axes)
        call = f"{name_of(task.make_task)}({arguments})"
    whole = task if isinstance(task, Varied) else one.call
    numbers = one.view is not None and one.view.dtype == "f4"
    view = one.view and {"kind": one.view.kind, "numbers": numbers, **one.view.about}
    return {
        "task": {
            "name": one.name,
            "title": one.title,
            "loss": one.loss_label,
            "metric": one.metric_label,
            "constant_loss": _constant_loss(works),
        },
        "steps": first.steps,
        "call": f"labs.sweep({whole}, {grid}{length}{', twins=True' * twins})",
        "run_call": f"labs.sweep({call}, labs.Grid({places}){length})",
        **({"view": view} if view else {}),
        "device": first.device.type,
        "device_name": describe(first.device),
        "torch": str(torch.__version__),
        "engine": first.engine,
        "chunks": chunks,
    }


def _constant_loss(works):
    """That of all tasks, or None where they differ or have none."""
    losses = [work.task.constant_loss for work in works]
    if None in losses or max(losses) - min(losses) > 1e-6:
        return None
    return float(losses[0])
