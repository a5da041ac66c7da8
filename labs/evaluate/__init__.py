"""How good a classifier is: scores with intervals, curves, calibration, sliders for a threshold.

All take labels and probabilities as arrays or tensors; `predict` makes both with a network. Labels
are whole numbers from 0 on; probabilities are those of class 1, (N,), or of each class, (N, C). For
text, `labs.gpt.measure.bits_per_byte` is the score that models with different tokens share.
"""

from labs.evaluate.calibration import calibration
from labs.evaluate.curves import at_thresholds, curves, exact_match
from labs.evaluate.network import predict
from labs.evaluate.scores import Interval, report, scores_of

__all__ = [
    "Interval",
    "at_thresholds",
    "calibration",
    "curves",
    "exact_match",
    "predict",
    "report",
    "scores_of",
]
