"""Train a grid of settings; save the record. Under torchrun, each process trains its share.

python book/cloud/sweep.py RECORD STEPS
"""

import os
import sys

import labs


def main(record, steps):
    """Sweep, and let one of the processes write the file."""
    grid = labs.Grid(
        optimizer=["sgd", "adam"], learning_rate=labs.logspace(1e-3, 1, 7), seed=[0, 1, 2]
    )
    runs = labs.sweep(labs.tasks.spirals(), grid, steps=steps)
    if os.environ.get("RANK", "0") == "0":
        labs.save(runs, record)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
