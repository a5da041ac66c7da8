"""The training program of a chunk of runs: a step that moves them all, and the loop around it.

Shapes: `R` runs of a chunk, `P` parameters, `B` batch, `S` distinct seeds, `T` steps, `C`
schedules, `N` samples, `D` features.
"""

import collections
import functools
import importlib.util
import os
import shutil
import sysconfig
import threading
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch._higher_order_ops import while_loop

from labs import data, optimizers
from labs.engine.traced import Traced
from labs.settings import COLUMNS

MOST_PROGRAMS = 64  # kept in memory for later sweeps; the one that was used longest ago goes first
_lock, _kept = threading.Lock(), collections.OrderedDict()  # one thread compiles at a time


class Inputs(NamedTuple):
    """What the steps of a chunk read.

    Rows of `*_T*` belong to steps, rows of `*_R*` to runs; `bias` is Adam's correction, `columns` a
    tensor (R, 1) for each of `labs.settings.COLUMNS`.
    """

    x_ND: torch.Tensor
    y_N: torch.Tensor
    order_TSB: torch.Tensor
    factor_TC: torch.Tensor
    bias_T2: torch.Tensor
    seed_R: torch.Tensor
    schedule_R: torch.Tensor
    limit_R: torch.Tensor
    columns: tuple

    def flat(self):
        """All tensors in a row."""
        return (*self[:-1], *self.columns)

    @classmethod
    def of_flat(cls, tensors):
        """The inputs that begin a row of tensors, and the rest of the row."""
        count = len(cls._fields) - 1
        end = count + len(COLUMNS)
        return cls(*tensors[:count], tuple(tensors[count:end])), tensors[end:]


def step(gradients, slices, inputs, state):
    """Move every run by one update, in place, on its seed's next batch; return the state.

    `gradients` takes parameters (R, P) and a batch a run, and returns gradients (R, P) and losses
    (R,). `slices`: (optimizer, first row, end row) of each update rule. `state`: the number of
    updates so far (1,), the step at which each run diverged or -1 (R,), the parameters of each
    slice, and then their rules' own tensors.
    """
    t_1, diverged_R, *tensors = state
    now = lambda table: table.index_select(0, t_1)[0]
    batch_RB, bias = now(inputs.order_TSB)[inputs.seed_R], now(inputs.bias_T2)
    thetas, slots = tensors[: len(slices)], iter(tensors[len(slices) :])
    grad_RP, loss_R = gradients(joined(thetas), inputs.x_ND[batch_RB], inputs.y_N[batch_RB])
    settings = dict(zip(COLUMNS, inputs.columns))
    factor_R1 = now(inputs.factor_TC)[inputs.schedule_R, None]
    settings["learning_rate"] = settings["learning_rate"] * factor_R1
    for (name, a, b), theta in zip(slices, thetas):
        own = [next(slots) for _ in range(optimizers.RULES[name].slots)]
        columns = {setting: column[a:b] for setting, column in settings.items()}
        optimizers.update(name, theta, grad_RP[a:b], own, bias, **columns)
    gone_R = (diverged_R < 0) & ~(loss_R < inputs.limit_R)
    diverged_R.copy_(torch.where(gone_R, t_1, diverged_R))
    t_1.add_(1)
    return state


def joined(thetas):
    """The parameters of all slices as one matrix."""
    return thetas[0] if len(thetas) == 1 else torch.cat(thetas)


def start(theta_RP, chunk, samples, steps):
    """The inputs and the first state of a chunk whose runs begin at `theta_RP`.

    `limit_R` is infinite: no loss counts as diverged yet. The tables of steps are filled up to the
    next power of two, so that one compiled program serves many numbers of steps.
    """
    device = samples.train_x.device
    seeds, schedules = sorted(set(chunk.values("seed"))), sorted(set(chunk.values("schedule")))
    numbers = lambda name: torch.tensor(chunk.values(name), dtype=torch.float32, device=device)
    index = lambda name, known: torch.tensor(
        [known.index(value) for value in chunk.values(name)], device=device
    )
    count, size = len(samples.train_x), chunk.settings[0]["batch_size"]
    orders = [data.batches(count, size, steps, seed) for seed in seeds]
    inputs = Inputs(
        samples.train_x,
        samples.train_y,
        _filled(torch.stack(orders, dim=1), steps).to(device),
        _filled(torch.stack([factors(name, steps) for name in schedules], dim=1), steps).to(device),
        _filled(bias_corrections(steps), steps).to(device),
        index("seed", seeds),
        index("schedule", schedules),
        torch.full((len(chunk.index),), torch.inf, device=device),
        tuple(numbers(name)[:, None] for name in COLUMNS),
    )
    thetas = [theta_RP[a:b].clone() for _, a, b in chunk.slices()]
    slots = [
        torch.zeros_like(theta)
        for (name, _, _), theta in zip(chunk.slices(), thetas)
        for _ in range(optimizers.RULES[name].slots)
    ]
    zero = torch.zeros(1, dtype=torch.int64, device=device)
    return inputs, (zero, torch.full_like(inputs.seed_R, -1), *thetas, *slots)


