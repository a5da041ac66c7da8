"""Checkpoints: all that a training run needs to go on as if it had never stopped.

A checkpoint is a folder `step-000500` that `transformers` opens too, with two files more: the
optimizer's state and the loss of every step, and, in JSON, what the run is. It appears whole or not
at all, and the one before is removed only when it stands.
"""

import pathlib
import re
import shutil

import safetensors.torch
import torch

from labs.gpt import folder as folders

STATE, RUN = "training.safetensors", "training.json"
KEPT = 2  # so many of the newest are kept
NAME = re.compile(r"step-(\d{6,})")


def steps(folder):
    """The steps of the checkpoints in `folder`, in order."""
    folder = pathlib.Path(folder)
    found = [NAME.fullmatch(path.name) for path in folder.glob("step-*")]
    return sorted(int(match[1]) for match in found if match)


def path_of(folder, step):
    """Where the checkpoint of a step stands."""
    return pathlib.Path(folder, f"step-{step:06d}")


def save(folder, step, model, tokenizer, optimizer, losses, run):
    """Write the checkpoint of `step`, then remove all but the newest `KEPT`.

    `optimizer`: a torch.optim.AdamW over named parameters. `losses`: of each step until now, a
    tensor. `run`: what else must be known, for JSON. Raises OSError where it cannot be written; the
    checkpoints before it stay.
    """
    state = {"losses": losses}
    for name, slots in _slots(model, optimizer).items():
        state |= {f"{name}.{slot}": slots[slot] for slot in ("exp_avg", "exp_avg_sq")}
    with folders.written_whole(path_of(folder, step)) as part:
        folders.write(part, model, tokenizer)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
        safetensors.torch.save_file(state, part / STATE)
        folders.write_json(part / RUN, {"step": step, **run})
    for old in steps(folder)[:-KEPT]:
        shutil.rmtree(path_of(folder, old))


def read_run(folder, step):
    """What the JSON of a checkpoint says."""
    return folders.read_json(path_of(folder, step) / RUN)


def load(folder, step, model, optimizer):
    """Put a checkpoint into `model` and `optimizer`; return the losses of the steps before.

    Raises ValueError for a damaged checkpoint, or one of a model of another shape.
    """
    path = path_of(folder, step)
    saved, _ = folders.load(path)
    if saved.shape != model.shape:
        raise ValueError(f"{path}: expected a model of {model.shape}, got {saved.shape}")
    state = folders.read_tensors(path / STATE)
    model.load_state_dict(saved.state_dict())
    losses = state.pop("losses")
    for name, parameter in model.named_parameters():
        slots = {slot: state[f"{name}.{slot}"] for slot in ("exp_avg", "exp_avg_sq")}
        slots = {slot: tensor.to(parameter.device) for slot, tensor in slots.items()}
        count = torch.tensor(float(step), device=parameter.device)
        optimizer.state[parameter] = {"step": count, **slots}
    return losses


def _slots(model, optimizer):
    return {name: optimizer.state[parameter] for name, parameter in model.named_parameters()}
