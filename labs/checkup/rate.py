"""A learning rate from one short run."""

import dataclasses

import numpy as np
import torch

from labs import words
from labs.compress.layers import check_model, copied
from labs.evaluate.given import pair

KEPT = 0.9  # of the smoothed loss, at each step
TURNED = 0.5  # of what the loss fell, at least so much it has to rise again
FRACTION = 0.1  # of the rate at the lowest point


@dataclasses.dataclass(frozen=True)
class RateRange:
    """What `rate_range_test` found.

    `rates`, `losses`: the rates tried and the smoothed loss at each. `lowest`: the rate where that
    was lowest. `suggested`: a tenth of it, the rate to begin with.
    """

    rates: np.ndarray
    losses: np.ndarray
    lowest: float
    suggested: float

    def __str__(self):
        return words.text("checkup.rate", rate=f"{self.suggested:.2g}", lowest=f"{self.lowest:.2g}")


def rate_range_test(network, loss, batches, optimizer=None, low=1e-5, high=100.0, steps=100):
    """Find a learning rate in one short run, as the chapter on the learning rate writes it out.

    A copy of `network` takes `steps` steps while the rate grows from `low` to `high` by the same
    factor each; the network stays as it was. `loss` takes (outputs, targets); `batches` holds pairs
    of inputs and targets, as a DataLoader does, and is read again when it ends; `optimizer` makes
    an optimizer of parameters, by default plain gradient descent. The test ends where the smoothed
    loss has risen by the size of the first: of a positive one, doubled. The random state of torch
    is left as it was. (A variant of the test of Smith 2017.)

    Returns a `RateRange`. Raises TypeError for what is no network, and ValueError where there is
    nothing to train, no batch or no pair in it, where the loss is not one number, and where no rate
    of the range lowers the loss or none is too large.

    >>> labs.checkup.rate_range_test(network, nn.CrossEntropyLoss(), loader, torch.optim.Adam)
    """
    if not 0 < low < high or steps < 10:
        raise ValueError(
            "expected 0 < low < high and at least 10 steps, got "
            f"low={low!r}, high={high!r}, steps={steps!r}; leave them out"
        )
    check_model(network)
    tried = copied(network).train()
    parameters = [p for p in tried.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError(
            f"network: expected parameters to train, got {type(network).__name__} with none; "
            "unfreeze some with requires_grad_(True)"
        )
    rule = (optimizer or torch.optim.SGD)(parameters, lr=low)
    place, losses, rates = parameters[0].device, [], np.geomspace(low, high, steps)
    devices = [place] if place.type == "cuda" else []
    with torch.enable_grad(), torch.random.fork_rng(devices):
        for rate, batch in zip(rates, _again(batches, steps)):
            for group in rule.param_groups:
                group["lr"] = rate
            x, y = (part.to(place) for part in pair(batch))
            value = _step(rule, loss(tried(x), y))
            losses.append(KEPT * losses[-1] + (1 - KEPT) * value if losses else value)
            if not losses[-1] - losses[0] < abs(losses[0]):
                break
    return _range(rates[: len(losses)], np.array(losses), low, high)


def _step(rule, loss):
    """A step of an optimizer; the loss before it, a number."""
    if not torch.is_tensor(loss) or loss.numel() != 1:
        got = tuple(loss.shape) if torch.is_tensor(loss) else type(loss).__name__
        raise ValueError(
            f"loss: expected one number, a tensor of one, got {got}; take the mean over the samples"
        )
    rule.zero_grad()
    loss.backward()
    rule.step()
    return loss.item()


def _again(batches, steps):
    """What `batches` holds, over and over."""
    count = 0
    while True:
        before = count
        for batch in batches:
            count += 1
            yield batch
        if count == before:
            raise ValueError(
                f"batches: expected at least {steps} pairs of inputs and targets, or a DataLoader "
                f"or a list that can be read again, got {count}; give more"
            )


def _range(rates, losses, low, high):
    if not np.isfinite(losses[0]):
        raise ValueError(
            f"expected a first loss that is a number, got {losses[0]}; look at the inputs, the "
            "targets and the loss before you look for a rate"
        )
    at = int(np.nanargmin(losses))
    fell = losses[0] - losses[at]
    if fell <= 2 * _noise(losses):
        raise ValueError(
            f"expected a rate from {low:g} to {high:g} that lowers the loss, got {losses[0]:.3g} "
            f"and no more than its noise below it; leave low and high out, and check that targets "
            "fit the outputs"
        )
    if losses[-1] - losses[at] < TURNED * fell:
        raise ValueError(
            f"expected a loss that turns up before the rate {high:g}, got one that did not "
            "rise again; raise high"
        )
    return RateRange(rates, losses, float(rates[at]), float(rates[at]) * FRACTION)


def _noise(losses):
    """The usual deviation of the loss of one batch, from the smoothed ones."""
    finite = losses[np.isfinite(losses)]  # the last may be none
    single = (finite[1:] - KEPT * finite[:-1]) / (1 - KEPT)
    if len(single) < 2:
        return 0.0
    return np.median(abs(np.diff(single))) / 0.954  # which is so for normal deviations
