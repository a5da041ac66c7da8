"""Costs are measured side by side, and a student learns from a teacher in any sweep."""

import numpy as np
import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

import labs
from labs import compress


def network(width=32):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


X = torch.randn(64, 64, generator=torch.Generator().manual_seed(1))


def test_costs_has_a_row_for_each_model():
    models = {"as it is": network(), "narrow": compress.narrow(network(), 0.5)}
    found = compress.costs(models, X, lambda model: model[0].out_features, rounds=3, calls=2)
    assert found.names == ("as it is", "narrow") and found.scores.tolist() == [32, 16]
    assert found.milliseconds.shape == (2, 2, 3) and (found.milliseconds > 0).all()
    assert found.smaller()[0] == 1 and 1.8 < found.smaller()[1] < 2
    assert np.all(found.faster()[0] == 1) and found.faster().shape == (2, 2, 3)
    lines = str(found).splitlines()
    assert lines[0].split() == ["score", "bytes", "ms", "for", "1", "ms", "for", "64"]
    assert lines[1].startswith("as it is  ≈ 32.000") and f"{found.bytes[0]:,}" in lines[1]
    assert len(lines) == 3


def test_models_are_measured_in_eval_mode_and_left_in_theirs():
    model = nn.Sequential(network(), nn.Dropout()).train()
    model[0].eval()
    seen = []
    compress.costs({"it": model}, X, lambda m: seen.append(m[1].training) or 1.0, (1,), 1, 1)
    assert seen == [False] and [part.training for part in model] == [False, True]


def test_file_bytes_are_those_of_the_file(tmp_path):
    model = network()
    safetensors.torch.save_file(model.state_dict(), tmp_path / "it.safetensors")
    size = (tmp_path / "it.safetensors").stat().st_size
    assert abs(compress.file_bytes(model) - size) < 200  # names are as long as they are


def test_a_tensor_of_two_names_is_stored_once():
    shared = nn.ModuleList([nn.Linear(50, 50)] * 2)
    assert compress.file_bytes(shared) < 1.1 * 4 * 50 * 51


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match="models: expected at least one, got none"):
        compress.costs({}, X, len)
    with pytest.raises(ValueError, match="models: expected at least one, got list; give {name"):
        compress.costs([network()], X, len)
    for nothing in ({"batch_sizes": ()}, {"batch_sizes": (0, 1)}, {"rounds": 0}, {"calls": 0}):
        with pytest.raises(ValueError, match="batch_sizes, rounds and calls of at least 1, got "):
            compress.costs({"it": network()}, X, lambda model: 1, **nothing)
    with pytest.raises(ValueError, match="expected at least 64, the largest batch, got 8; give"):
        compress.costs({"it": network()}, X[:8], lambda model: 1)
    with pytest.raises(ValueError, match="expected a finite number, got nan for 'it'; look"):
        compress.costs({"it": network()}, X, lambda model: float("nan"))


def test_the_loss_mixes_labels_and_softened_answers():
    generator = torch.Generator().manual_seed(0)
    logits, teacher = torch.randn(2, 6, 4, generator=generator)
    labels = torch.tensor([0, 1, 2, 3, 0, 1])
    loss = compress.distillation_loss
    assert torch.equal(loss(logits, labels, teacher, 3.0, 0.0), F.cross_entropy(logits, labels))
    apart = F.kl_div((logits / 3).log_softmax(1), (teacher / 3).softmax(1), reduction="batchmean")
    torch.testing.assert_close(loss(logits, labels, teacher, 3.0, 1.0), 9 * apart)
    half = loss(logits, labels, teacher, 3.0, 0.5)
    torch.testing.assert_close(half, (F.cross_entropy(logits, labels) + 9 * apart) / 2)
    assert abs(loss(teacher, labels, teacher, 2.0, 1.0)) < 1e-6


def test_a_hot_teacher_is_matched_in_its_logits():
    """Its gradient tends to the difference of logits over classes (Hinton et al. 2015, 2.1)."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 1, 5, generator=generator)
    student, teacher = (z - z.mean() for z in (student, teacher))
    student.requires_grad_()
    compress.distillation_loss(student, torch.tensor([0]), teacher, 500.0, 1.0).backward()
    torch.testing.assert_close(student.grad, (student.detach() - teacher) / 5, rtol=0.02, atol=2e-3)


def test_students_are_trained_by_a_sweep_and_judged_by_the_labels():
    task = labs.tasks.digits(width=8, train=64)
    teacher = labs.tasks.digits(width=32).model(0)

    def student(mixing):
        return compress.distilled(task, teacher, 2.0, mixing)

    grid = labs.Grid(optimizer="adam", learning_rate=0.01, batch_size=32, seed=[0, 1])
    runs = labs.sweep(labs.vary(student, mixing=[0.0, 1.0]), grid, steps=10)
    plain = labs.sweep(task, grid, steps=10)
    np.testing.assert_allclose(
        runs.sel(mixing=0.0).val_metric, plain.val_metric, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(runs.sel(mixing=0.0).train_loss, plain.train_loss, rtol=1e-3)
    assert (runs.sel(mixing=1.0).train_loss != plain.train_loss).any()
    assert runs.attrs["task"]["loss"] == "loss.distillation"


@pytest.mark.parametrize(
    "arguments",
    [
        {"temperature": 0},
        {"temperature": -1.0},
        {"temperature": float("inf")},
        {"mixing": 1.1},
        {"mixing": -0.1},
    ],
)
def test_other_temperatures_and_mixings_are_refused(arguments):
    task = labs.tasks.digits()
    with pytest.raises(ValueError, match="temperature must be positive and mixing from 0 to 1"):
        compress.distilled(task, task.model(0), **arguments)


def test_a_teacher_of_something_else_is_refused():
    with pytest.raises(ValueError, match="each of the student's 10 classes, .*got .1347, 3.;"):
        compress.distilled(labs.tasks.digits(), nn.Linear(64, 3))
    with pytest.raises(ValueError, match="each of the student's 10 classes, .*got .1347, 12.;"):
        compress.distilled(labs.tasks.digits(), nn.Linear(64, 12))
    lost = nn.Linear(64, 10)
    nn.init.constant_(lost.weight, float("nan"))
    with pytest.raises(ValueError, match="teacher: expected finite logits, .* it diverged: train"):
        compress.distilled(labs.tasks.digits(), lost)
    with pytest.raises(ValueError, match="task: expected one class a sample, whole numbers"):
        compress.distilled(labs.tasks.wave(), nn.Linear(1, 1))


def test_a_teacher_answers_in_eval_mode_and_is_left_as_it_was():
    task = labs.tasks.digits(train=64)
    teacher = nn.Sequential(nn.Linear(64, 10), nn.BatchNorm1d(10), nn.Dropout()).train()
    before = teacher[1].running_mean.clone()
    told = compress.distilled(task, teacher).data.val_y
    assert teacher[2].training and torch.equal(teacher[1].running_mean, before)
    torch.testing.assert_close(told[:, 1:], teacher.eval()(task.data.val_x).detach())
    assert torch.equal(told[:, 0].long(), task.data.val_y)
