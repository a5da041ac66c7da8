"""Over-fitting, and what else two curves of losses tell."""

import dataclasses

import numpy as np

from labs import words
from labs.evaluate.given import array

FEWEST = 5  # moments of a curve that can be judged
SURE = 3.0  # times the noise: the lowest of many points lies low by chance, too
LAST = 0.25  # of the steps, the last part of a curve: does it still fall?


@dataclasses.dataclass(frozen=True)
class Fit:
    """What `overfitting` found.

    `verdict`: "over-fitting", "unstable", "still learning", "nothing learned" or "settled", what
    most repeats are. The numbers are those of the mean over the repeats.

    `lowest_at`: the step at which the validation loss was lowest. `rise`: how far it rose since, as
    a share of how far it had fallen. `gap`: validation less training loss at the end. `agree`: the
    share of repeats of which the verdict is the same.
    """

    verdict: str
    lowest_at: int
    rise: float
    gap: float
    agree: float

    def __str__(self):
        numbers = {"rise": f"{100 * self.rise:.0f}", "gap": f"{self.gap:.2g}"}
        key = self.verdict.replace(" ", "_")
        return words.text(f"checkup.{key}", step=f"{self.lowest_at:,}", **numbers)


def overfitting(train_loss, val_loss, steps=None, enough=0.05):
    """Say from two curves whether a model over-fits, and what else may be wrong with its training.

    `train_loss`, `val_loss`: (moments,) or (repeats, moments), in the order of training; a record's
    variables do. `steps`: the step of each moment, by default those of the record or 0, 1, 2, …
    A model over-fits where the validation loss has risen from its lowest by more than `enough` of
    how far it fell, and by more than its noise, while the training loss went on falling. Where both
    rose it is unstable, and where the validation loss fell by more than `enough` in the last
    quarter it is still learning.

    Returns a `Fit`. Raises ValueError for an empty or too short validation curve, shapes that
    differ or are others, steps that do not grow, and losses that are no numbers.
    """
    if steps is None and "step" in getattr(val_loss, "coords", ()):
        steps = val_loss.coords["step"].values
    train, val = _curves(train_loss, "train_loss"), _curves(val_loss, "val_loss")
    if train.shape != val.shape:
        raise ValueError(
            f"expected two curves of one shape, got train_loss {train.shape} and val_loss "
            f"{val.shape}; measure both at the same steps"
        )
    steps = np.arange(val.shape[1]) if steps is None else array(steps, "steps")
    if steps.shape != val.shape[1:] or not (np.diff(steps) > 0).all():
        raise ValueError(
            f"steps: expected {val.shape[1]}, one for each loss, got {steps.size}, each larger "
            "than the one before; leave it out"
        )
    late = int(np.searchsorted(steps, steps[-1] - LAST * (steps[-1] - steps[0])))
    each = [_verdict(*curves, late, enough) for curves in zip(train, val)]
    verdict = max(sorted(set(each)), key=each.count)
    train, val = train.mean(0), val.mean(0)
    at = int(val.argmin())
    fell = val[0] - val[at]
    rise = (val[-1] - val[at]) / fell if fell > 0 else np.nan
    agree = each.count(verdict) / len(each)
    return Fit(verdict, int(steps[at]), float(rise), float(val[-1] - train[-1]), agree)


def _curves(losses, name):
    """Curves as an array (repeats, moments)."""
    if hasattr(losses, "dims") and "step" in losses.dims:
        losses = losses.transpose(..., "step")
    found = np.atleast_1d(array(losses, name)).astype(float)
    if found.size and sum(length > 1 for length in found.shape[:-1]) > 1:
        raise ValueError(
            f"{name}: expected (moments,) or (repeats, moments), got shape {found.shape}; choose "
            "one setting of a sweep with .sel(…)"
        )
    found = found.reshape(-1, found.shape[-1]) if found.size else found.reshape(1, 0)
    if found.shape[1] < FEWEST:
        raise ValueError(
            f"{name}: expected at least {FEWEST} losses along training, got {found.shape[1]}; "
            "measure more often, on validation samples that were kept aside"
        )
    wrong = np.flatnonzero(~np.isfinite(found).all(0))
    if len(wrong):
        raise ValueError(
            f"{name}: expected finite losses, got one that is not at position {wrong[0]}; the run "
            "diverged: find a smaller rate first, with labs.checkup.rate_range_test"
        )
    return found


def _verdict(train, val, late, enough):
    """The verdict on one run, (moments,), whose last part begins at `late`."""
    at, noise = int(val.argmin()), _noise(val)
    fell = val[0] - val[at]
    if fell <= noise:
        return "nothing learned"
    enough = max(enough * fell, noise)
    if val[-1] - val[at] > enough:
        return "over-fitting" if train[-1] < train[at] else "unstable"
    return "still learning" if val[min(late, len(val) - 2)] - val[-1] > enough else "settled"


def _noise(val):
    """How far a loss may lie from another by noise: SURE times a point's scatter.

    That is the median distance of a point from where it would lie without noise, as second
    differences tell it: of normal noise, 0.67 standard deviations.
    """
    second = np.diff(val, 2)
    return SURE * np.sqrt(np.median(second**2) / 6)
