"""The update rules against torch.optim, and the schedules against torch.optim.lr_scheduler."""

import math
from functools import partial

import pytest
import torch

from labs import optimizers

STEPS, RATES = 50, (0.03, 0.01, 0.001)

# our rule -> (torch's class, its options); `l2` is torch's coupled weight_decay, `decay` its
# decoupled one
PEERS = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adagrad": (torch.optim.Adagrad, {}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {"weight_decay": 0}),
}


def loss(theta, t):
    """A smooth loss in which every coordinate has its own scale.

    It changes from step to step, as batches do.
    """
    scale = torch.logspace(-2, 1, theta.shape[-1])
    return (scale * (theta - torch.cos(torch.arange(theta.shape[-1]) + t)) ** 2).sum(
        -1
    ) + torch.sin(theta).sum(-1)


def ours(name, start, l2=0.0, decay=0.0, l1=0.0, **columns):
    """The path (STEPS, runs, parameters) of the batched rule, one run for each of RATES.

    `columns`: other settings, with a value for each run.
    """
    columns = {n: torch.tensor([[optimizers.told(n, v)] for v in columns[n]]) for n in columns}
    theta = start.expand(len(RATES), -1).clone()
    state = [torch.zeros_like(theta) for _ in range(optimizers.RULES[name].slots)]
    path = []
    for t in range(1, STEPS + 1):
        theta.requires_grad_()
        (grad,) = torch.autograd.grad(loss(theta, t).sum(), theta)
        theta = theta.detach()
        optimizers.update(
            name,
            theta,
            grad,
            state,
            optimizers.bias_correction(t),
            learning_rate=torch.tensor(RATES)[:, None],
            weight_decay=torch.full((len(RATES), 1), decay),
            l2=torch.full((len(RATES), 1), l2),
            l1=torch.full((len(RATES), 1), l1),
            t=torch.tensor([t - 1]),
            **columns,
        )
        path.append(theta.clone())
    return torch.stack(path)


def theirs(make, start, rate, decoupled=0.0, clip=math.inf):
    """The path (STEPS, parameters) of torch's optimizer, which has two tensors of them.

    `decoupled` shrinks the parameters before each step. `clip`: the largest norm of the gradient.
    """
    parts = [torch.nn.Parameter(part.clone()) for part in start.split(12)]
    optimizer = make(parts, rate)
    path = []
    for t in range(1, STEPS + 1):
        optimizer.zero_grad()
        loss(torch.cat(parts), t).backward()
        with torch.no_grad():
            for part in parts:
                part.mul_(1 - rate * decoupled)
        if clip < math.inf:
            torch.nn.utils.clip_grad_norm_(parts, clip)
        optimizer.step()
        path.append(torch.cat(parts).detach())
    return torch.stack(path)


@pytest.fixture
def start():
    return torch.randn(20, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", PEERS)
def test_each_rule_equals_torch_optim_over_50_steps(name, start):
    kind, options = PEERS[name]
    path = ours(name, start)
    for row, rate in enumerate(RATES):
        torch.testing.assert_close(
            path[:, row],
            theirs(lambda p, lr: kind(p, lr=lr, **options), start, rate),
            rtol=2e-4,
            atol=2e-5,
        )


VALUES = {
    "momentum": (0.1, 0.5, 0.99),
    "beta1": (0.0, 0.5, 0.99),
    "beta2": (0.0, 0.9, 0.9999),
    "eps": (1e-12, 1e-4, 0.1),
}


def of_torch(name, told):
    """The options of torch's optimizer for these settings of our rule."""
    own = optimizers.RULES[name].own | told
    if name == "rmsprop":
        return {"alpha": own["beta2"], "eps": own["eps"]}
    if "beta1" in own:
        return {"betas": (own["beta1"], own["beta2"]), "eps": own["eps"]}
    return own


def equal_to_torch(name, start, **columns):
    """Check 20 steps of each run, which has its own settings, against torch's; return its path."""
    kind, options = PEERS[name]
    path = ours(name, start, **columns)[:20]
    for row, rate in enumerate(RATES):
        own = of_torch(name, {setting: values[row] for setting, values in columns.items()})
        make = partial(kind, **options | own)
        expected = theirs(lambda p, lr, make=make: make(p, lr=lr), start, rate)[:20]
        torch.testing.assert_close(path[:, row], expected, rtol=2e-4, atol=2e-5)
    return path


@pytest.mark.parametrize(
    "name, setting", [(name, setting) for name in PEERS for setting in optimizers.RULES[name].own]
)
def test_each_setting_of_each_rule_equals_that_of_torch_optim(name, setting, start):
    path = equal_to_torch(name, start, **{setting: VALUES[setting]})
    assert (path - ours(name, start)[:20]).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["rmsprop", "adam", "adamw"])
