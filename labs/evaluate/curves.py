"""What a classifier does at every threshold and share of positives, and at answers in a row.

Shapes: `N` samples.
"""

from typing import NamedTuple

import numpy as np
import xarray as xr
from sklearn import metrics

from labs.evaluate.given import array, checked, two_classes
from labs.evaluate.scores import scores_of
from labs.record import Axis

SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 20))


class Curves(NamedTuple):
    """The points of two curves: ROC, and precision against recall."""

    false_positives: np.ndarray
    true_positives: np.ndarray
    recall: np.ndarray
    precision: np.ndarray


def curves(labels, probabilities):
    """The ROC and precision-recall curves of two classes, by scikit-learn: `Curves`.

    Raises what `report` raises, and ValueError for more than two classes.
    """
    labels, probability = two_classes(*checked(labels, probabilities))
    false, true, _ = metrics.roc_curve(labels, probability)
    precision, recall, _ = metrics.precision_recall_curve(labels, probability)
    return Curves(false, true, recall, precision)


def at_thresholds(labels, probabilities, thresholds=THRESHOLDS, shares=SHARES):
    """A record for `labs.Explorer`: five scores by threshold, and by share of positives in use.

    Two shares are counted at each threshold, of the positives and of the negatives that the model
    calls positive. They stay as they are where positives are rarer or more frequent; so the
    confusion matrix there follows by a formula, and with it the scores. A precision where nothing
    is called positive is NaN. Raises what `report` raises, and ValueError for more than two
    classes, and for thresholds and shares that do not lie between 0 and 1 or stand there twice.
    """
    labels, probability = two_classes(*checked(labels, probabilities))
    for name, values in (("thresholds", thresholds), ("shares", shares)):
        several = np.ndim(values) == 1 and 0 < len(values) == len(set(values))
        if not several or not all(0 < value < 1 for value in values):
            raise ValueError(
                f"{name}: expected numbers between 0 and 1, got {values!r}; give each once, in a "
                "list, or leave it out"
            )
    called = probability[:, None] >= np.array(thresholds)
    hit, false = called[labels == 1].mean(0), called[labels == 0].mean(0)
    share = np.array(shares)[:, None]
    cells = [[(1 - share) * (1 - false), (1 - share) * false], [share * (1 - hit), share * hit]]
    scores = scores_of(np.moveaxis(np.array(cells), (0, 1), (-2, -1)))
    axes = (
        Axis("share", "evaluate.share", tuple(shares), "log"),
        Axis("threshold", "evaluate.threshold", tuple(thresholds), "linear"),
    )
    marks = lambda name: {"label": f"evaluate.{name}", "better": "higher"}
    arrays = {n: (["share", "threshold"], v.astype("f4"), marks(n)) for n, v in scores.items()}
    return xr.Dataset(arrays, {axis.name: axis.coordinate() for axis in axes})


def exact_match(right, length):
    """The share of all `length` answers in a row that are right throughout, (…).

    `right`: (…, N) truth values, in the order of the answers. For tokens that a model had to tell
    from the true ones before them, it is the share of texts of that length that the model, always
    taking its likeliest token, goes on to write without a mistake. Raises ValueError for a length
    that is not from 1 to N.
    """
    right = array(right, "right")
    if right.ndim == 0 or length not in range(1, right.shape[-1] + 1):
        raise ValueError(
            "expected right (…, N) and a length from 1 to N, got shape "
            f"{right.shape} and length {length!r}; give the answers in their order"
        )
    windows = np.lib.stride_tricks.sliding_window_view(right.astype(bool), int(length), axis=-1)
    return windows.all(-1).mean(-1)
