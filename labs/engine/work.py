"""The runs of one task in a sweep: which are there, which are missing, and how they are trained.

Shapes: `R` runs of a chunk, `P` parameters, `K` recorded steps.
"""

import threading
import time
import warnings

import numpy as np
import torch

from labs import data, partition
from labs.device import synchronize
from labs.engine import chunks, trainer
from labs.engine.cache import Cache
from labs.engine.ensemble import Ensemble
from labs.engine.inputs import start as begin
from labs.engine.keys import Keys, NotDetermined
from labs.engine.probe import probe
from labs.training import limit

# FLOPs a program (6 per parameter, sample and step) from which compiling pays
COMPILE_FROM = {"cpu": 3e12, "cuda": 1e13}


class Work:
    """The runs of `grid` on one task.

    `wish`: True or False to compile or not, None to do what pays. `moments`: the steps at which
    runs are measured. `cache`: where runs are kept. `keep`: whether the record is to hold trained
    parameters. `rows`: a structured array, a row a run in the grid's order; `there`:
    which of them are finished. Raises ValueError for a batch larger than the data set, label
    smoothing that the loss does not have, or what `probe` refuses.
    """

    def __init__(self, task, grid, steps, device, wish, moments, cache=None, keep=False):
        self.task, self.steps, self.device, self.wish, self.keep = task, steps, device, wish, keep
        self.moments = moments
        partition.check(task, task.model(grid.seed[0]))
        self.samples, self.ensemble = task.data.to(device), Ensemble(task, device, grid.seed)
        for size in grid.batch_size:  # raises for a batch larger than the data
            data.batches(len(self.samples.train_x), size, steps=1, seed=0)
        task.check_smoothing(max(grid.label_smoothing))
        self.settings = grid.settings()
        self.viewed = thinned(self.moments, task.view.moments) if task.view else []
        self.points = task.view and task.view.inputs().to(device)
        probe(self, min(grid.batch_size), list(grid.seed[:2]))
        self.rows = _empty(len(self.settings), self.row_type())
        self.there, self.lock = np.zeros(len(self.rows), bool), threading.Lock()
        self.cache, self.keys = cache or Cache(), self._keys()
        self.run_keys = self._read()
        self.engine, self.programs, self.compiled = "cache", {}, set()

    def row_type(self):
        """What is kept of a run."""
        series = ["train_loss", "val_loss"] + ["val_metric"] * bool(self.task.metric)
        fields = [(name, "f4", (len(self.moments),)) for name in series]
        fields += [("diverged_at", "i4"), ("seconds", "f8")]
        if self.task.view:
            view = self.task.view
            fields.append(("view", view.dtype, (len(self.viewed), *view.shape)))
        if self.keep:
            fields.append(("parameters", "f4", (sum(self.ensemble.sizes),)))
        return fields

    def _keys(self):
        try:
            moments = [self.moments, self.viewed, limit(0.0).item(), self.keep]
            arguments = self.points, self.steps, moments, self.wish is True
            return Keys(self.task, self.ensemble, self.samples, *arguments)
        except NotDetermined as error:
            self._say_not_kept(error)

    def _read(self):
        """The key of each run, or None where runs are not kept.

        Takes from the cache what it has.
        """
        if self.keys is None or self.cache.place is None:
            return None
        try:
            keys = [self.keys.run(setting) for setting in self.settings]
        except NotDetermined as error:
            return self._say_not_kept(error)
        found, rows = self.cache.read(keys, self.rows.dtype)
        self.rows[found], self.there[found] = rows, True
        return keys

    def _say_not_kept(self, error):
        warnings.warn(
            f"nothing says beforehand what {self.task.call} computes ({error}), so its runs are "
            "not kept; a loss, metric and network made of PyTorch's operations alone would be",
            stacklevel=2,
        )

    def missing(self):
        """{position: setting} of the runs that are to be trained, by batch size."""
        runs = ((i, self.settings[i]) for i in np.flatnonzero(~self.there).tolist())
        return dict(sorted(runs, key=lambda run: run[1]["batch_size"]))

    def choose_engine(self):
        """What should run the programs: "compiled" where that pays, or where it was asked for; else
        "traced" on a CPU (see labs.engine.traced), and "eager", Python and PyTorch's usual way, on
        other devices. "cache" where nothing is missing."""
        missing = self.missing().values()
        if not missing:
            return "cache"
        compile, sizes = self.wish, {setting["batch_size"] for setting in missing}
        if compile is None:
            samples = sum(setting["batch_size"] for setting in missing) * self.steps
            flops = 6 * sum(self.ensemble.sizes) * samples
            enough = COMPILE_FROM.get(self.device.type, np.inf) * len(sizes)
            compile = flops > enough and trainer.can_compile(self.device)
        return "compiled" if compile else "traced" if self.device.type == "cpu" else "eager"

    def plan(self, index, workers):
        """The chunks of the missing runs at `index`; `workers` of them can train at a time."""
        self.engine, runs = self.choose_engine(), {i: self.settings[i] for i in index}
        return runs and chunks.plan(runs, self.ensemble, self.samples, self.engine, workers)

    def prepare(self, chunk):
        """Find or make the program that trains a chunk; compile it, if that is to be done.

        For the thread that calls `sweep`, before others train.
        """
        if chunk.kind() not in self.programs:
            digest = self._digest(*chunk.kind()[:3])
            program = trainer.program_for(chunk, self.engine, self.device, digest)
            self.programs[chunk.kind()] = program
        like = chunk.kind(), chunk.tables()
        if self.engine == "compiled" and like not in self.compiled:
            inputs, state, _ = self._start(chunk)
            program = self.programs[chunk.kind()]
            program.prepare(self.ensemble, inputs, state, self.samples, self.points)
            self.compiled.add(like)

    def _digest(self, batch_size, slices, smoothed):
        """What a program computes, or None where nothing says so."""
        try:
            names = [name for name, _, _ in slices]
            return self.keys and self.keys.program(batch_size, names, smoothed)
        except NotDetermined:
            return None

    def train(self, chunk, tick=lambda runs: None):
        """Train the runs of a chunk and keep them. `tick` is called with the number of updates just
        made.

        Raises ValueError where a loss is not finite before the first step, and what `tick` raises.
        """
        began = time.perf_counter()
        state, *seen = self._follow(self.programs[chunk.kind()], chunk, tick)
        rows = self._rows(state.diverged_R, *seen)
        if self.keep:
            rows["parameters"] = state.theta().cpu().numpy()
        synchronize(self.device)
        rows["seconds"] = (time.perf_counter() - began) / len(rows)
        new = chunk.new()
        index = [chunk.index[row] for row in new]
        with self.lock:
            self.rows[index], self.there[index] = rows[new], True
        if self.run_keys:
            self.cache.write([self.run_keys[i] for i in index], rows[new])

    def _start(self, chunk):
        """What `labs.engine.inputs.start` returns."""
        theta_RP, held = self.ensemble.start(chunk.values("seed"))
        return begin(theta_RP, held, chunk, self.samples, self.steps)

    def _follow(self, program, chunk, tick):
        """Train a chunk; return its last state, scores (2 or 3, R, K), and pictures of the view."""
        inputs, state, orders = self._start(chunk)
        scores, pictures = [], []
        for here, there in zip(self.moments, [*self.moments[1:], None]):
            scores.append(program.measure(self.ensemble, inputs, state, self.samples))
            if here == 0:
                inputs = inputs._replace(limit_R=limit(_first_losses(scores[0][0], chunk)))
            diverged_R = state.diverged_R
            diverged_R[(diverged_R < 0) & ~(scores[-1][0] < inputs.limit_R)] = here
            if here in self.viewed:
                pictures.append(program.picture(self.ensemble, inputs, state, self.points))
            while there and here < there:
                length = len(inputs.order_TSB)
                if here and here % length == 0:
                    inputs.order_TSB.copy_(next(orders))
                some = min(there - here, length - here % length)
                state = program.advance(self.ensemble, inputs, state, some)
                tick(len(chunk.index) * some)
                here += some
        return state, torch.stack(scores, dim=-1), pictures

    def _rows(self, diverged_R, scores, pictures):
        scores, diverged = scores.cpu().numpy(), diverged_R.cpu().numpy()
        gone = (diverged[:, None] >= 0) & (np.array(self.moments) >= diverged[:, None])
        rows = _empty(len(diverged), self.rows.dtype)
        rows["diverged_at"] = diverged
        for name, values in zip(("train_loss", "val_loss", "val_metric"), scores):
            rows[name] = np.where(gone | ~np.isfinite(values), np.nan, values)
        if pictures:
            pictures = torch.stack(pictures, dim=1).cpu().numpy()
            rows["view"] = pictures.reshape(rows["view"].shape)
        return rows


def thinned(moments, most):
    """At most so many of the moments, from the first to the last; all where `most` is None."""
    if most is None or most >= len(moments):
        return moments
    return sorted({moments[round(i * (len(moments) - 1) / (most - 1))] for i in range(most)})


def _empty(count, row_type):
    """Rows of runs of which nothing is known."""
    rows = np.zeros(count, row_type)
    rows["diverged_at"] = -1
    for name in rows.dtype.names:
        if name.startswith(("train", "val")):
            rows[name] = np.nan
    return rows


def _first_losses(loss_R, chunk):
    if not loss_R.isfinite().all():
        bad = chunk.settings[int((~loss_R.isfinite()).nonzero()[0])]
        raise ValueError(
            "the loss must be finite before the first step, got "
            f"{loss_R[~loss_R.isfinite()][0].item()} with seed {bad['seed']}; check the task's "
            "data, initial parameters and loss"
        )
    return loss_R
