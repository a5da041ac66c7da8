"""One grid over two real processes under torchrun: the same record, and what a process that dies leaves behind."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import labs

CPU = torch.device("cpu")
GRID = 'labs.Grid(optimizer=["sgd", "adam"], learning_rate=[0.003, 0.01, 0.03], batch_size=[16, 32], seed=[0, 1])'
SWEEP = f"""
import os, sys, torch, labs
runs = labs.sweep(labs.tasks.spirals(), {GRID}, steps=30, device=torch.device("cpu"), compile=sys.argv[2] == "compiled")
runs.save(sys.argv[1] + os.environ.get("RANK", "0") + ".npz")
"""
DIES = """
import os, signal
import labs.sweep
engine, trained = sys.modules["labs.sweep"], []
original = engine.train_chunk
def train_chunk(*arguments):
    if os.environ["RANK"] == "1" and trained:
        os.kill(os.getpid(), signal.SIGKILL)        # in its second chunk
    trained.append(1)
    return original(*arguments)
engine.train_chunk = train_chunk
"""


@pytest.fixture
def environment(tmp_path):
    """Two processes of one thread each, which share a cache."""
    return {**os.environ, "LABS_CACHE": str(tmp_path / "cache"), "LABS_PROGRESS": "off", "OMP_NUM_THREADS": "1"}


def torchrun(script, tmp_path, environment, *arguments):
    """The finished `torchrun --nproc-per-node 2`."""
    path = tmp_path / "script.py"
    path.write_text(script)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", path, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, cwd=tmp_path)


def same(a, b):
    """Whether two records hold the same numbers, bit by bit."""
    return all(np.array_equal(a.arrays[name], b.arrays[name], equal_nan=a.arrays[name].dtype.kind == "f") for name in a.arrays)


def in_one_process(engine):
    """The record that one process makes."""
    grid = eval(GRID, {"labs": labs})
    return labs.sweep(labs.tasks.spirals(), grid, steps=30, device=CPU, compile=engine == "compiled")


@pytest.mark.parametrize("engine", ["traced", "compiled"])
def test_two_processes_give_the_record_of_one(engine, tmp_path, environment):
    done = torchrun(SWEEP, tmp_path, environment, str(tmp_path / "rank"), engine)
    assert done.returncode == 0, done.stderr
    alone = in_one_process(engine)
    for rank in (0, 1):
        runs = labs.Runs.load(tmp_path / f"rank{rank}.npz")
        assert runs.axes == alone.axes and runs.arrays["trained"].all() and set(runs.arrays) == set(alone.arrays)
        for name in ("train_loss", "val_loss", "diverged_at"):
            np.testing.assert_allclose(runs.arrays[name], alone.arrays[name], rtol=1e-5, atol=1e-6)
    assert same(labs.Runs.load(tmp_path / "rank0.npz"), labs.Runs.load(tmp_path / "rank1.npz"))


def test_a_process_that_dies_leaves_what_is_finished_and_only_the_rest_is_trained_again(tmp_path, environment, monkeypatch):
    done = torchrun("import sys\n" + DIES + SWEEP, tmp_path, environment, str(tmp_path / "rank"), "traced")
    assert done.returncode != 0 and "SIGKILL" in done.stderr
    finished = {path.name: path.read_bytes() for path in (tmp_path / "cache").glob("*.npz")}
    whole = {**environment, "LABS_CACHE": str(tmp_path / "whole")}
    assert torchrun(SWEEP, tmp_path, whole, str(tmp_path / "good"), "traced").returncode == 0
    chunks = {path.name: path.read_bytes() for path in (tmp_path / "whole").glob("*.npz")}
    assert len(chunks) == 4 and 2 <= len(finished) < 4 and set(finished) < set(chunks)
    assert torchrun(SWEEP, tmp_path, environment, str(tmp_path / "again"), "traced").returncode == 0
    assert {name: (tmp_path / "cache" / name).read_bytes() for name in finished} == finished      # not trained again
    assert same(labs.Runs.load(tmp_path / "again0.npz"), labs.Runs.load(tmp_path / "good0.npz"))
