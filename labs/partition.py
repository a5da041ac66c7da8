"""What a network consists of: the tensors that train, and those that it holds beside.

Shapes: `P` numbers that train.
"""

import torch

FLOAT = torch.float32


def trained(model):
    """{name: parameter} of what an optimizer moves. A tensor with two names is there once."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def held(model):
    """{name: tensor} of what no optimizer moves: frozen parameters and buffers."""
    frozen = {name: p for name, p in model.named_parameters() if not p.requires_grad}
    return frozen | dict(model.named_buffers())


def vector(tensors):
    """Tensors in a row (P,)."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def load(model, theta_P):
    """Write a row (P,) into the parameters that train."""
    tensors = trained(model).values()
    for tensor, piece in zip(tensors, theta_P.split([tensor.numel() for tensor in tensors])):
        tensor.data = piece.view(tensor.shape).clone()
    return model


def check(task, model):
    """Raise ValueError where `labs.train` and `labs.sweep` cannot train `model` on the task's data:
    no parameter trains, one has no size yet, numbers are not float32, all runs would share one
    network, or something was compiled.
    """
    for thing in (*model.modules(), task.loss, task.metric):
        if {"_orig_mod", "_torchdynamo_orig_callable"} & {*dir(thing)}:
            raise ValueError(
                "networks, losses and metrics must be as they were written, got one from "
                "torch.compile; leave that out: labs.sweep compiles where it pays"
            )
    if task.model(0) is model:
        raise ValueError(
            f"make_model must make a new network at each call, got the same {type(model).__name__} "
            "twice; make the network inside of it"
        )
    for name, parameter in model.named_parameters():
        if torch.nn.parameter.is_lazy(parameter):
            raise ValueError(
                f"parameters must have a size before training, got {name!r} without one; give the "
                "layer its number of inputs instead of a Lazy module"
            )
    if not trained(model):
        raise ValueError(
            f"a network must have parameters that train, got none in {type(model).__name__}; leave "
            "requires_grad at True for some"
        )
    tensors = {f"parameter {name!r}": tensor for name, tensor in trained(model).items()}
    samples = vars(task.data).items()
    tensors |= {f"data.{name}": x for name, x in samples if isinstance(x, torch.Tensor)}
    for name, tensor in tensors.items():
        number = tensor.is_floating_point() or tensor.is_complex()
        if (number or name.startswith("parameter")) and tensor.dtype != FLOAT:
            raise ValueError(
                f"numbers must be float32, got {tensor.dtype} in {name}; write .float() where the "
                "task is made"
            )
