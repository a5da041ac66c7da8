"""What the README and the book say of speed is what the benchmarks wrote down."""

import pathlib
import subprocess
import sys

BENCHMARKS = pathlib.Path(__file__).parent.parent / "benchmarks"


def test_the_tables_hold_what_the_json_files_say():
    done = subprocess.run(
        [sys.executable, BENCHMARKS / "report.py", "--check"],
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr


def test_every_contender_does_the_same_work_as_the_plain_loop(monkeypatch):
    """A small workload through all contenders but JAX, which is an extra.

    Their losses are compared as the benchmark does.
    """
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv("LABS_CACHE", "off")
    import contenders
    import engine
    import workloads

    import labs

    grid = labs.Grid(
        optimizer=[rule for rule in labs.optimizers.RULES if rule != workloads.UNCORRECTED],
        learning_rate=[1e-3, 3e-3],
        batch_size=[16, 32],
        seed=[0, 1],
    )
    work = workloads.Workload("small", labs.tasks.spirals, grid, steps=30, sample=3)
    losses = {}
    for name in ("Plain", "Ensemble", "TracedSweep"):
        trains = getattr(contenders, name)(work)
        trains.run()
        losses[name] = trains.losses()
    engine.same_work(losses)
    worst = max(
        abs(losses[name][i] - loss) / loss for name in losses for i, loss in losses["Plain"].items()
    )
    assert worst < 1e-3
