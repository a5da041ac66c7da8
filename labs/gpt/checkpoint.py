"""Checkpoints: all that a training run needs to go on as if it had never stopped.

A checkpoint is a folder `step-000500` that `transformers` opens too, with two files more: the
optimizers' state and the loss of every step, and, in JSON, what the run is. It appears whole or not
at all, and the one before is removed only when it stands.

Of several processes each writes whole tensors, its share of them, into a file of its own, and any
number of them read those. The HuggingFaceStorageReader of torch.distributed.checkpoint reads them,
too. That library does not write them: its own index is a pickle, its plans are sent as pickles, and
the shards that its HuggingFaceStorageWriter writes are no model for `transformers` until they are
written again.
"""

import contextlib
import dataclasses
import pathlib
import re
import shutil

import filelock
import torch

from labs import device as devices
from labs.engine import cache, keys
from labs.gpt import files
from labs.gpt import folder as folders

HERE = pathlib.Path(__file__).parent
STATE, RUN = "training.safetensors", "training.json"  # the first may be in parts
KEPT = 2  # so many of the newest are kept
NAME = re.compile(r"step-(\d{6,})")
SLOTS = {"AdamW": ("exp_avg", "exp_avg_sq"), "Muon": ("momentum_buffer",)}  # of each parameter
TOLD = {"step", "shape", "corpus", "config", "device", "seconds", "evaluations", "scaler"}


def kept(model, tokens, config):
    """A folder for this very run in the cache of labs; None where LABS_CACHE is "off".

    Its name is a digest of all that the run comes from: the first weights, the text, the config,
    the code of this package, PyTorch's version, the device. So a run that is asked for again goes
    on from its checkpoints, or is told; where anything has changed, another one begins. Raises
    OSError or RuntimeError where the cache has no folder, see `labs.engine.cache.folder`.
    """
    place = cache.folder()
    code = [path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.py"))]
    about = [dataclasses.asdict(part) for part in (model.shape, config)]
    about += [tokens.corpus, code, torch.__version__, devices.describe(devices.device_of(None))]
    tensors = tokens.train, tokens.val, *model.parameters()
    return place and place / "gpt" / keys.digest_of(*about, *tensors)


@contextlib.contextmanager
def alone(folder):
    """Keep every other run out of `folder` within the block; clear away what a killed one left.

    A lock of the operating system, on the file `.lock`, goes when its process does, however it
    ends. So whoever holds it knows that nobody writes: a `step-….partial-…` that is there is what a
    killed process had not finished. Raises OSError where another run holds it, or where the folder
    cannot be made.
    """
    folder = pathlib.Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{folder}: expected a folder for checkpoints, or a name where one can be made; give "
            f"another ({error})"
        ) from error
    lock = filelock.FileLock(folder / ".lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise OSError(
            f"{folder}: expected no other run here, got one that still trains; wait until it ends, "
            "close it, or give another folder"
        ) from error
    try:
        for left in folder.glob("step-*.partial-*"):
            shutil.rmtree(left)
        yield
    finally:
        lock.release()


def steps(folder):
    """The steps of the checkpoints in `folder`, in order."""
    folder = pathlib.Path(folder)
    found = [NAME.fullmatch(path.name) for path in folder.glob("step-*")]
    return sorted(int(match[1]) for match in found if match)


def path_of(folder, step):
    """Where the checkpoint of a step stands."""
    return pathlib.Path(folder, f"step-{step:06d}")


def _slots(model, optimizers):
    """Where each tensor of the optimizers' state is: {name: (optimizer, parameter, slot)}."""
    names = {parameter: name for name, parameter in model.named_parameters()}
    return {
        f"{names[parameter]}.{slot}": (optimizer, parameter, slot)
        for optimizer in optimizers
        for group in optimizer.param_groups
        for parameter in group["params"]
        for slot in SLOTS[type(optimizer).__name__]
    }


