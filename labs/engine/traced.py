"""A function of tensors as the list of operations that it runs.

That is what trains where nothing is compiled, and what a key is made of. Python then starts no
operation, so their fixed cost falls, and several threads can run such lists side by side.
"""

import threading
import warnings

import torch
from torch._guards import TracingContext, tracing
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

# One thread traces at a time: it puts proxies into a module that the others share. And one silences
# warnings at a time: whoever stops doing so brings back what was there when it began.
_lock, _told = threading.Lock(), threading.Event()


def operations(function, *tensors):
    """The graph of operations that `function` runs on such tensors: a `torch.fx.GraphModule`.

    `function` takes and returns tensors, and does the same whatever their values are. The graph
    keeps copies of the tensors that it holds: what becomes of the function's own does not change
    it.
    """
    copies = [tensor.clone() for tensor in tensors]  # tracing runs the function
    shapes = TracingContext(FakeTensorMode(allow_fallback_kernels=True))
    with _lock, tracing(shapes):  # one of these for all nodes; make_fx makes one for each
        graph = make_fx(lambda *tensors: function(*tensors))(*copies)  # make_fx takes no method
    for name in {node.target for node in graph.graph.find_nodes(op="get_attr")}:
        held = getattr(graph, name)
        if isinstance(held, torch.Tensor):
            delattr(graph, name)
            graph.register_buffer(name, held.detach().clone())
    return graph


def interpreted(graph):
    """The module `graph`, run by PyTorch's interpreter of such lists, without Python.

    The interpreter is part of TorchScript, which is deprecated, but nothing else in PyTorch does
    this. It looks operations up by name and types: overloads go, and a number that stands for a
    tensor becomes one. Where it is missing or does not know them, Python runs the list, which is
    said once.
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
        with _lock, warnings.catch_warnings():
            # that it is deprecated, and how the class of `graph` is written
            warnings.simplefilter("ignore")
            return torch.jit.script(graph)
    except Exception as error:  # its own kinds would go with it
        if not _told.is_set():
            _told.set()
            warnings.warn(
                "the interpreter should know the network's operations, but does not, so Python "
                f"starts them, which is slower ({first_line(error)})",
                stacklevel=2,
            )
        return graph


def first_line(error):
    """The first line of an error's message, which may be empty."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _as_tensor(nodes, value):
    if not isinstance(value, (int, float)):
        return value
    dtype = torch.tensor(value).dtype
    return nodes.call_function(torch.ops.aten.scalar_tensor, (value,), {"dtype": dtype})
