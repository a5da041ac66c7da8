"""What is trained: data, network, loss, metric, and the view of the model that an explorer can show."""
import dataclasses
import threading
from collections.abc import Callable

import torch
import torch.nn.functional as F

from labs import data, models

_random_state = threading.Lock()        # torch has one for all threads


@dataclasses.dataclass(frozen=True)
class Plane:
    """A view of a model with two inputs: its output over a grid of `size` × `size` points.

    `extent`: (x0, x1, y0, y1) in the units of the data. `value` turns outputs (M, ...) into probabilities (M,).
    """

    extent: tuple
    size: int
    value: Callable
    labels: tuple = ("first feature", "second feature")

    def inputs(self):
        """The grid's points (size², 2): the first row is the lowest y, x runs fastest."""
        x0, x1, y0, y1 = self.extent
        y, x = torch.meshgrid(torch.linspace(y0, y1, self.size), torch.linspace(x0, x1, self.size), indexing="ij")
        return torch.stack([x.flatten(), y.flatten()], dim=1)


@dataclasses.dataclass(frozen=True)
class Task:
    """A learning problem.

    `call` is the expression that makes this task, for a reader to copy. `make_model` returns a fresh `nn.Module`.
    `loss` and `metric` take (outputs, targets) and return one number; the loss is what training lowers, averaged over
    the samples. Any module works whose forward pass has no side effect and no dropout (see torch.func.vmap).
    """

    name: str
    title: str
    call: str
    data: data.Data
    make_model: Callable
    loss: Callable
    metric: Callable
    loss_label: str
    metric_label: str
    view: Plane | None = None

    def model(self, seed):
        """A fresh network with the initial parameters of `seed`; torch's own random state is left as it was."""
        with _random_state, torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
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


def _probability(outputs):
    return outputs.squeeze(-1).sigmoid()


def _call(name, **arguments):
    return f"labs.tasks.{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


def valley(curvatures=(1.0, 20.0)):
    """Roll down a quadratic valley: the loss is `sum(curvatures * theta²) / 2`, theta starts at (1, 1, …). There are no
    data: one empty sample stands for them, and validation repeats training."""
    options = {} if curvatures == (1.0, 20.0) else {"curvatures": curvatures}
    nothing = torch.zeros(1, 1), torch.zeros(1)
    return Task(name="valley", title="a quadratic valley", call=_call("valley", **options), data=data.Data(*nothing, *nothing),
                make_model=lambda: models.Valley(curvatures), loss=_mean_output, metric=_mean_output,
                loss_label="quadratic", metric_label="loss")


def _mean_output(outputs, targets):
    return outputs.mean()


def spirals(**options):
    """Tell two interleaved spirals apart with a 2-32-32-1 network of 1,185 parameters. `options` go to `labs.data.spirals`."""
    return Task(name="spirals", title="two spirals", call=_call("spirals", **options), data=data.spirals(**options),
                make_model=lambda: models.mlp([2, 32, 32, 1], "relu"),
                loss=binary_cross_entropy, metric=binary_accuracy, loss_label="cross-entropy", metric_label="accuracy",
                view=Plane(extent=(-2.4, 2.4, -2.4, 2.4), size=24, value=_probability))


def digits(**options):
    """Read scikit-learn's handwritten digits with a 64-64-10 network. `options` go to `labs.data.digits`."""
    return Task(name="digits", title="handwritten digits", call=_call("digits", **options), data=data.digits(**options),
                make_model=lambda: models.mlp([64, 64, 10], "relu"), loss=F.cross_entropy, metric=accuracy,
                loss_label="cross-entropy", metric_label="accuracy")