def _shared_out(tensors, team):
    """{name: whole tensor} of those that this process writes, who writes each of all, and how
    many numbers they are.

    `tensors`: {name: (the parameter as which it is cut, this process's part)}. Each goes to the
    process that has the least to write so far.
    """
    loads, mine, writers = [0] * team.world, {}, {}
    for name, (parameter, part) in tensors.items():
        whole = team.whole(parameter, part.detach())
        writers[name] = loads.index(min(loads))
        loads[writers[name]] += whole.numel()
        if writers[name] == team.rank:
            mine[name] = whole.cpu().contiguous()
    return mine, writers, sum(loads)


def save(folder, step, model, tokenizer, optimizers, losses, run, team):
    """Write the checkpoint of `step`, then remove all but the newest `KEPT`.

    `optimizers`: of the classes in SLOTS; the last is an AdamW. `losses`: of each step until now, a
    tensor. `run`: what else must be known, for JSON. `team`: the processes that write it together.
    Raises OSError, in all of them, where it cannot be written; the checkpoints before it stay.
    """
    weights, writers, count = _shared_out({n: (n, p) for n, p in model.named_parameters()}, team)
    slots = _slots(model, optimizers).items()
    cut_as = lambda name: name.rpartition(".")[0]
    parts = {name: (cut_as(name), optimizer.state[p][slot]) for name, (optimizer, p, slot) in slots}
    state, *_ = _shared_out(parts, team)
    if team.rank == 0:
        # Steps that a gradient scaler skips do not count for AdamW: the same for each parameter.
        updates = next(iter(optimizers[-1].state.values()))["step"]
        state |= {"losses": losses, "updates": updates.cpu()}
    with files.written_by_all(path_of(folder, step), team) as part:
        file_of = lambda name, rank: files.part_of(part / name, rank, team.world)
        folders.write_weights(file_of(folders.WEIGHTS, team.rank), weights)
        files.write_tensors(file_of(STATE, team.rank), state)
        if team.rank == 0:
            files.write_json(part / RUN, {"step": step, **run})
            folders.write_about(part, model.shape, tokenizer)
            if team.world > 1:
                where = {n: file_of(folders.WEIGHTS, rank).name for n, rank in writers.items()}
                folders.write_index(part, where, 4 * count)
    with team.together():
        for old in steps(folder)[:-KEPT] if team.rank == 0 else ():
            gone = files.partial(path_of(folder, old))  # no checkpoint, before it is cut up
            shutil.rmtree(path_of(folder, old).rename(gone))


def read_run(folder, step):
    """What the JSON of a checkpoint says. Raises ValueError for a damaged one."""
    path = path_of(folder, step) / RUN
    said = files.read_json(path)
    if not TOLD <= set(said) or said["step"] != step:
        raise ValueError(
            f"{path} is damaged: expected {sorted(TOLD)} of step {step}, got {sorted(said)} of "
            f"step {said.get('step')}"
        )
    return said


def load(folder, step, model, optimizers, team):
    """Put a checkpoint into `model` and `optimizers`; return the losses of the steps before.

    Each process takes what `team` says is its part. Raises ValueError for a damaged checkpoint, or
    one of a model of another shape; then nothing has changed.
    """
    path = path_of(folder, step)
    saved, _ = folders.load(path)
    if saved.shape != model.shape:
        raise ValueError(f"{path}: expected a model of {model.shape}, got {saved.shape}")
    state, weights = files.read_parts(path / STATE), saved.state_dict()
    slots = _slots(model, optimizers)
    wanted = {name: weights[name.rpartition(".")[0]].shape for name in slots}
    wanted |= {"losses": torch.Size([step]), "updates": torch.Size([])}
    files.refuse_others(path / STATE, wanted, state)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(team.own(name, weights[name]))
    for name, (optimizer, parameter, slot) in slots.items():
        part = team.own(name.rpartition(".")[0], state[name])
        optimizer.state[parameter][slot] = part.to(parameter.device)
        if isinstance(optimizer, torch.optim.AdamW):
            updates = state["updates"].to(parameter.device, copy=True)
            optimizer.state[parameter]["step"] = updates
    return state["losses"]
