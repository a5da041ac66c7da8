"""What compressing a model costs and saves: its score, its bytes, its milliseconds, all measured.

Shapes: `M` models, `S` batch sizes, `T` rounds.
"""

import contextlib
import dataclasses
import math
import statistics
import time

import numpy as np
import safetensors.torch
import torch

from labs import words
from labs.compress.layers import evaluating, place_of
from labs.device import synchronize


@dataclasses.dataclass(frozen=True)
class Costs:
    """What `costs` found, of M models.

    `names`. `scores`: (M,). `bytes`: (M,), of a safetensors file. `batch_sizes`: S of them.
    `milliseconds`: (M, S, T), of one forward pass, a round each; the models took turns.
    """

    names: tuple
    scores: np.ndarray
    bytes: np.ndarray
    batch_sizes: tuple
    milliseconds: np.ndarray

    def smaller(self):
        """How many times smaller each file is than the first model's: (M,)."""
        return self.bytes[0] / self.bytes

    def faster(self):
        """How many times as fast as the first model each is, round by round: (M, S, T)."""
        return self.milliseconds[:1] / self.milliseconds

    def __str__(self):
        times = self.milliseconds.min(axis=-1)  # other work on the machine can only add time
        heads = [words.text("compress.score"), words.text("compress.bytes")]
        heads += [words.text("compress.milliseconds", count=size) for size in self.batch_sizes]
        rows = [["", *heads]]
        for name, score, size, row in zip(self.names, self.scores, self.bytes, times):
            measured = [f"≈ {float(f'{value:.2g}'):g}" for value in row]
            rows.append([name, f"≈ {score:.3f}", f"{size:,}", *measured])
        wide = [max(map(len, column)) for column in zip(*rows)]
        line = lambda row: "  ".join(
            [row[0].ljust(wide[0]), *(text.rjust(w) for text, w in zip(row[1:], wide[1:]))]
        )
        return "\n".join(line(row).rstrip() for row in rows)


def costs(models, inputs, score, batch_sizes=(1, 64), rounds=15, calls=5):
    """Measure several models side by side.

    `models`: {name: network}, the first of which the others are compared with. `inputs`: what a
    network reads, (samples, …); the first samples are used for timing. `score`: a function of a
    network that returns a number, such as its accuracy on samples kept aside. Each of `rounds`
    times, and at each batch size, the networks take turns: one forward pass that does not count,
    then the median of `calls`. Networks are measured in `eval` mode, and left in theirs, on their
    device, to which the inputs are copied before, and with the threads that PyTorch has now.

    Returns `Costs`; `print` it, and see the quickest round of each. Raises ValueError where there
    is no model, too few inputs, no batch size, round or call, or a score that is no finite number.

    >>> print(labs.compress.costs({"as it is": model, "half": narrow(model, 0.5)}, val_x, accuracy))
    """
    if not isinstance(models, dict) or not models:
        got = type(models).__name__ if models else "none"
        raise ValueError(f"models: expected at least one, got {got}; give {{name: network}}")
    if min([rounds, calls, *batch_sizes]) < 1 or not batch_sizes:
        raise ValueError(
            "expected batch_sizes, rounds and calls of at least 1, got "
            f"batch_sizes={batch_sizes!r}, rounds={rounds!r}, calls={calls!r}; leave them out"
        )
    if max(batch_sizes) > len(inputs):
        raise ValueError(
            f"inputs: expected at least {max(batch_sizes)}, the largest batch, got {len(inputs)}; "
            "give more, or smaller batch_sizes"
        )
    with contextlib.ExitStack() as modes:
        networks = [modes.enter_context(evaluating(network)) for network in models.values()]
        scores = [_score(name, score(network)) for name, network in models.items()]
        times = np.empty((len(networks), len(batch_sizes), rounds))
        for round_ in range(rounds):
            for column, size in enumerate(batch_sizes):
                for row, network in enumerate(networks):
                    times[row, column, round_] = _milliseconds(network, inputs[:size], calls)
    sizes = np.array([file_bytes(network) for network in networks])
    return Costs(tuple(models), np.array(scores), sizes, tuple(batch_sizes), times)


def file_bytes(model):
    """The bytes of the safetensors file of a model's parameters and buffers.

    A tensor that has two names is stored once.
    """
    held = {}
    for tensor in model.state_dict().values():
        held.setdefault((tensor.data_ptr(), tensor.shape, tensor.dtype), tensor)
    tensors = {str(i): tensor.contiguous() for i, tensor in enumerate(held.values())}
    return len(safetensors.torch.save(tensors))


def _score(name, value):
    value = float(value)
    if not math.isfinite(value):
        raise ValueError(
            f"score: expected a finite number, got {value!r} for {name!r}; look at its outputs"
        )
    return value


@torch.inference_mode()
def _milliseconds(network, inputs, calls):
    place = place_of(network)
    inputs = inputs.to(place)
    network(inputs)
    synchronize(place)
    seconds = []
    for _ in range(calls):
        began = time.perf_counter()
        network(inputs)
        synchronize(place)
        seconds.append(time.perf_counter() - began)
    return 1000 * statistics.median(seconds)
