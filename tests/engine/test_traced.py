"""Lists of operations: what they return, how often they are made, and what they leave alone."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

import labs
from labs.engine import traced


def listed(function, *tensors):
    """The function as the interpreter runs it."""
    return traced.interpreted(traced.operations(function, *tensors))


def test_a_list_returns_what_the_function_does_and_does_not_call_it_again():
    calls = []
    function = lambda x, y: (calls.append(1), 2 * (x @ y).relu() + 1)[1]
    x, y = torch.randn(2, 5), torch.randn(5, 3)
    run = listed(function, x, y)
    for _ in range(3):
        x, y = torch.randn(2, 5), torch.randn(5, 3)
        torch.testing.assert_close(run(x, y), 2 * (x @ y).relu() + 1)
    assert len(calls) == 1


def test_what_the_function_changes_is_changed_once_by_each_call():
    x = torch.zeros(3)
    run = listed(lambda x: x.add_(1), x)
    assert x.tolist() == [0] * 3
    for count in (1, 2, 3):
        run(x)
        assert x.tolist() == [count] * 3


def test_a_tensor_that_a_list_holds_is_a_copy():
    w = torch.ones(3)
    run = listed(lambda x: x * w, torch.ones(3))
    w[1] = 7
    assert run(torch.ones(3)).tolist() == [1, 1, 1]


class Mixed(nn.Module):
    """Operations whose schemas differ from the usual.

    Flags for three outputs, a list with a gap, numbers for tensors.
    """

    def __init__(self):
        super().__init__()
        self.norm, self.conv = nn.LayerNorm(8), nn.Conv1d(1, 2, 3, padding=1)
        self.register_buffer("scale", torch.full((1,), 3.0))

    def forward(self, x):
        h = self.conv(self.norm(x)[:, None]).flatten(1) * self.scale
        return 2 * h[:, torch.tensor([1, 3])].mean() - 0.5 + h.where(h > 0, torch.tensor(0.0)).sum()


def test_gradients_of_a_network_with_unusual_operations_are_right():
    model = Mixed()
    parameters = {
        name: p.detach()[None].repeat(2, *[1] * p.dim()) for name, p in model.named_parameters()
    }
    names, x = list(parameters), torch.randn(5, 8)
    gradient = torch.func.grad(lambda parameters: functional_call(model, parameters, (x,)))
    both = lambda *tensors: tuple(vmap(gradient)(dict(zip(names, tensors))).values())
    model(x).backward()
    run = listed(both, *parameters.values())
    for p, grad in zip(model.parameters(), run(*parameters.values())):
        torch.testing.assert_close(grad, p.grad[None].expand_as(grad))


def test_where_the_interpreter_is_missing_python_runs_the_lists_as_alone_and_says_so_once(
    monkeypatch,
):
    monkeypatch.setattr(traced, "_told", threading.Event())
    monkeypatch.delattr(torch.jit, "script")
    setting = dict(learning_rate=0.1, batch_size=8)
    with pytest.warns(UserWarning) as warned:
        for width in (3, 7):  # no other test has their programs
            task = labs.tasks.spirals(width=width)
            runs = labs.sweep(task, labs.Grid(**setting, seed=[0, 1]), 6, device="cpu")
    (said,) = warned
    assert str(said.message).startswith("the interpreter should know the network's operations, but")
    assert runs.attrs["engine"] == "traced"
    alone = labs.train(task, labs.TrainConfig(**setting, seed=1, steps=6), device="cpu")
    losses = [point.train_loss for point in alone]
    np.testing.assert_allclose(runs.train_loss.sel(seed=1).squeeze(), losses, rtol=1e-4)


def test_a_condition_which_the_interpreter_does_not_know_is_run_by_python(monkeypatch):
    monkeypatch.setattr(traced, "_told", threading.Event())
    double_or_not = lambda x: torch.cond(x.sum() > 0, lambda x: 2 * x, lambda x: -x, (x,))
    with pytest.warns(UserWarning, match="the interpreter should know .* but does not"):
        run = listed(double_or_not, torch.ones(2))
    assert run(torch.ones(2)).tolist() == [2, 2] and run(-torch.ones(2)).tolist() == [1, 1]


WITHOUT = """
import numpy as np, torch, labs
from labs.engine import traced
run = traced.interpreted(traced.operations(torch.sin, torch.ones(2)))
assert isinstance(run, torch.fx.GraphModule)
task, setting = labs.tasks.wave(width=4), dict(optimizer="adam", batch_size=8)
runs = labs.sweep(task, labs.Grid(**setting), 9, device="cpu")
alone = labs.train(task, labs.TrainConfig(**setting, steps=9), device="cpu")
losses = [point.val_loss for point in alone]
np.testing.assert_allclose(runs.val_loss.squeeze(), losses, rtol=1e-4)
"""


def test_without_torchscript_python_runs_the_list_as_alone():
    environment = {**os.environ, "PYTORCH_JIT": "0"}
    subprocess.run([sys.executable, "-c", WITHOUT], env=environment, check=True)
