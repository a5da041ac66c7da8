"""Update rules for many runs at once, each equal to torch.optim's.

Shapes: `R` runs, `P` parameters of one run, flattened. A rule changes `theta_RP` and its `state`
tensors, all (R, P), in place; the learning rate `lr_R1` has one row a run. What else a rule reads
is a Python number, or a column (R, 1) where runs differ. Of a beta it reads `fresh` = 1 - beta, the
share of the new gradient in a running mean; `bias` takes both and returns `bias_correction` of the
step.
"""

import dataclasses
import math
from collections.abc import Callable
from functools import partial

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8  # torch.optim's defaults


def told(name, value):
    """What a rule reads of a setting: of a beta 1 - beta, because float32 has few digits near 1."""
    return 1 - value if name in ("beta1", "beta2") else value


def bias_correction(t):
    """What Adam divides its two means by at step `t`, counted from 1.

    They start at zero (Kingma & Ba 2015, algorithm 1).
    """
    return _gathered(t, 1 - BETA1), math.sqrt(_gathered(t, 1 - BETA2))


def _gathered(t, fresh):
    """The weights in a running mean of `t` values that started at zero: 1 - (1 - fresh)^t."""
    if isinstance(fresh, float):
        return 1 - (1 - fresh) ** t
    return -((-fresh).log1p() * t).expm1()


def _bias(known, t, fresh1, fresh2):
    """`known`: the correction for Adam's own betas. Others need `t`, the updates so far."""
    first = known[0] if isinstance(fresh1, float) else _gathered(t + 1, fresh1)
    second = known[1] if isinstance(fresh2, float) else _gathered(t + 1, fresh2).sqrt()
    return first, second


def _average_square(square, grad_RP, fresh):
    if isinstance(fresh, float):
        square.mul_(1 - fresh).addcmul_(grad_RP, grad_RP, value=fresh)
    else:
        square.mul_(1 - fresh).addcmul_(grad_RP * fresh, grad_RP)


def sgd(theta_RP, grad_RP, state, lr_R1, bias):
    """Gradient descent on a mini-batch: torch.optim.SGD."""
    theta_RP.addcmul_(grad_RP, lr_R1, value=-1)


def momentum(theta_RP, grad_RP, state, lr_R1, bias, momentum):
    """Heavy-ball momentum (Polyak 1964): torch.optim.SGD(momentum=0.9)."""
    (velocity,) = state
    velocity.mul_(momentum).add_(grad_RP)
    theta_RP.addcmul_(velocity, lr_R1, value=-1)


def nesterov(theta_RP, grad_RP, state, lr_R1, bias, momentum):
    """Nesterov's momentum (Sutskever et al. 2013): torch.optim.SGD(momentum=0.9, nesterov=True)."""
    (velocity,) = state
    velocity.mul_(momentum).add_(grad_RP)
    if isinstance(momentum, float):
        ahead = grad_RP.add(velocity, alpha=momentum)
    else:
        ahead = grad_RP.addcmul(velocity, momentum)
    theta_RP.addcmul_(ahead, lr_R1, value=-1)


def adagrad(theta_RP, grad_RP, state, lr_R1, bias, eps):
    """Divide by the root of summed squared gradients: torch.optim.Adagrad (Duchi et al. 2011)."""
    (total,) = state
    total.addcmul_(grad_RP, grad_RP)
    theta_RP.addcdiv_(grad_RP * -lr_R1, total.sqrt().add_(eps))


def rmsprop(theta_RP, grad_RP, state, lr_R1, bias, fresh2, eps):
    """Divide by the root of a running mean of squared gradients: torch.optim.RMSprop.

    It is from Tieleman & Hinton 2012. torch calls beta2 alpha here.
    """
    (square,) = state
    _average_square(square, grad_RP, fresh2)
    theta_RP.addcdiv_(grad_RP * -lr_R1, square.sqrt().add_(eps))


def adam(theta_RP, grad_RP, state, lr_R1, bias, fresh1, fresh2, eps):
    """Momentum divided by the root of the mean square, both unbiased: torch.optim.Adam.

    It is from Kingma & Ba 2015.
    """
    mean, square = state
    mean.lerp_(grad_RP, fresh1)
    _average_square(square, grad_RP, fresh2)
    first, second = bias(fresh1, fresh2)
    root = square.sqrt().div_(second).add_(eps)
    theta_RP.addcdiv_(mean * (-lr_R1 / first), root)


def adam_uncorrected(theta_RP, grad_RP, state, lr_R1, bias, *own):
    """Adam whose means stay as they are, too small at first: to see what the correction is for."""
    adam(theta_RP, grad_RP, state, lr_R1, lambda *betas: (1.0, 1.0), *own)


