"""One run, in the open: the training loop that the batched one in labs.sweep must agree with."""
import dataclasses
import math
from collections import namedtuple

import torch

from labs import data, optimizers
from labs.device import best_device

Point = namedtuple("Point", "step train_loss val_loss val_metric model")
Point.__doc__ = "What is known after `step` updates: losses and metric over all samples, and the network itself."


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The setting of one run.

    `learning_rate`: per step, before the schedule. `batch_size`: samples. `weight_decay`: decoupled, per unit of learning
    rate. `l2`: the weight of |theta|²/2 in the loss. `steps`: updates. Raises ValueError for an impossible value.
    """

    optimizer: str = "adam"
    learning_rate: float = 1e-2
    batch_size: int = 32
    weight_decay: float = 0.0
    l2: float = 0.0
    schedule: str = "constant"
    seed: int = 0
    steps: int = 500

    def __post_init__(self):
        for field in dataclasses.fields(self):
            check_setting(field.name, getattr(self, field.name))


def _is_number(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value)


def check_setting(name, value):
    """Raise ValueError where `value` cannot be the setting `name`: what was expected, what came, what to do."""
    tables = {"optimizer": optimizers.RULES, "schedule": optimizers.SCHEDULES}
    if name in tables:
        if value not in tables[name]:
            raise ValueError(f"{name} must be one of {sorted(tables[name])}, got {value!r}; choose one of these")
    elif name in ("batch_size", "steps", "seed"):
        least = 0 if name == "seed" else 1
        if not _is_number(value, int) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}; give {max(least, 1)} or more")
    elif not _is_number(value, (int, float)) or value < 0 or (name == "learning_rate" and value == 0):
        kind = "positive" if name == "learning_rate" else "zero or positive"
        raise ValueError(f"{name} must be {kind}, got {value!r}; give a number such as 0.01")


def record_steps(steps):
    """The steps at which a run is measured: about a dozen spaced evenly, and as many crowded towards the start."""
    even = {round(steps * i / 14) for i in range(15)}
    early = {round((steps + 1) ** (i / 14)) - 1 for i in range(15)}
    return sorted(even | early)


@torch.no_grad()
def measure(task, samples, model, step):
    """The `Point` after `step` updates."""
    train, val = model(samples.train_x), model(samples.val_x)
    scores = (task.loss(train, samples.train_y), task.loss(val, samples.val_y), task.metric(val, samples.val_y))
    return Point(step, *(score.item() for score in scores), model)


def train(task, config, device=None):
    """Train one run; yield a `Point` at each of `record_steps`. To stop, stop asking.

    Raises ValueError where the batch is larger than the data set.
    """
    device = device or best_device()
    samples = task.data.to(device)
    model = task.model(config.seed).to(device)
    order = data.batches(len(samples.train_x), config.batch_size, config.steps, config.seed).to(device)
    theta_RP = torch.nn.utils.parameters_to_vector(model.parameters()).detach()[None]      # R is 1 here
    state = [torch.zeros_like(theta_RP) for _ in range(optimizers.RULES[config.optimizer].slots)]
    column = lambda value: torch.full((1, 1), float(value), device=device)
    wanted = set(record_steps(config.steps))
    yield measure(task, samples, model, 0)
    for t, batch in enumerate(order, start=1):
        loss = task.loss(model(samples.train_x[batch]), samples.train_y[batch])
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        grad_RP = torch.nn.utils.parameters_to_vector(gradients)[None]
        factor = optimizers.SCHEDULES[config.schedule](t / config.steps)
        optimizers.update(config.optimizer, theta_RP, grad_RP, state, optimizers.bias_correction(t),
                          lr_R1=column(config.learning_rate * factor), weight_decay_R1=column(config.weight_decay),
                          l2_R1=column(config.l2))
        torch.nn.utils.vector_to_parameters(theta_RP[0], model.parameters())
        if t in wanted:             # once in a while: measure over all samples
            yield measure(task, samples, model, t)
