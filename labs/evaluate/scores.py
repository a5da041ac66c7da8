"""Scores of a classifier, each with a bootstrap interval.

Shapes: `N` samples, `C` classes, `R` resamples.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
from sklearn import metrics

from labs import words
from labs.evaluate.given import checked, each_class

LEVEL = 0.95  # of the intervals
AT_ONCE = 4_000_000  # numbers of resamples held at a time
SMALLEST = np.finfo(float).eps  # a probability below it counts as it, as in scikit-learn


class Interval(NamedTuple):
    """A score, and the ends of its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Report:
    """What `report` measured.

    `scores`: {name: Interval}. `confusion`: (C, C) counts, rows the true classes, columns the
    answers. `threshold`: from which probability on the answer is class 1; None with more classes.
    `constant`: the accuracy of always answering the most frequent class.
    """

    scores: dict
    confusion: np.ndarray
    threshold: float | None
    constant: float

    def __str__(self):
        counts = self.confusion.sum(1)
        said = {"count": f"{counts.sum():,}", "classes": len(counts)}
        head = words.text("evaluate.head", **said)
        if self.threshold is not None:
            said = {"count": f"{counts.sum():,}", "positive": f"{counts[1]:,}"}
            head = words.text("evaluate.head_binary", **said, threshold=f"{self.threshold:g}")
        title = f"{'':26s}{words.text('evaluate.columns', level=f'{100 * LEVEL:g}')}"
        rows = [f"{words.text(f'evaluate.{n}'):18s}{_said(s)}" for n, s in self.scores.items()]
        last = words.text("evaluate.constant", share=f"{self.constant:.3f}")
        return "\n".join([head, title, *rows, last])


def _said(score):
    if np.isnan(score.value):
        return words.text("evaluate.no_value")
    value, low, high = (f"{number:.3f}" for number in score)
    return words.text("evaluate.range", value=value, low=low, high=high)


def report(labels, probabilities, threshold=0.5, repeats=1000, seed=0):
    """Every usual score of a classifier with its interval, to be printed: a `Report`.

    `labels`: (N,), whole numbers from 0 on. `probabilities`: (N,), of class 1, or (N, C). Two
    classes are told apart at `threshold`; of more, the likeliest is the answer.

    The values are scikit-learn's. Precision, recall and F1 are those of class 1 where there are two
    classes, else means over the classes. An interval holds the middle 95 % of the scores of
    `repeats` samples of the same size, drawn from the rows with replacement (the percentile
    bootstrap of Efron and Tibshirani 1993); a draw in which a score is not defined is left out, and
    so is, from a mean over more than two classes, one that a draw lacks. It says what other test
    samples would give, and not what another training would.

    Raises ValueError where there is no sample, or none of a class, where probabilities are none,
    and for a threshold outside of 0..1.
    """
    labels, shares = checked(labels, probabilities)
    each_class(labels, shares.shape[1])
    two = shares.shape[1] == 2
    if not 0 <= threshold <= 1 or repeats < 100:
        raise ValueError(
            "expected a threshold from 0 to 1 and at least 100 repeats, got "
            f"threshold={threshold!r}, repeats={repeats!r}; leave them out"
        )
    answers = (shares[:, 1] >= threshold).astype(int) if two else shares.argmax(1)
    values = _values(labels, shares, answers)
    at_once = max(1, AT_ONCE // max(len(labels), shares.shape[1] ** 2))
    draws = _resamples(len(labels), repeats, seed, at_once)
    drawn = [_weighted(labels, shares, answers, weights) for weights in draws]
    middle = {name: _middle(np.concatenate([part[name] for part in drawn])) for name in values}
    return Report(
        {name: Interval(float(value), *middle[name]) for name, value in values.items()},
        metrics.confusion_matrix(labels, answers, labels=range(shares.shape[1])),
        threshold if two else None,
        float(np.bincount(labels).max() / len(labels)),
    )


def scores_of(confusion):
    """{name: (…)} of the scores that confusion matrices (…, C, C) give, rows the true classes.

    Their entries may be shares. Precision, recall and F1 are those of class 1 where there are two
    classes, else means over the classes. A precision of what was never answered is NaN.
    """
    confusion = np.asarray(confusion, dtype=float)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, called = confusion.sum(-1), confusion.sum(-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = right / true
        parts = {"precision": right / called, "recall": recall, "f1": 2 * right / (true + called)}
    two = confusion.shape[-1] == 2
    balanced = recall.mean(-1) if two else np.nanmean(recall, -1)
    scores = {"accuracy": right.sum(-1) / true.sum(-1), "balanced_accuracy": balanced}
    return scores | {n: v[..., 1] if two else np.nanmean(v, -1) for n, v in parts.items()}


def _values(labels, shares, answers):
    """{name: score} of the samples as they are."""
    count = shares.shape[1]
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, answers, average="binary" if count == 2 else "macro", zero_division=np.nan
    )
    found = {
        "accuracy": metrics.accuracy_score(labels, answers),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, answers),
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }
    if count == 2:
        found["roc_auc"] = metrics.roc_auc_score(labels, shares[:, 1])
        found["average_precision"] = metrics.average_precision_score(labels, shares[:, 1])
    whole = shares / shares.sum(1, keepdims=True)  # scikit-learn warns of the last digit
    found["log_loss"] = metrics.log_loss(labels, whole, labels=range(count))
    return found | {"brier": _squares(labels, shares).mean()}


