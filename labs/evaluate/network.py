"""What a network answers, as labels and probabilities.

Shapes: `N` samples, `B` batch, `C` classes.
"""

import torch


@torch.no_grad()
def predict(network, batches):
    """Labels (N,) and probabilities, (N, C) or (N,), of a network, for the functions beside it.

    `batches`: pairs of inputs and labels, as a DataLoader has them. Outputs are logits: (B, C), or
    (B, 1) or (B,) where there are two classes. The network answers as in `eval` mode, and is left
    as it was. Raises ValueError where there is no sample, or outputs are no logits of classes.
    """
    parameter = next(network.parameters(), None)
    place = None if parameter is None else parameter.device
    training = network.training
    network.eval()
    try:
        found = [(y.cpu(), network(x.to(place)).double().cpu()) for x, y in batches]
    finally:
        network.train(training)
    if not sum(len(y) for y, _ in found):
        raise ValueError(
            "batches: expected at least one sample, got none; the validation set is empty: keep "
            "some samples aside"
        )
    labels, logits = (torch.cat(parts) for parts in zip(*found))
    if logits.ndim == 2 and logits.shape[1] == 1:
        logits = logits[:, 0]
    if labels.ndim != 1 or logits.ndim not in (1, 2) or len(logits) != len(labels):
        raise ValueError(
            f"network: expected a row of logits for each label, got outputs {tuple(logits.shape)} "
            f"for labels {tuple(labels.shape)}; flatten both to one row for each answer"
        )
    shares = logits.sigmoid() if logits.ndim == 1 else logits.softmax(1)
    return labels.numpy(), shares.numpy()