def factors(schedule, steps):
    """What multiplies the learning rate at each step (T,)."""
    factor = optimizers.SCHEDULES[schedule]
    return torch.tensor([factor(t / steps) for t in range(1, steps + 1)])


def bias_corrections(steps):
    """Adam's correction at each step (T, 2)."""
    return torch.tensor([optimizers.bias_correction(t) for t in range(1, steps + 1)])


def _filled(table, steps):
    more = (1 << (steps - 1).bit_length()) - steps
    return F.pad(table, [0, 0] * (table.dim() - 1) + [0, more])


class Program:
    """Trains chunks of one network.

    They share one batch size, one number of runs, and the same rules on the same rows.
    """

    def __init__(self, ensemble, slices, engine, device, part):
        self.slices, self.part = slices, part
        self.looped, self.ready = engine == "compiled" and device.type == "cpu", set()
        self.scores, self.pictures = ensemble.scores, ensemble.pictures
        self.step = functools.partial(step, ensemble.gradients, slices)
        if (
            self.looped
        ):  # the whole loop is one C++ program, which leaves Python's lock to other threads
            options = {"cpp_wrapper": True}
            build = functools.partial(torch.compile, fullgraph=True, dynamic=False, options=options)
            self._loop, self.scores = build(self._loop), build(ensemble.scores)
            self.pictures = build(ensemble.pictures)
        elif engine == "compiled":
            self.step = torch.compile(self.step, fullgraph=True, dynamic=False)
        elif engine == "traced":
            self.flat_step = Traced(self.flat_step)
            self.scores, self.pictures = Traced(ensemble.scores), Traced(ensemble.pictures)

    def prepare(self, inputs, state, samples, points=None):
        """Compile, if that is to be done.

        Only the first thread that asks does it, and the others wait.
        """
        shapes = tuple(tensor.shape for tensor in inputs.flat())
        if self.looped:
            limits = {"recompile_limit": 2**16, "accumulated_recompile_limit": 2**16}
            with _lock, torch._dynamo.config.patch(**limits):
                if shapes not in self.ready:
                    self.advance(inputs, state, 0)
                    self.measure(state, samples)
                    if points is not None:
                        self.picture(state, points)
                    self.ready.add(shapes)

    def theta(self, state):
        """The parameters (R, P) of all runs."""
        return joined(state[2 : 2 + len(self.slices)])

    def flat_step(self, *tensors):
        """One step, for the tensors of inputs and state in a row."""
        return self.step(*Inputs.of_flat(tensors))

    def _loop(self, inputs, end_1, state):
        body = lambda *state: self.step(inputs, tuple(tensor.clone() for tensor in state))
        return while_loop(lambda t_1, *rest: (t_1 < end_1).squeeze(), body, state)

    def advance(self, inputs, state, steps):
        """The state after `steps` more updates."""
        if self.looped:
            return self._loop(inputs, state[0] + steps, state)
        for _ in range(steps):
            state = self.flat_step(*inputs.flat(), *state)
        return state

    def measure(self, state, samples):
        """Losses and metric (2 or 3, R) over all samples, `part` runs at a time."""
        everything = samples.train_x, samples.train_y, samples.val_x, samples.val_y
        parts = self.theta(state).split(self.part)
        return torch.cat([self.scores(part, *everything) for part in parts], dim=1)

    def picture(self, state, points):
        """What the task's view shows of every run (R, M), `part` runs at a time."""
        parts = self.theta(state).split(self.part)
        return torch.cat([self.pictures(part, points) for part in parts])


def program_for(ensemble, chunk, engine, device, digest):
    """The program that trains `chunk` and those like it.

    Later sweeps that compute the same, as `digest` says, find it ready; where it is None, nothing
    says what is computed, and the program is for this chunk alone.
    """
    build = functools.partial(Program, ensemble, chunk.slices(), engine, device, chunk.part)
    if digest is None:
        return build()
    batch_size = chunk.settings[0]["batch_size"]
    key = (digest, engine, str(device), batch_size, len(chunk.index), chunk.slices(), chunk.part)
    with _lock:
        program = _kept.pop(key, None) or build()
        _kept[key] = program
        while len(_kept) > MOST_PROGRAMS:
            _kept.popitem(last=False)
        return program


def can_compile(device):
    """Whether there is what torch.compile needs.

    A C++ compiler and Python's headers for a CPU, Triton for CUDA.
    """
    if device.type == "cpu":
        wanted = (os.environ.get("CXX"), "g++", "clang++")
        compiler = any(shutil.which(name) for name in wanted if name)
        return compiler and Path(sysconfig.get_path("include"), "Python.h").exists()
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None
