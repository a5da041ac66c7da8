"""Networks, losses and metrics of many kinds: what labs.sweep must train as labs.train does, or
refuse in a sentence.

`NETWORKS`: {name: (make_model, what x is, words of the refusal or None)}.
"""

import functools
import math
import random

import torch
import torch.nn.functional as F
import torch.nn.utils.prune
from torch import nn

ROWS, TOKENS, POINTS = "rows (8, 8)", "tokens (8,)", "points (64,)"


class Of(nn.Module):
    """A module from a function of the linear layer's output."""

    def __init__(self, function, inputs=64, outputs=10):
        super().__init__()
        self.layer, self.function = nn.Linear(inputs, outputs), function

    def forward(self, x):
        return self.function(self.layer(x))


class Last(nn.Module):
    """A recurrent layer over the rows of a digit, read at the end."""

    def __init__(self, kind, **options):
        super().__init__()
        self.layer = kind(8, 10, batch_first=True, **options)
        self.head = nn.Linear(10 * (1 + options.get("bidirectional", False)), 10)

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


class Unrolled(nn.Module):
    """A recurrent cell in a loop."""

    def __init__(self, kind):
        super().__init__()
        self.cell, self.head = kind(8, 10), nn.Linear(10, 10)

    def forward(self, x):
        state = None
        for t in range(x.shape[1]):
            state = self.cell(x[:, t], state)
        return self.head(state[0] if isinstance(state, tuple) else state)


class Attention(nn.Module):
    def __init__(self, dropout=0.0):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True, dropout=dropout)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        return self.head((x + self.attention(x, x, x)[0]).mean(1))


class Causal(nn.Module):
    """Attention under a mask that is a buffer of truth values."""

    def __init__(self):
        super().__init__()
        self.query, self.head = nn.Linear(8, 8), nn.Linear(8, 10)
        self.register_buffer("mask", torch.ones(8, 8, dtype=torch.bool).tril())

    def forward(self, x):
        q = self.query(x)
        scores = (q @ x.transpose(-1, -2)).masked_fill(~self.mask, -torch.inf)
        return self.head((scores.softmax(-1) @ x).mean(1))


class Tied(nn.Module):
    """One matrix embeds and scores."""

    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.Embedding(17, 17), nn.Linear(17, 17, bias=False)
        self.head.weight = self.embed.weight
        self.out = nn.Linear(17, 10)

    def forward(self, x):
        return self.out(self.head(self.embed(x)).mean(1))


class Bag(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.head = nn.EmbeddingBag(17, 8), nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.embed(x))


