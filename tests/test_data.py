"""Data and networks are what they say."""

import pytest
import torch

import labs


def test_spirals_are_balanced_and_the_asked_share_of_labels_is_flipped():
    clean, noisy = labs.data.spirals(flipped=0), labs.data.spirals(flipped=0.25)
    assert clean.train_x.shape == (512, 2) and clean.val_y.mean() == 0.5
    for name in ("train_y", "val_y"):
        assert (getattr(clean, name) != getattr(noisy, name)).float().mean() != 0
    assert torch.equal(labs.data.spirals(seed=3).val_x, labs.data.spirals(seed=3).val_x)
    assert not torch.equal(labs.data.spirals(seed=3).val_x, labs.data.spirals(seed=4).val_x)


def test_a_quarter_of_flipped_labels_is_a_quarter():
    data = labs.data.spirals(train=400, noise=0, flipped=0.25)
    true = (torch.arange(400) % 2).float()
    assert (data.train_y != true).sum() == 100


def test_digits_are_split_once_with_every_class_in_both_parts():
    data = labs.data.digits()
    assert len(data.train_x) + len(data.val_x) == 1797 and data.train_x.shape[1] == 64
    assert data.train_x.min() == 0 and data.train_x.max() == 1
    assert set(data.val_y.tolist()) == set(range(10))


def test_the_network_has_the_parameters_it_says():
    count = sum(p.numel() for p in labs.tasks.spirals().model(0).parameters())
    assert count == 2 * 32 + 32 + 32 * 32 + 32 + 32 + 1 == 1185


def test_an_unknown_activation_is_refused_in_words():
    with pytest.raises(ValueError, match="activation must be one of .*, got 'sine'"):
        labs.models.mlp([2, 1], "sine")


def test_making_a_model_leaves_torchs_random_state_alone():
    before = torch.get_rng_state()
    first, second = labs.tasks.spirals().model(3), labs.tasks.spirals().model(3)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters()))


def test_the_valley_is_the_quadratic_it_says_it_is():
    model = labs.models.Valley((1.0, 20.0))
    with torch.no_grad():
        model.theta.copy_(torch.tensor([2.0, 0.5]))
    loss = model(torch.zeros(1, 1)).sum()
    (gradient,) = torch.autograd.grad(loss, model.theta)
    assert loss.item() == 0.5 * (1 * 4 + 20 * 0.25) and gradient.tolist() == [2.0, 10.0]


@pytest.mark.parametrize("optimizer, limit", [("sgd", 2 / 20), ("momentum", 2 * 1.9 / 20)])
def test_gradient_descent_in_the_valley_is_stable_below_its_limit_and_not_above(optimizer, limit):
    grid = labs.Grid(optimizer=optimizer, learning_rate=[0.98 * limit, 1.02 * limit], batch_size=1)
    losses = labs.sweep(labs.tasks.valley(), grid, steps=1000).val_loss.squeeze()
    assert losses[0, -1] < losses[0, 0] / 100 and not losses[1, -1] < losses[1, 0]
