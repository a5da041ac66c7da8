"""One grid over two real processes under torchrun.

They make the same record; and one that dies leaves behind what it has finished.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import labs

CPU = torch.device("cpu")
GRID = (
    'labs.Grid(optimizer=["sgd", "adam"], learning_rate=[0.003, 0.01, 0.03], '
    "batch_size=[16, 32], seed=[0, 1])"
)
SWEEP = f"""
import os, sys, torch, labs
runs = labs.sweep(
    labs.tasks.spirals(), {GRID},
    steps=30, device=torch.device("cpu"), compile=sys.argv[2] == "compiled",
)
labs.save(runs, sys.argv[1] + os.environ.get("RANK", "0") + ".npz")
"""
DIES = """
import os, signal, torch.distributed as dist
from labs.engine import work
real, trained = work.Work.train, []
def train(self, chunk, *rest):
    if os.environ["RANK"] == "1" and trained:
        dist.barrier()  # until the other process has trained its first chunk
        os.kill(os.getpid(), signal.SIGKILL)  # in its second chunk
    real(self, chunk, *rest)
    trained.append(1)
    if os.environ["RANK"] == "0" and len(trained) == 1:
        dist.barrier()
work.Work.train = train
"""


@pytest.fixture
def environment(tmp_path):
    """Two processes of one thread each, which share a cache."""
    return {
        **os.environ,
        "LABS_CACHE": str(tmp_path / "cache"),
        "LABS_PROGRESS": "off",
        "OMP_NUM_THREADS": "1",
    }


def torchrun(script, tmp_path, environment, *arguments):
    """The finished `torchrun --nproc-per-node 2`."""
    path = tmp_path / "script.py"
    path.write_text(script)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        path,
        *arguments,
    ]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, cwd=tmp_path
    )


def same(a, b):
    """Whether two records hold the same numbers, bit by bit."""
    return a.drop_attrs().equals(b.drop_attrs())


def in_one_process(engine):
    """The record that one process makes."""
    grid = eval(GRID, {"labs": labs})
    return labs.sweep(
        labs.tasks.spirals(), grid, steps=30, device=CPU, compile=engine == "compiled"
    )


@pytest.mark.parametrize("engine", ["traced", "compiled"])
def test_two_processes_give_the_record_of_one(engine, tmp_path, environment):
    done = torchrun(SWEEP, tmp_path, environment, str(tmp_path / "rank"), engine)
    assert done.returncode == 0, done.stderr
    alone = in_one_process(engine)
    for rank in (0, 1):
        runs = labs.load(tmp_path / f"rank{rank}.npz")
        assert labs.record.axes(runs) == labs.record.axes(alone) and runs.trained.all()
        assert set(runs) == set(alone)
        for name in ("train_loss", "val_loss", "diverged_at"):
            np.testing.assert_allclose(runs[name], alone[name], rtol=1e-5, atol=1e-6)
    assert same(labs.load(tmp_path / "rank0.npz"), labs.load(tmp_path / "rank1.npz"))


def kept(folder):
    """{name: bytes} of the runs kept in a folder."""
    return {path.name: path.read_bytes() for path in folder.rglob("*.run")}


def test_a_process_that_dies_leaves_what_is_finished_and_only_the_rest_is_trained_again(
    tmp_path, environment
):
    done = torchrun(
        "import sys\n" + DIES + SWEEP, tmp_path, environment, tmp_path / "rank", "traced"
    )
    assert done.returncode != 0 and "SIGKILL" in done.stderr
    finished = kept(tmp_path / "cache")
    whole = {**environment, "LABS_CACHE": str(tmp_path / "whole")}
    good = torchrun(SWEEP, tmp_path, whole, tmp_path / "good", "traced")
    assert good.returncode == 0, good.stderr
    runs = kept(tmp_path / "whole")
    assert len(runs) == 24 and 12 <= len(finished) < 24 and set(finished) < set(runs)
    again = torchrun(SWEEP, tmp_path, environment, tmp_path / "again", "traced")
    assert again.returncode == 0, again.stderr
    assert kept(tmp_path / "cache").items() >= finished.items()  # not trained again
    one, other = (labs.load(tmp_path / f"{name}0.npz") for name in ("again", "good"))
    np.testing.assert_allclose(one.val_loss, other.val_loss, rtol=1e-5)
    assert same(one, labs.load(tmp_path / "again1.npz"))


TWICE = (
    SWEEP
    + """
more = labs.sweep(
    labs.tasks.spirals(), labs.Grid(learning_rate=[0.1, 0.2]), steps=5, device=torch.device("cpu")
)
assert more.trained.all()
"""
)


def test_a_script_may_sweep_twice(tmp_path, environment):
    done = torchrun(TWICE, tmp_path, environment, tmp_path / "rank", "traced")
    assert done.returncode == 0, done.stderr
