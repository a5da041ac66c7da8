"""One run, in the open: the training loop that the batched one in labs.sweep must agree with."""

import dataclasses
import numbers
from collections import namedtuple

import torch

from labs import data, optimizers, settings
from labs.device import best_device

DIVERGED = (
    1e4  # a loss this many times the first one counts as diverged, as one that is not finite does
)

SHORT = 100  # steps up to which each of them is recorded

Point = namedtuple("Point", "step train_loss val_loss val_metric model")
Point.__doc__ = """What is known after `step` updates.

Losses and metric over all samples, and the network itself. `val_metric` is None where the task has
no metric.
"""


def _check_all(config):
    for name in settings.SETTINGS:
        object.__setattr__(config, name, settings.check(name, getattr(config, name)))


TrainConfig = dataclasses.make_dataclass(
    "TrainConfig",
    [(s.name, type(s.default), s.default) for s in settings.SETTINGS.values()],
    frozen=True,
    namespace={"__post_init__": _check_all, "__module__": __name__},
)
TrainConfig.__doc__ = """The setting of one run.

A field for each of `labs.settings.SETTINGS`, with its default. Raises ValueError for an impossible
value.
"""


def record_steps(steps, record_at=None):
    """The steps at which a run is measured, the first and the last always.

    They are `record_at`, or by default all of a short run, and of a longer one about a dozen spaced
    evenly and as many crowded towards the start. Raises ValueError for a step that is not in the
    run.
    """
    if record_at is not None:
        for step in record_at:
            if not isinstance(step, numbers.Integral) or not 0 <= step <= steps:
                raise ValueError(
                    f"record_at must hold whole numbers from 0 to {steps}, the number of steps, "
                    f"got {step!r}; leave it out"
                )
        return sorted({0, steps, *map(int, record_at)})
    if steps <= SHORT:
        return list(range(steps + 1))
    even = {round(steps * i / 14) for i in range(15)}
    early = {round((steps + 1) ** (i / 14)) - 1 for i in range(15)}
    return sorted(even | early)


@torch.no_grad()
def measure(task, samples, model, step):
    """The `Point` after `step` updates."""
    train, val = model(samples.train_x), model(samples.val_x)
    metric = task.metric(val, samples.val_y).item() if task.metric else None
    losses = task.loss(train, samples.train_y).item(), task.loss(val, samples.val_y).item()
    return Point(step, *losses, metric, model)


def train(task, config, device=None, record_at=None):
    """Train one run; yield a `Point` at each of `record_steps`. To stop, stop asking.

    Raises ValueError where the batch is larger than the data set, or a step of `record_at` is not
    in the run.
    """
    device = device or best_device()
    samples = task.data.to(device)
    model = task.model(config.seed).to(device)
    order = data.batches(len(samples.train_x), config.batch_size, config.steps, config.seed).to(
        device
    )
    theta_RP = torch.nn.utils.parameters_to_vector(model.parameters()).detach()[None]  # R is 1 here
    state = [torch.zeros_like(theta_RP) for _ in range(optimizers.RULES[config.optimizer].slots)]
    columns = {n: torch.full((1, 1), getattr(config, n), device=device) for n in settings.COLUMNS}
    wanted = set(record_steps(config.steps, record_at))
    yield measure(task, samples, model, 0)
    for t, batch in enumerate(order, start=1):
        loss = task.loss(model(samples.train_x[batch]), samples.train_y[batch])
        gradients = torch.autograd.grad(loss, list(model.parameters()))
        grad_RP = torch.nn.utils.parameters_to_vector(gradients)[None]
        factor = optimizers.SCHEDULES[config.schedule](t / config.steps)
        now = columns | {"learning_rate": columns["learning_rate"] * factor}
        bias = optimizers.bias_correction(t)
        optimizers.update(config.optimizer, theta_RP, grad_RP, state, bias, **now)
        torch.nn.utils.vector_to_parameters(theta_RP[0], model.parameters())
        if t in wanted:  # once in a while: measure over all samples
            yield measure(task, samples, model, t)
