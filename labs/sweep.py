"""A whole grid of settings, trained as a few batched programs.

Shapes: `R` runs of a chunk, `K` recorded steps. Runs that share a batch size share one program (see labs.program): one
batched forward and backward pass, then each update rule on its own rows.
"""
import concurrent.futures
import contextlib
import dataclasses
import os
import threading
import time
import warnings

import numpy as np
import torch
from tqdm.auto import tqdm

from labs import cache, data, shard
from labs.device import best_device, describe, memory_kept, one_thread_an_operation, synchronize
from labs.plan import plan
from labs.program import can_compile, program_for
from labs.runs import Runs
from labs.stack import Stack
from labs.train import check_setting, record_steps

DIVERGED = 1e4      # a loss this many times the first one counts as diverged, as one that is not finite does
COMPILE_FROM = {"cpu": 3e12, "cuda": 1e13}      # FLOPs a program (6 per parameter, sample and step) from which compiling pays


def train_chunk(program, samples, chunk, steps, tick=lambda runs: None):
    """Train the runs of one chunk; return their arrays (R, ...). `tick` is called with the number of updates just made.

    Raises ValueError where a loss is not finite before the first step, and what `tick` raises.
    """
    view, wanted, viewed = program.stack.task.view, record_steps(steps), view_steps(program.stack.task, steps)
    points = view and view.inputs().to(samples.train_x.device)
    inputs, state = program.start(chunk, samples, steps)
    program.prepare(inputs, state, samples, points)
    scores, pictures = [], []
    for here, there in zip(wanted, [*wanted[1:], None]):
        scores.append(program.measure(state, samples))
        if here == 0:
            inputs = inputs._replace(limit_R=DIVERGED * _first_losses(scores[0][0], chunk))
        diverged_R = state[1]
        diverged_R[(diverged_R < 0) & ~(scores[-1][0] < inputs.limit_R)] = here
        if here in viewed:
            pictures.append(program.picture(state, points))
        if there:
            state = program.advance(inputs, state, there - here)
            tick(len(chunk.index) * (there - here))
    return _arrays(torch.stack(scores, dim=-1), state[1], wanted, pictures, view)


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


def choose_engine(grid, stack, steps, device, compile=None):
    """What runs the programs: "compiled" where that pays for this grid, or where `compile` says so; else "traced" on a CPU (see
    labs.traced), and "eager", Python and PyTorch's usual way, on other devices."""
    if compile is None:
        flops = 6 * sum(stack.sizes) * sum(setting["batch_size"] for setting in grid.settings()) * steps
        compile = flops > COMPILE_FROM.get(device.type, np.inf) * len(grid.batch_size) and can_compile(device)
    return "compiled" if compile else "traced" if device.type == "cpu" else "eager"


def sweep(task, grid, steps, device=None, compile=None, progress=None):
    """Train every setting of `grid` on `task` for `steps` updates; return the record, a `Runs`.

    Parts that were trained before come from the disk (see `labs.cache`). `compile`: True, False, or None to compile where
    it pays. `progress`: True, False, or None for a bar on sweeps of more than two seconds (LABS_PROGRESS=off hides it).
    Interrupt it (Ctrl-C, or the stop button) and the record holds what was finished; its array `trained` says which.
    Under `torchrun`, each process trains its share and all return the whole record (see `labs.shard`).
    Raises ValueError for a batch larger than the data set, or a loss that is not finite before the first step.
    """
    check_setting("steps", steps)
    device = device or best_device()
    samples, stack = task.data.to(device), Stack(task, device)
    for batch_size in grid.batch_size:
        data.batches(len(samples.train_x), batch_size, steps=1, seed=0)      # raises for a batch larger than the data
    engine = choose_engine(grid, stack, steps, device, compile)
    with shard.processes() as (rank, world), contextlib.ExitStack() as stacked:
        threads = 1
        if device.type == "cpu":
            stacked.enter_context(memory_kept())
            threads = stacked.enter_context(one_thread_an_operation())
        chunks = plan(grid, stack, samples, engine, workers=threads * world)
        work = _Work(stack, samples, steps, engine, cache.task_key(task, grid.seed))
        own, collected = dict(list(enumerate(chunks))[rank::world]), _Collected(len(grid.settings()))
        with _progress_bar(own, steps, progress, rank) as bar:
            interrupted = _train_all(work, own, threads, bar.update, collected)
        if interrupted and (world > 1 or not collected.seconds):
            raise KeyboardInterrupt
        shard.exchange(chunks, collected)
    if interrupted:
        warnings.warn(f"interrupted: {len(collected.seconds)} of {len(chunks)} parts are trained; the record marks the rest as "
                      "not trained. Run the sweep again to train only those.", stacklevel=2)
    seconds, axes = sum(collected.seconds.values()) / (threads * world), grid.axes()
    shape = tuple(len(axis.values) for axis in axes)
    arrays = {name: flat.reshape(*shape, *flat.shape[1:]) for name, flat in collected.arrays.items()}
    return Runs(axes, arrays, _provenance(task, grid, steps, device, engine, seconds, len(chunks)))


