"""A whole grid of settings, trained as a few batched programs.

Shapes: `R` runs of a chunk, `K` recorded steps. Runs that share a batch size share one program (see
labs.engine.trainer): one batched forward and backward pass, then each update rule on its own rows.
"""

import concurrent.futures
import contextlib
import os
import threading
import warnings

from tqdm.auto import tqdm

from labs.device import best_device
from labs.engine import provenance, shard
from labs.engine.memory import memory_kept, one_thread_an_operation
from labs.engine.work import Work
from labs.grid import Varied
from labs.record import make
from labs.settings import check

ENGINES = ["compiled", "traced", "eager", "cache"]  # what one task of a sweep compiles, all compile


def sweep(task, grid, steps=500, device=None, compile=None, progress=None, record_at=None):
    """Train every setting of `grid` for `steps` updates; return the record, an `xarray.Dataset`.

    Its dimensions are the axes and `step`. `train_loss`, `val_loss` and, where the task has a
    metric, `val_metric` hold what was measured over all samples; NaN from the step on at which a
    run diverged: its loss was not finite, or 10,000 times what it was at first. `diverged_at` is
    that step, or -1; `trained` is False where the sweep was interrupted first. `view` and `samples`
    are there where the task has a view.

    `task`: a `labs.tasks.Task`, or `labs.vary(…)`, whose axes then come first. `device`: by default
    the best there is. `compile`: whether to compile the programs, which takes up to a minute; by
    default that is done where it pays. `progress`: whether to show a bar; by default, unless
    LABS_PROGRESS is "off". `record_at`: the steps at which runs are measured, beside the first and
    the last; by default some two dozen. Runs that are in the cache are not trained again. An
    interrupt keeps what is finished. Under `torchrun`, each process trains its share and all return
    the whole record. Raises ValueError for a batch larger than the data set, or a loss that is not
    finite before the first step.
    """
    steps, device = check("steps", steps), device or best_device()
    varied = isinstance(task, Varied)
    rank, world = shard.processes()
    tasks = task.tasks() if varied else [task]
    works = [Work(one, grid, steps, device, compile, record_at) for one in tasks]
    with contextlib.ExitStack() as stacked:
        threads = 1
        if device.type == "cpu":
            stacked.enter_context(memory_kept())
            threads = stacked.enter_context(one_thread_an_operation())
        if world > 1:
            shard.agree(works)
        engine = min((work.choose_engine() for work in works), key=ENGINES.index)
        chunks = [(work, chunk) for work in works for chunk in work.plan(engine, threads * world)]
        own = chunks[rank::world]
        with _progress_bar(own, steps, progress, rank) as bar:
            finished, interrupted = _train_all(own, threads, bar.update)
        if interrupted and (world > 1 or not any(work.there.any() for work in works)):
            raise KeyboardInterrupt
        if world > 1:
            shard.exchange(works, chunks)
    if interrupted:
        warnings.warn(
            f"interrupted: {finished} of {len(chunks)} parts are trained; the record marks the "
            "rest as not trained. Run the sweep again to train only those.",
            stacklevel=2,
        )
    axes = (*(task.axes if varied else ()), *grid.axes())
    arrays, coordinates = provenance.arrays(works, axes)
    attrs = provenance.attributes(task, works, grid, len(chunks), threads * world)
    runs = make(axes, arrays, attrs, coordinates)
    if works[0].task.view:
        drawn, columns = provenance.samples(works, task.axes if varied else ())
        runs = runs.assign(samples=drawn).assign_coords(column=columns)
    return runs


def _train_all(chunks, threads, tick):
    """Train `chunks`, pairs of work and chunk, on so many threads.

    Returns how many were finished, and whether an interrupt ended it early.
    """
    stop, finished = threading.Event(), 0

    def tick_or_stop(runs):
        """Report progress, unless the sweep is to end: then end this chunk."""
        if stop.is_set():
            raise KeyboardInterrupt
        tick(runs)

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(work.train, chunk, tick_or_stop) for work, chunk in chunks]
        try:
            for future in concurrent.futures.as_completed(futures):
                future.result()
                finished += 1
        except BaseException as error:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
            if not isinstance(error, KeyboardInterrupt):
                raise
    return finished, stop.is_set()


def _progress_bar(chunks, steps, wish, rank):
    hidden = os.environ.get("LABS_PROGRESS") == "off" if wish is None else not wish
    return tqdm(
        total=sum(len(chunk.index) for _, chunk in chunks) * steps,
        desc="training",
        unit=" steps",
        unit_scale=True,
        delay=2,
        leave=False,
        disable=hidden or rank > 0,
    )
