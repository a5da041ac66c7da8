"""Data and networks are what they say."""

import dataclasses

import pytest
import sklearn.datasets
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


def test_diabetes_is_in_deviations_of_the_training_patients_and_every_patient_is_there_once():
    data = labs.data.diabetes()
    assert data.train_x.shape == (331, 10) and data.val_x.shape == (111, 10)
    for part in (data.train_x, data.train_y[:, None]):
        spread, mean = torch.std_mean(part, 0, correction=0)
        torch.testing.assert_close(spread, torch.ones_like(spread))
        torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-5, rtol=0)
    assert data.val_y.mean().abs() > 1e-3  # which a leak would make smaller
    assert data.train_y.shape == (331,) and data.val_y.dtype == torch.float32
    _, y = sklearn.datasets.load_diabetes(return_X_y=True)
    answers = torch.cat([data.train_y, data.val_y]).double().sort().values
    in_line = torch.corrcoef(torch.stack([answers, torch.tensor(y).sort().values]))
    assert in_line.min().item() == pytest.approx(1)


def test_another_split_of_the_diabetes_holds_out_others():
    one, other = labs.data.diabetes(split=1), labs.data.diabetes(split=2)
    assert torch.equal(labs.data.diabetes(split=1).val_x, one.val_x)
    assert not torch.equal(one.val_y, other.val_y)
    assert len(labs.data.diabetes(val=0.5).val_x) == 221


@pytest.mark.parametrize("val", [0, 1, 0.0, 1.0, -0.2, 25, True, 0.999, float("nan")])
def test_a_share_of_diabetes_patients_that_cannot_be_is_refused_in_words(val):
    with pytest.raises(ValueError, match=f"val must be a share between 0 and 1 that .*got {val};"):
        labs.data.diabetes(val=val)


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


def test_the_curvatures_of_a_regression_are_what_its_condition_says():
    for features, condition in ((2, 100.0), (5, 16.0)):
        data = labs.data.regression(condition, features, train=40)
        for x, y in ((data.train_x, data.train_y), (data.val_x, data.val_y)):
            expected = torch.logspace(0, -1, features, base=condition)
            torch.testing.assert_close(x.T @ x / 40, expected.diag(), atol=1e-5, rtol=0)
            assert abs(x.T @ y / 40).max() < 1e-5  # the best weights are 0


def test_more_points_of_a_wave_begin_with_the_fewer():
    few, many = labs.data.wave(train=16), labs.data.wave(train=64)
    assert torch.equal(many.train_x[:16], few.train_x) and torch.equal(many.val_x, few.val_x)
    true = labs.data.wave_without_noise(many.train_x[:, 0])
    assert (many.train_y - true).std().item() == pytest.approx(0.3, rel=0.25)
    assert not torch.equal(labs.data.wave(seed=1).val_y, few.val_y)


def test_random_labels_are_drawn_for_the_asked_share_of_training_samples_alone():
    right, wrong = labs.data.digits(), labs.data.digits(random_labels=1.0)
    assert torch.equal(right.val_y, wrong.val_y) and torch.equal(right.train_x, wrong.train_x)
    same = (right.train_y == wrong.train_y).float().mean().item()
    assert same == pytest.approx(0.1, abs=0.03)  # one label in ten is right by chance
    half = labs.data.digits(random_labels=0.5)
    assert (half.train_y == right.train_y).float().mean().item() == pytest.approx(0.55, abs=0.04)


def test_fewer_digits_are_the_first_of_all():
    assert torch.equal(labs.data.digits(train=50).train_x, labs.data.digits().train_x[:50])


@pytest.mark.parametrize("train", [0, 1348, 2.5])
def test_a_training_set_larger_than_the_data_is_refused_in_words(train):
    with pytest.raises(ValueError, match=f"from 1 to 1347, .*got {train}; ask for fewer"):
        labs.data.digits(train=train)


def test_shares_and_noise_that_cannot_be_are_refused_in_words():
    with pytest.raises(ValueError, match="random_labels must be a share .*got 1.5"):
        labs.data.digits(random_labels=1.5)
    with pytest.raises(ValueError, match="noise at least 0, got 32, 256 and -1"):
        labs.data.wave(noise=-1)


def test_the_next_character_is_the_target_of_each():
    data = labs.data.characters(context=8)
    assert data.train_x.shape[1] == 8 and data.train_x.max() < 27
    for x, y in ((data.train_x, data.train_y), (data.val_x, data.val_y)):
        assert torch.equal(x[:, 1:], y[:, :-1]) and torch.equal(x[1:, 0], y[:-1, -1])


def test_fewer_windows_of_a_text_are_its_first_and_leave_the_held_out_part_alone():
    whole, some = labs.data.characters(), labs.data.characters(train=40)
    assert torch.equal(some.train_x, whole.train_x[:40]) and len(some.train_y) == 40
    assert torch.equal(some.val_x, whole.val_x)
    with pytest.raises(ValueError, match="train must be .*from 1 to 537, .*got 700; ask for fewer"):
        labs.data.characters(train=700)


def test_the_texts_are_letters_and_the_reference_of_python_is_the_longer_one():
    read = labs.letters.read
    for name in ("datasets", "python"):
        assert set(read(name)) == set(" abcdefghijklmnopqrstuvwxyz") and "  " not in read(name)
    assert read("python").startswith("the assert statement assert statements are a convenient way")
    assert len(read("python")) > 300_000 > 20 * len(read("datasets"))
    with pytest.raises(ValueError, match="text must be one of .'datasets', 'python'., got 'bible'"):
        labs.data.characters(text="bible")


def test_rosenbrocks_lowest_point_is_where_he_put_it():
    theta = torch.tensor([1.0, 1.0], requires_grad=True)
    loss = labs.models.rosenbrock(theta)
    (gradient,) = torch.autograd.grad(loss, theta)
    assert loss.item() == 0 and gradient.tolist() == [0, 0]
    assert labs.tasks.rosenbrock().model(0)(torch.zeros(1, 1)).item() == pytest.approx(24.2)


def test_a_gain_sets_the_size_of_the_initial_weights_and_zero_biases():
    torch.manual_seed(0)
    first = labs.models.mlp([400, 300, 1], gain=2.0)[0]
    assert first.weight.std().item() == pytest.approx(2 / 20, rel=0.02)
    assert (first.bias == 0).all()


def test_dropout_stands_after_each_hidden_layer_and_not_after_the_last():
    kinds = [type(layer).__name__ for layer in labs.models.mlp([2, 4, 4, 1], "relu", dropout=0.1)]
    assert kinds == ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]


def test_what_is_measured_is_a_part_of_the_training_samples_and_all_that_are_held_out():
    digits = labs.data.digits()
    part = dataclasses.replace(digits, measured=100).to("cpu")
    train_x, train_y, val_x, val_y = part.judged()
    assert train_x.equal(digits.train_x[:100]) and train_y.equal(digits.train_y[:100])
    assert val_x.equal(digits.val_x) and val_y.equal(digits.val_y) and len(part) == 100 + len(val_y)
    assert len(digits.judged()[0]) == len(digits.train_x) == len(part.train_x)


@pytest.mark.parametrize("measured", [0, -1, 2000])
def test_more_measured_samples_than_there_are_and_none_are_refused_in_words(measured):
    with pytest.raises(ValueError, match=f"measured must be .* from 1 to 1347, .* got {measured};"):
        dataclasses.replace(labs.data.digits(), measured=measured)