def test_settings_that_differ_together_equal_those_of_torch_optim(name, start):
    own = optimizers.RULES[name].own
    equal_to_torch(name, start, **{setting: VALUES[setting] for setting in own})


@pytest.mark.parametrize("name", [name for name in optimizers.RULES if optimizers.RULES[name].own])
def test_a_rule_with_its_own_values_in_columns_is_the_rule_without(name, start):
    columns = {s: [value] * len(RATES) for s, value in optimizers.RULES[name].own.items()}
    path = ours(name, start, **columns)
    torch.testing.assert_close(path, ours(name, start), rtol=2e-5, atol=2e-6)


def test_momentum_of_zero_is_gradient_descent(start):
    none = [0.0] * len(RATES)
    for name in ("momentum", "nesterov"):
        torch.testing.assert_close(ours(name, start, momentum=none), ours("sgd", start))


@pytest.mark.parametrize("name", ["sgd", "momentum", "adam"])
def test_clipping_equals_clip_grad_norm_and_a_step_with_torchs_weight_decay(name, start):
    kind, options = PEERS[name]
    bounds = (0.5, 5.0, math.inf)
    path = ours(name, start, l2=0.1, clip_norm=bounds)
    make = lambda p, lr: kind(p, lr=lr, weight_decay=0.1, **options)
    for row, (rate, clip) in enumerate(zip(RATES, bounds)):
        expected = theirs(make, start, rate, clip=clip)
        torch.testing.assert_close(path[:, row], expected, rtol=2e-4, atol=2e-5)
        assert clip == math.inf or not torch.allclose(expected, theirs(make, start, rate), 1e-3)


def test_a_run_without_a_bound_is_not_clipped_where_its_norm_overflows():
    theta, grad = torch.zeros(2, 3), torch.tensor([[1e30, 1.0, 0.0], [1e30, 1.0, 0.0]])
    bounds = torch.tensor([[math.inf], [1.0]])
    rate = torch.ones(2, 1)
    optimizers.update("sgd", theta, grad, [], None, learning_rate=rate, clip_norm=bounds)
    assert torch.equal(theta[0], -grad[0])


@pytest.mark.parametrize("name", [name for name in PEERS if name != "adamw"])
def test_l2_equals_the_coupled_weight_decay_of_torch_optim(name, start):
    kind, options = PEERS[name]
    path = ours(name, start, l2=0.1)
    for row, rate in enumerate(RATES):
        expected = theirs(
            lambda p, lr: kind(p, lr=lr, **{**options, "weight_decay": 0.1}), start, rate
        )
        torch.testing.assert_close(path[:, row], expected, rtol=2e-4, atol=2e-5)


