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
from torch._higher_order_ops import while_loop

from labs import data, matmul, optimizers
from labs.plan import fitting
from labs.stack import Stack

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

    def __init__(self, stack, slices, compiled, device, rows):
        self.stack, self.slices, self.rows = stack, slices, rows
        self.looped, self.ready = compiled and device.type == "cpu", False
        self.scores, self.view = stack.scores, stack.view
        if self.looped:         # the whole loop is one C++ program, which leaves Python's lock to other threads
            passes = {"post_grad_custom_post_pass": matmul.UseSmallProducts()} if matmul.load() else {}
            build = functools.partial(torch.compile, fullgraph=True, dynamic=False, options={"cpp_wrapper": True, **passes})
            self._loop, self.scores, self.view = build(self._loop), build(stack.scores), build(stack.view)
        elif compiled:
            self.step = torch.compile(self.step, fullgraph=True, dynamic=False)

    def start(self, chunk, samples, steps):
        """The inputs and the first state of a chunk. Its `limit_R` is infinite: no loss counts as diverged yet."""
        device, count = samples.train_x.device, len(chunk.index)
        seeds, schedules = sorted(set(chunk.values("seed"))), list(optimizers.SCHEDULES)
        column = lambda name: torch.tensor(chunk.values(name), dtype=torch.float32, device=device)[:, None]
        number = lambda name, known: torch.tensor([known.index(value) for value in chunk.values(name)], device=device)
        orders = [data.batches(len(samples.train_x), chunk.settings[0]["batch_size"], steps, seed) for seed in seeds]
        times = range(1, steps + 1)
        factors = [[optimizers.SCHEDULES[name](t / steps) for name in schedules] for t in times]
        inputs = Inputs(samples.train_x, samples.train_y, torch.stack(orders, dim=1).to(device),
                        torch.tensor(factors, device=device),
                        torch.tensor([optimizers.bias_correction(t) for t in times], device=device),
                        number("seed", seeds), number("schedule", schedules),
                        column("learning_rate"), column("weight_decay"), column("l2"),
                        torch.full((count,), torch.inf, device=device))
        theta_RP = self.stack.start(seeds, device)[inputs.seed_R]
        thetas = [theta_RP[a:b].clone() for _, a, b in self.slices]
        slots = [torch.zeros_like(theta) for (name, _, _), theta in zip(self.slices, thetas)
                 for _ in range(optimizers.RULES[name].slots)]
        return inputs, (torch.zeros(1, dtype=torch.int64, device=device), torch.full_like(inputs.seed_R, -1), *thetas, *slots)

    def prepare(self, inputs, state, samples):
        """Compile, if that is to be done: only the first thread that asks does it, and the others wait."""
        if self.looped:
            with _lock, torch._dynamo.config.patch(recompile_limit=2**16, accumulated_recompile_limit=2**16):
                if not self.ready:
                    self.advance(inputs, state, 0)
                    self.measure(state, samples)
                    self.ready = True

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

    def _loop(self, inputs, end_1, state):
        body = lambda *state: self.step(inputs, tuple(tensor.clone() for tensor in state))
        return while_loop(lambda t_1, *rest: (t_1 < end_1).squeeze(), body, state)

    def advance(self, inputs, state, steps):
        """The state after `steps` more updates."""
        if self.looped:
            return self._loop(inputs, state[0] + steps, state)
        for _ in range(steps):
            state = self.step(inputs, state)
        return state

    def measure(self, state, samples):
        """Training loss, validation loss and validation metric (3, R) over all samples, `rows` runs at a time."""
        scores = [(*self.scores(part, samples.train_x, samples.train_y)[:1], *self.scores(part, samples.val_x, samples.val_y))
                  for part in self.theta(state).split(self.rows)]
        return torch.cat([torch.stack(part) for part in scores], dim=1)


def program_for(stack, samples, chunk, compiled, digest):
    """The program that trains `chunk` and those like it. A compiled one is kept for later sweeps of the same task."""
    device, count = samples.train_x.device, len(chunk.index)
    engine = "compiled" if compiled else "eager"
    most = fitting(device, stack.bytes_per_run(samples.train_x, samples.train_y, slots=0), engine)
    even = max(size for size in range(1, count + 1) if size <= most and count % size == 0)
    rows = even if 2 * even >= most else min(most, count)       # parts of one size are compiled once
    if not (compiled and digest):       # with a module of its own: functional_call changes it, and threads run side by side
        return Program(Stack(stack.task, device), chunk.slices(), compiled, device, rows)
    key = (digest, str(device), chunk.settings[0]["batch_size"], count, chunk.slices(), rows)
    with _lock:
        if key not in _kept:
            _kept[key] = Program(stack, chunk.slices(), compiled, device, rows)
        return _kept[key]


def can_compile(device):
    """Whether there is what torch.compile needs: a C++ compiler and Python's headers for a CPU, Triton for CUDA."""
    if device.type == "cpu":
        return bool(matmul.compiler()) and Path(sysconfig.get_path("include"), "Python.h").exists()
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None
