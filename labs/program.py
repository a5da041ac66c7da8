"""The training program of a chunk of runs: a step that moves them all, and the loop around it.

Shapes: `R` runs of a chunk, `P` parameters, `B` batch, `S` distinct seeds, `T` steps, `C` schedules, `N` samples, `D` features.
"""
import functools
import importlib.util
import sysconfig
import threading
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch._higher_order_ops import while_loop

from labs import data, matmul, optimizers
from labs.traced import Traced

_lock, _kept = threading.Lock(), {}     # one thread compiles at a time; programs by all that determines them


class Inputs(NamedTuple):
    """What the steps of a chunk read. Rows of `*_T*` belong to steps, rows of `*_R*` to runs; `bias` is Adam's correction."""

    x_ND: torch.Tensor
    y_N: torch.Tensor
    order_TSB: torch.Tensor
    factor_TC: torch.Tensor
    bias_T2: torch.Tensor
    seed_R: torch.Tensor
    schedule_R: torch.Tensor
    lr_R1: torch.Tensor
    weight_decay_R1: torch.Tensor
    l2_R1: torch.Tensor
    limit_R: torch.Tensor


class Program:
    """Trains chunks of one network, one batch size, one number of runs, and the same rules on the same rows.

    `slices`: (optimizer, first row, end row) of each update rule. The state is a tuple of tensors: the number of updates so
    far (1,), the step at which each run diverged or -1 (R,), the parameters of each slice, and then their rules' own tensors.
    """

    def __init__(self, stack, slices, engine, device, part):
        self.stack, self.slices, self.part = stack, slices, part
        self.looped, self.ready = engine == "compiled" and device.type == "cpu", set()
        self.scores, self.view = stack.scores, stack.view
        if self.looped:         # the whole loop is one C++ program, which leaves Python's lock to other threads
            passes = {"post_grad_custom_post_pass": matmul.UseSmallProducts()} if matmul.load() else {}
            build = functools.partial(torch.compile, fullgraph=True, dynamic=False, options={"cpp_wrapper": True, **passes})
            self._loop, self.scores, self.view = build(self._loop), build(stack.scores), build(stack.view)
        elif engine == "compiled":
            self.step = torch.compile(self.step, fullgraph=True, dynamic=False)
        elif engine == "traced":
            self.flat_step, self.scores, self.view = Traced(self.flat_step), Traced(stack.scores), Traced(stack.view)

    def start(self, chunk, samples, steps):
        """The inputs and the first state of a chunk. Its `limit_R` is infinite: no loss counts as diverged yet.

        The tables of steps are filled up to the next power of two, so that one compiled program serves many numbers of steps.
        """
        device, count = samples.train_x.device, len(chunk.index)
        seeds, schedules = sorted(set(chunk.values("seed"))), list(optimizers.SCHEDULES)
        column = lambda name: torch.tensor(chunk.values(name), dtype=torch.float32, device=device)[:, None]
        number = lambda name, known: torch.tensor([known.index(value) for value in chunk.values(name)], device=device)
        orders = [data.batches(len(samples.train_x), chunk.settings[0]["batch_size"], steps, seed) for seed in seeds]
        times = range(1, steps + 1)
        filled = lambda table: F.pad(table, [0, 0] * (table.dim() - 1) + [0, (1 << (steps - 1).bit_length()) - steps])
        factors = [[optimizers.SCHEDULES[name](t / steps) for name in schedules] for t in times]
        inputs = Inputs(samples.train_x, samples.train_y, filled(torch.stack(orders, dim=1)).to(device),
                        filled(torch.tensor(factors, device=device)),
                        filled(torch.tensor([optimizers.bias_correction(t) for t in times], device=device)),
                        number("seed", seeds), number("schedule", schedules),
                        column("learning_rate"), column("weight_decay"), column("l2"),
                        torch.full((count,), torch.inf, device=device))
        theta_RP = self.stack.start(seeds, device)[inputs.seed_R]
        thetas = [theta_RP[a:b].clone() for _, a, b in self.slices]
        slots = [torch.zeros_like(theta) for (name, _, _), theta in zip(self.slices, thetas)
                 for _ in range(optimizers.RULES[name].slots)]
        return inputs, (torch.zeros(1, dtype=torch.int64, device=device), torch.full_like(inputs.seed_R, -1), *thetas, *slots)

    def prepare(self, inputs, state, samples, points=None):
        """Compile, if that is to be done: only the first thread that asks does it, and the others wait."""
        shapes = tuple(tensor.shape for tensor in inputs)
        if self.looped:
            with _lock, torch._dynamo.config.patch(recompile_limit=2**16, accumulated_recompile_limit=2**16):
                if shapes not in self.ready:
                    self.advance(inputs, state, 0)
                    self.measure(state, samples)
                    if points is not None:
                        self.picture(state, points)
                    self.ready.add(shapes)

    def theta(self, state):
        """The parameters (R, P) of all runs."""
        parts = state[2:2 + len(self.slices)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def step(self, inputs, state):
        """Move every run by one update, in place, on its seed's next batch."""
        t_1, diverged_R, *tensors = state
        now = lambda table: table.index_select(0, t_1)[0]
        batch_RB, bias = now(inputs.order_TSB)[inputs.seed_R], now(inputs.bias_T2)
        theta_RP = self.theta(state)
        grad_RP, loss_R = self.stack.gradients(theta_RP, inputs.x_ND[batch_RB], inputs.y_N[batch_RB])
        lr_R1 = inputs.lr_R1 * now(inputs.factor_TC)[inputs.schedule_R, None]
        thetas, slots = tensors[:len(self.slices)], iter(tensors[len(self.slices):])
        for (name, a, b), theta in zip(self.slices, thetas):
            own = [next(slots) for _ in range(optimizers.RULES[name].slots)]
            optimizers.update(name, theta, grad_RP[a:b], own, bias, lr_R1=lr_R1[a:b],
                              weight_decay_R1=inputs.weight_decay_R1[a:b], l2_R1=inputs.l2_R1[a:b])
        diverged_R.copy_(torch.where((diverged_R < 0) & ~(loss_R < inputs.limit_R), t_1, diverged_R))
        t_1.add_(1)
        return state

    def flat_step(self, *tensors):
        """The same, for the tensors of inputs and state in a row."""
        return self.step(Inputs(*tensors[:len(Inputs._fields)]), tensors[len(Inputs._fields):])

    def _loop(self, inputs, end_1, state):
        body = lambda *state: self.step(inputs, tuple(tensor.clone() for tensor in state))
        return while_loop(lambda t_1, *rest: (t_1 < end_1).squeeze(), body, state)

    def advance(self, inputs, state, steps):
        """The state after `steps` more updates."""
        if self.looped:
            return self._loop(inputs, state[0] + steps, state)
        for _ in range(steps):
            state = self.flat_step(*inputs, *state)
        return state

    def measure(self, state, samples):
        """Training loss, validation loss and validation metric (3, R) over all samples, `part` runs at a time."""
        all_samples = (samples.train_x, samples.train_y, samples.val_x, samples.val_y)
        return torch.cat([self.scores(part, *all_samples) for part in self.theta(state).split(self.part)], dim=1)

    def picture(self, state, points):
        """What the task's view shows of every run (R, M), `part` runs at a time."""
        return torch.cat([self.view(part, points) for part in self.theta(state).split(self.part)])


def program_for(stack, chunk, engine, device, digest):
    """The program that trains `chunk` and those like it; later sweeps of the task that `digest` names find it ready."""
    key = (engine, str(device), chunk.settings[0]["batch_size"], len(chunk.index), chunk.slices(), chunk.part)
    with _lock:
        programs = _kept.setdefault(digest, {}) if digest else stack.programs
        if key not in programs:
            programs[key] = Program(stack, chunk.slices(), engine, device, chunk.part)
        return programs[key]


def can_compile(device):
    """Whether there is what torch.compile needs: a C++ compiler and Python's headers for a CPU, Triton for CUDA."""
    if device.type == "cpu":
        return bool(matmul.compiler()) and Path(sysconfig.get_path("include"), "Python.h").exists()
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None
