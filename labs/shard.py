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


def exchange(results, count):
    """All processes' results, {number: (seconds, arrays)}; chunk `number` of `count` belongs to process `number` modulo their
    number. The bytes of an .npz travel: reading one runs no code."""
    if not dist.is_available() or not dist.is_initialized():
        return results
    group = dist.new_group(backend="gloo")
    return {number: _unpack(_send(_pack(results.get(number)), number % dist.get_world_size(), group)) for number in range(count)}


def _pack(result):
    file = io.BytesIO()
    if result:
        np.savez(file, __seconds__=result[0], **result[1])
    return torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8) if result else torch.zeros(0, dtype=torch.uint8)


def _unpack(content):
    with np.load(io.BytesIO(content.numpy().tobytes()), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return float(arrays.pop("__seconds__")), arrays


def _send(content, owner, group):
    size = torch.tensor([len(content)])
    dist.broadcast(size, owner, group=group)
    if dist.get_rank() != owner:
        content = torch.empty(int(size), dtype=torch.uint8)
    dist.broadcast(content, owner, group=group)
    return content
