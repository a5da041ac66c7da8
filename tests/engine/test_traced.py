"""Lists of operations: what they return, how often they are made, and what they leave alone."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

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


def plus_one(*numbers):
    return numbers[0] + 1


def test_a_list_that_the_interpreter_does_not_know_is_run_by_python_and_says_so():
    graph = torch.fx.Graph()
    x = graph.placeholder("x")
    graph.output(graph.call_function(plus_one, (x,)))
    with pytest.warns(
        UserWarning, match="the interpreter should know the network's operations, but does not"
    ):
        run = traced.interpreted(torch.fx.GraphModule(nn.Module(), graph))
    assert run(torch.zeros(2)).tolist() == [1, 1]