# ---- The bootstrap ----


def _resamples(count, repeats, seed, at_once):
    """How often each of `count` rows is drawn, (R, N) `at_once`, `repeats` in all."""
    generator = np.random.default_rng(seed)
    for start in range(0, repeats, at_once):
        rows = generator.integers(count, size=(min(at_once, repeats - start), count))
        yield np.stack([np.bincount(row, minlength=count) for row in rows]).astype(float)


def _weighted(labels, shares, answers, weights_RN):
    """{name: (R,)}: the scores that `_values` has, where each row counts so many times."""
    count = shares.shape[1]
    cells = labels * count + answers
    counts = [np.bincount(cells, weights, count * count) for weights in weights_RN]
    found = scores_of(np.reshape(counts, (-1, count, count)))
    if count == 2:
        found |= _ranked(labels, shares[:, 1], weights_RN)
    true = (shares[np.arange(len(labels)), labels] / shares.sum(1)).clip(SMALLEST)
    found["log_loss"] = weights_RN @ -np.log(true) / len(labels)
    return found | {"brier": weights_RN @ _squares(labels, shares) / len(labels)}


def _ranked(labels, probability, weights_RN):
    """The areas under the ROC curve and (in steps) under the precision-recall curve, (R,) each."""
    order = np.argsort(-probability)
    last = np.append(np.diff(probability[order]) != 0, True)  # of those with one probability
    weights, positive = weights_RN[:, order], labels[order] == 1
    hit = np.cumsum(weights * positive, axis=1)[:, last]
    false = np.cumsum(weights * ~positive, axis=1)[:, last]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(hit > 0, hit / (hit + false), 0)
        recall, fallout = hit / hit[:, -1:], false / false[:, -1:]
    steps = [np.diff(side, prepend=0) for side in (recall, fallout)]
    before = recall - steps[0]
    return {
        "roc_auc": (steps[1] * (recall + before) / 2).sum(1),
        "average_precision": (steps[0] * precision).sum(1),
    }


def _squares(labels, shares):
    """The Brier score of each sample: of class 1 where there are two, else over all classes."""
    if shares.shape[1] == 2:
        return (shares[:, 1] - labels) ** 2
    return ((shares - np.eye(shares.shape[1])[labels]) ** 2).sum(1)


def _middle(scores_R):
    """The ends of the middle LEVEL of the scores that there are."""
    scores = scores_R[np.isfinite(scores_R)]
    if not len(scores):
        return np.nan, np.nan
    return tuple(map(float, np.quantile(scores, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])))
