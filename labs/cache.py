"""Finished parts of sweeps, kept on disk under a key made of everything that determines them."""
import functools
import hashlib
import inspect
import json
import os
import pathlib
import types
import warnings

import numpy as np
import torch

from labs import runs

FORMAT = "labs.chunk/1"
LIBRARIES = ("torch", "numpy", "math", "builtins")       # known by name: the version of torch is in the key
ENGINE = ("data.py", "models.py", "optimizers.py", "tasks.py", "train.py", "stack.py", "plan.py", "traced.py", "matmul.py",
          "matmul.cpp", "program.py", "sweep.py")


def folder():
    """Where finished parts are kept: LABS_CACHE, or `labs` in the user's cache folder; None where LABS_CACHE is "off"."""
    wish = os.environ.get("LABS_CACHE", "").strip()
    if wish.lower() == "off":
        return None
    return pathlib.Path(wish or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "labs")


def source(thing, seen=frozenset()):
    """The text that determines a value: a number as it is, a tensor in full, a function or class with all that it refers to.

    Raises OSError where there is no such text (no source, or an object of another kind): the result must not be kept.
    """
    if id(thing) in seen:
        return ""
    inside = functools.partial(source, seen=seen | {id(thing)})
    if thing is None or isinstance(thing, (str, bytes, int, float)):
        return repr(thing)
    if isinstance(thing, (torch.Tensor, np.ndarray)):
        values = torch.as_tensor(thing).detach().cpu().contiguous().numpy()
        return f"{values.dtype}{values.shape}{hashlib.sha256(values.tobytes()).hexdigest()}"
    if isinstance(thing, (list, tuple, dict)):
        return repr([inside(part) for part in (thing.items() if isinstance(thing, dict) else thing)])
    if isinstance(thing, functools.partial):
        return inside((thing.func, thing.args, thing.keywords))
    if isinstance(thing, types.ModuleType):
        return thing.__name__
    if hasattr(thing, "__qualname__") and (thing.__module__ or "").split(".")[0] in LIBRARIES:
        return f"{thing.__module__}.{thing.__qualname__}"
    if isinstance(thing, type):
        return inspect.getsource(thing) + "".join(inside(part) for part in vars(thing).values() if inspect.isfunction(part))
    if inspect.isfunction(thing):
        cells = [cell.cell_contents for cell in thing.__closure__ or ()]
        return inspect.getsource(thing) + inside([thing.__defaults__, thing.__kwdefaults__, cells, _globals(thing)])
    raise OSError(f"nothing determines a {type(thing).__name__} but itself")


def _globals(function):
    """The global values that a function's code names, that of the functions inside it too."""
    codes = [function.__code__]
    for code in codes:
        codes += [part for part in code.co_consts if isinstance(part, types.CodeType)]
    names = {name for code in codes for name in code.co_names}
    return {name: function.__globals__[name] for name in sorted(names) if name in function.__globals__}


@functools.cache
def engine_source():
    """The source of the modules that produce a record's numbers."""
    here = pathlib.Path(__file__).parent
    return "".join((here / name).read_text() for name in ENGINE)


def task_key(task, seeds):
    """A digest of all that a task brings: data, network, initial parameters of `seeds`, loss, metric, view.

    None where the source of a part cannot be found: such a task is trained each time.
    """
    digest = hashlib.sha256()
    try:
        for part in (task.make_model, task.loss, task.metric, task.view and task.view.value):
            digest.update(source(part).encode())
        model = task.model(0)
        for kind in dict.fromkeys(type(module) for module in model.modules()):
            digest.update(source(kind).encode())
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