def test_weight_decay_of_adamw_equals_torch_optim_adamw(start):
    path = ours("adamw", start, decay=0.1)
    for row, rate in enumerate(RATES):
        expected = theirs(lambda p, lr: torch.optim.AdamW(p, lr=lr, weight_decay=0.1), start, rate)
        torch.testing.assert_close(path[:, row], expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", [name for name in PEERS if name != "adamw"])
def test_weight_decay_is_decoupled_for_every_rule(name, start):
    kind, options = PEERS[name]
    path = ours(name, start, decay=0.1)
    for row, rate in enumerate(RATES):
        expected = theirs(lambda p, lr: kind(p, lr=lr, **options), start, rate, decoupled=0.1)
        torch.testing.assert_close(path[:, row], expected, rtol=2e-4, atol=2e-5)


def test_decoupled_decay_and_l2_differ_under_adam(start):
    assert (ours("adam", start, l2=0.1) - ours("adam", start, decay=0.1)).abs().max() > 1e-2


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_l1_is_the_penalty_of_absolute_values_in_the_loss(name, start, monkeypatch):
    expected = ours(name, start, l1=0.05)
    bare = loss
    monkeypatch.setitem(
        globals(), "loss", lambda theta, t: bare(theta, t) + 0.05 * theta.abs().sum(-1)
    )
    torch.testing.assert_close(ours(name, start), expected, rtol=1e-4, atol=1e-5)


def test_a_penalty_that_is_left_out_is_a_penalty_of_zero(start):
    theta, other = start.clone()[None], start.clone()[None]
    rate, none = torch.full((1, 1), 0.1), torch.zeros(1, 1)
    for tensor, options in ((theta, {}), (other, dict(l1=none, l2=none, weight_decay=none))):
        optimizers.update("sgd", tensor, start[None], [], (1, 1), learning_rate=rate, **options)
    assert torch.equal(theta, other)


@pytest.mark.parametrize("beta1, beta2", [(0.9, 0.999), (0.5, 0.99)])
def test_without_its_correction_adams_first_step_is_longer(beta1, beta2, start):
    """By (1 - beta1) / sqrt(1 - beta2): the running means as they are, over their correction."""
    columns = {"beta1": [beta1] * len(RATES), "beta2": [beta2] * len(RATES)}
    names = ("adam", "adam uncorrected")
    steps = {name: ours(name, start, **columns)[0] - start for name in names}
    far = abs(steps["adam"]) > 1e-4
    ratio = (steps["adam uncorrected"] / steps["adam"])[far]
    expected = (1 - beta1) / (1 - beta2) ** 0.5
    torch.testing.assert_close(ratio, torch.full_like(ratio, expected), rtol=1e-2, atol=0)


@pytest.mark.parametrize("betas", [None, (0.5, 0.95)])
def test_lion_follows_algorithm_2_of_its_paper(betas, start):
    """torch.optim has no Lion: these are the paper's lines.

    One scalar operation at a time, in float64.
    """
    columns = {} if betas is None else {f"beta{i + 1}": [betas[i]] * len(RATES) for i in (0, 1)}
    path = ours("lion", start, decay=0.1, **columns)
    one, two = betas or (0.9, 0.99)
    for row, rate in enumerate(RATES):
        theta, mean = start.double(), torch.zeros(20, dtype=torch.float64)
        for t in range(1, STEPS + 1):
            point = (
                path[t - 2, row].double() if t > 1 else theta
            )  # the gradient is taken where the batched run stood
            point = point.clone().requires_grad_()
            (grad,) = torch.autograd.grad(loss(point, t), point)
            step = torch.sign(one * mean + (1 - one) * grad)
            theta = theta - rate * (step + 0.1 * theta)
            mean = two * mean + (1 - two) * grad
            torch.testing.assert_close(path[t - 1, row].double(), theta, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_warm_up_takes_its_share_of_training(share):
    rise = [optimizers.warmup(t / 10, share) for t in range(1, 11)]
    assert rise == pytest.approx([min(1, t / 10 / share) if share else 1 for t in range(1, 11)])


def test_schedules_are_what_their_names_say():
    at = {
        name: [rule(t / 100, share=0.1) for t in range(1, 101)]
        for name, rule in optimizers.SCHEDULES.items()
    }
    assert set(at["constant"]) == {1.0}
    assert at["warm-up"][4] == pytest.approx(0.5) and at["warm-up"][9:] == [1.0] * 91
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(
        torch.optim.SGD([torch.zeros(1)], lr=1.0), T_max=100
    )
    for value in at["cosine"][:-1]:
        theirs.optimizer.step()
        theirs.step()
        assert value == pytest.approx(theirs.get_last_lr()[0], abs=1e-9)
    assert (
        at["warm-up, cosine"][-1] == pytest.approx(0, abs=1e-9) and max(at["warm-up, cosine"]) < 1
    )
