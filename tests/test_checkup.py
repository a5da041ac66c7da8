"""A check-up finds what was put there, and refuses what it cannot judge."""

import copy
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import labs
from labs import checkup


def problem(seed=0):
    """A network, its loss and a loader of batches."""
    torch.manual_seed(seed)
    data = labs.data.spirals()
    samples = TensorDataset(data.train_x, data.train_y.long())
    order = torch.Generator().manual_seed(seed)
    loader = DataLoader(samples, batch_size=32, shuffle=True, generator=order)
    return nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2)), loader


# ---- A learning rate ----


def test_a_range_test_leaves_the_network_alone_and_suggests_a_rate_that_trains():
    network, loader = problem()
    before = copy.deepcopy(network.state_dict())
    found = checkup.rate_range_test(network, nn.CrossEntropyLoss(), loader)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert found.suggested == pytest.approx(found.lowest / 10)
    assert 0.03 < found.suggested < 3
    assert len(found.rates) == len(found.losses) <= 100
    assert found.losses.min() == found.losses[np.searchsorted(found.rates, found.lowest)]
    assert str(found).startswith("Begin with a learning rate of ≈ ")


def test_it_is_the_test_of_the_chapter_on_the_learning_rate():
    task, smooth, losses = labs.tasks.spirals(), None, []
    model = task.model(0)
    order = list(labs.data.batches(len(task.data.train_x), 32, 100, 0))
    batches = [(task.data.train_x[b], task.data.train_y[b]) for b in order]
    optimizer = torch.optim.Adam(model.parameters())
    for rate, (x, y) in zip(np.geomspace(1e-5, 100, 100), batches):
        optimizer.param_groups[0]["lr"] = rate
        loss = task.loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        smooth = loss.item() if smooth is None else 0.9 * smooth + 0.1 * loss.item()
        losses.append(smooth)
        if not smooth < 2 * losses[0]:
            break
    found = checkup.rate_range_test(task.model(0), task.loss, batches, torch.optim.Adam)
    assert np.allclose(found.losses, losses)


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(batches=[]), "batches: expected at least 100 pairs .* got 0; give more"),
        (dict(batches=iter([(torch.zeros(2, 2), torch.tensor([0, 1]))])), "100 pairs .* got 1;"),
        (dict(low=0), "expected 0 < low < high and at least 10 steps, got low=0"),
        (
            dict(high=1e-4),
            "a rate from 1e-05 to 0.0001 that lowers the loss, got .* its noise below",
        ),
        (dict(high=0.5), "expected a loss that turns up before the rate 0.5, got one that did not"),
        (dict(low=50, high=100), "expected a rate from 50 to 100 that lowers the loss, got"),
        (
            dict(loss=lambda outputs, y: outputs.sum() * float("nan")),
            "a first loss that is a number",
        ),
        (dict(low=1e6, high=1e9), r"a rate from 1e\+06 to 1e\+09 that lowers the loss, got"),
        (
            dict(loss=lambda outputs, y: 0 * outputs.square().sum()),
            "lowers the loss, got 0 and no more",
        ),
        (dict(loss=nn.CrossEntropyLoss(reduction="none")), r"one number, .* got \(32,\); take the"),
        (dict(batches=[{"x": 1, "y": 2}]), "expected pairs of two tensors, .* got dict"),
        (
            dict(batches=TensorDataset(torch.zeros(2, 2), torch.zeros(2))),
            "of several samples",
        ),
    ],
)
def test_a_range_test_that_can_find_nothing_is_refused(change, message):
    network, loader = problem()
    given = dict(network=network, loss=nn.CrossEntropyLoss(), batches=loader) | change
    with pytest.raises(ValueError, match=message):
        checkup.rate_range_test(**given)


def test_noise_that_ends_without_a_number_is_no_fall():
    judge = sys.modules["labs.checkup.rate"]._range
    noise = 1 + np.random.default_rng(0).normal(size=100)
    smooth = [1.0]
    for one in noise:
        smooth.append(0.9 * smooth[-1] + 0.1 * one)
    with pytest.raises(ValueError, match="no more than its noise below it"):
        judge(np.geomspace(1e-5, 1, 102), np.array([*smooth, np.nan]), 1e-5, 1)


def test_a_loss_below_zero_is_searched_like_another():
    below = lambda outputs, y: F.cross_entropy(outputs, y) - 1.5
    (network, loader), (same, again) = problem(), problem()
    found = checkup.rate_range_test(network, below, loader)
    expected = checkup.rate_range_test(same, F.cross_entropy, again)
    assert found.losses[0] < 0 and found.losses[-1] > found.losses[0]
    assert found.suggested == pytest.approx(expected.suggested)


