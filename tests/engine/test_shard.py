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
import os, signal, sys
from labs.engine import work
real, trained = work.Work.train, []
def train(self, chunk, *rest):
    if os.environ["RANK"] == "1" and trained:
        open(sys.argv[3], "rb").close()  # until the other process has trained its first chunk
        os.kill(os.getpid(), signal.SIGKILL)  # in its second chunk
    real(self, chunk, *rest)
    trained.append(1)
    if os.environ["RANK"] == "0" and len(trained) == 1:
        open(sys.argv[3], "wb").close()  # a pipe: opens when the other end does
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
    path.write_text(script, encoding="utf-8")
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
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
        encoding="utf-8",
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
    os.mkfifo(tmp_path / "pipe")
    done = torchrun(
        DIES + SWEEP, tmp_path, environment, tmp_path / "rank", "traced", tmp_path / "pipe"
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


TWICE = """
import sys, labs
import torch.distributed as dist

def swept(steps):
    runs = labs.sweep(labs.tasks.spirals(), labs.Grid(seed=[0, 1, 2]), steps, device="cpu")
    assert runs.trained.all()

if sys.argv[1] == "own group":
    dist.init_process_group("gloo")
swept(5)
if dist.is_initialized():
    dist.destroy_process_group()
swept(6)
swept(5)  # all in the cache
"""


@pytest.mark.parametrize("group", ["own group", "none"])
def test_a_script_may_sweep_twice_and_have_a_group_of_its_own_meanwhile(
    group, tmp_path, environment
):
    done = torchrun(TWICE, tmp_path, environment, group)
    assert done.returncode == 0, done.stderr


DIFFERS = """
import os, pathlib, labs
own = int(os.environ["RANK"])
task, grid, steps = labs.tasks.spirals(), labs.Grid(seed=[0, 1]), 5
{}
try:
    labs.sweep(task, grid, steps, device="cpu")
except ValueError as error:  # torchrun would end the other process before it can speak
    pathlib.Path(f"said{{own}}").write_text(str(error), encoding="utf-8")
"""


@pytest.mark.parametrize(
    "other",
    [
        "import numpy as np; grid = labs.Grid(learning_rate=np.random.default_rng().random(4))",
        "grid = labs.Grid(seed=range(2 + own))",
        "steps += own",
        "task = labs.tasks.spirals(activation=['relu', 'tanh'][own])",
        "task = labs.vary(labs.tasks.spirals, width=[4, 8][own:])",
    ],
)
def test_processes_that_are_given_different_sweeps_refuse_in_each(other, tmp_path, environment):
    done = torchrun(DIFFERS.format(other), tmp_path, environment)
    assert done.returncode == 0, done.stderr
    for rank in (0, 1):
        said = (tmp_path / f"said{rank}").read_text(encoding="utf-8")
        assert said.startswith("all processes must sweep the same task with the same grid and st")
    assert kept(tmp_path / "cache") == {}