def lion(theta_RP, grad_RP, state, lr_R1, bias, fresh1, fresh2):
    """The sign of an interpolated momentum (Chen et al. 2023, algorithm 2)."""
    (mean,) = state
    theta_RP.addcmul_(mean.lerp(grad_RP, fresh1).sign_(), lr_R1, value=-1)
    mean.lerp_(grad_RP, fresh2)


@dataclasses.dataclass(frozen=True)
class Rule:
    """An update rule.

    `slots`: how many tensors of state, each as large as the parameters, it keeps. `own`: the
    settings that it reads and other rules may not, in the order of its arguments, with the values
    that torch.optim (Lion: its paper) has for them.
    """

    update: Callable
    slots: int
    own: dict


_MOMENTUM, _ADAM = {"momentum": 0.9}, {"beta1": BETA1, "beta2": BETA2, "eps": EPS}

RULES = {
    "sgd": Rule(sgd, 0, {}),
    "momentum": Rule(momentum, 1, _MOMENTUM),
    "nesterov": Rule(nesterov, 1, _MOMENTUM),
    "adagrad": Rule(adagrad, 1, {"eps": 1e-10}),
    "rmsprop": Rule(rmsprop, 1, {"beta2": 0.99, "eps": EPS}),
    "adam": Rule(adam, 2, _ADAM),
    "adamw": Rule(adam, 2, _ADAM),
    "lion": Rule(lion, 1, {"beta1": BETA1, "beta2": 0.99}),
    "adam uncorrected": Rule(adam_uncorrected, 2, _ADAM),
}
"""The rules by name.

"adam" and "adamw" are one rule: what sets AdamW apart is the decoupled weight decay (Loshchilov &
Hutter 2019), which `update` offers to every rule.
"""


def readers(name):
    """The rules that read a setting which not all do, each with its own value of it."""
    return {rule: about.own[name] for rule, about in RULES.items() if name in about.own}


def update(
    name,
    theta_RP,
    grad_RP,
    state,
    bias,
    *,
    learning_rate,
    weight_decay=None,
    l2=None,
    l1=None,
    clip_norm=None,
    t=None,
    kernels=None,
    **own,
):
    """One step of the rule `name`, in place. The settings are columns (R, 1), a number a run.

    `clip_norm` shortens the gradient of a run to this norm where it is longer, as
    torch.nn.utils.clip_grad_norm_ does; penalties come after, as where a loop calls that and then
    the step of a torch.optim with its `weight_decay`. `l2` adds `l2 * theta` to the gradient, as a
    penalty `l2/2 * |theta|²` in the loss does; `l1` adds `l1 * sign(theta)`, as `l1 * sum(|theta|)`
    does. `weight_decay` is decoupled: it multiplies the parameters by `1 - learning_rate *
    weight_decay` before the step, as torch.optim.AdamW does. `own`: what `told` says of settings
    that only some rules read; a rule has its own value of one that is left out. `bias` is
    `bias_correction` of the step, and `t` the number of steps before it, needed with betas.
    `kernels`: functions (theta_RP, grad_RP, state, learning_rate, t) by name, to call instead of
    rules that have their own values.
    """
    if clip_norm is not None:
        grad_RP = grad_RP * _clip_factor(grad_RP, clip_norm)
    if l2 is not None:
        grad_RP = grad_RP.addcmul(theta_RP, l2)
    if l1 is not None:
        grad_RP = grad_RP.addcmul(theta_RP.sign(), l1)
    if weight_decay is not None:
        theta_RP.mul_(1 - learning_rate * weight_decay)
    rule = RULES[name]
    if kernels and name in kernels and not rule.own.keys() & own.keys():
        return kernels[name](theta_RP, grad_RP, state, learning_rate, t)
    values = [own.get(setting, told(setting, value)) for setting, value in rule.own.items()]
    rule.update(theta_RP, grad_RP, state, learning_rate, partial(_bias, bias, t), *values)


def _clip_factor(grad_RP, most_R1):
    """What torch.nn.utils.clip_grad_norm_ multiplies by; 1 where `most_R1` is infinite."""
    norm_R1 = grad_RP.norm(dim=1, keepdim=True)
    factor_R1 = (most_R1 / (norm_R1 + 1e-6)).clamp(max=1)
    return factor_R1.masked_fill(most_R1.isinf(), 1)  # inf / inf, where a norm overflows


def warmup(progress, share):
    """Rise in a straight line over the first `share` of training, then stay at 1."""
    return 1.0 if progress >= share else progress / share


def cosine(progress):
    """Fall from 1 to 0 along half a cosine (Loshchilov & Hutter 2017, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * progress))


SCHEDULES = {
    "constant": lambda progress, share: 1.0,
    "warm-up": warmup,
    "cosine": lambda progress, share: cosine(progress),
    "warm-up, cosine": lambda progress, share: warmup(progress, share) * cosine(progress),
}
"""What multiplies the learning rate at each step.

Functions of training's progress t / steps, in (0, 1], and of the share of it in which they rise.
"""
