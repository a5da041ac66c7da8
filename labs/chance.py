"""Random numbers inside a network, such as dropout's: each run has a stream of its own.

PyTorch draws them from one stream a process, so what a run gets would depend on what trains beside
it. Here a number is a function of the run's seed, the step, and its place among the numbers of the
step: a hash of these. So a run of a sweep draws what the run alone draws, on every device.
"""

import math

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

GOLDEN, FIRST, SECOND = -0x61C88647, 0x7FEB352D, -0x7B935975  # odd, below 2**31
REFUSED = (
    *(torch.randint, torch.randint_like, torch.randperm, torch.normal, torch.multinomial),
    *(torch.poisson, torch.binomial, torch.rrelu, F.rrelu, F.gumbel_softmax),
    *(F.alpha_dropout, F.feature_alpha_dropout, F.dropout1d, F.dropout2d, F.dropout3d),
    *(F.fractional_max_pool2d, F.fractional_max_pool3d),
    *(torch.dropout, torch.feature_dropout, torch.alpha_dropout),
    *(torch.Tensor.uniform_, torch.Tensor.normal_, torch.Tensor.exponential_),
    *(torch.Tensor.bernoulli_, torch.Tensor.random_, torch.Tensor.geometric_),
)


def key(seed, step):
    """The key of the numbers that a run draws at `step`, both tensors of whole numbers: int32."""
    return _mixed(_mixed(seed.int()) + GOLDEN * (step.int() + 1))


def draws(model, x):
    """Whether `model`, as it trains, draws random numbers for the inputs x."""
    with Stream(torch.zeros((), dtype=torch.int32, device=x.device)) as stream:
        model(x)
    return stream.draws > 0


def _mixed(number):
    """A hash of 32 bits: every bit of the input may turn every bit of the output.

    Multiply and shift, as in the last lines of MurmurHash3 (Appleby 2011), with the constants that
    Wellons found in 2018 by a search for little bias ("lowbias32").
    """
    for shift, factor in ((16, FIRST), (15, SECOND)):
        number = (number ^ _shifted(number, shift)) * factor
    return number ^ _shifted(number, 16)


def _shifted(number, bits):
    return (number >> bits) & ((1 << (32 - bits)) - 1)  # torch shifts copies of the sign in


class Stream(TorchFunctionMode):
    """Within `with Stream(key):`, dropout and random numbers come from the stream of `key`.

    `key`: of the function of this name; under `torch.func.vmap` it may differ from run to run.
    Functions of PyTorch that draw otherwise raise ValueError.
    """

    def __init__(self, key):
        super().__init__()
        self.key, self.draws = key, 0

    def __torch_function__(self, function, types, arguments=(), options=None):
        """Replace a function that draws; call any other."""
        options = options or {}
        if function in REPLACED:
            return REPLACED[function](self, *arguments, **options)
        drops = function is F.scaled_dot_product_attention and options.get("dropout_p")
        if drops or function in REFUSED:
            _refuse(function)
        return function(*arguments, **options)

    def uniform(self, *shape, device=None, dtype=None, **_):
        """Numbers from [0, 1), as torch.rand returns them."""
        shape = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        self.draws += 1
        device = self.key.device if device is None else device
        place = torch.arange(math.prod(shape), device=device, dtype=torch.int32).view(*shape)
        bits = _mixed(_mixed(self.key + GOLDEN * self.draws) + place)
        numbers = _shifted(bits, 8).float() / 2**24
        return numbers if dtype is None else numbers.to(dtype)

    def normal(self, *shape, **options):
        """Standard normal numbers, by the method of Box and Muller (1958)."""
        one, other = self.uniform(*shape, **options), self.uniform(*shape, **options)
        return (-2 * (1 - one).log()).sqrt() * (2 * torch.pi * other).cos()

    def dropout(self, input, p=0.5, training=True, inplace=False):
        """Zero with probability `p`, else divided by 1 - p (Srivastava et al. 2014)."""
        if not training or p == 0:
            return input
        kept = self.uniform(*input.shape, device=input.device) >= p
        return input * (kept / (1 - p))


def stream(seed, step, device):
    """The `Stream` of a run at a step, both whole numbers."""
    return Stream(key(*torch.tensor([seed, step], device=device)))


def _like(draw):
    return lambda stream, other, **options: draw(
        stream, *other.shape, **{"device": other.device, "dtype": other.dtype} | options
    )


def _bernoulli(stream, chances, **_):
    return (stream.uniform(*chances.shape, device=chances.device) < chances).to(chances.dtype)


REPLACED = {
    F.dropout: Stream.dropout,
    torch.rand: Stream.uniform,
    torch.randn: Stream.normal,
    torch.rand_like: _like(Stream.uniform),
    torch.randn_like: _like(Stream.normal),
    torch.bernoulli: _bernoulli,
}


def _refuse(function):
    known = "torch.rand, torch.randn, torch.bernoulli and torch.nn.Dropout"
    raise ValueError(
        f"a network may draw random numbers by {known}, got {function.__name__}, of which no run "
        "can have a stream of its own; use one of those"
    )
