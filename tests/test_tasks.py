"""What a task says of itself: keys of the table of words, and the loss of the best constant."""

import dataclasses
import json
import pickle

import numpy as np
import pytest
import sklearn.metrics
import torch
import torch.nn.functional as F
from test_payload import record

import labs
from labs import words

TASKS = {
    "spirals": labs.tasks.spirals(train=16, val=24, flipped=0.3),
    "digits": labs.tasks.digits(),
    "valley": labs.tasks.valley(),
    "rosenbrock": labs.tasks.rosenbrock(),
    "regression": labs.tasks.regression(),
    "wave": labs.tasks.wave(width=4),
    "diabetes": labs.tasks.diabetes(split=3),
    "characters": labs.tasks.characters(width=4),
}


def swept(task):
    return labs.sweep(task, labs.Grid(learning_rate=[1e-3], batch_size=[1]), steps=1)


@pytest.mark.parametrize("name", TASKS)
def test_a_record_holds_keys_that_the_table_of_words_has(name):
    attrs = swept(TASKS[name]).attrs
    said = {key: attrs["task"][key] for key in ("title", "loss", "metric") if attrs["task"][key]}
    view = attrs.get("view", {})
    said |= {key: view[key] for key in ("x_label", "y_label") if key in view}
    for key in said.values():
        group, _, own = key.partition(".")
        assert own in words.tables()["en"][group]
    told = {key: words.label(label) for key, label in said.items()}
    if name == "spirals":
        assert list(told.values()) == [
            *("two spirals", "cross-entropy", "accuracy"),
            *("first feature", "second feature"),
        ]


@pytest.mark.parametrize("name", ["spirals", "digits"])
def test_no_answer_that_ignores_its_input_has_a_lower_loss(name):
    task = TASKS[name]
    labels = task.data.val_y
    shares = torch.bincount(labels.long()).double() / len(labels)
    best, given = shares.log(), labels
    if name == "spirals":
        best, given = (shares[1:] / shares[:1]).log(), labels.double()
    loss = lambda answer: task.loss(answer.expand(len(labels), -1), given).item()
    assert loss(best) == pytest.approx(task.constant_loss, abs=1e-9)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        other = best + 0.1 * torch.randn(best.shape, generator=generator)
        assert loss(other) >= task.constant_loss


def test_the_loss_of_the_best_constant_is_recorded_and_travels_to_the_page():
    for name, task in TASKS.items():
        runs = swept(task)
        assert runs.attrs["task"]["constant_loss"] == task.constant_loss
        meta = labs.Explorer(runs).meta
        assert meta["task"]["constant_loss"] == task.constant_loss
        assert meta["task"]["title"] == f"task.{name}"
        json.dumps(meta, allow_nan=False)
    assert TASKS["valley"].constant_loss is None


@pytest.mark.parametrize(
    "constants, recorded",
    [((0.5, 0.5 + 1e-7), 0.5), ((0.5, 0.6), None), ((0.5, None), None), ((None, None), None)],
)
def test_of_tasks_that_differ_no_constant_is_recorded(constants, recorded):
    def make(which):
        return dataclasses.replace(TASKS["valley"], constant_loss=constants[which])

    runs = swept(labs.vary(make, which=[0, 1]))
    assert runs.attrs["task"]["constant_loss"] == recorded


def test_another_title_or_constant_trains_nothing_anew():
    task = TASKS["spirals"]
    assert swept(task).attrs["chunks"] == 1
    renamed = dataclasses.replace(task, title="my_task", loss_label="mine", constant_loss=None)
    again = swept(renamed)
    assert again.attrs["chunks"] == 0 and again.attrs["task"]["title"] == "my_task"
    assert "on my task (one setting)" in repr(labs.Explorer(again)._repr_mimebundle_()[0])


