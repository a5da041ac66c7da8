"""Random numbers inside a network: each run has its own, and they are as random as asked for."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.func import vmap

import labs
from labs import chance

CPU = torch.device("cpu")


def key(seed=0, step=0):
    return chance.key(torch.tensor(seed), torch.tensor(step))


def drawn(draw, seed=0, step=0):
    with chance.Stream(key(seed, step)):
        return draw()


def test_uniform_numbers_fill_the_unit_interval_evenly():
    u = drawn(lambda: torch.rand(100_000))
    assert 0 <= u.min() and u.max() < 1
    counts = torch.histc(u, 50, 0, 1)
    assert ((counts - 2000) ** 2 / 2000).sum() < 90  # chi-squared, 49 degrees: 1 in 3,000


def test_normal_numbers_have_the_moments_of_a_normal_distribution():
    z = drawn(lambda: torch.randn(200, 500)).flatten().double()
    assert abs(z.mean()) < 0.015 and abs(z.std() - 1) < 0.01
    assert abs((z**4).mean() - 3) < 0.12


@pytest.mark.parametrize("along", ["seeds", "steps", "draws"])
def test_streams_of_other_seeds_and_steps_and_draws_have_nothing_in_common(along):
    if along == "draws":
        rows = drawn(lambda: torch.stack([torch.rand(2000) for _ in range(40)]))
    else:
        place = {"seeds": lambda i: (i, 0), "steps": lambda i: (0, i)}[along]
        rows = torch.stack([drawn(lambda: torch.rand(2000), *place(i)) for i in range(40)])
    others = torch.corrcoef(rows)[~torch.eye(40, dtype=torch.bool)]
    assert abs(others).max() < 0.11  # five standard deviations


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_drops_the_share_asked_for_and_keeps_the_mean(p):
    x = drawn(lambda: F.dropout(torch.ones(200_000), p))
    assert x.unique().tolist() == [0, pytest.approx(1 / (1 - p))]
    assert (x == 0).float().mean().item() == pytest.approx(p, abs=0.005)
    assert torch.equal(drawn(lambda: nn.Dropout(p).eval()(torch.ones(9))), torch.ones(9))


def test_a_bernoulli_number_is_one_as_often_as_its_chance_says():
    chances = torch.tensor([0.0, 0.2, 1.0]).repeat(20_000, 1)
    shares = drawn(lambda: torch.bernoulli(chances)).mean(0)
    assert shares[0] == 0 and shares[2] == 1 and abs(shares[1] - 0.2) < 0.01


def test_numbers_like_a_tensor_have_its_shape_and_type():
    like = torch.zeros(2, 3, dtype=torch.float64)
    for draw in (torch.rand_like, torch.randn_like):
        numbers = drawn(lambda draw=draw: draw(like))
        assert numbers.shape == like.shape and numbers.dtype == like.dtype


def test_a_batch_of_runs_draws_what_each_draws_alone():
    keys = chance.key(torch.arange(5), torch.tensor([7]))

    def draws(key):
        with chance.Stream(key):
            return F.dropout(torch.ones(30), 0.3) + torch.randn(30)

    together = vmap(draws)(keys)
    assert torch.equal(together, torch.stack([draws(key) for key in keys]))
    assert len({tuple(row.tolist()) for row in together}) == 5


@pytest.mark.parametrize(
    "draw",
    [
        lambda: torch.randperm(4),
        lambda: torch.zeros(3).uniform_(),
        lambda: F.alpha_dropout(torch.ones(3), 0.5, training=True),
        lambda: F.scaled_dot_product_attention(*torch.ones(3, 1, 2, 2), dropout_p=0.5),
    ],
)
def test_what_cannot_have_a_stream_is_refused_by_name(draw):
    with pytest.raises(ValueError, match="may draw random numbers by torch.rand, .*, got .*; use"):
        drawn(draw)


# ---- In training ----


class Noisy(nn.Module):
    """A line whose inputs are shaken while it trains."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(2, 1)

    def forward(self, x_BD):
        return self.line(x_BD + 0.3 * torch.randn_like(x_BD) if self.training else x_BD)


TASKS = {
    "dropout": labs.tasks.spirals(width=8, dropout=0.3),
    "noise": dataclasses.replace(labs.tasks.spirals(), make_model=Noisy),
}


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("compile", [False, None])
def test_a_run_with_chance_in_its_network_ends_where_the_run_alone_does(name, compile):
    grid = labs.Grid(optimizer=["sgd", "adam"], learning_rate=[0.03, 0.1], seed=[0, 3])
    runs = labs.sweep(TASKS[name], grid, 40, device=CPU, compile=compile)
    for setting in grid.settings():
        config = labs.TrainConfig(**setting, steps=40)
        alone = [p.train_loss for p in labs.train(TASKS[name], config, device=CPU)]
        own = {name: setting[name] for name in runs.train_loss.dims[:-1]}
        np.testing.assert_allclose(runs.train_loss.sel(own).values, alone, atol=2e-4)


def test_each_seed_has_another_stream_and_each_step_another_mask():
    runs = labs.sweep(TASKS["dropout"], labs.Grid(seed=range(4)), 30, device=CPU)
    assert len(set(runs.train_loss.isel(step=-1).values.ravel().tolist())) == 4
    clean = labs.sweep(labs.tasks.spirals(width=8), labs.Grid(seed=range(4)), 30, device=CPU)
    assert (runs.train_loss.isel(step=0) == clean.train_loss.isel(step=0)).all()  # in eval mode
    assert (runs.train_loss.isel(step=-1) != clean.train_loss.isel(step=-1)).all()


def test_runs_that_differ_by_chance_alone_have_keys_of_their_own():
    """With the whole set as a batch and a start that no seed moves, only the masks differ."""
    task = labs.tasks.spirals(width=8, train=32, dropout=0.5)
    same = dataclasses.replace(task, make_model=lambda: _seeded(task))
    grid = labs.Grid(seed=range(3), batch_size=32)
    for _ in range(2):  # trained, then read from the cache
        runs = labs.sweep(same, grid, 30, device=CPU)
        assert len(set(runs.train_loss.isel(step=-1).values.ravel().tolist())) == 3
    assert runs.engine == "cache"


def _seeded(task):
    torch.manual_seed(0)
    return task.make_model()


def test_training_with_dropout_leaves_torchs_random_state_alone():
    before = torch.get_rng_state()
    list(labs.train(TASKS["dropout"], labs.TrainConfig(steps=3), device=CPU))
    labs.sweep(TASKS["dropout"], labs.Grid(), 3, device=CPU)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_trained_model_is_handed_out_ready_to_be_judged():
    *_, last = labs.train(TASKS["dropout"], labs.TrainConfig(steps=3), device=CPU)
    assert not last.model.training
