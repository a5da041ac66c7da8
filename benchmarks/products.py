"""What the matrix products of a training step take without the rest: a bound for every program that calls them.

    python benchmarks/products.py [--out FILE.json]

Each thread repeats the products of one step of a chunk, of the shapes and strides that `Stack.gradients` asks for; medians of
rounds.
"""
import argparse
import concurrent.futures
import pathlib
import statistics
import time

import torch
from engine import PARTS_OF, environment, write
from torch.utils._python_dispatch import TorchDispatchMode
from workloads import workloads

from labs import matmul
from labs.device import memory_kept, one_thread_an_operation
from labs.plan import plan
from labs.stack import Stack
from labs.traced import Traced

ROUNDS, SECONDS = 7, 1.0


class Products(TorchDispatchMode):
    """Notes the factors of every batched matrix product."""

    def __init__(self):
        super().__init__()
        self.factors = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.bmm.default:
            self.factors += args
        return function(*args, **(kwargs or {}))


def factors(work, threads):
    """The factors of a step's products in a row, and for how many runs they are."""
    task, cpu = work.make_task(), torch.device("cpu")
    stack, d = Stack(task, cpu), task.data
    chunk = plan(work.grid, stack, d, "compiled", workers=threads)[0]
    batch_RB = torch.zeros(len(chunk.index), chunk.settings[0]["batch_size"], dtype=torch.int64)
    with Products() as noted:
        stack.gradients(stack.start(range(len(chunk.index)), cpu), d.train_x[batch_RB], d.train_y[batch_RB])
    return noted.factors, len(chunk.index)


def seconds_a_step(products, tensors):
    """The mean over SECONDS of repetitions."""
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        products(*tensors)
        count += 1
    return (time.perf_counter() - start) / count


def measure(work):
    """Microseconds per run and step with torch.bmm and with the engine's own product, all threads at work."""
    ways, found = {"torch.bmm": torch.bmm}, {}
    if matmul.load():
        ways["labs.bmm"] = torch.ops.labs.bmm
    with memory_kept(), one_thread_an_operation() as threads, concurrent.futures.ThreadPoolExecutor(threads) as pool:
        tensors, runs = factors(work, threads)
        copies = [[torch.randn_like(tensor) for tensor in tensors] for _ in range(threads)]
        lists = {name: Traced(lambda *pairs, bmm=bmm: tuple(map(bmm, pairs[::2], pairs[1::2]))) for name, bmm in ways.items()}
        rounds = [{name: statistics.mean(pool.map(lambda own, products=products: seconds_a_step(products, own), copies))
                   for name, products in lists.items()} for _ in range(ROUNDS + 1)]
    for name in ways:
        found[name] = [1e6 * seconds[name] / threads / runs for seconds in rounds[1:]]      # the first one traces
    return found


def main():
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).with_name("products.json"))
    arguments = parser.parse_args()
    results = {"environment": environment(), "workload": PARTS_OF, "rounds": measure(workloads()[PARTS_OF])}
    write(arguments.out, results)
    for name, rounds in results["rounds"].items():
        print(f"{PARTS_OF}, products alone, {name:10} {statistics.median(rounds):.2f} us per run and step")


if __name__ == "__main__":
    main()
