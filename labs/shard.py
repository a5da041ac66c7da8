"""One grid over several processes, started by `torchrun`: each trains its chunks, then all share what they have.

A process that dies takes only its unfinished chunk with it: what was finished is in the cache, and the next call trains the
rest. torch.distributed does the talking.
"""
import contextlib
import io
import os

import numpy as np
import torch
import torch.distributed as dist


@contextlib.contextmanager
def processes():
    """(rank, number of processes) of this program; connects them for the duration, unless they are connected."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or not dist.is_available():
        yield 0, 1
        return
    connect = not dist.is_initialized()
    if connect:
        dist.init_process_group("gloo")
    try:
        yield dist.get_rank(), dist.get_world_size()
    finally:
        if connect:
            dist.destroy_process_group()


def exchange(chunks, collected):
    """Give every process the results of all `chunks`; chunk number n belongs to process n modulo their number. The bytes of an
    .npz travel: reading one runs no code."""
    if not dist.is_available() or not dist.is_initialized():
        return
    group, world = dist.new_group(backend="gloo"), dist.get_world_size()
    for number, chunk in enumerate(chunks):
        own = number % world == dist.get_rank()
        content = _pack(collected.seconds[number], collected.of(chunk)) if own else None
        content = _send(content, number % world, group)
        if not own:
            collected.add(number, chunk, *_unpack(content))


def _pack(seconds, arrays):
    file = io.BytesIO()
    np.savez(file, __seconds__=seconds, **arrays)
    return torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)


def _unpack(content):
    with np.load(io.BytesIO(content.numpy().tobytes()), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return float(arrays.pop("__seconds__")), arrays


def _send(content, owner, group):
    size = torch.tensor([0 if content is None else len(content)])
    dist.broadcast(size, owner, group=group)
    if content is None:
        content = torch.empty(int(size), dtype=torch.uint8)
    dist.broadcast(content, owner, group=group)
    return content
