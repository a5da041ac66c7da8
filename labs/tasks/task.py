"""A learning problem, and the losses and scores that the problems of this folder share.

Shapes: `B` batch.
"""

import dataclasses
import inspect
import threading
from collections.abc import Callable

import torch
import torch.nn.functional as F

from labs import data, partition

VIEW = ("kind", "moments", "dtype", "inputs", "see", "shape", "dimensions", "about", "samples")
_random_state = threading.Lock()  # torch has one for all threads


@dataclasses.dataclass(frozen=True)
class Task:
    """A learning problem.

    `call` is the expression that makes this task, for a reader to copy. `make_model` returns a
    fresh `nn.Module`. `loss` and `metric` take (outputs, targets) and return one number; the loss
    is what training lowers, averaged over the samples; the metric, which need not be there, is a
    score of the validation samples. A loss with a keyword `label_smoothing` can be smoothed, see
    `smoothed`. `constant_loss` is the loss on the validation samples of the best answer that
    ignores its input, where somebody knows it. Title and labels are keys of the table of words, or
    words. The random numbers that a module may draw are those of `labs.chance`; what else
    `labs.sweep` cannot train, it refuses by name. Raises ValueError for a view that is none.
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
    view: object | None = None  # one of labs.views
    constant_loss: float | None = None

    def __post_init__(self):
        lacks = [name for name in VIEW if not hasattr(self.view, name)]
        if self.view is not None and lacks:
            raise ValueError(
                "view must be one of labs.views.Plane, Path and Fit, or what has the like, got "
                f"{self.view!r} without {', '.join(lacks)}; see labs/views.py"
            )

    def check_smoothing(self, share):
        """Raise ValueError where labels are to be smoothed by `share` and the loss cannot."""
        if share and "label_smoothing" not in inspect.signature(self.loss).parameters:
            raise ValueError(
                f"label_smoothing must be 0 for {self.call}, whose loss does not take it, got "
                f"{share!r}; leave it out, or give the loss a keyword label_smoothing, as "
                "torch.nn.functional.cross_entropy has"
            )

    def model(self, seed):
        """A fresh network with the initial parameters of `seed`.

        The random state of torch is left as it was. Raises TypeError where `make_model` makes no
        network.
        """
        with _random_state, torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # the CPU's alone
            model = self.make_model()
        if not isinstance(model, torch.nn.Module):
            raise TypeError(
                f"make_model must return a network, a torch.nn.Module, got {model!r}; write "
                "make_model=lambda: nn.Linear(2, 1), say"
            )
        return model

    def network(self, run):
        """The trained network of one run of a record made with `keep="parameters"`, to be used.

        Raises ValueError where `run` is not one run, or keeps no parameters.
        """
        if "parameters" not in run or run.parameters.size != run.sizes["parameter"]:
            raise ValueError(
                "run must be one run of a record that keeps parameters, as of labs.sweep(…, "
                f'keep="parameters").isel(learning_rate=0, …), got {dict(run.sizes)} with '
                f"{list(run.data_vars)}"
            )
        model = self.model(run.seed.item())
        return partition.load(model, torch.tensor(run.parameters.values).flatten()).eval()


def smoothed(loss, outputs, targets, share):
    """(1 - share) * loss + share * the loss for targets that say nothing: a number.

    So Szegedy et al. (2016, section 7) smooth a cross-entropy H: (1 - share) H(q, p) + share
    H(u, p), where u gives all classes the same; `label_smoothing=1` makes a loss H(u, p). `share`:
    a number, a tensor of one, or None for the loss as it is.
    """
    told = loss(outputs, targets)
    if share is None:
        return told
    nothing = loss(outputs, targets, label_smoothing=1.0)
    return (told + share * (nothing - told)).squeeze()


def binary_cross_entropy(outputs, targets, label_smoothing=0.0):
    """Mean cross-entropy in nats of logits (B, 1) for targets (B,) of 0 and 1.

    With smoothing the targets y are y (1 - label_smoothing) + label_smoothing / 2, as those of two
    classes are in torch.nn.functional.cross_entropy.
    """
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + label_smoothing / 2
    return F.binary_cross_entropy_with_logits(outputs.squeeze(-1), targets)


def binary_accuracy(outputs, targets):
    """The share of samples on the right side of logit 0."""
    return ((outputs.squeeze(-1) > 0) == (targets > 0.5)).float().mean()


def accuracy(outputs, targets):
    """The share of targets (B, …) that are the largest of their logits (B, …, classes)."""
    return (outputs.argmax(-1) == targets).float().mean()


def squared_error(outputs, targets):
    """The mean squared error of outputs (B, 1) for targets (B,)."""
    return ((outputs.squeeze(-1) - targets) ** 2).mean()


def r_squared(outputs, targets):
    """The share of the variance of targets (B,) that outputs (B, 1) explain: R², at most 1.

    It is 0 for an answer no better than the mean of the targets, and negative for a worse one.
    """
    return 1 - squared_error(outputs, targets) / targets.var(correction=0)


def label_entropy(labels):
    """The entropy in nats of the frequencies of labels (N,).

    It is the cross-entropy of the best answer that is the same for every sample.
    """
    shares = labels.unique(return_counts=True)[1].double() / len(labels)
    return -(shares * shares.log()).sum().item()


def call_of(function, **arguments):
    """The call of `function` with these arguments, those left out that are its defaults."""
    defaults = inspect.signature(function).parameters
    given = {
        name: value
        for name, value in arguments.items()
        if name not in defaults or value != defaults[name].default
    }
    inside = ", ".join(f"{name}={value!r}" for name, value in given.items())
    return f"labs.tasks.{function.__name__}({inside})"
