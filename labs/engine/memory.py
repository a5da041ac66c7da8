"""Memory and threads of a sweep: how much it may take, and how to keep both to itself."""

import contextlib
import ctypes
import functools
import platform
import threading

import torch

_lock, _inside = threading.Lock(), []  # the numbers of threads that the present sweeps found


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
    """Let each operation run on one thread, of which as many as it says may work side by side.

    Torch has a number for every thread there is, which it alone can change, and one for all new
    ones. Both are afterwards as before, also where sweeps overlap.
    """
    with _lock:
        found = torch.get_num_threads()
        _inside.append(found)
        threads = found if found > 1 else _inside[0]  # what begins during a sweep finds 1
        torch.set_num_threads(1)
    try:
        yield threads
    finally:
        with _lock:
            torch.set_num_threads(threads)
            count = _inside[0] if len(_inside) == 1 else 1
            _inside.pop()
            new = threading.Thread(target=torch.set_num_threads, args=[count])
            new.start(), new.join()


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


def keeps_memory(steps):
    """A decorator: while the generator `steps` is at work, the process keeps all memory that its
    tensors give back.

    As `memory_kept`, and for tensors of 32 MiB and more as well, such as the logits of a batch,
    which glibc would otherwise ask the system for at each step.
    """

    @functools.wraps(steps)
    def kept(*arguments, **options):
        libc = ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
        mmap_max, many = -4, 65536  # malloc.h, and what glibc begins with
        with memory_kept():
            if libc:
                libc.mallopt(mmap_max, 0)
            try:
                yield from steps(*arguments, **options)
            finally:
                if libc:
                    libc.mallopt(mmap_max, many)

    return kept
