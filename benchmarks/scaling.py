"""What a run costs in sweeps of 256 to 65,536 runs, compiled beforehand, with the record.

    python benchmarks/scaling.py [--rounds 3] [--out FILE.json]

The sizes take turns; microseconds per run and step.
"""

import argparse
import os
import pathlib
import statistics
import time

import torch
from engine import environment, write
from workloads import adam

import labs

SIZES, STEPS = [256, 1024, 4096, 16384, 65536], 100


def microseconds(runs):
    """Per run and step, of one sweep."""
    start = time.perf_counter()
    labs.sweep(labs.tasks.spirals(), adam(runs), STEPS, device=torch.device("cpu"), compile=True)
    return (time.perf_counter() - start) / runs / STEPS * 1e6


def main():
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path(__file__).with_name("scaling.json")
    )
    arguments = parser.parse_args()
    os.environ.update(LABS_CACHE="off", LABS_PROGRESS="off")
    for runs in SIZES:
        print(
            f"{runs:,} runs, first call: {microseconds(runs):.2f} us per run and step", flush=True
        )
    rounds = [{runs: microseconds(runs) for runs in SIZES} for _ in range(arguments.rounds)]
    found = {runs: [times[runs] for times in rounds] for runs in SIZES}
    write(arguments.out, {"environment": environment(), "steps": STEPS, "rounds": found})
    for runs, times in found.items():
        print(f"{runs:,} runs: {statistics.median(times):.2f} us per run and step")


if __name__ == "__main__":
    main()
