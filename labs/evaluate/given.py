"""What the functions of this folder are given, checked: labels and probabilities."""

import numpy as np

ROUNDING = 1e-3  # how far the probabilities of a row may be from 1 together
HALF = 2e-2  # the same, of numbers of 16 bits


def checked(labels, probabilities):
    """Labels (N,) int64 and probabilities (N, C) float64, C >= 2.

    Rows may miss a sum of 1 by ROUNDING, or by HALF where the numbers have 16 bits. Raises
    ValueError for no sample, lengths that differ, labels that are no classes, and probabilities
    that are none.
    """
    rounding = HALF if "float16" in str(getattr(probabilities, "dtype", "")) else ROUNDING
    labels, shares = array(labels, "labels"), _numbers(probabilities)
    if shares.ndim == 2 and shares.shape[1] == 1:
        shares = shares[:, 0]
    if labels.size == 0:
        raise ValueError(
            "labels: expected at least one sample, got none; the validation set is empty: keep "
            "some samples aside"
        )
    if labels.ndim != 1 or shares.ndim not in (1, 2) or len(shares) != len(labels):
        raise ValueError(
            "expected labels (N,) and probabilities (N,) or (N, classes), got shapes "
            f"{labels.shape} and {shares.shape}; give a row of probabilities for each label"
        )
    wrong = np.flatnonzero(~((shares >= 0) & (shares <= 1)).reshape(len(labels), -1).all(1))
    if len(wrong):
        raise ValueError(
            f"probabilities: expected numbers from 0 to 1, got {shares[wrong[0]]} in row "
            f"{wrong[0]}; turn logits into probabilities with a sigmoid or a softmax"
        )
    if shares.ndim == 1:
        shares = np.stack([1 - shares, shares], axis=1)
    off = np.flatnonzero(abs(shares.sum(1) - 1) > rounding)
    if len(off):
        raise ValueError(
            f"probabilities: expected rows that sum to 1, got {shares[off[0]].sum():.4g} in row "
            f"{off[0]}; take a softmax over the classes, or give one column for a yes-or-no answer"
        )
    return _whole(labels, shares.shape[1]), shares


def each_class(labels, count):
    """Raise ValueError unless each of `count` classes has a sample."""
    counts = np.bincount(labels, minlength=count)
    missing = np.flatnonzero(counts == 0)
    if len(missing):
        there = ", ".join(f"{n:,} of class {k}" for k, n in enumerate(counts[:12]) if n)
        raise ValueError(
            f"labels: expected samples of all {count} classes, got {there} and none of class "
            f"{', '.join(map(str, missing[:12]))}; nothing can be said of a class that is not "
            "there: take more samples"
        )


def two_classes(labels, shares):
    """Labels and the probability of class 1 (N,), of two classes; ValueError for another number."""
    if shares.shape[1] != 2:
        raise ValueError(
            f"expected two classes, got {shares.shape[1]}; ask for one class against the rest: "
            "labels == k, probabilities[:, k]"
        )
    each_class(labels, 2)
    return labels, shares[:, 1]


def array(values, name):
    """An array of what may be a tensor, on any device, or a list of tensors.

    Raises ValueError, with `name`, for rows of different lengths.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        return np.asarray(values.float() if str(values.dtype) == "torch.bfloat16" else values)
    if isinstance(values, (list, tuple)) and any(hasattr(value, "detach") for value in values):
        values = [array(value, name) for value in values]
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(
            f"{name}: expected rows of one length, got rows of several; give an array or a tensor"
        ) from None


def pair(batch):
    """Inputs and targets of a batch, two tensors; ValueError for a batch of another form."""
    parts = batch if isinstance(batch, (tuple, list)) else ()
    if len(parts) != 2 or not all(hasattr(part, "detach") and part.ndim for part in parts):
        got = ", ".join(type(part).__name__ for part in parts[:4]) or "nothing in it"
        raise ValueError(
            "batches: expected pairs of two tensors, inputs and targets of several samples, as a "
            f"DataLoader has them, got {type(batch).__name__} ({got}); write "
            '[(batch["x"], batch["y"]) for batch in batches], say'
        )
    return parts


def _numbers(probabilities):
    found = array(probabilities, "probabilities")
    if found.dtype.kind not in "biuf":
        raise ValueError(
            f"probabilities: expected numbers, got {found.dtype}; give those of class 1, or a row "
            "of one for each class"
        )
    return found.astype(float)


def _whole(labels, count):
    finite = labels.dtype.kind in "biuf" and np.isfinite(labels).all()
    whole = labels.astype(int) if finite else None
    if whole is None or (whole != labels).any() or whole.min() < 0 or whole.max() >= count:
        raise ValueError(
            f"labels: expected whole numbers from 0 to {count - 1}, a column of probabilities for "
            f"each, got {labels[:5].tolist()} …; number the classes from 0 on"
        )
    return whole
