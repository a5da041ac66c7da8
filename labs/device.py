"""Which device to train on, and what it can do."""

import os
import platform
import time

import torch

from labs import chips


def best_device():
    """The best device there is: CUDA, then Apple's MPS, then the CPU.

    The environment variable LABS_DEVICE overrides. Under torchrun, each process of a machine gets a
    GPU of its own, while there are any.

    Raises ValueError where LABS_DEVICE names a device that torch does not know or does not find.
    """
    wish = os.environ.get("LABS_DEVICE", "").strip()
    if not wish:
        kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        kind = next((kind for kind, there in kinds.items() if there), "cpu")
        many = kind == "cuda" and "LOCAL_RANK" in os.environ
        return (
            torch.device(kind, int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
            if many
            else torch.device(kind)
        )
    return _found("LABS_DEVICE", wish)


def device_of(wish=None):
    """The `torch.device` that `wish` is: its name, such as "cpu", the device itself, or None for
    `best_device()`.

    Raises ValueError for a device that torch does not know or does not find.
    """
    return best_device() if wish is None else _found("device", wish)


def _found(name, wish):
    try:
        device = torch.device(wish)
        torch.ones(1, device=device).item()  # a device that holds no numbers will not do
    except (RuntimeError, AssertionError, TypeError) as error:  # AssertionError: built without it
        there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        there += ["mps"] * torch.backends.mps.is_available()
        raise ValueError(
            f"{name} must name a device that torch finds here, one of {there}, got {wish!r}; "
            f"leave it out to let labs choose ({error})"
        ) from error
    return device


def describe(device):
    """The device in words: 'NVIDIA A100-SXM4-80GB', 'Apple GPU (MPS)' or 'CPU, 2 threads'."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU (MPS)"
    return f"CPU ({platform.machine()}), {torch.get_num_threads()} threads"


def synchronize(device):
    """Wait until the device has finished what it was given, so that a clock read next is honest."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def precision_of(device):
    """The type of number to multiply in: bfloat16 where the chip has it, float16 on a GPU without
    it, such as a T4, float32 elsewhere.
    """
    if device.type == "cuda":
        ready = torch.cuda.get_device_capability(device) >= (8, 0)  # older ones only emulate it
        return torch.bfloat16 if ready else torch.float16
    return torch.float32


def peak(device, dtype):
    """The most FLOP/s that `device` reaches, and whether that is its data sheet's figure.

    Where `labs.chips.CHIPS` has no such chip, or the numbers are float32, it is measured: the
    best of some products of matrices, larger and larger until one takes 10 milliseconds.
    """
    chip = chips.chip_called(describe(device))
    if chip and dtype != torch.float32:
        return chips.CHIPS[chip].flops, True
    best = 0.0
    for size in (256, 512, 1024, 2048, 4096, 8192):
        a, b = torch.ones(2, size, size, device=device, dtype=dtype)
        a @ b  # the first one warms up
        for _ in range(3):
            synchronize(device)
            start = time.perf_counter()
            a @ b
            synchronize(device)
            seconds = time.perf_counter() - start
            best = max(best, 2 * size**3 / seconds)
        if seconds > 0.01:
            break
    return best, False
