"""What a record says besides its axes: its arrays by name, and where it comes from."""

import numpy as np
import torch

from labs.device import describe
from labs.grid import Varied, name_of


def arrays(works, axes):
    """({name: (dimensions after the axes, array)}, coordinates) of the finished rows.

    Raises ValueError where the tasks do not measure the same things.
    """
    first = works[0]
    for work in works:
        if work.rows.dtype != first.rows.dtype:
            raise ValueError(
                "the tasks of a sweep must have views and metrics alike, got "
                f"{first.rows.dtype.names} for {first.task.call} and {work.rows.dtype.names} for "
                f"{work.task.call}; sweep them one by one"
            )
    rows = np.concatenate([work.rows for work in works])
    rows = rows.reshape([len(axis.values) for axis in axes])
    there = np.concatenate([work.there for work in works]).reshape(rows.shape)
    found = {"trained": ([], there), "diverged_at": ([], rows["diverged_at"])}
    for name in ("train_loss", "val_loss", "val_metric"):
        if name in rows.dtype.names:
            found[name] = ["step"], rows[name]
    coordinates = {"step": np.array(first.moments)}
    if first.task.view:
        found["view"] = ["moment", *first.task.view.dimensions], rows["view"]
        coordinates |= {"moment": np.array(first.viewed), **first.task.view.coordinates}
    return found, coordinates


def samples(works, axes):
    """The samples that the views draw, as a variable of the record.

    Returns (dimensions, array), and the names of its columns. The dimensions are the axes of the
    task, `sample` and `column`; where tasks have fewer samples, NaN fills up.
    """
    tables, names = zip(*(work.task.view.samples(work.task.data) for work in works))
    most = max(len(table) for table in tables)
    full = np.full((len(tables), most, len(names[0])), np.nan, np.float32)
    for place, table in zip(full, tables):
        place[: len(table)] = table
    shape = [len(axis.values) for axis in axes]
    dimensions = [*(axis.name for axis in axes), "sample", "column"]
    return (dimensions, full.reshape(*shape, *full.shape[1:])), np.array(names[0])


def attributes(task, works, grid, chunks, workers):
    """Where the record comes from, as JSON.

    `run_call` makes one run: its {axis} places take the run's values.
    """
    first = works[0]
    steps, one = first.steps, first.task
    seconds = sum(work.rows["seconds"].sum() for work in works) / workers
    varied = isinstance(task, Varied)
    places = ", ".join(f"{name}=[{{{name}}}]" for name in (axis.name for axis in grid.axes()))
    call = one.call.replace("{", "{{").replace("}", "}}")
    if varied:
        arguments = ", ".join(f"{axis.name}={{{axis.name}}}" for axis in task.axes)
        call = f"{name_of(task.make_task)}({arguments})"
    view = one.view and {"kind": one.view.kind, **one.view.about}
    return {
        "task": {
            "name": one.name,
            "title": one.title,
            "loss": one.loss_label,
            "metric": one.metric_label,
        },
        "steps": steps,
        "call": f"labs.sweep({task if varied else one.call}, {grid}, steps={steps})",
        "run_call": f"labs.sweep({call}, labs.Grid({places}), steps={steps})",
        **({"view": view} if view else {}),
        "device": first.device.type,
        "device_name": describe(first.device),
        "torch": str(torch.__version__),
        "engine": first.engine,
        "seconds": round(float(seconds), 2),
        "chunks": chunks,
    }
