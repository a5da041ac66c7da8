"""What the steps of a chunk read, and the state that they change.

Shapes: `R` runs of a chunk, `P` parameters, `B` batch, `S` distinct seeds, `T` steps, `C`
schedules, `N` samples, `D` features.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F

from labs import data, optimizers
from labs.settings import COLUMNS, column

ORDER = 2**23  # bytes that a chunk's order of batches may take, some 8 MB


class Inputs(NamedTuple):
    """What the steps of a chunk read.

    Rows of `*_T*` belong to steps, rows of `*_R*` to runs; `order` is that of some steps, see
    `orders`; `bias` is Adam's correction, `seed` which of the distinct seeds a run has, `stream`
    the seed itself, `columns` a tensor (R, 1) for each of `labs.settings.COLUMNS`, or (R, 0) where
    it is not in use, `held` what the networks hold of their own (see labs.engine.ensemble).
    """

    x_ND: torch.Tensor
    y_N: torch.Tensor
    order_TSB: torch.Tensor
    factor_TC: torch.Tensor
    bias_T2: torch.Tensor
    seed_R: torch.Tensor
    stream_R: torch.Tensor
    schedule_R: torch.Tensor
    limit_R: torch.Tensor
    columns: tuple
    held: tuple


class State(NamedTuple):
    """What a step changes, in place.

    How many updates were made (1,), the step at which each run diverged or -1 (R,), the parameters
    of each update rule's rows, and the rule's own tensors, as large as these.
    """

    t_1: torch.Tensor
    diverged_R: torch.Tensor
    thetas: tuple
    slots: tuple

    def theta(self):
        """The parameters (R, P) of all runs."""
        return self.thetas[0] if len(self.thetas) == 1 else torch.cat(self.thetas)


def orders(chunk, samples, steps):
    """The batches of a chunk's seeds, some steps at a time: (T, S, B) without end.

    So many steps that they take about ORDER bytes, and a power of two, so that one compiled program
    serves many numbers of steps.
    """
    count, size = len(samples.train_x), chunk.settings[0]["batch_size"]
    seeds = sorted(set(chunk.values("seed")))
    most = max(1, ORDER // (8 * len(seeds) * size))
    length = min(1 << (steps - 1).bit_length(), 1 << (most.bit_length() - 1))
    each = [data.segments(count, size, length, seed) for seed in seeds]
    return (torch.stack(parts, dim=1).to(samples.train_x.device) for parts in zip(*each))


def start(theta_RP, held, chunk, samples, steps):
    """The inputs and the first state of a chunk whose runs begin at `theta_RP`, and the orders of
    batches after the first.

    `limit_R` is infinite: no loss counts as diverged yet. The tables of steps are filled up to the
    next power of two.
    """
    device = samples.train_x.device
    seeds, schedules = sorted(set(chunk.values("seed"))), sorted(set(chunk.schedules()))
    index = lambda values, known: torch.tensor([known.index(v) for v in values], device=device)
    told = lambda name: torch.tensor(column(name, chunk.values(name)), dtype=torch.float32)
    rates = [factors(*schedule, steps) for schedule in schedules]
    later = orders(chunk, samples, steps)
    inputs = Inputs(
        samples.train_x,
        samples.train_y,
        next(later),
        _filled(torch.stack(rates, dim=1), steps).to(device),
        _filled(bias_corrections(steps), steps).to(device),
        index(chunk.values("seed"), seeds),
        torch.tensor(chunk.values("seed"), device=device),
        index(chunk.schedules(), schedules),
        torch.full((len(chunk.index),), torch.inf, device=device),
        tuple(told(name).to(device) for name in COLUMNS),
        held,
    )
    thetas = tuple(theta_RP[a:b].clone() for _, a, b in chunk.slices())
    slots = tuple(
        tuple(torch.zeros_like(theta) for _ in range(optimizers.RULES[name].slots))
        for (name, _, _), theta in zip(chunk.slices(), thetas)
    )
    zero = torch.zeros(1, dtype=torch.int64, device=device)
    return inputs, State(zero, torch.full_like(inputs.seed_R, -1), thetas, slots), later


def factors(schedule, share, steps):
    """What multiplies the learning rate at each step (T,)."""
    factor = optimizers.SCHEDULES[schedule]
    return torch.tensor([factor(t / steps, share) for t in range(1, steps + 1)])


def bias_corrections(steps):
    """Adam's correction at each step (T, 2)."""
    return torch.tensor([optimizers.bias_correction(t) for t in range(1, steps + 1)])


def _filled(table, steps):
    more = (1 << (steps - 1).bit_length()) - steps
    return F.pad(table, [0, 0] * (table.dim() - 1) + [0, more])