def test_a_record_that_holds_words_or_says_nothing_of_its_task_is_read():
    runs = record(view=False)
    task = labs.Explorer(runs).meta["task"]
    assert task == {**runs.attrs["task"], "constant_loss": None}
    bare = runs.assign_attrs(task=None, title="a table")
    assert labs.Explorer(bare).meta["task"]["title"] == "a table"
    odd = runs.assign_attrs(task={"title": 7, "constant_loss": float(np.nan), "more": [1]})
    told = {"name": "", "title": "7", "loss": "", "metric": "", "constant_loss": None}
    assert labs.Explorer(odd).meta["task"] == told


@pytest.mark.parametrize("name", TASKS)
def test_the_call_of_a_task_makes_the_same_task(name):
    again = eval(TASKS[name].call, {"labs": labs})
    assert again.call == TASKS[name].call
    assert again.data.measured == TASKS[name].data.measured
    assert all(map(torch.equal, again.data.judged(), TASKS[name].data.judged()))
    assert torch.equal(again.data.train_x, TASKS[name].data.train_x)
    assert torch.equal(again.data.train_y, TASKS[name].data.train_y)
    weights = zip(again.model(1).parameters(), TASKS[name].model(1).parameters())
    assert all(torch.equal(a, b) for a, b in weights)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_smoothed_losses_equal_torchs(share):
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(40, 10, generator=generator), torch.arange(40) % 10
    tokens = torch.randn(5, 8, 27, generator=generator), torch.arange(40).view(5, 8) % 27
    answer = torch.randn(40, 1, generator=generator)
    of_two = torch.cat([torch.zeros(40, 1), answer], dim=1), labels % 2
    theirs = lambda outputs, y: F.cross_entropy(outputs, y, label_smoothing=share)
    ours = lambda name, *told: labs.tasks.smoothed(TASKS[name].loss, *told, share)
    torch.testing.assert_close(ours("digits", logits, labels), theirs(logits, labels))
    flat = tokens[0].flatten(0, 1), tokens[1].flatten()
    torch.testing.assert_close(ours("characters", *tokens), theirs(*flat))
    torch.testing.assert_close(ours("spirals", answer, (labels % 2).float()), theirs(*of_two))
    given = TASKS["spirals"].loss(answer, (labels % 2).float(), label_smoothing=share)
    torch.testing.assert_close(given, theirs(*of_two))


@pytest.mark.parametrize("name", ["wave", "diabetes"])
def test_no_answer_but_the_mean_has_the_variance_as_loss(name):
    task = TASKS[name]
    y = task.data.val_y
    assert task.loss(y.mean().expand(len(y), 1), y).item() == pytest.approx(task.constant_loss)


def test_r_squared_is_scikit_learns_and_zero_for_the_mean():
    generator = torch.Generator().manual_seed(0)
    y, noise = torch.randn(2, 60, generator=generator)
    answer = y + 0.7 * noise
    assert labs.tasks.r_squared(answer[:, None], y).item() == pytest.approx(
        sklearn.metrics.r2_score(y, answer), abs=1e-6
    )
    assert labs.tasks.r_squared(y[:, None], y) == 1
    assert abs(labs.tasks.r_squared(y.mean().expand(60, 1), y)) < 1e-6


def test_the_network_of_the_diabetes_is_the_first_programs_with_one_output():
    model = labs.tasks.diabetes().model(0)
    assert [tuple(p.shape) for p in model.parameters()] == [(20, 10), (20,), (1, 20), (1,)]
    assert sum(p.numel() for p in model.parameters()) == 241


def test_the_view_of_the_wave_is_what_the_model_answers():
    runs = swept(TASKS["wave"])
    *_, last = labs.train(
        TASKS["wave"], labs.TrainConfig(learning_rate=1e-3, batch_size=1, steps=1)
    )
    x = torch.tensor(runs.x.values)[:, None]
    with torch.no_grad():
        answer = last.model(x).flatten()
    np.testing.assert_allclose(runs.view.isel(moment=-1).squeeze(), answer, atol=1e-5)
    truth = labs.data.wave_without_noise(x.flatten())
    np.testing.assert_allclose(runs.attrs["view"]["truth"], truth, atol=1e-4)
    assert runs.samples.shape == (32, 2) and list(runs.column.values) == ["x", "y"]


