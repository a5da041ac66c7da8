"""What is trained: data, network, loss, metric, and the view of the model for an explorer."""

import dataclasses
import inspect
import threading
from collections.abc import Callable

import torch
import torch.nn.functional as F

from labs import data, models
from labs.views import Path, Plane

_random_state = threading.Lock()  # torch has one for all threads


@dataclasses.dataclass(frozen=True)
class Task:
    """A learning problem.

    `call` is the expression that makes this task, for a reader to copy. `make_model` returns a
    fresh `nn.Module`. `loss` and `metric` take (outputs, targets) and return one number; the loss
    is what training lowers, averaged over the samples; the metric, which need not be there, is a
    score of the validation samples. `constant_loss` is the loss on the validation samples of the
    best answer that ignores its input, where somebody knows it. Title and labels are keys of the
    table of words, or words. Any module works whose forward pass has no side effect and no dropout
    (see torch.func.vmap).
    """

    name: str
    title: str
    call: str
    data: data.Data
    make_model: Callable
    loss: Callable
    loss_label: str
    metric: Callable | None = None
    metric_label: str = ""
    view: Plane | Path | None = None
    constant_loss: float | None = None

    def model(self, seed):
        """A fresh network with the initial parameters of `seed`.

        The random state of torch is left as it was.
        """
        with _random_state, torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # the CPU's alone
            return self.make_model()


def binary_cross_entropy(outputs, targets):
    """Mean cross-entropy in nats of logits (B, 1) for targets (B,) of 0 and 1."""
    return F.binary_cross_entropy_with_logits(outputs.squeeze(-1), targets)


def binary_accuracy(outputs, targets):
    """The share of samples on the right side of logit 0."""
    return ((outputs.squeeze(-1) > 0) == (targets > 0.5)).float().mean()


def accuracy(outputs, targets):
    """The share of samples whose largest logit (B, classes) is the target (B,)."""
    return (outputs.argmax(-1) == targets).float().mean()


def label_entropy(labels):
    """The entropy in nats of the frequencies of labels (N,).

    It is the cross-entropy of the best answer that is the same for every sample.
    """
    shares = labels.unique(return_counts=True)[1].double() / len(labels)
    return -(shares * shares.log()).sum().item()


def _probability(outputs):
    return outputs.squeeze(-1).sigmoid()


def _call(function, **arguments):
    """The call of `function` with these arguments, those left out that are its defaults."""
    defaults = inspect.signature(function).parameters
    given = {
        name: value
        for name, value in arguments.items()
        if name not in defaults or value != defaults[name].default
    }
    inside = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return f"labs.tasks.{function.__name__}({inside})"


def valley(curvatures=(1.0, 20.0)):
    """Roll down a quadratic valley.

    The loss is `sum(curvatures * theta²) / 2`, and theta starts at (1, 1, …). There are no data:
    one empty sample stands for them, and validation repeats training.
    """
    nothing = torch.zeros(1, 1), torch.zeros(1)
    return Task(
        name="valley",
        title="task.valley",
        call=_call(valley, curvatures=curvatures),
        data=data.Data(*nothing, *nothing),
        make_model=lambda: models.Valley(curvatures),
        loss=_mean_output,
        loss_label="loss.quadratic",
        view=_valley_view(curvatures) if len(curvatures) == 2 else None,
    )


def _valley_view(curvatures):
    scales = torch.tensor(curvatures)
    surface = lambda theta: (scales * theta**2).sum(-1) / 2
    return Path(extent=(-1.3, 1.3, -1.3, 1.3), surface=surface)


def _mean_output(outputs, targets):
    return outputs.mean()


def spirals(width=32, depth=2, activation="relu", **options):
    """Tell two interleaved spirals apart: by default with a 2-32-32-1 network of 1,185 parameters.

    `width`: units of a hidden layer. `depth`: hidden layers. `activation`: one of
    `labs.models.ACTIVATIONS`. `options` go to `labs.data.spirals`. Raises ValueError for a width or
    depth below 1.
    """
    samples = data.spirals(**options)
    sizes = models.layer_sizes(2, width, depth, 1)
    network = {"width": width, "depth": depth, "activation": activation}
    return Task(
        name="spirals",
        title="task.spirals",
        call=_call(spirals, **network, **options),
        data=samples,
        make_model=lambda: models.mlp(sizes, activation),
        loss=binary_cross_entropy,
        loss_label="loss.cross_entropy",
        metric=binary_accuracy,
        metric_label="metric.accuracy",
        view=Plane(extent=(-2.4, 2.4, -2.4, 2.4), size=24, value=_probability),
        constant_loss=label_entropy(samples.val_y),
    )


def digits(width=64, depth=1, activation="relu", **options):
    """Read scikit-learn's handwritten digits: by default with a 64-64-10 network.

    `width`: units of a hidden layer. `depth`: hidden layers. `activation`: one of
    `labs.models.ACTIVATIONS`. `options` go to `labs.data.digits`. Raises ValueError for a width or
    depth below 1.
    """
    samples = data.digits(**options)
    sizes = models.layer_sizes(64, width, depth, 10)
    network = {"width": width, "depth": depth, "activation": activation}
    return Task(
        name="digits",
        title="task.digits",
        call=_call(digits, **network, **options),
        data=samples,
        make_model=lambda: models.mlp(sizes, activation),
        loss=F.cross_entropy,
        loss_label="loss.cross_entropy",
        metric=accuracy,
        metric_label="metric.accuracy",
        constant_loss=label_entropy(samples.val_y),
    )
