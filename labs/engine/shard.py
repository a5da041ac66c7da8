"""One sweep over several processes, started by `torchrun`.

Each trains its chunks, then all share what they have. A process that dies takes only its unfinished
chunk with it: what was finished is in the cache, and the next call trains the rest.
torch.distributed does the talking.
"""

import atexit
import functools
import json
import os

import numpy as np
import torch
import torch.distributed as dist

from labs.engine.chunks import Chunk


def processes():
    """(rank, number of processes) of this program; connects them where they are not yet."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or not dist.is_available():
        return 0, 1
    if not dist.is_initialized():
        dist.init_process_group("gloo")
        atexit.register(dist.destroy_process_group)
    return dist.get_rank(), dist.get_world_size()


def agree(works):
    """Let all processes miss the same runs.

    What one of them does not find in its cache, all train.
    """
    for work in works:
        work.there = _reduced(work.there.astype(np.uint8), dist.ReduceOp.MIN).astype(bool)


def as_the_first_has_it(works, chunks):
    """The chunks, (work, chunk), as the first process planned them, with its engines.

    Machines differ in threads and memory, and so do their plans.
    """
    plan = [[works.index(work), c.index, c.part, c.again] for work, c in chunks]
    text = np.frombuffer(json.dumps([[work.engine for work in works], plan]).encode(), np.uint8)
    size = torch.tensor([len(text)])
    dist.broadcast(size, 0, group=_gloo())
    told = torch.from_numpy(text.copy()) if dist.get_rank() == 0 else torch.empty(int(size)).byte()
    dist.broadcast(told, 0, group=_gloo())
    engines, plan = json.loads(told.numpy().tobytes())
    for work, engine in zip(works, engines):
        work.engine = engine
    return [
        (works[w], Chunk(index, [works[w].settings[i] for i in index], part, again))
        for w, index, part, again in plan
    ]


def exchange(works, chunks, well):
    """Give every process the rows of all `chunks`, (work, chunk); the nth belongs to process n
    modulo their number.

    Each process puts zeros where a row is not its own, and all add up. Where one of them is not
    `well`, there is nothing to give: raises RuntimeError in those that are.
    """
    all_well = _reduced(np.array([well], np.uint8), dist.ReduceOp.MIN)[0]
    if not all_well:
        if well:
            raise RuntimeError("another process failed in this sweep; its message says why")
        return
    for work in works:
        owner = np.full(len(work.rows), -1)
        for number, (its_work, chunk) in enumerate(chunks):
            if its_work is work:
                owner[[chunk.index[row] for row in chunk.new()]] = number % dist.get_world_size()
        trained = np.flatnonzero(owner >= 0)
        mine = work.rows[trained].copy()
        mine[owner[trained] != dist.get_rank()] = np.zeros((), mine.dtype)
        content = _reduced(mine.view(np.uint8), dist.ReduceOp.SUM)
        work.rows[trained] = content.view(mine.dtype)
        work.there[trained] = True


def _reduced(array, operation):
    if not array.size:
        return array
    tensor = torch.from_numpy(array.copy())
    dist.all_reduce(tensor, operation, group=_gloo())
    return tensor.numpy()


@functools.cache
def _gloo():
    """The group of all processes over gloo, which moves bytes of the CPU, whatever backend a
    reader's own group has."""
    return dist.group.WORLD if dist.get_backend() == "gloo" else dist.new_group(backend="gloo")
