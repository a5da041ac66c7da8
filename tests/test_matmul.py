"""The product of many small matrices: equal to torch.bmm on every shape, and used where a compiled program multiplies."""

import pathlib
import subprocess

import pytest
import torch

import labs
from labs import matmul

CPU = torch.device("cpu")
LAYOUTS = {
    "rows": lambda r, n, m: torch.randn(r, n, m),
    "columns": lambda r, n, m: torch.randn(r, m, n).transpose(1, 2),
    "cut from a wider matrix": lambda r, n, m: torch.randn(r, n * m + 7)[:, 3 : 3 + n * m].unflatten(1, (n, m)),
    "every other element": lambda r, n, m: torch.randn(r, 2 * n, 2 * m)[:, ::2, ::2],
    "one for all runs": lambda r, n, m: torch.randn(1, n, m).expand(r, n, m),
}


@pytest.fixture(scope="module", autouse=True)
def operator(tmp_path_factory):
    """The compiled operator. A machine on which it can't be built has no product of its own to test."""
    if torch.backends.cpu.get_cpu_capability() not in matmul.FLAGS or not matmul.compiler():
        pytest.skip("needs an x86 processor with AVX2 and a C++ compiler")
    assert matmul.load()


@pytest.mark.parametrize("left", LAYOUTS)
@pytest.mark.parametrize("right", LAYOUTS)
def test_it_equals_torch_bmm_on_every_layout_and_on_sizes_that_fill_no_register(left, right):
    torch.manual_seed(0)
    sizes = [(1, 1, 1), (2, 3, 5), (7, 9, 15), (8, 16, 16), (9, 17, 17), (33, 2, 32), (32, 64, 10), (20, 5, 100)]
    for rows, inner, columns in sizes:
        a, b = LAYOUTS[left](3, rows, inner), LAYOUTS[right](3, inner, columns)
        torch.testing.assert_close(torch.ops.labs.bmm(a, b), torch.bmm(a, b), rtol=1e-5, atol=1e-5)


def test_a_run_that_is_not_finite_leaves_the_others_alone():
    a, b = torch.randn(4, 9, 6), torch.randn(4, 6, 11)
    calm = torch.ops.labs.bmm(a, b)
    a[2], b[1] = torch.nan, torch.inf
    wild = torch.ops.labs.bmm(a, b)
    assert torch.equal(wild[[0, 3]], calm[[0, 3]]) and not wild[[1, 2]].isfinite().any()


def test_the_product_of_nothing_is_empty_or_zero():
    assert torch.ops.labs.bmm(torch.randn(0, 3, 4), torch.randn(0, 4, 5)).shape == (0, 3, 5)
    assert torch.equal(torch.ops.labs.bmm(torch.randn(2, 3, 0), torch.randn(2, 0, 5)), torch.zeros(2, 3, 5))


def products(rows, inner, columns, dtype=torch.float32):
    """The operators in a graph with one product after the pass has been over it."""
    with torch._subclasses.FakeTensorMode():
        a, b = torch.empty(2, rows, inner, dtype=dtype), torch.empty(2, inner, columns, dtype=dtype)
    graph = torch.fx.Graph()
    nodes = graph.placeholder("a"), graph.placeholder("b")
    product = graph.call_function(torch.ops.aten.bmm.default, nodes)
    for node, value in zip((*nodes, product), (a, b, a.new_empty(2, rows, columns))):
        node.meta["val"] = value
    matmul.UseSmallProducts()(graph)
    return {node.target for node in graph.nodes if node.op == "call_function"}


def test_only_small_float32_matrices_are_given_to_it():
    ours, torchs = {torch.ops.labs.bmm.default}, {torch.ops.aten.bmm.default}
    assert products(32, 64, 10) == ours
    assert products(32, 64, 1) == products(1, 64, 10) == torchs           # a vector: inductor fuses it
    assert products(32, 1024, 1024) == products(32, 64, 10, torch.float64) == torchs


def test_a_compiled_sweep_calls_it(monkeypatch):
    seen = []
    original = matmul.UseSmallProducts.__call__
    monkeypatch.setattr(matmul.UseSmallProducts, "__call__", lambda self, graph: (original(self, graph), seen.append(
        sum(node.target is torch.ops.labs.bmm.default for node in graph.nodes)))[0])
    task = labs.tasks.spirals(noise=0.123)       # no other test has compiled it in this process
    with torch._inductor.config.patch(force_disable_caches=True):
        labs.sweep(task, labs.Grid(optimizer="sgd", learning_rate=[0.01, 0.02]), steps=3, device=CPU, compile=True)
    assert max(seen) == 5          # forward 2-32 and 32-32, backward two for weights and one for activations


def test_a_source_that_does_not_compile_is_said_and_the_sweep_goes_on_without(monkeypatch, tmp_path):
    broken = tmp_path / "matmul.cpp"
    broken.write_text("this is not C++")
    monkeypatch.setattr(matmul, "SOURCE", broken)
    with pytest.warns(UserWarning, match="PyTorch's own matrix product stands in"):
        assert matmul.load.__wrapped__() is False


def test_it_is_built_once_and_written_whole(tmp_path, monkeypatch):
    calls = []
    real = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: calls.append(args) or real(*args, **options))
    target = tmp_path / "new" / "x.so"
    for _ in range(2):
        matmul._build(["sh", "-c", 'echo built > "$2"', "sh"], target)
    assert len(calls) == 1 and target.read_text() == "built\n" and [p.name for p in target.parent.iterdir()] == ["x.so"]
    with pytest.raises(subprocess.CalledProcessError):
        matmul._build(["false"], tmp_path / "y.so")
    assert list(pathlib.Path(tmp_path).glob("*y.so*")) == []
