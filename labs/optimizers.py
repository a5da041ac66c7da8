"""Update rules for many runs at once, each equal to torch.optim's.

Shapes: `R` runs, `P` parameters of one run, flattened. A rule changes `theta_RP` and its `state`
tensors, all (R, P), in place; the learning rate `lr_R1` has one row a run. `bias` is what
`bias_correction` gives for the step.
"""

import dataclasses
import math
from collections.abc import Callable

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8  # torch.optim's defaults


def bias_correction(t):
    """What Adam divides its two means by at step `t`, counted from 1.

    They start at zero (Kingma & Ba 2015, algorithm 1).
    """
    return 1 - BETA1**t, math.sqrt(1 - BETA2**t)


def sgd(theta_RP, grad_RP, state, lr_R1, bias):
    """Gradient descent on a mini-batch: torch.optim.SGD."""
    theta_RP.addcmul_(grad_RP, lr_R1, value=-1)


def momentum(theta_RP, grad_RP, state, lr_R1, bias):
    """Heavy-ball momentum (Polyak 1964): torch.optim.SGD(momentum=0.9)."""
    (velocity,) = state
    velocity.mul_(BETA1).add_(grad_RP)
    theta_RP.addcmul_(velocity, lr_R1, value=-1)


def nesterov(theta_RP, grad_RP, state, lr_R1, bias):
    """Nesterov's momentum (Sutskever et al. 2013): torch.optim.SGD(momentum=0.9, nesterov=True)."""
    (velocity,) = state
    velocity.mul_(BETA1).add_(grad_RP)
    theta_RP.addcmul_(grad_RP.add(velocity, alpha=BETA1), lr_R1, value=-1)


def adagrad(theta_RP, grad_RP, state, lr_R1, bias):
    """Divide by the root of summed squared gradients: torch.optim.Adagrad (Duchi et al. 2011)."""
    (total,) = state
    total.addcmul_(grad_RP, grad_RP)
    theta_RP.addcdiv_(grad_RP * -lr_R1, total.sqrt().add_(1e-10))  # torch's eps for Adagrad


def rmsprop(theta_RP, grad_RP, state, lr_R1, bias):
    """Divide by the root of a running mean of squared gradients: torch.optim.RMSprop.

    It is from Tieleman & Hinton 2012.
    """
    (square,) = state
    square.mul_(0.99).addcmul_(grad_RP, grad_RP, value=0.01)  # torch's alpha for RMSprop
    theta_RP.addcdiv_(grad_RP * -lr_R1, square.sqrt().add_(EPS))


def adam(theta_RP, grad_RP, state, lr_R1, bias):
    """Momentum divided by the root of the mean square, both unbiased: torch.optim.Adam.

    It is from Kingma & Ba 2015.
    """
    mean, square = state
    mean.lerp_(grad_RP, 1 - BETA1)
    square.mul_(BETA2).addcmul_(grad_RP, grad_RP, value=1 - BETA2)
    root = square.sqrt().div_(bias[1]).add_(EPS)
    theta_RP.addcdiv_(mean * (-lr_R1 / bias[0]), root)


def lion(theta_RP, grad_RP, state, lr_R1, bias):
    """The sign of an interpolated momentum (Chen et al. 2023, algorithm 2), betas 0.9 and 0.99."""
    (mean,) = state
    theta_RP.addcmul_(mean.lerp(grad_RP, 1 - BETA1).sign_(), lr_R1, value=-1)
    mean.lerp_(grad_RP, 0.01)


@dataclasses.dataclass(frozen=True)
class Rule:
    """An update rule and how many tensors of state, each as large as the parameters, it keeps."""

    update: Callable
    slots: int


RULES = {
    "sgd": Rule(sgd, 0),
    "momentum": Rule(momentum, 1),
    "nesterov": Rule(nesterov, 1),
    "adagrad": Rule(adagrad, 1),
    "rmsprop": Rule(rmsprop, 1),
    "adam": Rule(adam, 2),
    "adamw": Rule(adam, 2),
    "lion": Rule(lion, 1),
}
"""The rules by name.

"adam" and "adamw" are one rule: what sets AdamW apart is the decoupled weight decay (Loshchilov &
Hutter 2019), which `update` offers to every rule.
"""


def update(name, theta_RP, grad_RP, state, bias, *, learning_rate, weight_decay, l2):
    """One step of the rule `name`, in place. The settings are columns (R, 1), a number a run.

    `l2` adds `l2 * theta` to the gradient, as a penalty `l2/2 * |theta|²` in the loss does.
    `weight_decay` is decoupled: it multiplies the parameters by `1 - learning_rate * weight_decay`
    before the step, as torch.optim.AdamW does.
    """
    grad_RP = grad_RP.addcmul(theta_RP, l2)
    theta_RP.mul_(1 - learning_rate * weight_decay)
    RULES[name].update(theta_RP, grad_RP, state, learning_rate, bias)


def warmup(progress, share=0.1):
    """Rise in a straight line over the first `share` of training, then stay at 1."""
    return min(1.0, progress / share)


def cosine(progress):
    """Fall from 1 to 0 along half a cosine (Loshchilov & Hutter 2017, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


SCHEDULES = {
    "constant": lambda progress: 1.0,
    "warm-up": warmup,
    "cosine": cosine,
    "warm-up, cosine": lambda progress: warmup(progress) * cosine(progress),
}
"""What multiplies the learning rate at each step.

Functions of training's progress t / steps, in (0, 1].
"""
