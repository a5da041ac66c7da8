"""What a task says of itself: keys of the table of words, and the loss of the best constant."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from test_payload import record

import labs
from labs import words

TASKS = {
    "spirals": labs.tasks.spirals(train=16, val=24, flipped=0.3),
    "digits": labs.tasks.digits(),
    "valley": labs.tasks.valley(),
}


def swept(task):
    return labs.sweep(task, labs.Grid(learning_rate=[0.1], batch_size=[1]), steps=1)


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
