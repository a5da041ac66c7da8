"""A function of tensors as the list of operations that it runs.

That is what trains where nothing is compiled, and what a key is made of. Python then starts no
operation, so their fixed cost falls, and several threads can run such lists side by side.
"""

import threading
import warnings

import torch
from torch.fx.experimental.proxy_tensor import make_fx

_lock = (
    threading.Lock()
)  # one thread traces at a time: it puts proxies into a module that the others share


def operations(function, *tensors):
    """The graph of operations that `function` runs on such tensors: a `torch.fx.GraphModule`.

    `function` takes and returns tensors, and does the same whatever their values are.
    """
    copies = [
        tensor.clone() for tensor in tensors
    ]  # tracing runs the function, which may change them
    with _lock:
        return make_fx(lambda *tensors: function(*tensors))(*copies)  # make_fx takes no method


class Traced:
    """Calls `function` as a list of operations, written down once for each combination of shapes.

    PyTorch's interpreter of such lists, part of TorchScript, is deprecated, but nothing else in
    PyTorch starts them without Python.
    """

    def __init__(self, function):
        self.function, self.lists, self.lock = function, {}, threading.Lock()

    def __call__(self, *tensors):
        """What the function returns."""
        shapes = tuple(tensor.shape for tensor in tensors)
        if shapes not in self.lists:
            with self.lock:
                if shapes not in self.lists:  # another thread may have been first
                    self.lists[shapes] = _interpreted(operations(self.function, *tensors))
        return self.lists[shapes](*tensors)


def _interpreted(graph):
    """The module `graph`, run by the interpreter.

    It looks operations up by name and types: overloads go, and a number that stands for a tensor
    becomes one.
    """
    nodes = graph.graph
    for node in nodes.nodes:
        if isinstance(node.target, torch._ops.OpOverload):
            with nodes.inserting_before(node):
                node.args = tuple(
                    _as_tensor(nodes, value) if str(wanted.type) == "Tensor" else value
                    for value, wanted in zip(node.args, node.target._schema.arguments)
                )
            node.target = node.target.overloadpacket
    graph.recompile()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # that it is deprecated, and how the class of `graph` is written
            return torch.jit.script(graph)
    except (RuntimeError, torch.jit.frontend.FrontendError) as error:
        reason = str(error).strip().splitlines()[0]
        warnings.warn(
            "the interpreter should know the network's operations, but does not, so Python "
            f"starts them, which is slower ({reason})",
            stacklevel=2,
        )
        return graph


def _as_tensor(nodes, value):
    if not isinstance(value, (int, float)):
        return value
    dtype = torch.tensor(value).dtype
    return nodes.call_function(torch.ops.aten.scalar_tensor, (value,), {"dtype": dtype})
