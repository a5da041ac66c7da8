"""A step of two runs before a sweep trains: many runs at once must do what each does alone.

What they do not agree on is refused in a sentence that names it and says what to use instead.
"""

import contextlib
import linecache
import pathlib
import traceback
import warnings

import torch
from torch import nn

import labs
from labs import chance, partition
from labs.engine.traced import first_line

SHARE = 1e-2  # by which gradients or scores may differ: sums in another order
LOSSES = "loss of a batch", "training loss", "validation loss", "metric"
FACTS = (bool, int, float, str, type(None))
OURS = *(str(pathlib.Path(module.__file__).parent) for module in (torch, labs)), contextlib.__file__
INSTEAD = {  # parts of PyTorch that cannot be trained so, and what can
    nn.modules.batchnorm._NormBase: "nn.LayerNorm or nn.GroupNorm",
    nn.RNNBase: "nn.RNNCell or nn.GRUCell in a loop",
    nn.LSTMCell: "nn.RNNCell or nn.GRUCell",
}
ADVICE = {  # what an error or the line says, and what to do
    "one_hot": "write (y[..., None] == torch.arange(classes)).float() instead of one_hot",
    "randomness": "draw with nn.Dropout, torch.rand or torch.randn, and only where self.training",
    "saved tensor hooks": "leave out torch.utils.checkpoint or torch.func.grad, or use labs.train",
    "control flow": "choose by torch.where instead of if; leave out .item(), float() and int()",
    "data pointer": "compute with torch to the end, without numpy or tolist",
    "return Tensors": "return a tensor of one number",
    "dynamic shape": "multiply by the mask or use torch.where instead of x[mask]",
    "broadcast shape": "write y = y + x instead of changing y in place",
}


def probe(work, batch_size, seeds):
    """Raise ValueError where a step of these seeds, its scores or its view differ from the run
    alone, or cannot be had for many runs at once.
    """
    task, ensemble, device = work.task, work.ensemble, work.device
    x, y = (tensor[:batch_size] for tensor in (work.samples.train_x, work.samples.train_y))
    expected = [_alone(task, seed, x, y, work.samples) for seed in seeds]
    if expected[0][2].isfinite() and not expected[0][3].isfinite():
        warnings.warn(
            f"the validation loss should be a number before the first step, got "
            f"{expected[0][3].item()} with seed {seeds[0]}; check the validation samples",
            stacklevel=4,
        )
    place = torch.tensor(seeds, device=device), torch.zeros(1, dtype=torch.int64, device=device)
    batch = (tensor.expand(len(seeds), *tensor.shape).clone() for tensor in (x, y))
    theta_RP, held = ensemble.start(seeds)
    with _refusing(ensemble):
        ensemble.bytes_per_run(x, y, slots=0)
        grad_RP, loss_R = ensemble.gradients(theta_RP, *batch, *place, held)
        scores = ensemble.scores(theta_RP, *work.samples.judged(), *held)
        if work.points is not None:
            ensemble.pictures(theta_RP, work.points, *held)
    for row, (grad_P, *losses) in enumerate(expected):
        _compare("gradient", grad_RP[row], grad_P)
        for name, value, alone in zip(LOSSES, (loss_R[row], *scores[:, row]), losses):
            _compare(name, value, alone)


