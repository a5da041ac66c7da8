"""What the README and the book say of speed is what the benchmarks wrote down."""

import pathlib
import subprocess
import sys

import pytest

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


def answers_of(workload, contender, path, turns):
    """What a contender answers in each turn."""
    import gpt_contenders

    class Enough(Exception):
        pass

    found = []

    def turn(parts):
        rows = {name: {"count": row[0], "found": row[1]} for name, row in parts.items()}
        found.append({"parts": rows, "threads": 1})
        if len(found) == turns:
            raise Enough

    with pytest.raises(Enough):
        workload.contenders[contender][1](gpt_contenders.Job(workload, path, turns), turn)
    return found


def test_every_contender_trains_the_same_gpt_and_writes_the_same_text(monkeypatch, tmp_path):
    """A tiny GPT through transformers and labs; the Trainer needs an extra, and is left out."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv("LABS_PROGRESS", "off")
    import gpt
    import gpt_contenders

    from labs.gpt import model

    shape = model.Shape(256, 32, layers=2, width=32, heads=4)
    monkeypatch.setitem(gpt_contenders.SHAPES, "tiny", shape)
    train = gpt.Workload("tiny, train", "train", "tiny", part=2, batch_size=2)
    write = gpt.Workload("tiny, write", "write", "tiny", part=8)
    for work, names in ((train, ("HfEager", "Eager")), (write, ("HfDynamic", "HfStatic", "Ours"))):
        path = tmp_path / work.kind
        gpt.save_weights(work, path)
        answers = {name: answers_of(work, name, path, 3) for name in names}
        gpt.same_work(work, answers)
        part = "train" if work is train else "greedy"
        assert all(len(turns) == 3 for turns in answers.values())
        assert answers[names[0]][0]["parts"][part]["count"] == (128 if work is train else 8)


def test_another_work_is_refused(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gpt

    turn = lambda loss: [{"parts": {"train": {"found": loss}}, "threads": 2}]
    with pytest.raises(ValueError, match="Eager should find what HfEager does"):
        gpt.same_work(gpt.WORKLOADS["small"], {"HfEager": turn(5.0), "Eager": turn(5.1)})
