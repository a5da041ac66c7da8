"""Finished parts of sweeps, kept on disk under a key made of everything that determines them."""
import functools
import hashlib
import inspect
import json
import os
import pathlib
import types
import warnings

import torch

from labs import runs

FORMAT = "labs.chunk/1"
ENGINE = ("data", "models", "optimizers", "tasks", "train", "stack", "sweep")


def folder():
    """Where finished parts are kept: LABS_CACHE, or `labs` in the user's cache folder; None where LABS_CACHE is "off"."""
    wish = os.environ.get("LABS_CACHE", "").strip()
    if wish.lower() == "off":
        return None
    return pathlib.Path(wish or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "labs")


def source(thing, depth=2):
    """The text that defines a function or class: its source, what it closes over, and the helpers it calls.

    Raises OSError where Python does not have the source: then the result must not be kept.
    """
    if isinstance(thing, functools.partial):
        return f"{source(thing.func, depth)}{thing.args!r}{thing.keywords!r}"
    if not isinstance(thing, (types.FunctionType, type)):
        return repr(thing)
    text = [inspect.getsource(thing)]
    if isinstance(thing, types.FunctionType):
        closed = [cell.cell_contents for cell in thing.__closure__ or ()]
        called = [thing.__globals__.get(name) for name in thing.__code__.co_names]
        helpers = [part for part in closed + called if isinstance(part, (types.FunctionType, type))
                   and not part.__module__.startswith("torch")]
        text += [repr(value) for value in closed if not callable(value)] + [repr(thing.__defaults__)]
        text += [source(helper, depth - 1) for helper in helpers if depth]
    return "\n".join(text)


@functools.cache
def engine_source():
    """The source of the modules that produce a record's numbers."""
    here = pathlib.Path(__file__).parent
    return "".join((here / f"{name}.py").read_text() for name in ENGINE)


def task_key(task, seeds):
    """A digest of all that a task brings: data, network, initial parameters of `seeds`, loss, metric, view.

    None where the source of a part cannot be found: such a task is trained each time.
    """
    digest = hashlib.sha256()
    try:
        for part in (task.make_model, task.loss, task.metric, task.view and task.view.value):
            digest.update(source(part).encode())
        model = task.model(0)
        for kind in {type(m) for m in model.modules() if not type(m).__module__.startswith("torch.")}:
            digest.update(inspect.getsource(kind).encode())
    except (OSError, TypeError):
        return None
    digest.update(repr((task.name, model, task.view and task.view.extent, task.view and task.view.size)).encode())
    tensors = [task.data.train_x, task.data.train_y, task.data.val_x, task.data.val_y]
    for tensor in tensors + [p for seed in seeds for p in task.model(seed).state_dict().values()]:
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def key(task_digest, settings, steps, device, engine):
    """The key of one part of a sweep; `settings` lists the values of its runs."""
    facts = [task_digest, settings, steps, device.type, engine, torch.__version__, torch.get_num_threads(), engine_source()]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def read(name):
    """The (metadata, arrays) kept under `name`, or None. A damaged file is reported and counts as missing."""
    place = folder()
    if place is None or not (place / f"{name}.npz").exists():
        return None
    try:
        return runs.read_npz(place / f"{name}.npz", FORMAT)
    except ValueError as error:
        warnings.warn(f"{error}. It is trained again now.", stacklevel=2)
        return None


def write(name, meta, arrays):
    """Keep arrays under `name`. A full or read-only disk is reported; the sweep goes on."""
    place = folder()
    if place is None:
        return
    try:
        runs.write_npz(place / f"{name}.npz", {"format": FORMAT, **meta}, arrays)
    except OSError as error:
        warnings.warn(f"the cache {place} should be writable, but is not ({error}); set LABS_CACHE to another folder or to off",
                      stacklevel=2)
