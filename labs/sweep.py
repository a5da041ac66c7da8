"""A whole grid of settings, trained as one batched program.

Shapes: `R` runs of a chunk, `P` parameters, `B` batch, `S` distinct seeds, `T` steps. Runs that share a batch size share
one program: one batched forward and backward pass, then each update rule on its own rows.
"""
import dataclasses
import importlib.util
import os
import shutil
import time
import warnings

import numpy as np
import torch
from tqdm.auto import tqdm

from labs import cache, data, optimizers
from labs.device import best_device, describe, free_memory, synchronize
from labs.runs import Runs
from labs.stack import Stack
from labs.train import check_setting, record_steps

DIVERGED = 1e4                # a loss this many times the first one counts as diverged, as one that is not finite does
CPU_WORKING_SET = 40 * 2**20  # bytes: a chunk whose activations stay near the caches runs up to twice as fast
LEAST_RUNS = 64               # in a chunk that exceeds it, down to what fits: below, a step's fixed cost shows
COMPILE_FROM = 1e13           # FLOPs of a sweep (6 per parameter, sample and step) from which compiling pays


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Runs that train together: their flat indices in the grid, and their settings, sorted by optimizer."""

    index: list
    settings: list

    def values(self, name):
        """The setting `name` of each run."""
        return [setting[name] for setting in self.settings]

    def slices(self):
        """(optimizer, first row, end row) of each update rule."""
        names = self.values("optimizer")
        return [(name, names.index(name), names.index(name) + names.count(name)) for name in dict.fromkeys(names)]


def fitting(device, need):
    """How many runs of `need` bytes to hold at once. Memory is the bound; on a CPU, its caches are the better measure."""
    most = max(1, free_memory(device) // need)
    return min(most, max(LEAST_RUNS, CPU_WORKING_SET // need)) if device.type == "cpu" else most


def plan(grid, stack, samples):
    """Split a grid into chunks that share a batch size and fit the memory of the samples' device."""
    device, settings, chunks = samples.train_x.device, grid.settings(), []
    slots = max(optimizers.RULES[name].slots for name in grid.optimizer)
    for batch_size in grid.batch_size:
        rows = [i for i, setting in enumerate(settings) if setting["batch_size"] == batch_size]
        rows.sort(key=lambda i: grid.optimizer.index(settings[i]["optimizer"]))
        need = stack.bytes_per_run(samples.train_x[:batch_size], samples.train_y[:batch_size], slots)
        parts = np.array_split(rows, -(-len(rows) // fitting(device, need)))
        chunks += [Chunk(part.tolist(), [settings[i] for i in part]) for part in parts]
    return chunks


class ChunkTrainer:
    """The state of one chunk while it trains, and the step that moves it."""

    def __init__(self, stack, samples, chunk, steps, compiled):
        self.stack, self.samples, self.steps, self.compiled = stack, samples, steps, compiled
        device = samples.train_x.device
        column = lambda name: torch.tensor(chunk.values(name), device=device, dtype=torch.float32)[:, None]
        self.lr_R1, self.weight_decay_R1, self.l2_R1 = column("learning_rate"), column("weight_decay"), column("l2")
        seeds, schedules = sorted(set(chunk.values("seed"))), list(optimizers.SCHEDULES)
        self.seed_R = torch.tensor([seeds.index(seed) for seed in chunk.values("seed")], device=device)
        self.schedule_R = torch.tensor([schedules.index(name) for name in chunk.values("schedule")], device=device)
        self.factor_TC = torch.tensor([[optimizers.SCHEDULES[name](t / steps) for name in schedules]
                                       for t in range(1, steps + 1)], device=device)
        batch_size = chunk.settings[0]["batch_size"]
        orders = [data.batches(len(samples.train_x), batch_size, steps, seed) for seed in seeds]
        self.order_TSB = torch.stack(orders, dim=1).to(device)
        self.theta_RP = stack.start(seeds, device)[self.seed_R]
        self.slices = chunk.slices()
        self.states = [tuple(torch.zeros_like(self.theta_RP[a:b]) for _ in range(optimizers.RULES[name].slots))
                       for name, a, b in self.slices]
        self.update = torch.compile(self._update) if compiled else self._update

    def _update(self, theta_RP, x_RBD, y_RB, t, lr_R1):
        grad_RP, loss_R = self.stack.gradients(theta_RP, x_RBD, y_RB)
        for (name, a, b), state in zip(self.slices, self.states):
            optimizers.update(name, theta_RP[a:b], grad_RP[a:b], state, t, lr_R1=lr_R1[a:b],
                              weight_decay_R1=self.weight_decay_R1[a:b], l2_R1=self.l2_R1[a:b])
        return loss_R

    def step(self, t):
        """Move every run by one update, its t-th (from 1), on its seed's next batch; the losses (R,) before the move."""
        batch_SB = self.order_TSB[t - 1]
        x_RBD = self.samples.train_x[batch_SB][self.seed_R]
        y_RB = self.samples.train_y[batch_SB][self.seed_R]
        lr_R1 = self.lr_R1 * self.factor_TC[t - 1, self.schedule_R, None]
        t = torch.tensor(float(t)) if self.compiled else t      # a number would be compiled anew at every step
        return self.update(self.theta_RP, x_RBD, y_RB, t, lr_R1)

    def measure(self, chunk_size):
        """Training loss, validation loss and validation metric (3, R) over all samples."""
        d = self.samples
        train, _ = self.stack.scores(self.theta_RP, d.train_x, d.train_y, chunk_size)
        val, metric = self.stack.scores(self.theta_RP, d.val_x, d.val_y, chunk_size)
        return torch.stack([train, val, metric])


def train_chunk(stack, samples, chunk, steps, compiled=False, tick=lambda runs: None):
    """Train the runs of one chunk; return their arrays (R, ...). `tick` is called after each step with the number of runs.

    Raises ValueError where a loss is not finite before the first step.
    """
    trainer = ChunkTrainer(stack, samples, chunk, steps, compiled)
    view, wanted, viewed = stack.task.view, record_steps(steps), view_steps(stack.task, steps)
    points = view and view.inputs().to(samples.train_x.device)
    chunk_size = fitting(samples.train_x.device, stack.bytes_per_run(samples.train_x, samples.train_y, slots=0))
    scores, pictures = [], []
    diverged_R = torch.full_like(trainer.seed_R, -1)
    for t in range(steps + 1):
        if t in wanted:             # once in a while: measure over all samples
            scores.append(trainer.measure(chunk_size))
            if t == 0:
                limit_R = DIVERGED * _first_losses(scores[0][0], chunk)
            diverged_R = torch.where((diverged_R < 0) & ~(scores[-1][0] < limit_R), t, diverged_R)
        if t in viewed:
            pictures.append(stack.view(trainer.theta_RP, points))
        if t < steps:
            loss_R = trainer.step(t + 1)
            diverged_R = torch.where((diverged_R < 0) & ~(loss_R < limit_R), t, diverged_R)
            tick(len(chunk.index))
    return _arrays(torch.stack(scores, dim=-1), diverged_R, wanted, pictures, view)


def _first_losses(loss_R, chunk):
    if not loss_R.isfinite().all():
        bad = chunk.settings[int((~loss_R.isfinite()).nonzero()[0])]
        raise ValueError(f"the loss must be finite before the first step, got {loss_R[~loss_R.isfinite()][0].item()} "
                         f"with seed {bad['seed']}; check the task's data, initial parameters and loss")
    return loss_R


def view_steps(task, steps):
    """The steps at which a task's view is recorded: six of `record_steps`, from the first to the last."""
    wanted = record_steps(steps)
    return sorted({wanted[round(i * (len(wanted) - 1) / 5)] for i in range(6)}) if task.view else []


def _arrays(scores_3RK, diverged_R, wanted, pictures, view):
    scores, diverged = scores_3RK.cpu().numpy(), diverged_R.cpu().numpy().astype(np.int32)
    gone = (diverged[:, None] >= 0) & (np.array(wanted) >= diverged[:, None]) | ~np.isfinite(scores[:2]).all(axis=0)
    series = {name: np.where(gone, np.nan, values).astype(np.float32)
              for name, values in zip(("train_loss", "val_loss", "val_metric"), scores)}
    arrays = {**series, "diverged_at": diverged, "trained": np.ones(len(diverged), bool)}
    if view:
        frames = torch.stack(pictures, dim=1).cpu().numpy()
        arrays["view"] = frames.reshape(*frames.shape[:2], view.size, view.size)
    return arrays


def should_compile(grid, stack, steps, device):
    """Whether compiling pays for this grid, and a compiler is there: a C++ compiler for a CPU, Triton for CUDA."""
    samples = sum(setting["batch_size"] for setting in grid.settings()) * steps
    if 6 * sum(stack.sizes) * samples < COMPILE_FROM:
        return False
    if device.type == "cpu":
        return any(shutil.which(name) for name in (os.environ.get("CXX", ""), "g++", "clang++") if name)
    return device.type == "cuda" and importlib.util.find_spec("triton") is not None


def sweep(task, grid, steps, device=None, compile=None, progress=None):
    """Train every setting of `grid` on `task` for `steps` updates; return the record, a `Runs`.

    Parts that were trained before come from the disk (see `labs.cache`). `compile`: True, False, or None to compile where
    it pays. `progress`: True, False, or None for a bar on sweeps of more than two seconds (LABS_PROGRESS=off hides it).
    Interrupt it (Ctrl-C, or the stop button) and the record holds what was finished; its array `trained` says which.
    Raises ValueError for a batch larger than the data set, or a loss that is not finite before the first step.
    """
    check_setting("steps", steps)
    device = device or best_device()
    samples, stack = task.data.to(device), Stack(task, device)
    for batch_size in grid.batch_size:
        data.batches(len(samples.train_x), batch_size, steps=1, seed=0)      # raises for a batch larger than the data
    compiled = should_compile(grid, stack, steps, device) if compile is None else compile
    chunks, digest = plan(grid, stack, samples), cache.task_key(task, grid.seed)
    hidden = os.environ.get("LABS_PROGRESS") == "off" if progress is None else not progress
    results, seconds = {}, 0.0
    with tqdm(total=len(grid.settings()) * steps, desc="training", unit=" steps", unit_scale=True, delay=2,
              leave=False, disable=hidden) as bar:
        for number, chunk in enumerate(chunks):
            try:
                arrays, took = _finished_chunk(stack, samples, chunk, steps, compiled, digest, bar.update)
            except KeyboardInterrupt:
                if not results:
                    raise
                warnings.warn(f"interrupted: {number} of {len(chunks)} parts are trained; the record marks the rest as not "
                              "trained. Run the sweep again to train only those.", stacklevel=2)
                break
            results[number], seconds = arrays, seconds + took
    return Runs(grid.axes(), _assemble(grid, chunks, results),
                _provenance(task, grid, steps, device, compiled, seconds, len(chunks)))


def _finished_chunk(stack, samples, chunk, steps, compiled, digest, tick):
    """The arrays of a chunk and the seconds its training took, from the disk or trained now."""
    device = samples.train_x.device
    name = digest and cache.key(digest, chunk.settings, steps, device, compiled)
    kept = name and cache.read(name)
    if kept:
        tick(len(chunk.index) * steps)
        return kept[1], kept[0]["seconds"]
    start = time.perf_counter()
    arrays = train_chunk(stack, samples, chunk, steps, compiled, tick)
    synchronize(device)
    seconds = time.perf_counter() - start
    if name:
        cache.write(name, {"seconds": seconds}, arrays)
    return arrays, seconds


def _assemble(grid, chunks, results):
    shape = tuple(len(axis.values) for axis in grid.axes())
    empty = {"trained": False, "diverged_at": -1, "view": 0}
    arrays = {}
    for name, sample in next(iter(results.values())).items():
        flat = np.full((np.prod(shape), *sample.shape[1:]), empty.get(name, np.nan), sample.dtype)
        for number, result in results.items():
            flat[chunks[number].index] = result[name]
        arrays[name] = flat.reshape(*shape, *sample.shape[1:])
    return arrays


def _provenance(task, grid, steps, device, compiled, seconds, chunks):
    about = {"name": task.name, "title": task.title, "call": task.call, "loss": task.loss_label,
             "metric": task.metric_label, "view": None}
    if task.view:
        x, y = (task.data.train_x[:, i].numpy().round(3).tolist() for i in range(2))
        about["view"] = {"kind": "plane", "steps": view_steps(task, steps), "extent": list(task.view.extent),
                         "x_label": task.view.labels[0], "y_label": task.view.labels[1],
                         "points": {"x": x, "y": y, "label": task.data.train_y.int().tolist()}}
    return {"task": about, "steps": steps, "record_steps": record_steps(steps),
            "call": f"labs.sweep({task.call}, {grid}, steps={steps})",
            "device": device.type, "device_name": describe(device), "torch": torch.__version__,
            "engine": "compiled" if compiled else "eager", "seconds": round(seconds, 2), "chunks": chunks}
