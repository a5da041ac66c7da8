"""What a network answers, as labels and probabilities.

Shapes: `N` samples, `B` batch, `C` classes.
"""

import torch

from labs.compress.layers import check_model, evaluating, place_of
from labs.evaluate.given import pair


@torch.no_grad()
def predict(network, batches):
    """Labels (N,) and probabilities, (N, C) or (N,), of a network, for the functions beside it.

    `batches`: pairs of inputs and labels, as a DataLoader has them. Outputs are logits: (B, C), or
    (B, 1) or (B,) where there are two classes. The network answers in `eval` mode, on its device,
    and is left as it was. Raises TypeError for what is no network, and ValueError where there is no
    sample, a batch is no pair, or outputs are no finite logits of classes.
    """
    check_model(network)
    place = place_of(network)
    with evaluating(network):
        found = [_answered(network, *pair(batch), place) for batch in batches]
    if not sum(len(labels) for labels, _ in found):
        raise ValueError(
            "batches: expected at least one sample, got none; the validation set is empty: keep "
            "some samples aside"
        )
    labels, logits = (torch.cat(parts) for parts in zip(*found))
    if not (logits.isfinite() | (logits == -torch.inf)).all():
        raise ValueError(
            "network: expected finite logits, got some that are not; it diverged, or its inputs "
            "have such numbers: look at both"
        )
    shares = logits.sigmoid() if logits.ndim == 1 else logits.softmax(1)
    return labels.numpy(), shares.numpy()


def _answered(network, x, labels, place):
    """Labels (B,) and logits (B, C) or (B,), float64, on the CPU."""
    logits = network(x.to(place))
    if not torch.is_tensor(logits):
        raise ValueError(
            f"network: expected logits, a tensor, got {type(logits).__name__}; give a module whose "
            "forward returns the logits alone"
        )
    labels, logits = labels.cpu(), logits.cpu().double()  # an Apple GPU has no float64
    if logits.ndim == 2 and logits.shape[1] == 1:
        logits = logits[:, 0]
    if labels.ndim != 1 or logits.ndim not in (1, 2) or len(logits) != len(labels):
        raise ValueError(
            f"network: expected a row of logits for each label, got outputs {tuple(logits.shape)} "
            f"for labels {tuple(labels.shape)}; flatten both to one row for each answer"
        )
    return labels, logits
