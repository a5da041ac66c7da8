"""A learning rate from one short run."""

import copy
import dataclasses

import numpy as np
import torch

from labs import words

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
    loss has doubled. (A variant of the test of Smith 2017.)

    Returns a `RateRange`. Raises ValueError where there is nothing to train or no batch, and where
    no rate of the range lowers the loss or none is too large.

    >>> labs.checkup.rate_range_test(network, nn.CrossEntropyLoss(), loader, torch.optim.Adam)
    """
    if not 0 < low < high or steps < 10:
        raise ValueError(
            "expected 0 < low < high and at least 10 steps, got "
            f"low={low!r}, high={high!r}, steps={steps!r}; leave them out"
        )
    tried = copy.deepcopy(network).train()
    parameters = [p for p in tried.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError(
            f"network: expected parameters to train, got {type(network).__name__} with none; "
            "unfreeze some with requires_grad_(True)"
        )
    rule = (optimizer or torch.optim.SGD)(parameters, lr=low)
    rates, losses, place = [], [], parameters[0].device
    for rate, (x, y) in zip(np.geomspace(low, high, steps), _again(batches, steps)):
        for group in rule.param_groups:
            group["lr"] = rate
        value = loss(tried(x.to(place)), y.to(place))
        rule.zero_grad()
        value.backward()
        rule.step()
        value = value.item()
        rates.append(rate)
        losses.append(KEPT * losses[-1] + (1 - KEPT) * value if losses else value)
        if not losses[-1] < 2 * losses[0]:
            break
    return _range(np.array(rates), np.array(losses), low, high)


def _again(batches, steps):
    """The pairs of `batches`, over and over."""
    count = 0
    while True:
        before = count
        for pair in batches:
            count += 1
            yield pair
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
    single = (losses[1:] - KEPT * losses[:-1]) / (1 - KEPT)
    return np.median(abs(np.diff(single))) / 0.954  # which is so for normal deviations
