"""One sweep over several processes, started by `torchrun`.

Each trains its chunks, then all share what they have. A process that dies takes only its unfinished
chunk with it: what was finished is in the cache, and the next call trains the rest.
torch.distributed does the talking.
"""

import atexit
import os

import numpy as np
import torch
import torch.distributed as dist


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


def exchange(works, chunks):
    """Give every process the rows of all `chunks`, (work, chunk) in order.

    The nth belongs to process n modulo their number, and a run that two chunks have to the first of
    these. Each process puts zeros where a row is not its own, and all add up.
    """
    for work in works:
        owner = np.full(len(work.rows), -1)
        for number, (its_work, chunk) in reversed(list(enumerate(chunks))):
            if its_work is work:
                owner[chunk.index] = number % dist.get_world_size()
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


def _gloo():
    """The group of all processes over gloo, which moves bytes of the CPU.

    It is there whatever backend a reader's own group has.
    """
    return dist.group.WORLD if dist.get_backend() == "gloo" else dist.new_group(backend="gloo")