def test_a_range_test_leaves_the_random_state_and_masks_alone():
    class Draws(nn.Module):
        def forward(self, x):
            return x + 0 * torch.rand(1)

    network, loader = problem()
    pruned = labs.compress.prune(nn.Sequential(network, Draws()), 0.3)
    before, chance = copy.deepcopy(pruned.state_dict()), torch.get_rng_state()
    with torch.no_grad():  # a gradient is taken all the same
        checkup.rate_range_test(pruned, nn.CrossEntropyLoss(), loader)
    assert torch.equal(torch.get_rng_state(), chance)
    assert all(torch.equal(before[name], value) for name, value in pruned.state_dict().items())


def test_a_frozen_network_is_refused():
    network, loader = problem()
    with pytest.raises(ValueError, match="expected parameters to train, got Sequential with none"):
        checkup.rate_range_test(network.requires_grad_(False), nn.CrossEntropyLoss(), loader)


# ---- Over-fitting ----

T = np.linspace(0, 1, 30)
FALLS = np.exp(-4 * T)
NOISE = 0.004 * np.random.default_rng(0).normal(size=(8, 30))


@pytest.mark.parametrize(
    "train, val, verdict",
    [
        (FALLS, FALLS + 0.6 * T**2, "over-fitting"),
        (FALLS + 0.6 * T**2, FALLS + 0.6 * T**2, "unstable"),
        (1 - T, 1 - 0.8 * T, "still learning"),
        (FALLS, 1 + 0 * T, "nothing learned"),
        (FALLS, 1 + T, "nothing learned"),
        (np.exp(-9 * T), 0.1 + np.exp(-9 * T), "settled"),
    ],
)
def test_curves_are_told_apart(train, val, verdict):
    assert checkup.overfitting(train, val).verdict == verdict
    noisy = checkup.overfitting(train + NOISE, val + NOISE[::-1])
    assert noisy.verdict == verdict and noisy.agree >= 0.5
    assert str(noisy).lower().startswith(verdict)


def test_numbers_say_where_it_was_lowest_how_far_it_rose_and_the_gap():
    found = checkup.overfitting(
        [1, 0.6, 0.3, 0.2, 0.1], [1, 0.7, 0.5, 0.6, 0.75], [0, 5, 10, 15, 20]
    )
    assert (found.verdict, found.lowest_at) == ("over-fitting", 10)
    assert (found.rise, found.gap) == (pytest.approx(0.5), pytest.approx(0.65))
    assert "at step ≈ 10" in str(found) and "≈ 50 %" in str(found)


def test_a_record_brings_its_steps_and_its_repeats():
    task = labs.tasks.wave(width=32, train=16)
    grid = labs.Grid(optimizer="adam", learning_rate=0.01, batch_size=16, seed=range(3))
    runs = labs.sweep(task, grid, steps=1000).squeeze()
    found = checkup.overfitting(runs.train_loss.transpose("step", "seed"), runs.val_loss)
    assert found.verdict == "over-fitting" and found.lowest_at in runs.step.values
    assert found.gap == pytest.approx((runs.val_loss - runs.train_loss)[:, -1].mean().item())


@pytest.mark.parametrize(
    "train, val, message",
    [
        ([], [], "train_loss: expected at least 5 losses along training, got 0"),
        ([1, 1, 1, 1, 1], [], "val_loss: expected at least 5 losses .* validation samples that"),
        ([1] * 5, [1] * 6, r"one shape, got train_loss \(1, 5\) and val_loss \(1, 6\)"),
        ([1] * 5, [1, 1, np.nan, 1, 1], "val_loss: expected finite losses, .* at position 2; the"),
    ],
)
def test_curves_that_cannot_be_judged_are_refused(train, val, message):
    with pytest.raises(ValueError, match=message):
        checkup.overfitting(train, val)


def test_losses_that_are_tensors_are_read():
    losses = [1.0, 0.6, 0.3, 0.2, 0.4]
    tensors = [torch.tensor(loss, requires_grad=True) for loss in losses]
    found = checkup.overfitting(tensors, torch.stack(tensors))
    assert found.lowest_at == 3 and found.rise == pytest.approx(0.25)


def test_a_table_of_settings_is_refused():
    with pytest.raises(ValueError, match=r"or \(repeats, moments\), got shape \(2, 3, 6\); choose"):
        checkup.overfitting(np.ones((2, 3, 6)), np.ones((2, 3, 6)))
    assert checkup.overfitting(np.ones((1, 3, 6)), np.ones((1, 3, 6))).agree == 1


def test_steps_have_to_fit():
    for steps in ([5, 4, 3, 2, 1], [1, 2, 2, 3, 4]):
        with pytest.raises(ValueError, match="steps: expected 5, .* each larger than the one befo"):
            checkup.overfitting([1] * 5, [1] * 5, steps=steps)
    with pytest.raises(ValueError, match="steps: expected 5, one for each loss, got 2"):
        checkup.overfitting([1] * 5, [1] * 5, steps=[0, 1])


# ---- An optimizer ----


