"""What test_parallel asks of processes that torchrun starts: `ways.py FOLDER CHECK …`.

Each process makes the checks in turn, and writes to FOLDER/RANK.json {check: "", or what failed}.
"""

import functools
import json
import pathlib
import sys
import time
import traceback

import pytest
import torch
from tiny import config, lively, tokens, words

from labs.gpt import checkpoint, parallel, pretrain
from labs.gpt.model import GPT, Shape

SHAPE = Shape(300, 16, layers=2, width=24, heads=6)  # two processes divide it, and three
PLAN = dict(batch_size=12, accumulate=2, learning_rate=0.01, clip=0.5, save_every=100)
CLOSE = dict(rtol=0, atol=1e-5)
"""Of losses near 5 in float32, whose last digit is worth 5e-7: sums that are taken in another order
differ there. Measured were 1e-6 after 12 steps, and no more after 400.
"""


def run(team=None, folder=None, until=None, shape=SHAPE, **changes):
    """The losses of a training and its evaluations. `until`: ask to stop after so many steps, in
    the last process only.
    """
    gpt, how = lively(GPT(shape)), config(**PLAN | changes)
    mine, done = team is None or team.rank == team.world - 1, iter(range(1, how.steps + 1))
    stop = until and (lambda: next(done) == until and mine)
    keep = folder, folder and words()
    told = list(pretrain.pretrain(gpt, tokens(), how, *keep, "cpu", stop, team))
    losses = torch.cat([now.loss for now in told]) if told else torch.zeros(0)
    return losses, told[-1].evaluations if told else []


@functools.cache
def _alone(changes):
    return run(**dict(changes))


def alone(**changes):
    """What one process comes to, computed once for all ways."""
    return _alone(tuple(changes.items()))


def refused(team, said, **changes):
    """Assert that the team refuses, in words."""
    with pytest.raises(ValueError, match=said):
        run(team, **changes)


def trains(team, folder):
    """The same losses as one process, and the same bits per byte, in each process to the bit."""
    for changes in ({}, {"recompute": True, "accumulate": 1}):
        (losses, evaluations), (expected, others) = run(team, **changes), alone(**changes)
        torch.testing.assert_close(losses, expected, **CLOSE)
        torch.testing.assert_close(torch.tensor(evaluations), torch.tensor(others), **CLOSE)
        team.agree([losses.tolist(), evaluations])


def bf16(team, folder):
    """bfloat16 has three digits, and so have the losses."""
    losses, expected = run(team, precision="bf16")[0], alone(precision="bf16")[0]
    torch.testing.assert_close(losses, expected, rtol=0.01, atol=0)
    assert not torch.allclose(losses, alone()[0], **CLOSE)


def muon(team, folder):
    """Muon makes its steps in bfloat16; tensor parallelism has no whole matrices for it."""
    if isinstance(team, parallel.Tensor):
        refused(team, "expected adamw with --parallel tensor, got muon", optimizer="muon")
    else:
        losses, expected = run(team, optimizer="muon")[0], alone(optimizer="muon")[0]
        torch.testing.assert_close(losses, expected, rtol=0.01, atol=0)


def fp16(team, folder):
    """float16 has one scale, which all must change alike."""
    if type(team) is parallel.Data:
        losses, expected = run(team, precision="fp16")[0], alone(precision="fp16")[0]
        torch.testing.assert_close(losses, expected, rtol=0.01, atol=0)
    else:
        refused(team, "expected bf16 or fp32 with --parallel .*, got fp16", precision="fp16")


def refuses(team, folder):
    """What cannot be divided is refused by all."""
    if isinstance(team, parallel.Tensor):
        other = Shape(300, 16, layers=1, width=25, heads=5)
        refused(team, "heads: expected a multiple of 2, .* got 5; start as many", shape=other)
    else:
        said = "batch_size: expected a multiple of 8, 2 processes times accumulate 4, got 12; each"
        refused(team, said, accumulate=4)
    refused(team, "expected the same text, options and folder in all processes", seed=team.rank)


def stops(team, folder):
    """One process is asked to stop: all do, at that step, and go on to the same numbers."""
    folder = folder / f"stops-{type(team).__name__}"
    whole = run(team)
    assert torch.equal(run(team, folder, until=5)[0], whole[0][:4])
    assert checkpoint.steps(folder) == [5]
    again = run(team, folder)
    assert torch.equal(again[0], whole[0]) and again[1] == whole[1]


def changes(team, folder):
    """Goes on, three steps further, from where another number of processes has stopped, another
    way of dividing too.
    """
    before = checkpoint.steps(folder / "changes")[-1]
    run(team, folder / "changes", until=3)
    assert checkpoint.steps(folder / "changes")[-1] == before + 3


def finishes(team, folder):
    """Goes on to the end, to the losses of one process."""
    torch.testing.assert_close(run(team, folder / "finishes")[0], alone()[0], **CLOSE)


def together(team, folder):
    """What fails in one process fails in all, in its words."""
    with pytest.raises(OSError, match="^a full disk$" if team.rank else "^process 1: a full disk$"):
        with team.together():
            if team.rank == 1:
                raise OSError("a full disk")
    assert team.told(f"Grüße von {team.rank}") == "Grüße von 0"


def main(folder, *names):
    """Make the checks, each `check:way`."""
    torch.set_num_threads(1)
    found, folder = {}, pathlib.Path(folder)
    with parallel.joined() as data:
        teams = {"data": data, "sharded": parallel.Sharded(), "tensor": parallel.Tensor()}
        for name in names:
            check, way = name.split(":")
            begun = time.perf_counter()
            try:
                globals()[check](teams[way], folder)
                found[name] = ""
            except Exception:
                found[name] = traceback.format_exc()
            print(f"{name}: {time.perf_counter() - begun:.1f} s", flush=True)
    (folder / f"{data.rank}.json").write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
