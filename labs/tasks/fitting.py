"""Problems whose answer is a number."""

from labs import data, models
from labs.tasks.task import Task, call_of, r_squared, squared_error
from labs.views import Fit


def wave(width=64, depth=2, activation="tanh", dropout=0.0, gain=None, **options):
    """Fit a wave through noisy points: by default with a 1-64-64-1 network.

    `width`: units of a hidden layer. `depth`: hidden layers. `activation`, `dropout` and `gain`:
    see `labs.models.mlp`. `options` go to `labs.data.wave`. Raises ValueError for a width or depth
    below 1.
    """
    samples = data.wave(**options)
    network = dict(width=width, depth=depth, activation=activation, dropout=dropout, gain=gain)
    return Task(
        name="wave",
        title="task.wave",
        call=call_of(wave, **network, **options),
        data=samples,
        make_model=models.maker(1, 1, **network),
        loss=squared_error,
        loss_label="loss.squared",
        view=Fit(extent=(-1, 1, -2.2, 2.2), truth=data.wave_without_noise),
        constant_loss=samples.val_y.var(correction=0).item(),
    )


def diabetes(width=20, depth=1, activation="relu", dropout=0.0, gain=None, **options):
    """Predict the progression of diabetes from ten measurements: by default with a 10-20-1 network.

    `width`: units of a hidden layer. `depth`: hidden layers. `activation`, `dropout` and `gain`:
    see `labs.models.mlp`. `options` go to `labs.data.diabetes`. Raises ValueError for a width or
    depth below 1.
    """
    samples = data.diabetes(**options)
    network = dict(width=width, depth=depth, activation=activation, dropout=dropout, gain=gain)
    return Task(
        name="diabetes",
        title="task.diabetes",
        call=call_of(diabetes, **network, **options),
        data=samples,
        make_model=models.maker(10, 1, **network),
        loss=squared_error,
        loss_label="loss.squared",
        metric=r_squared,
        metric_label="metric.r_squared",
        constant_loss=samples.val_y.var(correction=0).item(),
    )