def _alone(task, seed, x, y, samples):
    """Gradient (P,), loss and scores of one run by itself.

    Raises ValueError where a call changes the network or its inputs.
    """
    model = task.model(seed).to(x.device).train()
    tensors = dict(model.named_parameters()) | dict(model.named_buffers())
    before = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    facts = []
    for _ in range(2):
        with chance.stream(seed, 0, x.device):
            loss = task.loss(model(x), y)
        facts.append(_facts(model))
    if loss.dim():
        raise ValueError(
            f"a loss must return one number, got a tensor of shape {tuple(loss.shape)}; take its "
            "mean"
        )
    changed = [name for name, tensor in tensors.items() if not _same(before[name], tensor)]
    changed += [name for name, value in facts[0].items() if facts[1].get(name) != value]
    if changed:
        owner = model.get_submodule(changed[0].rpartition(".")[0])
        raise ValueError(
            "a network must leave itself as it is when it is called, got another "
            f"{changed[0]!r} of {type(owner).__name__} after a call; use {_instead(owner)}"
        )
    trained = partition.trained(model).values()
    slopes = torch.autograd.grad(loss, trained, allow_unused=True, materialize_grads=True)
    copies = [tensor.clone() for tensor in samples.judged()]
    with torch.no_grad():
        try:
            outputs = [model.eval()(copies[0]), model(copies[2])]
        except RuntimeError as error:
            raise ValueError(
                "a network is measured under torch.no_grad and should run there, but does not "
                f"({first_line(error)}); leave torch.autograd.grad out of it"
            ) from error
        scores = [task.loss(outputs[0], copies[1]), task.loss(outputs[1], copies[3])]
        scores += [task.metric(outputs[1], copies[3])] if task.metric else []
    if not all(map(_same, copies, samples.judged())):
        raise ValueError(
            "a network must leave its inputs as they are, got other ones after a call; write "
            "x = f(x) instead of changing x in place"
        )
    return partition.vector(slopes), loss, *scores


def _same(one, other):
    return torch.equal(one.nan_to_num(), other.nan_to_num())


def _facts(model):
    """The plain attributes of all modules, such as a counter."""
    return {
        f"{path}.{name}".lstrip("."): value
        for path, module in model.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, FACTS) and name != "training"
    }


def _instead(module):
    known = [words for kind, words in INSTEAD.items() if isinstance(module, kind)]
    return known[0] if known else "a network without such state, or labs.train"


def _compare(name, value, alone):
    value, alone = (torch.as_tensor(v).double().cpu() for v in (value, alone))
    finite = value.isfinite() & alone.isfinite()
    apart = (value - alone)[finite].norm(), alone[finite].norm()
    if not apart[0] <= SHARE * apart[1] + 1e-6 or (value.isfinite() != alone.isfinite()).any():
        raise ValueError(
            f"many runs at once should have the {name} of each alone, but differ: "
            f"{value.norm():.6g} and {alone.norm():.6g}; something in the network depends on what "
            "is beside it, or changes from call to call: use labs.train"
        )


@contextlib.contextmanager
def _refusing(ensemble):
    """Turn what PyTorch says when it cannot run many networks at once into a sentence."""
    inside, hooks = [], []
    try:
        for model in (ensemble.model, ensemble.judged):
            for path, module in model.named_modules():
                enter = lambda module, _, path=path: inside.append((path, module))
                hooks.append(module.register_forward_pre_hook(enter))
                hooks.append(module.register_forward_hook(lambda *_: inside.pop() and None))
        yield
    except (RuntimeError, TypeError, NotImplementedError, ValueError) as error:
        raise ValueError(_sentence(error, inside)) from error
    finally:
        for hook in hooks:
            hook.remove()


def _sentence(error, inside):
    place = ""
    if inside and inside[-1][0]:
        path, module = inside[-1]
        place = f" in {path!r} ({type(module).__name__})"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(OURS) and linecache.getline(frame.filename, frame.lineno):
            place += f", {pathlib.Path(frame.filename).name}:{frame.lineno}: {frame.line}"
            break
    known = [words for said, words in ADVICE.items() if said in str(error) + place]
    if inside and _instead(inside[-1][1]) in INSTEAD.values():
        known = [f"use {_instead(inside[-1][1])}"]
    advice = known[0] if known else "write it with other operations of PyTorch, or use labs.train"
    return (
        "labs.sweep runs many networks at once, and this one should allow it, but does not"
        f"{place} ({first_line(error).split('. ')[0]}); {advice}"
    )
