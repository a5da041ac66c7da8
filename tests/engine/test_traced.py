"""Lists of operations: what they return, how often they are made, and what they leave alone."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

from labs.engine import traced


def test_a_list_is_written_once_for_each_combination_of_shapes_and_returns_what_the_function_does():
    calls = []
    listed = traced.Traced(lambda x, y: (calls.append(1), 2 * (x @ y).relu() + 1)[1])
    for columns in (3, 4, 3, 4):
        x, y = torch.randn(2, 5), torch.randn(5, columns)
        torch.testing.assert_close(listed(x, y), 2 * (x @ y).relu() + 1)
    assert len(calls) == 2


def test_what_the_function_changes_is_changed_once_by_each_call():
    listed = traced.Traced(lambda x: x.add_(1))
    x = torch.zeros(3)
    for count in (1, 2, 3):
        listed(x)
        assert x.tolist() == [count] * 3


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
    for p, grad in zip(model.parameters(), traced.Traced(both)(*parameters.values())):
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
        listed = traced._interpreted(torch.fx.GraphModule(nn.Module(), graph))
    assert listed(torch.zeros(2)).tolist() == [1, 1]
