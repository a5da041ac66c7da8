"""Problems whose loss is a known surface: two parameters can be watched walking over it."""

from functools import partial

import torch

from labs import data, models
from labs.tasks.task import Task, call_of
from labs.views import Path


def valley(curvatures=(1.0, 20.0)):
    """Roll down a quadratic valley.

    The loss is `sum(curvatures * theta²) / 2`, and theta starts at (1, 1, …). There are no data:
    one empty sample stands for them, and validation repeats training.
    """
    return Task(
        name="valley",
        title="task.valley",
        call=call_of(valley, curvatures=curvatures),
        data=_nothing(),
        make_model=partial(models.Valley, curvatures),
        loss=_mean_output,
        loss_label="loss.quadratic",
        view=_around_the_lowest(partial(_bowl, curvatures)) if len(curvatures) == 2 else None,
    )


def rosenbrock():
    """Find the lowest point, (1, 1), of Rosenbrock's curved valley from (-1.2, 1).

    There are no data: one empty sample stands for them, and validation repeats training.
    """
    return Task(
        name="rosenbrock",
        title="task.rosenbrock",
        call=call_of(rosenbrock),
        data=_nothing(),
        make_model=models.Rosenbrock,
        loss=_mean_output,
        loss_label="loss.rosenbrock",
        view=Path(extent=(-1.6, 1.6, -0.9, 2.3), surface=models.rosenbrock),
    )


def regression(condition=10.0, features=2, **options):
    """Fit a line through points (or a plane, …) where the best weights are known: all are 0.

    The weights start at 1. `condition`: the largest curvature of the loss over the smallest.
    `features`: weights. `options` go to `labs.data.regression`. With two features the way of the
    weights over the surface of the training loss is recorded.
    """
    samples = data.regression(condition, features, **options)
    return Task(
        name="regression",
        title="task.regression",
        call=call_of(regression, condition=condition, features=features, **options),
        data=samples,
        make_model=partial(models.LinearModel, [1.0] * features),
        loss=half_squared_error,
        loss_label="loss.half_squared",
        view=_around_the_lowest(partial(_training_loss, samples)) if features == 2 else None,
        constant_loss=half_squared_error(torch.zeros(()), samples.val_y).item(),
    )


def half_squared_error(outputs, targets, dim=None):
    """Half the mean squared error, whose Hessian for a linear model is the mean of x xᵀ."""
    return ((outputs - targets) ** 2).mean(dim) / 2


def _bowl(curvatures, theta):
    return (torch.tensor(curvatures) * theta**2).sum(-1) / 2


def _training_loss(samples, theta):
    """That of the regression at theta (N, 2)."""
    return half_squared_error(samples.train_x @ theta.T, samples.train_y[:, None], dim=0)


def _around_the_lowest(surface):
    return Path(extent=(-1.3, 1.3, -1.3, 1.3), surface=surface)


def _nothing():
    nothing = torch.zeros(1, 1), torch.zeros(1)
    return data.Data(*nothing, *nothing)


def _mean_output(outputs, targets):
    return outputs.mean()