def runs_of(losses, rates=(0.01, 0.1, 1.0)):
    """A record with final losses {optimizer: (rates, seeds)}."""
    names = list(losses)
    table = np.stack([losses[name] for name in names])
    axes = [
        labs.record.Axis("optimizer", "axis.optimizer", tuple(names), "category", "list"),
        labs.record.Axis("learning_rate", "axis.learning_rate", rates, "log"),
        labs.record.Axis("seed", "axis.seed", tuple(range(table.shape[2])), "linear", repeats=True),
    ]
    return labs.record.make(axes, {"val_loss": ((), table)}, {})


def losses_of(level, at=1, seeds=8, spread=0.01, seed=0):
    noise = spread * np.random.default_rng(seed).normal(size=(3, seeds))
    return level + 0.5 * abs(np.arange(3) - at)[:, None] + noise


def test_a_clear_difference_is_told_and_a_tie_is_called_a_tie():
    runs = runs_of({"a": losses_of(0.5), "b": losses_of(0.5, seed=1), "c": losses_of(0.7, seed=2)})
    found = checkup.choose_optimizer(runs)
    assert {found.best, *found.tied} == {"a", "b"}
    assert [row.verdict for row in found.rows] == ["best", "tie", "behind"]
    behind = found.rows[2]
    assert behind.name == "c" and behind.behind[0] == pytest.approx(0.2, abs=0.03)
    assert behind.setting == {"learning_rate": 0.1} and behind.edges == ()
    assert "Take any of" in str(found)


def test_noise_alone_is_a_tie_about_as_often_as_it_says():
    ties = 0
    for seed in range(100):
        level = {name: losses_of(0.5, seed=2 * seed + i) for i, name in enumerate("ab")}
        ties += bool(checkup.choose_optimizer(runs_of(level)).tied)
    assert ties >= 90


def test_a_best_setting_at_the_end_of_the_grid_is_told():
    found = checkup.choose_optimizer(runs_of({"a": losses_of(0.5, at=2), "b": losses_of(0.9)}))
    assert found.rows[0].edges == ("learning_rate",)
    assert str(found).endswith("The best setting of a lies at an end of the grid: widen it and ask "
                               "again.")  # fmt: skip
    assert "Take a." in str(found)


@pytest.mark.parametrize("seed", [0, 1])  # one that chooses, one that compares
def test_a_setting_with_a_diverged_run_is_not_chosen(seed):
    lost = losses_of(0.5)
    lost[1, seed] = np.nan
    gone = np.full((3, 8), np.nan)
    found = checkup.choose_optimizer(runs_of({"a": lost, "b": losses_of(0.6), "c": gone}))
    assert [row.name for row in found.rows] == ["b", "a", "c"]
    assert found.rows[1].setting != {"learning_rate": 0.1}
    assert found.rows[2].verdict == "diverged" and "c (learning rate" in str(found)
    assert "The best setting of a lies at an end" in str(found)  # c has no best


def test_a_sweep_of_optimizers_alone_and_axes_of_numbers_are_read():
    runs = runs_of({"a": losses_of(0.5), "b": losses_of(0.9, seed=1)}).isel(learning_rate=1)
    found = checkup.choose_optimizer(runs.drop_vars("learning_rate"))
    assert found.rows[1].setting == {} and "a (–): loss" in str(found)
    found = checkup.choose_optimizer(runs_of({8: losses_of(0.5), 16: losses_of(0.9, seed=1)}))
    assert str(found).endswith("Take 8.")


def test_a_score_of_which_more_is_better_is_refused():
    runs = runs_of({"a": losses_of(0.5), "b": losses_of(0.9)}).rename(val_loss="val_metric")
    with pytest.raises(ValueError, match="series: expected a loss, .* got 'val_metric'; give"):
        checkup.choose_optimizer(runs, series="val_metric")


def test_a_real_sweep_is_read():
    grid = labs.Grid(optimizer=["sgd", "adam"], learning_rate=[0.001, 0.1], seed=range(6))
    runs = labs.sweep(labs.tasks.spirals(), grid, steps=50)
    found = checkup.choose_optimizer(runs)
    assert {row.name for row in found.rows} == {"sgd", "adam"}
    assert all(set(row.setting) == {"learning_rate"} for row in found.rows)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda r: r.isel(optimizer=[0]), r"at least two values on the axis 'optimizer', got \['a"),
        (lambda r: r.isel(seed=slice(4)), "at least 6 repeats, half of them to choose .* got 4"),
        (lambda r: r.rename(val_loss="loss"), r"one of \['loss'\], got 'val_loss'"),
        (lambda r: r * np.nan, "a setting of which every run has a number, got none of 3"),
    ],
)
def test_a_record_that_cannot_answer_is_refused(change, message):
    runs = runs_of({"a": losses_of(0.5), "b": losses_of(0.6)})
    changed = change(runs)
    for name in ("learning_rate", "seed", "optimizer"):
        if name in changed.coords:
            changed[name].attrs = runs[name].attrs
    with pytest.raises(ValueError, match=message):
        checkup.choose_optimizer(changed)
