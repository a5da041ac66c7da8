"""The update rules against torch.optim, and the schedules against torch.optim.lr_scheduler."""

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


def ours(name, start, l2=0.0, decay=0.0):
    """The path (STEPS, runs, parameters) of the batched rule, one run for each of RATES."""
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
        )
        path.append(theta.clone())
    return torch.stack(path)


def theirs(make, start, rate, decoupled=0.0):
    """The path (STEPS, parameters) of torch's optimizer.

    `decoupled` shrinks the parameters before each step.
    """
    theta = torch.nn.Parameter(start.clone())
    optimizer = make([theta], rate)
    path = []
    for t in range(1, STEPS + 1):
        optimizer.zero_grad()
        loss(theta, t).backward()
        with torch.no_grad():
            theta.mul_(1 - rate * decoupled)
        optimizer.step()
        path.append(theta.detach().clone())
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


def test_lion_follows_algorithm_2_of_its_paper(start):
    """torch.optim has no Lion: these are the paper's lines.

    One scalar operation at a time, in float64.
    """
    path = ours("lion", start, decay=0.1)
    for row, rate in enumerate(RATES):
        theta, mean = start.double(), torch.zeros(20, dtype=torch.float64)
        for t in range(1, STEPS + 1):
            point = (
                path[t - 2, row].double() if t > 1 else theta
            )  # the gradient is taken where the batched run stood
            point = point.clone().requires_grad_()
            (grad,) = torch.autograd.grad(loss(point, t), point)
            step = torch.sign(0.9 * mean + 0.1 * grad)
            theta = theta - rate * (step + 0.1 * theta)
            mean = 0.99 * mean + 0.01 * grad
            torch.testing.assert_close(path[t - 1, row].double(), theta, rtol=1e-4, atol=1e-4)


def test_schedules_are_what_their_names_say():
    at = {
        name: [rule(t / 100) for t in range(1, 101)] for name, rule in optimizers.SCHEDULES.items()
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
