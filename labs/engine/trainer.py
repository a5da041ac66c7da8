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
from labs.engine.traced import interpreted, operations
from labs.settings import COLUMNS

MOST_PROGRAMS = 64  # kept in memory for later sweeps; the one that was used longest ago goes first
_lock, _kept = threading.Lock(), collections.OrderedDict()


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
    """Trains chunks of one batch size, one number of runs, and the same rules on the same rows.

    `engine`: "traced" and "compiled" run graphs of operations, written down once for each
    combination of shapes; the program keeps these and nothing else of the network. "eager" calls
    the network itself.
    """

    def __init__(self, slices, engine, device, part):
        self.slices, self.engine, self.part = slices, engine, part
        self.looped = engine == "compiled" and device.type == "cpu"
        self.ready, self.lock = {}, threading.Lock()

    def run(self, what, function, *tensors):
        """What `function` returns. `what` names it: "step", "scores" or "pictures"."""
        if self.engine == "eager":
            return function(*tensors)
        return self._built(what, function, tensors)(*tensors)

    def _built(self, what, function, tensors):
        key = what, tuple((tensor.shape, tensor.dtype) for tensor in tensors)
        if key not in self.ready:
            with self.lock:
                if key not in self.ready:  # another thread may have been first
                    graph = operations(function, *tensors)
                    build = interpreted if self.engine == "traced" else self._compiled(what)
                    self.ready[key] = build(graph)
        return self.ready[key]

    def _compiled(self, what):
        """How a graph is compiled: a step with the loop around it, as one C++ program that leaves
        Python's lock to other threads."""
        options = {"options": {"cpp_wrapper": True}} if self.looped else {}
        make = functools.partial(torch.compile, fullgraph=True, dynamic=False, **options)
        return lambda graph: make(_loop_of(graph) if what == "step" and self.looped else graph)

    def theta(self, state):
        """The parameters (R, P) of all runs."""
        return joined(state[2 : 2 + len(self.slices)])

    def advance(self, ensemble, inputs, state, steps):
        """The state after `steps` more updates."""
        flat = lambda *tensors: step(ensemble.gradients, self.slices, *Inputs.of_flat(tensors))
        tensors = inputs.flat()
        if self.looped:
            loop = self._built("step", flat, (*tensors, *state))
            return loop(tensors, state[0] + steps, state)
        for _ in range(steps):
            state = self.run("step", flat, *tensors, *state)
        return state

    def measure(self, ensemble, state, samples):
        """Losses and metric (2 or 3, R) over all samples, `part` runs at a time."""
        everything = samples.train_x, samples.train_y, samples.val_x, samples.val_y
        parts = self.theta(state).split(self.part)
        scores = [self.run("scores", ensemble.scores, part, *everything) for part in parts]
        return torch.cat(scores, dim=1)

    def picture(self, ensemble, state, points):
        """What the task's view shows of every run (R, V), `part` runs at a time."""
        parts = self.theta(state).split(self.part)
        return torch.cat([self.run("pictures", ensemble.pictures, part, points) for part in parts])

    def prepare(self, ensemble, inputs, state, samples, points=None):
        """Compile what such chunks need, before any thread trains: PyTorch runs no compiled program
        in one thread while another writes a graph down."""
        limits = {"recompile_limit": 2**16, "accumulated_recompile_limit": 2**16}
        with torch._dynamo.config.patch(**limits):
            self.advance(ensemble, inputs, tuple(tensor.clone() for tensor in state), 1)
            self.measure(ensemble, state, samples)
            if points is not None:
                self.picture(ensemble, state, points)


def _loop_of(graph):
    """A function of inputs, a last step (1,) and a state, that runs the step `graph` until then."""

    def loop(inputs, end_1, state):
        body = lambda *state: graph(*inputs, *(tensor.clone() for tensor in state))
        return while_loop(lambda t_1, *rest: (t_1 < end_1).squeeze(), body, state)

    return loop


def program_for(chunk, engine, device, digest):
    """The program that trains `chunk` and those like it.

    Later sweeps that compute the same, as `digest` says, find it ready. Where that is None, nothing
    says what is computed, and the program is for this chunk alone.
    """
    if digest is None:
        return Program(chunk.slices(), engine, device, chunk.part)
    key = digest, engine, str(device), chunk.kind()
    with _lock:
        program = _kept.pop(key, None) or Program(chunk.slices(), engine, device, chunk.part)
        _kept[key] = program
        while len(_kept) > MOST_PROGRAMS:
            _kept.popitem(last=False)
        return program


def can_compile(device):
    """Whether there is what torch.compile needs: for a CPU a C++ compiler and Python's headers, for
    CUDA Triton.
    """
    if device.type == "cpu":
        wanted = (os.environ.get("CXX"), "g++", "clang++")
        compiler = any(shutil.which(name) for name in wanted if name)
        return compiler and Path(sysconfig.get_path("include"), "Python.h").exists()
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None
