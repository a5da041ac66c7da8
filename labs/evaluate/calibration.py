"""Whether a model is right as often as it says.

Shapes: `N` samples, `K` bins.
"""

import dataclasses
import numbers

import numpy as np

from labs.evaluate.given import checked

AT_ONCE = 4_000_000  # numbers drawn that are held at a time


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What `calibration` measured.

    `confidence`, `accuracy`, `count`: (K,) of each bin that has samples: the mean probability, the
    share that came true, and the samples. `error`: the expected calibration error, the mean of
    |accuracy - confidence| over samples. `by_chance`: what a perfectly calibrated model with these
    probabilities would exceed in one of twenty samples of this size.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray
    error: float
    by_chance: float


def calibration(labels, probabilities, bins=10, repeats=400, seed=0):
    """Compare how sure a model is with how often it is right, in `bins` of equal width.

    With two classes it is about the probability of class 1, else about that of the model's answer.
    (The reliability diagram, and the expected calibration error of Naeini et al. 2015, as in Guo et
    al. 2017.) `labels`: (N,). `probabilities`: (N,), of class 1, or (N, classes). A probability
    between two bins is in the upper one. `repeats`: samples drawn, from `seed`, for what chance
    does. Returns a `Calibration`; raises ValueError where there is no sample, where probabilities
    are none, and for fewer than two bins or 100 repeats.
    """
    if not (isinstance(bins, numbers.Integral) and bins >= 2):
        raise ValueError(f"bins: expected at least 2, a whole number, got {bins!r}; leave it out")
    if repeats < 100:
        raise ValueError(f"repeats: expected at least 100, got {repeats!r}; leave it out")
    labels, shares = checked(labels, probabilities)
    two = shares.shape[1] == 2
    sure = shares[:, 1] if two else shares.max(1)
    came = labels == 1 if two else labels == shares.argmax(1)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    members = np.eye(bins)[place]
    count = members.sum(0)
    said = members.T @ sure
    error = lambda true: abs(true @ members - said).sum(-1) / len(sure)
    generator, at_once = np.random.default_rng(seed), max(1, AT_ONCE // len(sure))
    parts = [min(at_once, repeats - start) for start in range(0, repeats, at_once)]
    by_chance = [error((generator.random((n, len(sure))) < sure).astype(float)) for n in parts]
    there = count > 0
    return Calibration(
        (said / np.maximum(count, 1))[there],
        (came @ members / np.maximum(count, 1))[there],
        count[there].astype(int),
        float(error(came.astype(float))),
        float(np.quantile(np.concatenate(by_chance), 0.95)),
    )
