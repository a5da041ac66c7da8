"""What is trained: data, network, loss, metric, and the view of the model for an explorer."""

from labs.tasks.classification import digits, spirals
from labs.tasks.fitting import diabetes, wave
from labs.tasks.surfaces import half_squared_error, regression, rosenbrock, valley
from labs.tasks.task import (
    Task,
    accuracy,
    binary_accuracy,
    binary_cross_entropy,
    label_entropy,
    r_squared,
    smoothed,
    squared_error,
)
from labs.tasks.text import characters

__all__ = [
    "Task",
    "accuracy",
    "binary_accuracy",
    "binary_cross_entropy",
    "characters",
    "diabetes",
    "digits",
    "half_squared_error",
    "label_entropy",
    "r_squared",
    "regression",
    "rosenbrock",
    "smoothed",
    "spirals",
    "squared_error",
    "valley",
    "wave",
]
