"""Memory and threads of a sweep: how much it may take, and how to keep both to itself."""

import contextlib
import ctypes
import platform

import torch


def free_memory(device):
    """Bytes that a sweep may take.

    Three quarters of what the GPU has free; 1 GiB on a CPU or an Apple GPU, which share their
    memory with everything else.
    """
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] * 3 // 4
    return 2**30


@contextlib.contextmanager
def one_thread_an_operation():
    """Let each operation run on one thread, of which several may then work side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def memory_kept():
    """Let the process keep the memory that tensors give back.

    By default glibc returns it to the system and asks for it again at every step, and each page
    then costs a fault: up to half of a sweep's time, depending on the size of its chunks. Elsewhere
    than with glibc, this does nothing.
    """
    libc = ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
    trim_threshold, mmap_threshold = -1, -3  # malloc.h
    if libc:
        libc.mallopt(trim_threshold, 2**30)
        libc.mallopt(mmap_threshold, 2**25)  # the most it takes
    try:
        yield
    finally:
        # glibc adapts the two until they are set; 2**25 and twice that is where large tensors
        # lead it
        if libc:
            libc.mallopt(trim_threshold, 2**26)
            libc.malloc_trim(0)
