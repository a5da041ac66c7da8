"""Problems whose answer is a class."""

import torch.nn.functional as F

from labs import data, models
from labs.tasks.task import (
    Task,
    accuracy,
    binary_accuracy,
    binary_cross_entropy,
    call_of,
    label_entropy,
)
from labs.views import Plane


def spirals(width=32, depth=2, activation="relu", dropout=0.0, gain=None, **options):
    """Tell two interleaved spirals apart: by default with a 2-32-32-1 network of 1,185 parameters.

    `width`: units of a hidden layer. `depth`: hidden layers. `activation`, `dropout` and `gain`:
    see `labs.models.mlp`. `options` go to `labs.data.spirals`. Raises ValueError for a width or
    depth below 1.
    """
    samples = data.spirals(**options)
    network = dict(width=width, depth=depth, activation=activation, dropout=dropout, gain=gain)
    return Task(
        name="spirals",
        title="task.spirals",
        call=call_of(spirals, **network, **options),
        data=samples,
        make_model=models.maker(2, 1, **network),
        loss=binary_cross_entropy,
        loss_label="loss.cross_entropy",
        metric=binary_accuracy,
        metric_label="metric.accuracy",
        view=Plane(extent=(-2.4, 2.4, -2.4, 2.4), size=24, value=_probability),
        constant_loss=label_entropy(samples.val_y),
    )


def digits(width=64, depth=1, activation="relu", dropout=0.0, gain=None, **options):
    """Read scikit-learn's handwritten digits: by default with a 64-64-10 network.

    `width`: units of a hidden layer. `depth`: hidden layers. `activation`, `dropout` and `gain`:
    see `labs.models.mlp`. `options` go to `labs.data.digits`. Raises ValueError for a width or
    depth below 1.
    """
    samples = data.digits(**options)
    network = dict(width=width, depth=depth, activation=activation, dropout=dropout, gain=gain)
    return Task(
        name="digits",
        title="task.digits",
        call=call_of(digits, **network, **options),
        data=samples,
        make_model=models.maker(64, 10, **network),
        loss=F.cross_entropy,
        loss_label="loss.cross_entropy",
        metric=accuracy,
        metric_label="metric.accuracy",
        constant_loss=label_entropy(samples.val_y),
    )


def _probability(outputs):
    return outputs.squeeze(-1).sigmoid()