class Embedded(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.embed, self.head = nn.Embedding(17, 8, **options), nn.Linear(8, 10)

    def forward(self, x):
        return self.head(self.embed(x).mean(1))


class Fourier(nn.Module):
    """Random features that each seed draws for itself, in a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("waves", torch.randn(64, 16))
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        return self.head((x @ self.waves).sin())


class Frozen(nn.Module):
    """A first layer that does not train."""

    def __init__(self):
        super().__init__()
        self.first, self.head = nn.Linear(64, 16), nn.Linear(16, 10)
        self.first.requires_grad_(False)

    def forward(self, x):
        return self.head(self.first(x).relu())


class Unused(nn.Module):
    """A layer that no output depends on."""

    def __init__(self):
        super().__init__()
        self.head, self.spare = nn.Linear(64, 10), nn.Linear(3, 3)

    def forward(self, x):
        return self.head(x)


class Noisy(nn.Module):
    """Adds noise as it trains, or always."""

    def __init__(self, always):
        super().__init__()
        self.head, self.always = nn.Linear(64, 10), always

    def forward(self, x):
        noise = 0.1 * torch.randn_like(x) if self.training or self.always else 0
        return self.head(x + noise)


class Counter(nn.Module):
    """A step count in a buffer or a number, that scales the output."""

    def __init__(self, buffer):
        super().__init__()
        self.head = nn.Linear(64, 10)
        if buffer:
            self.register_buffer("calls", torch.zeros(()))
        else:
            self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.head(x) / (1 + self.calls)


class Remembering(nn.Module):
    """Keeps its last features for a look at them."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(64, 16), nn.Linear(16, 10)
        self.seen = None

    def forward(self, x):
        self.seen = self.layer(x).relu()
        return self.head(self.seen)


class Experts(nn.Module):
    """A soft mixture of experts, the weights in one stack."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(64, 4)
        self.experts = nn.Parameter(torch.randn(4, 64, 10) / 8)

    def forward(self, x):
        return torch.einsum("be,bd,edo->bo", self.gate(x).softmax(-1), x, self.experts)


class Routed(nn.Module):
    """A hard mixture: each sample goes to the experts that an index picks."""

    def __init__(self):
        super().__init__()
        self.gate, self.experts = nn.Linear(64, 3), nn.ModuleList(nn.Linear(64, 10) for _ in "abc")

    def forward(self, x):
        weight, chosen = self.gate(x).softmax(-1).max(-1)
        out = x.new_zeros(len(x), 10)
        for i, expert in enumerate(self.experts):
            out[chosen == i] = expert(x[chosen == i])
        return out * weight[:, None]


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(64, 64) for _ in range(3))
        self.scale = nn.ParameterList(nn.Parameter(torch.ones(())) for _ in range(3))
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        for layer, scale in zip(self.layers, self.scale):
            x = x + scale * F.gelu(layer(x))
        return self.head(x)


class InPlace(nn.Module):
    """Changes the samples that it is given."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(x.sub_(0.5))


class Keyed(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ParameterDict({"w": torch.randn(64, 10) / 8, "b": torch.zeros(10)})

    def forward(self, x):
        return x @ self.parts["w"] + self.parts["b"]


class Complex(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Parameter(torch.randn(64, 10, dtype=torch.complex64) / 8)

    def forward(self, x):
        return (x.to(torch.complex64) @ self.head).abs()


class Twice(nn.Module):
    """A bilinear form of the pixels."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Bilinear(64, 64, 10)

    def forward(self, x):
        return self.layer(x, x)


class Checkpointed(nn.Module):
    """Recomputes its activations."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Sequential(nn.Linear(64, 16), nn.Tanh()), nn.Linear(16, 10)

    def forward(self, x):
        return self.head(torch.utils.checkpoint.checkpoint(self.body, x, use_reentrant=False))


def in_bfloat16(h):
    with torch.autocast("cpu", torch.bfloat16):
        return (h @ torch.eye(10)).float()


def net(*layers):
    return lambda: nn.Sequential(*(make() for make in layers))


def with_first(change):
    """A two-layer network whose first layer `change` was applied to."""

    def make():
        first = nn.Linear(64, 16)
        return nn.Sequential(change(first) or first, nn.Tanh(), nn.Linear(16, 10))

    return make


def hidden(layer):
    """A network of two layers with `layer()` between them."""
    return lambda: nn.Sequential(nn.Linear(64, 16), layer(), nn.Linear(16, 10))


def image(*layers):
    """A network of an 8 by 8 image."""
    return lambda: nn.Sequential(nn.Unflatten(-1, (1, 8, 8)), *(make() for make in layers))


def hooked():
    model = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10))
    model[0].register_forward_hook(lambda module, inputs, output: output * 2)
    return model


def gradient_hooked():
    model = nn.Linear(64, 10)
    model.weight.register_hook(lambda gradient: 2 * gradient)
    return model


def with_slope(h):
    return h + torch.func.grad(lambda h: (h**3).sum())(h)


def with_autograd(h):
    with_leaf = h.detach().requires_grad_()
    return h + torch.autograd.grad((with_leaf**3).sum(), with_leaf)[0]


def with_inverse(h):
    return h @ torch.linalg.inv(torch.eye(10) + h.mT @ h)


def with_exponential(h):
    return h @ torch.matrix_exp(-h.mT @ h / 96)


def halved(h):
    while h.abs().sum() > 1:
        h = h / 2
    return h


class Sign(torch.autograd.Function):
    """Its slope is taken to be 1."""

    @staticmethod
    def forward(ctx, h):
        return h.sign()

    @staticmethod
    def backward(ctx, slope):
        return slope


class Listed(nn.Module):
    """Holds random numbers where PyTorch does not look."""

    def __init__(self):
        super().__init__()
        self.layer, self.held = nn.Linear(64, 10), [torch.randn(64)]

    def forward(self, x):
        return self.layer(x * self.held[0])


class Scaled(nn.Module):
    """Has a parameter of no dimension."""

    def __init__(self):
        super().__init__()
        self.layer, self.scale = nn.Linear(64, 10), nn.Parameter(torch.tensor(1.5))

    def forward(self, x):
        return self.scale * self.layer(x)


class Decoded(nn.Module):
    """Attends to its own rows and to those given."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.layer(x, x).flatten(1))


class CausalAttention(nn.Module):
    """A row attends to itself and to those before it."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(F.scaled_dot_product_attention(x, x, x, is_causal=True).flatten(1))


CONVOLVED = (lambda: nn.Conv2d(1, 4, 3), nn.ReLU)
HEAD = (nn.Flatten, lambda: nn.Linear(144, 10))
STATE = "must leave itself as it is"
NETWORKS = {
    "multilayer perceptron": (hidden(nn.Tanh), POINTS, None),
    "GELU": (hidden(nn.GELU), POINTS, None),
    "in-place ReLU": (hidden(lambda: nn.ReLU(inplace=True)), POINTS, None),
    "PReLU": (hidden(nn.PReLU), POINTS, None),
    "SiLU": (hidden(nn.SiLU), POINTS, None),
    "softmax inside": (hidden(lambda: nn.Softmax(-1)), POINTS, None),
    "GLU": (net(lambda: nn.Linear(64, 32), nn.GLU, lambda: nn.Linear(16, 10)), POINTS, None),
    "RReLU": (hidden(nn.RReLU), POINTS, "rrelu"),
    "LayerNorm": (hidden(lambda: nn.LayerNorm(16)), POINTS, None),
    "RMSNorm": (hidden(lambda: nn.RMSNorm(16)), POINTS, None),
    "GroupNorm": (image(*CONVOLVED, lambda: nn.GroupNorm(2, 4), *HEAD), POINTS, None),
    "InstanceNorm": (image(*CONVOLVED, lambda: nn.InstanceNorm2d(4), *HEAD), POINTS, None),
    "BatchNorm1d": (hidden(lambda: nn.BatchNorm1d(16)), POINTS, "nn.LayerNorm or nn.GroupNorm"),
    "BatchNorm2d": (
        image(*CONVOLVED, lambda: nn.BatchNorm2d(4), *HEAD),
        POINTS,
        "nn.LayerNorm or nn.GroupNorm",
    ),
    "BatchNorm without statistics": (
        hidden(lambda: nn.BatchNorm1d(16, track_running_stats=False)),
        POINTS,
        None,
    ),
    "InstanceNorm with statistics": (
        image(*CONVOLVED, lambda: nn.InstanceNorm2d(4, track_running_stats=True), *HEAD),
        POINTS,
        "nn.LayerNorm or nn.GroupNorm",
    ),
    "LocalResponseNorm": (image(*CONVOLVED, lambda: nn.LocalResponseNorm(2), *HEAD), POINTS, None),
    "Dropout": (hidden(lambda: nn.Dropout(0.3)), POINTS, None),
    "Dropout2d": (image(*CONVOLVED, lambda: nn.Dropout2d(0.3), *HEAD), POINTS, "random numbers"),
    "AlphaDropout": (hidden(lambda: nn.AlphaDropout(0.3)), POINTS, "random numbers"),
    "noise": (lambda: Noisy(False), POINTS, None),
    "noise that is measured too": (lambda: Noisy(True), POINTS, "only where self.training"),
    "Python's random numbers": (lambda: Of(lambda h: h * random.random()), POINTS, "differ"),
    "convolution": (image(*CONVOLVED, *HEAD), POINTS, None),
    "max pooling": (
        image(*CONVOLVED, lambda: nn.MaxPool2d(2), nn.Flatten, lambda: nn.Linear(36, 10)),
        POINTS,
        None,
    ),
    "average pooling": (
        image(*CONVOLVED, lambda: nn.AdaptiveAvgPool2d(2), nn.Flatten, lambda: nn.Linear(16, 10)),
        POINTS,
        None,
    ),
    "transposed convolution": (
        image(lambda: nn.ConvTranspose2d(1, 2, 2), nn.Flatten, lambda: nn.Linear(162, 10)),
        POINTS,
        None,
    ),
    "upsampling": (
        image(
            lambda: nn.Upsample(scale_factor=2),
            lambda: nn.Conv2d(1, 2, 3, stride=2),
            nn.Flatten,
            lambda: nn.Linear(98, 10),
        ),
        POINTS,
        None,
    ),
    "convolution over a sequence": (
        net(lambda: nn.Conv1d(8, 4, 3), nn.Flatten, lambda: nn.Linear(24, 10)),
        ROWS,
        None,
    ),
    "Bilinear": (Twice, POINTS, None),
    "RNN": (lambda: Last(nn.RNN), ROWS, "nn.RNNCell"),
    "LSTM": (lambda: Last(nn.LSTM), ROWS, "nn.GRUCell"),
    "GRU": (lambda: Last(nn.GRU), ROWS, "nn.GRUCell"),
    "bidirectional GRU": (lambda: Last(nn.GRU, bidirectional=True), ROWS, "nn.GRUCell"),
    "RNNCell": (lambda: Unrolled(nn.RNNCell), ROWS, None),
    "LSTMCell": (lambda: Unrolled(nn.LSTMCell), ROWS, "nn.GRUCell"),
    "GRUCell": (lambda: Unrolled(nn.GRUCell), ROWS, None),
    "MultiheadAttention": (Attention, ROWS, None),
    "MultiheadAttention with dropout": (lambda: Attention(0.1), ROWS, "torch.rand"),
    "TransformerEncoderLayer": (
        net(
            lambda: nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True),
            nn.Flatten,
            lambda: nn.Linear(64, 10),
        ),
        ROWS,
        None,
    ),
    "attention under a mask": (Causal, ROWS, None),
    "Embedding": (Embedded, TOKENS, None),
    "Embedding with padding": (lambda: Embedded(padding_idx=0), TOKENS, None),
    "Embedding with a largest norm": (lambda: Embedded(max_norm=0.1), TOKENS, STATE),
    "EmbeddingBag": (Bag, TOKENS, None),
    "tied weights": (Tied, TOKENS, None),
    "random features in a buffer": (Fourier, POINTS, None),
    "a frozen layer": (Frozen, POINTS, None),
    "a layer that nothing uses": (Unused, POINTS, None),
    "everything frozen": (lambda: hidden(nn.Tanh)().requires_grad_(False), POINTS, "that train"),
    "no parameters": (lambda: nn.Sequential(nn.Flatten()), POINTS, "that train"),
    "a lazy layer": (lambda: nn.LazyLinear(10), POINTS, "number of inputs"),
    "a counter in a buffer": (lambda: Counter(True), POINTS, STATE),
    "a counter in a number": (lambda: Counter(False), POINTS, STATE),
    "features that are kept": (Remembering, POINTS, None),
    "a mixture of experts": (Experts, POINTS, None),
    "experts behind a mask": (Routed, POINTS, "torch.where instead of x[mask]"),
    "residual, with lists": (Residual, POINTS, None),
    "a dictionary of parameters": (Keyed, POINTS, None),
    "in-place on the samples": (InPlace, POINTS, "leave its inputs as they are"),
    "weight norm": (
        with_first(lambda layer: nn.utils.parametrizations.weight_norm(layer) and None),
        POINTS,
        None,
    ),
    "spectral norm": (
        with_first(lambda layer: nn.utils.parametrizations.spectral_norm(layer) and None),
        POINTS,
        STATE,
    ),
    "orthogonal weights": (
        with_first(lambda layer: nn.utils.parametrizations.orthogonal(layer) and None),
        POINTS,
        None,
    ),
    "a forward hook": (hooked, POINTS, None),
    "channels last": (
        lambda: image(*CONVOLVED, *HEAD)().to(memory_format=torch.channels_last),
        POINTS,
        None,
    ),
    "float64": (lambda: hidden(nn.Tanh)().double(), POINTS, "float32"),
    "bfloat16": (lambda: hidden(nn.Tanh)().bfloat16(), POINTS, "float32"),
    "complex numbers": (Complex, POINTS, "float32"),
    "recomputed activations": (Checkpointed, POINTS, "leave out torch.utils.checkpoint"),
    "a slope inside": (lambda: Of(with_slope), POINTS, "torch.func.grad, or use labs.train"),
    "torch.autograd.grad inside": (lambda: Of(with_autograd), POINTS, "leave torch.autograd.grad"),
    "compiled": (lambda: torch.compile(hidden(nn.Tanh)()), POINTS, "from torch.compile; leave"),
    "one network for all": (functools.cache(hidden(nn.Tanh)), POINTS, "a new network"),
    "DataParallel": (lambda: nn.DataParallel(nn.Linear(64, 10)), POINTS, "DataParallel"),
    "SyncBatchNorm": (hidden(lambda: nn.SyncBatchNorm(16)), POINTS, "nn.LayerNorm"),
    "pruned": (
        with_first(lambda layer: nn.utils.prune.l1_unstructured(layer, "weight", 0.5) and None),
        POINTS,
        None,
    ),
    "a hook on the gradient": (gradient_hooked, POINTS, "use labs.train"),
    "a tensor in a list": (Listed, POINTS, "use labs.train"),
    "a function of autograd's": (lambda: Of(Sign.apply), POINTS, "setup_context"),
    "channels dropped": (hidden(lambda: nn.Dropout1d(0.5)), POINTS, "torch.rand"),
    "Gumbel": (lambda: Of(F.gumbel_softmax), POINTS, "gumbel_softmax"),
    "TransformerDecoderLayer": (Decoded, ROWS, None),
    "attention that looks back": (CausalAttention, ROWS, None),
    "an inverse": (lambda: Of(with_inverse), POINTS, None),
    "a matrix exponential": (lambda: Of(with_exponential), POINTS, None),
    "a median": (lambda: Of(lambda h: h - h.median(1, keepdim=True).values), POINTS, None),
    "different values": (
        lambda: Of(lambda h: h + h.detach().unique().sum()),
        POINTS,
        "torch.where",
    ),
    "a loop until": (lambda: Of(halved), POINTS, "torch.where instead of if"),
    "a number that trains": (Scaled, POINTS, None),
    "if": (lambda: Of(lambda h: h if h.sum() > 0 else -h), POINTS, "torch.where instead of if"),
    "a boolean mask": (
        lambda: Of(lambda h: h * h[h > 0].sum()),
        POINTS,
        "torch.where instead of x[mask]",
    ),
    ".item()": (lambda: Of(lambda h: h / h.abs().max().item()), POINTS, "leave out .item()"),
    "numpy": (lambda: Of(lambda h: h + torch.tensor(h.detach().numpy())), POINTS, "without numpy"),
    "sorting": (lambda: Of(lambda h: h.sort(-1).values), POINTS, None),
    "singular values": (
        lambda: Of(
            lambda h: h * torch.linalg.svdvals(h.unflatten(-1, (2, 5))).sum(-1, keepdim=True)
        ),
        POINTS,
        None,
    ),
    "a Fourier transform": (lambda: Of(lambda h: torch.fft.rfft(h, n=18).abs()), POINTS, None),
    "distances": (lambda: Of(lambda h: torch.cdist(h, torch.eye(10)), 64, 10), POINTS, None),
    "a loop over the width": (
        lambda: Of(lambda h: torch.stack([h[:, i].tanh() for i in range(10)], -1)),
        POINTS,
        None,
    ),
    "autocast inside": (lambda: Of(in_bfloat16), POINTS, None),
    "scripted": (lambda: torch.jit.script(hidden(nn.Tanh)()), POINTS, "labs.train"),
}