class _Collected:
    """What is finished of a record: its arrays over all `count` runs, and the seconds that each chunk took.

    A chunk's results move here at once: kept where they were made, they would hold open the gaps that its work left in memory.
    """

    empty = {"trained": False, "diverged_at": -1, "view": 0}

    def __init__(self, count):
        self.count, self.arrays, self.seconds, self.lock = count, {}, {}, threading.Lock()

    def add(self, number, chunk, seconds, arrays):
        """Take the results of a chunk."""
        with self.lock:
            for name, values in arrays.items():
                if name not in self.arrays:
                    self.arrays[name] = np.full((self.count, *values.shape[1:]), self.empty.get(name, np.nan), values.dtype)
                self.arrays[name][chunk.index] = values
            self.seconds[number] = seconds

    def of(self, chunk):
        """The results of a chunk that is finished."""
        return {name: flat[chunk.index] for name, flat in self.arrays.items()}


@dataclasses.dataclass(frozen=True)
class _Work:
    """What the threads of one sweep share."""

    stack: Stack
    samples: data.Data
    steps: int
    engine: str
    digest: str | None

    def finish(self, chunk, tick):
        """The seconds that training a chunk took, and its arrays: from the disk, or trained now."""
        device = self.samples.train_x.device
        name = self.digest and cache.key(self.digest, chunk.settings, self.steps, device, self.engine)
        kept = name and cache.read(name)
        if kept:
            tick(len(chunk.index) * self.steps)
            return kept[0]["seconds"], kept[1]
        start = time.perf_counter()
        program = program_for(self.stack, chunk, self.engine, device, self.digest)
        arrays = train_chunk(program, self.samples, chunk, self.steps, tick)
        synchronize(device)
        seconds = time.perf_counter() - start
        if name:
            cache.write(name, {"seconds": seconds}, arrays)
        return seconds, arrays


def _train_all(work, chunks, threads, tick, collected):
    """Finish `chunks`, a dict, on so many threads, and collect them; say whether an interrupt ended it early."""
    stop = threading.Event()

    def tick_or_stop(runs):
        """Report progress, unless the sweep is to end: then end this chunk."""
        if stop.is_set():
            raise KeyboardInterrupt
        tick(runs)

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        finish = lambda number, chunk: collected.add(number, chunk, *work.finish(chunk, tick_or_stop))
        futures = [pool.submit(finish, number, chunk) for number, chunk in chunks.items()]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
        except BaseException as error:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            if not isinstance(error, KeyboardInterrupt):
                raise
    return stop.is_set()


def _progress_bar(chunks, steps, wish, rank):
    hidden = os.environ.get("LABS_PROGRESS") == "off" if wish is None else not wish
    return tqdm(total=sum(len(chunk.index) for chunk in chunks.values()) * steps, desc="training", unit=" steps", unit_scale=True,
                delay=2, leave=False, disable=hidden or rank > 0)

def _provenance(task, grid, steps, device, engine, seconds, chunks):
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
            "engine": engine, "seconds": round(seconds, 2), "chunks": chunks}
