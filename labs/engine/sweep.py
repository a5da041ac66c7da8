"""A whole grid of settings, trained as a few batched programs.

Runs that share a batch size share one program (see labs.engine.trainer): one batched forward and
backward pass, then each update rule on its own rows.
"""

import concurrent.futures
import contextlib
import os
import threading
import warnings

import torch
from tqdm.auto import tqdm

from labs.device import device_of
from labs.engine import outcome, shard
from labs.engine.cache import Cache
from labs.engine.memory import memory_kept, one_thread_an_operation
from labs.engine.twins import grid_of, tasks_of
from labs.engine.work import Work
from labs.grid import Grid, Varied
from labs.settings import check, plain
from labs.tasks import Task
from labs.training import record_steps


def sweep(
    task,
    grid,
    steps=500,
    device=None,
    compile=None,
    progress=None,
    record_at=None,
    twins=False,
    keep=None,
):
    """Train every setting of `grid` for `steps` updates; return the record, an `xarray.Dataset`.

    Its dimensions are the axes and `step`. `train_loss`, `val_loss` and, where the task has a
    metric, `val_metric` hold what was measured over all samples, or over those that the data says
    (`labs.data.Data`); NaN from the step on at which a run diverged, see `labs.training.limit`:
    `diverged_at` is that step, or -1; `trained` is False where the sweep was interrupted first.
    `view` and `samples` are there where the task has a view.

    `task`: a `labs.tasks.Task`, or `labs.vary(…)`, whose axes then come first. `device`: by default
    the best there is. `compile`: whether to compile the programs, which takes up to a minute; by
    default that is done where it pays. `progress`: whether to show a bar; by default, unless
    LABS_PROGRESS is "off". `record_at`: the steps at which runs are measured, beside the first and
    the last; by default as `labs.training.record_steps` says. `twins`: whether to train the first
    repetition of every setting once more from a start a millionth away; `twin_distance`, over the
    axes that are no repetitions, is then the largest relative difference of their losses. `keep`:
    "parameters" to have the trained ones in the record, a row a run, see `Task.network`. Runs that
    are in the cache are not trained again. An interrupt keeps what is finished. Under `torchrun`,
    each process trains its share and all return the whole record. Raises ValueError for a batch
    larger than the data set, label smoothing that the loss does not take, a loss that is not finite
    before the first step, or a network, loss or metric that cannot run for many runs at once (see
    labs.engine.probe), and TypeError for what is no task or no grid.
    """
    _check_kinds(task, grid)
    if keep not in (None, "parameters"):
        raise ValueError(f'keep must be None or "parameters", got {keep!r}; leave it out')
    steps, device, cache = check("steps", steps), device_of(device), Cache()
    if record_at is not None and not isinstance(record_at, range):
        record_at = [plain(step) for step in record_at]
    if torch.is_autocast_enabled(device.type):
        raise ValueError(
            "labs.sweep trains in float32, but was called inside torch.autocast; call it outside"
        )
    tasks = task.tasks() if isinstance(task, Varied) else [task]
    moments = record_steps(steps, record_at, max(len(one.data) for one in tasks))
    how = steps, device, compile, moments, cache
    works = [Work(one, grid, *how, keep == "parameters") for one in tasks]
    outcome.check_alike(works)
    seconds = [Work(twin, grid_of(grid), *how) for twin in (tasks_of(task) if twins else ())]
    if cache.damaged:
        warnings.warn(
            f"{cache.damaged} of the runs kept in {cache.place} should be whole, but are damaged "
            "or cannot be read; they are trained again now",
            stacklevel=2,
        )
    chunks, finished, interrupted = _train_missing(works + seconds, progress)
    if interrupted:
        warnings.warn(
            f"interrupted: {finished} of {len(chunks)} parts are trained; the record marks the "
            "rest as not trained. Run the sweep again to train only those.",
            stacklevel=2,
        )
    return outcome.record(task, works, seconds, grid, record_at, len(chunks))


def _check_kinds(task, grid):
    if not isinstance(task, (Task, Varied)):
        raise TypeError(
            "the first argument must be a task, such as labs.tasks.spirals(), or labs.vary(…), "
            f"got {task!r}; if that is a function that makes one, call it"
        )
    if not isinstance(grid, Grid):
        raise TypeError(
            f"the second argument must be a labs.Grid, got {grid!r}; write "
            "labs.Grid(learning_rate=…)"
        )


def _train_missing(works, progress):
    """Train what is missing: the chunks, how many were finished, and whether an interrupt ended it.

    Raises KeyboardInterrupt where there is nothing to return.
    """
    team, failure = shard.Team(), None
    missing = team.missing(works)
    with contextlib.ExitStack() as stacked:
        threads = 1
        if works[0].device.type == "cpu":
            stacked.enter_context(memory_kept())
            threads = stacked.enter_context(one_thread_an_operation())
        shares = {work: [] for work in works}
        for work, position in missing[team.rank :: team.world]:
            shares[work].append(position)
        chunks = [(w, chunk) for w in works for chunk in w.plan(shares[w], threads)]
        try:
            finished, interrupted = _train_all(chunks, threads, progress, team.rank)
        except Exception as error:  # raised again below, when the other processes know of it
            finished, interrupted, failure = 0, False, error
        team.exchange(missing, well=not (failure or interrupted))
        if failure:
            raise failure
    if interrupted and (team.world > 1 or not any(work.there.any() for work in works)):
        raise KeyboardInterrupt
    return chunks, finished, interrupted


def _train_all(chunks, threads, progress, rank):
    """Train `chunks`, pairs of work and chunk, on so many threads, compiled ones first.

    Returns how many were finished, and whether an interrupt ended it early.
    """
    stop, finished = threading.Event(), 0

    def tick(runs):
        """Report progress, unless the sweep is to end: then end this chunk."""
        if stop.is_set():
            raise KeyboardInterrupt
        bar.update(runs)

    pool = concurrent.futures.ThreadPoolExecutor(threads)
    with _progress_bar(chunks, progress, rank) as bar, pool:
        try:
            for engine in ("compiled", "traced", "eager"):
                own = [(work, chunk) for work, chunk in chunks if work.engine == engine]
                for work, chunk in own:
                    work.prepare(chunk)
                futures = [pool.submit(work.train, chunk, tick) for work, chunk in own]
                for future in concurrent.futures.as_completed(futures):
                    future.result()
                    finished += 1
        except BaseException as error:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            if not isinstance(error, KeyboardInterrupt):
                raise
    return finished, stop.is_set()


def _progress_bar(chunks, wish, rank):
    hidden = os.environ.get("LABS_PROGRESS") == "off" if wish is None else not wish
    return tqdm(
        total=sum(len(chunk.index) * work.steps for work, chunk in chunks),
        desc="training",
        unit=" steps",
        unit_scale=True,
        delay=2,
        leave=False,
        disable=hidden or rank > 0,
    )