def one_hot(y):
    return (y[..., None] == torch.arange(10)).float()


def entropy(outputs, y):
    return F.cross_entropy(outputs, y)


def focal(outputs, y):
    """Lin et al. 2017, gamma 2."""
    likelihood = -F.cross_entropy(outputs, y, reduction="none")
    return -((1 - likelihood.exp()) ** 2 * likelihood).mean()


def hard_only(outputs, y):
    losses = F.cross_entropy(outputs, y, reduction="none")
    return losses[losses > losses.mean()].mean()


def accuracy(outputs, y):
    return (outputs.argmax(-1) == y).float().mean()


def recall_of_ones(outputs, y):
    right = (outputs.argmax(-1) == y) & (y == 1)
    return right.sum() / (y == 1).sum()


def confusion(outputs, y):
    return torch.bincount(10 * y + outputs.argmax(-1), minlength=100)[0].float()


def by_sklearn(outputs, y):
    from sklearn.metrics import f1_score

    return f1_score(y.numpy(), outputs.argmax(-1).numpy(), average="macro")


LOSSES = {  # name: (loss, words of the refusal or None)
    "cross-entropy": (entropy, None),
    "compiled": (torch.compile(F.cross_entropy), "from torch.compile; leave"),
    "nn.CrossEntropyLoss": (nn.CrossEntropyLoss(), None),
    "weighted classes": (nn.CrossEntropyLoss(weight=torch.linspace(1, 2, 10)), None),
    "smoothed labels": (nn.CrossEntropyLoss(label_smoothing=0.1), None),
    "a sum": (lambda o, y: F.cross_entropy(o, y, reduction="sum") / 100, None),
    "margin": (nn.MultiMarginLoss(), None),
    "likelihood": (lambda o, y: F.nll_loss(o.log_softmax(-1), y), None),
    "squared error": (lambda o, y: F.mse_loss(o, one_hot(y)), None),
    "squared error by F.one_hot": (
        lambda o, y: F.mse_loss(o, F.one_hot(y, 10).float()),
        "torch.arange(classes)",
    ),
    "Huber": (lambda o, y: F.huber_loss(o, one_hot(y)), None),
    "divergence": (
        lambda o, y: F.kl_div(o.log_softmax(-1), 0.9 * one_hot(y) + 0.01, reduction="batchmean"),
        None,
    ),
    "focal": (focal, None),
    "negative": (lambda o, y: F.cross_entropy(o, y) - 100, None),
    "zero at the start": (lambda o, y: (o - o.detach()).square().mean() + 0 * o.sum(), None),
    "the hard samples alone": (hard_only, "torch.where instead of x[mask]"),
    "by .item()": (lambda o, y: F.cross_entropy(o, y) * o.abs().max().item(), "leave out .item()"),
    "one number a sample": (lambda o, y: F.cross_entropy(o, y, reduction="none"), "one number"),
}
METRICS = {
    "accuracy": (accuracy, None),
    "recall": (recall_of_ones, None),
    "top 3": (lambda o, y: (o.topk(3).indices == y[:, None]).any(-1).float().mean(), None),
    "right answers": (lambda o, y: (o.argmax(-1) == y).sum(), None),
    "entropy of the answers": (
        lambda o, y: torch.special.entr(o.softmax(-1).mean(0)).sum() / math.log(10),
        None,
    ),
    "calibration": (lambda o, y: (o.softmax(-1).amax(-1).mean() - accuracy(o, y)).abs(), None),
    "a number of Python": (lambda o, y: accuracy(o, y).item(), "leave out .item()"),
    "scikit-learn's": (by_sklearn, "without numpy"),
    "a constant of Python": (lambda o, y: 1.0, "return a tensor"),
    "counts": (confusion, None),
}
