"""A product that is cut into pieces is the product."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from labs.gpt.linear import LEAST_WEIGHTS, MOST_ROWS, Linear, linear

K = 300
N = LEAST_WEIGHTS // K + 1  # odd: two pieces leave a row over


class Operations(TorchDispatchMode):
    """Keeps the names of the operations that run."""

    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.append(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def numbers(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("lead", [(), (1,), (1, 1), (2, 3), (MOST_ROWS,), (MOST_ROWS + 1,)])
@pytest.mark.parametrize("bias_N", [None, numbers(N, seed=2)])
def test_it_is_what_pytorch_computes_but_for_rounding(lead, bias_N, threads):
    x, weight_NK = numbers(*lead, K), numbers(N, K, seed=1)
    with torch.inference_mode(), Operations() as ran:
        found = linear(x, weight_NK, bias_N)
    torch.testing.assert_close(found, F.linear(x, weight_NK, bias_N), rtol=1e-5, atol=2e-4)
    few = torch.Size(lead).numel() <= MOST_ROWS
    assert ("bmm" in ran.names) == (few and threads > 1)


def test_small_weights_other_types_and_training_are_left_to_pytorch(threads):
    kinds = [(numbers(1, K), numbers(8, K)), (numbers(1, K).bfloat16(), numbers(N, K).bfloat16())]
    for x, weight_NK in kinds:
        with torch.inference_mode(), Operations() as ran:
            found = linear(x, weight_NK)
        assert found.equal(F.linear(x, weight_NK)) and "bmm" not in ran.names
    layer = Linear(K, N)
    with Operations() as ran:
        layer(numbers(1, K)).sum().backward()
    assert "bmm" not in ran.names and layer.weight.grad.isfinite().all()
