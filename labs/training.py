"""One run, in the open: the training loop that the batched one in labs.sweep must agree with."""

import contextlib
import dataclasses
import itertools
import math
from collections import namedtuple

import torch

from labs import chance, data, optimizers, partition, settings
from labs.device import device_of
from labs.tasks import smoothed

DIVERGED = 1e4  # how far a training loss may rise, see `limit`
ORDER = 1024  # steps for which the order of batches is drawn at a time

LEAST, MOST = 5, 28  # moments at which a run is measured, of all whose number of steps is larger
FEW, LONG = 64, 1000  # with so few samples to measure, so many steps are all of them recorded

Point = namedtuple("Point", "step train_loss val_loss val_metric model")
Point.__doc__ = """What is known after `step` updates.

Losses and metric over what is measured of the samples, and the network itself. `val_metric` is None
where the task has no metric.
"""


def _check_all(config):
    for name in settings.SETTINGS:
        object.__setattr__(config, name, settings.check(name, getattr(config, name)))


TrainConfig = dataclasses.make_dataclass(
    "TrainConfig",
    [
        (s.name, float | None if s.default is None else type(s.default), s.default)
        for s in settings.SETTINGS.values()
    ],
    frozen=True,
    namespace={"__post_init__": _check_all, "__module__": __name__},
)
TrainConfig.__doc__ = """The setting of one run.

A field for each of `labs.settings.SETTINGS`, with its default. Raises ValueError for an impossible
value.
"""


def record_steps(steps, record_at=None, samples=math.inf):
    """The steps at which a run is measured, the first and the last always.

    They are `record_at`. By default, half of them are spaced evenly and half crowded towards the
    start, and there are so many that measuring `samples` each time takes about a quarter as long as
    training with batches of 32; but no fewer than LEAST, and no more than MOST. With few samples to
    measure, all steps are, unless they are many. Raises ValueError for a step that is not in the
    run.
    """
    if record_at is not None:
        for step in record_at:
            if settings.whole(step) not in range(steps + 1):
                raise ValueError(
                    f"record_at must hold whole numbers from 0 to {steps}, the number of steps, "
                    f"got {step!r}; leave it out"
                )
        return sorted({0, steps, *map(settings.whole, record_at)})
    count = max(LEAST, min(MOST, 24 * steps // samples))
    if steps < count or (samples <= FEW and steps <= LONG):
        return list(range(steps + 1))
    some, others = count // 2, (count + 1) // 2
    even = {round(steps * i / some) for i in range(some + 1)}
    early = {round((steps + 1) ** (i / others)) - 1 for i in range(others + 1)}
    return sorted(even | early)


def limit(first):
    """The training loss from which a run counts as diverged, as one that is not finite does.

    It is 10,000 times the first one, `first`, or 10,000 where that is nearer to zero than 1.
    """
    return DIVERGED * torch.as_tensor(first).abs().clamp(min=1)


@torch.no_grad()
def measure(task, samples, model, step):
    """The `Point` after `step` updates."""
    model.eval()  # as a reader would use it: without dropout
    train_x, train_y, val_x, val_y = samples.judged()
    train, val = model(train_x), model(val_x)
    metric = float(task.metric(val, val_y)) if task.metric else None
    losses = task.loss(train, train_y).item(), task.loss(val, val_y).item()
    return Point(step, *losses, metric, model)


def train(task, config, device=None, record_at=None):
    """Train one run; yield a `Point` at each of `record_steps`. To stop, stop asking.

    Raises ValueError where the batch is larger than the data set, a step of `record_at` is not in
    the run, or the task's loss has no label smoothing and `config` has.
    """
    task.check_smoothing(config.label_smoothing)
    device = device_of(device)
    samples = task.data.to(device)
    model = task.model(config.seed).to(device)
    partition.check(task, model)
    parameters = list(partition.trained(model).values())
    theta_RP = partition.vector(parameters)[None]  # R is 1 here
    size = min(ORDER, config.steps)
    order = data.segments(len(samples.train_x), config.batch_size, size, config.seed)
    order = itertools.chain.from_iterable(part.to(device) for part in order)
    state = [torch.zeros_like(theta_RP) for _ in range(optimizers.RULES[config.optimizer].slots)]
    told = {n: settings.column(n, [getattr(config, n)]) for n in settings.COLUMNS}
    del told["label_smoothing"]  # which the loss reads
    columns = {n: torch.tensor(told[n], device=device) for n in told if told[n][0]}
    fresh = task.model(config.seed).to(device)
    random = chance.draws(fresh, samples.train_x[:2])  # of dropout, say
    wanted = set(record_steps(config.steps, record_at, len(samples)))
    yield measure(task, samples, model, 0)
    for t, batch in zip(range(1, config.steps + 1), order):
        model.train()
        with chance.stream(config.seed, t - 1, device) if random else contextlib.nullcontext():
            outputs, y = model(samples.train_x[batch]), samples.train_y[batch]
            loss = smoothed(task.loss, outputs, y, config.label_smoothing or None)
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
        grad_RP = partition.vector(gradients)[None]
        factor = optimizers.SCHEDULES[config.schedule](t / config.steps, config.warmup_share)
        now = columns | {"learning_rate": columns["learning_rate"] * factor}
        bias = optimizers.bias_correction(t)
        optimizers.update(config.optimizer, theta_RP, grad_RP, state, bias, t=t - 1, **now)
        partition.load(model, theta_RP[0])
        if t in wanted:  # once in a while: measure
            yield measure(task, samples, model, t)
