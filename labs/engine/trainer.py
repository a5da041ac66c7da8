"""The training program of a chunk of runs: a step that moves them all, and the loop around it.

Shapes: `R` runs of a chunk, `P` parameters, `B` batch, `T` steps, `D` features.
"""

import collections
import functools
import importlib.util
import os
import shutil
import sysconfig
import threading
from pathlib import Path

import torch
from torch._higher_order_ops import while_loop
from torch.utils import _pytree as pytree

from labs import optimizers
from labs.engine.traced import interpreted, operations
from labs.settings import COLUMNS

MOST_PROGRAMS = 64  # kept in memory for later sweeps; the one that was used longest ago goes first
_lock, _kept = threading.Lock(), collections.OrderedDict()


def adam(theta_RP, grad_RP, state, lr_R1, t_1):
    """`labs.optimizers.adam` in one pass over memory: what torch.optim.Adam(fused=True) calls.

    That kernel has one learning rate for all rows. So it moves zeros, at a rate of 1.
    """
    move_RP = torch.zeros_like(theta_RP)
    tensors = [[move_RP], [grad_RP], *([each] for each in state), [], [t_1 + 1.0]]
    options = {"lr": 1, "weight_decay": 0, "amsgrad": False, "maximize": False}
    torch._fused_adam_(*tensors, **options, **optimizers.RULES["adam"].own)
    theta_RP.addcmul_(move_RP, lr_R1)


KERNELS = {"adam": adam, "adamw": adam}  # see labs.optimizers.update; a compiler needs none


@functools.cache
def _operations():
    """KERNELS as operations of their own, and what keeps these.

    TorchScript's interpreter drops `_fused_adam_`: it takes a list, and seems to change nothing.
    """
    library = torch.library.Library("labs", "DEF")
    own, more = (
        "Tensor(a!) theta, Tensor grad, Tensor(b!) mean, Tensor(c!) square",
        "Tensor lr, Tensor t",
    )
    library.define(f"adam({own}, {more}) -> ()")
    each = lambda theta, grad, mean, square, *more: adam(theta, grad, (mean, square), *more)
    library.impl("adam", each, "CPU")
    call = lambda theta, grad, state, *more: torch.ops.labs.adam(theta, grad, *state, *more)
    return dict.fromkeys(KERNELS, call), library


def step(gradients, slices, kernels, inputs, state):
    """Move every run by one update, in place, on its seed's next batch; return the state.

    `gradients`: see `labs.engine.ensemble`. `slices`: (optimizer, first row, end row) of each
    update rule. `kernels`: see `labs.optimizers.update`.
    """
    now = lambda table: table.index_select(0, state.t_1 % len(table))[0]
    order_SB, bias = now(inputs.order_TSB), now(inputs.bias_T2)
    # whole rows, then whole batches: several times faster than to index samples run by run
    drawn = (data.index_select(0, order_SB.flatten()) for data in (inputs.x_ND, inputs.y_N))
    batch = [rows.unflatten(0, order_SB.shape).index_select(0, inputs.seed_R) for rows in drawn]
    settings = {name: column for name, column in zip(COLUMNS, inputs.columns) if column.numel()}
    smoothing_R1 = settings.pop("label_smoothing", None)
    places = inputs.stream_R, state.t_1
    grad_RP, loss_R = gradients(state.theta(), *batch, *places, inputs.held, smoothing_R1)
    factor_R1 = now(inputs.factor_TC)[inputs.schedule_R, None]
    settings["learning_rate"] = settings["learning_rate"] * factor_R1
    for (name, a, b), theta, slots in zip(slices, state.thetas, state.slots):
        told = {setting: column[a:b] for setting, column in settings.items()}
        told |= {"t": state.t_1, "kernels": kernels}
        optimizers.update(name, theta, grad_RP[a:b], slots, bias, **told)
    gone_R = (state.diverged_R < 0) & ~(loss_R < inputs.limit_R)
    state.diverged_R.copy_(torch.where(gone_R, state.t_1, state.diverged_R))
    state.t_1.add_(1)
    return state


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
        # not fullgraph: it counts frames in one number for all threads; such a graph has no break
        make = functools.partial(torch.compile, dynamic=False, **options)
        return lambda graph: make(_loop_of(graph) if what == "step" and self.looped else graph)

    def advance(self, ensemble, inputs, state, steps):
        """The state after `steps` more updates."""
        (tensors, first), (own, second) = map(pytree.tree_flatten, (inputs, state))
        how = ensemble.gradients, self.slices, _operations()[0] if self.engine == "traced" else {}

        def flat(*both):
            """The step on tensors in a row, which is what a graph takes."""
            read = pytree.tree_unflatten(both[: len(tensors)], first)
            now = pytree.tree_unflatten(both[len(tensors) :], second)
            return pytree.tree_leaves(step(*how, read, now))

        if self.looped:
            loop = self._built("step", flat, (*tensors, *own))
            own = loop(tuple(tensors), state.t_1 + steps, tuple(own))
        else:
            for _ in range(steps):
                own = self.run("step", flat, *tensors, *own)
        return pytree.tree_unflatten(own, second)

    def measure(self, ensemble, inputs, state, samples):
        """Losses and metric (2 or 3, R) over what is measured, `part` runs at a time."""
        judged = samples.judged()
        scores = [
            self.run("scores", ensemble.scores, theta_RP, *judged, *held_R)
            for theta_RP, *held_R in self._parts(inputs, state)
        ]
        return torch.cat(scores, dim=1)

    def picture(self, ensemble, inputs, state, points):
        """What the task's view shows of every run (R, V), `part` runs at a time."""
        pictures = [
            self.run("pictures", ensemble.pictures, theta_RP, points, *held_R)
            for theta_RP, *held_R in self._parts(inputs, state)
        ]
        return torch.cat(pictures)

    def _parts(self, inputs, state):
        return zip(*(tensor.split(self.part) for tensor in (state.theta(), *inputs.held)))

    def prepare(self, ensemble, inputs, state, samples, points=None):
        """Compile what such chunks need, before any thread trains: PyTorch runs no compiled program
        in one thread while another writes a graph down."""
        limits = {"recompile_limit": 2**16, "accumulated_recompile_limit": 2**16}
        with torch._dynamo.config.patch(**limits):
            self.advance(ensemble, inputs, pytree.tree_map(torch.clone, state), 1)
            self.measure(ensemble, inputs, state, samples)
            if points is not None:
                self.picture(ensemble, inputs, state, points)


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