def test_the_surface_of_a_regression_is_its_training_loss():
    task = labs.tasks.regression(condition=30)
    runs = labs.sweep(task, labs.Grid(learning_rate=0.3, batch_size=8), 40)
    assert runs.sizes["moment"] == runs.sizes["step"] == 41
    points = torch.tensor(runs.view.squeeze().values)
    np.testing.assert_allclose(task.view.surface(points), runs.train_loss.squeeze(), rtol=1e-4)


def test_a_character_cannot_look_at_those_that_follow():
    model = labs.tasks.characters().model(0)
    tokens = torch.arange(16)[None] % 27
    other = tokens.clone()
    other[0, 9:] = 26
    with torch.no_grad():
        one, two = model(tokens), model(other)
    torch.testing.assert_close(one[:, :9], two[:, :9])
    assert (one[:, 9:] != two[:, 9:]).any()


def test_a_view_that_is_none_is_refused_in_words():
    with pytest.raises(ValueError, match="view must be one of labs.views.Plane.* got 'contour' wi"):
        dataclasses.replace(TASKS["spirals"], view="contour")


def test_arguments_of_the_tasks_that_cannot_be_are_refused_at_once():
    for make, given, said in (
        (labs.tasks.spirals, {"dropout": 1}, "dropout must be .*got 1"),
        (labs.tasks.wave, {"dropout": -0.1}, "dropout must be .*got -0.1"),
        (labs.tasks.digits, {"gain": 0}, "gain must be positive, got 0"),
        (labs.tasks.spirals, {"activation": "sine"}, "activation must be one of .*got 'sine'"),
        (labs.tasks.wave, {"width": 0}, "width must be .*got 0; give"),
        (labs.tasks.diabetes, {"width": 0}, "width must be .*got 0; give"),
        (labs.tasks.diabetes, {"val": 1}, "val must be a share between .*got 1;"),
        (labs.tasks.characters, {"heads": 3}, "width must be a multiple of heads, got 16 and 3"),
        (labs.tasks.characters, {"context": 0}, "context must be at least 1 .*got 0"),
        (labs.tasks.regression, {"condition": 0.5}, "condition must be at least 1.*got 0.5"),
        (labs.tasks.regression, {"features": 40}, "train at least features, got 40 and 32"),
    ):
        with pytest.raises(ValueError, match=said):
            make(**given)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_survives_pickling_and_trains_to_the_same_record(name, monkeypatch):
    monkeypatch.setenv("LABS_CACHE", "off")
    task = TASKS[name]
    again = pickle.loads(pickle.dumps(task))
    assert again.call == task.call and again is not task
    assert swept(again).drop_attrs().equals(swept(task).drop_attrs())


@pytest.mark.parametrize(
    "make, values",
    [
        (labs.tasks.spirals, dict(width=[4, 8], dropout=[0.0, 0.2], gain=1.5)),
        (labs.tasks.valley, dict(curvatures=[(1.0, 2.0, 3.0)])),
        (labs.tasks.regression, dict(features=[2, 3])),
        (labs.tasks.diabetes, dict(width=[4, 8], split=[0, 1])),
        (labs.tasks.characters, dict(heads=[1, 2])),
        (labs.tasks.characters, dict(text=["datasets", "python"], train=64)),
    ],
)
def test_tasks_with_arguments_and_variations_survive_pickling(make, values):
    first = {name: value[0] if isinstance(value, list) else value for name, value in values.items()}
    assert pickle.loads(pickle.dumps(make(**first))).call == make(**first).call
    if make is not labs.tasks.valley:  # its curvatures are no axis
        varied = labs.vary(make, **values)
        assert pickle.loads(pickle.dumps(varied)) == varied
