"""Real processes: killed at any moment, or out of disk, a run goes on as if it had not been."""

import multiprocessing
import random
import re
import resource
import signal
import time

import pytest
import torch
from tiny import SHAPE, config, same, tokens, trained, words

from labs.gpt import checkpoint, folder
from labs.gpt.model import GPT, Shape
from labs.gpt.pretrain import pretrain

SERVER = multiprocessing.get_context("forkserver")  # its children need not import torch again
SERVER.set_forkserver_preload(["labs.gpt.pretrain"])
HOW = dict(steps=40, save_every=2, evaluate_every=7, optimizer="muon")  # with an AdamW beside it


def start(path):
    """A process that trains in the folder `path`, or goes on there."""
    process = SERVER.Process(target=trained, args=(path,), kwargs=HOW)
    process.start()
    return process


def finished(path):
    """What a run that may end leaves, to the bit: weights, the state, what the run tells."""
    process = start(path)
    process.join()
    assert process.exitcode == 0
    left = {part.name for part in path.iterdir()}
    assert left == {".lock", "step-000038", "step-000040"}  # and nothing half written
    there, said = checkpoint.path_of(path, 40), checkpoint.read_run(path, 40)
    names = "model.safetensors", checkpoint.STATE
    return *((there / name).read_bytes() for name in names), said["evaluations"], said["scaler"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What a run leaves that nobody disturbs."""
    return finished(tmp_path_factory.mktemp("whole"))


def torn(path):
    """The names of checkpoints that were being written."""
    newest = max(checkpoint.steps(path), default=0)
    found = [re.fullmatch(r"step-(\d+)\.partial-.*", part.name) for part in path.glob("step-*")]
    return {match[0] for match in found if match and int(match[1]) > newest}


def killed(path, how, rng):
    """Start a run and kill it at a random moment. Returns how it ended, and what was torn.

    Half of the moments are soon after a checkpoint begins to be written, where most can go wrong;
    the others come at any time after one stands.
    """
    before, old, writes = checkpoint.steps(path), torn(path), rng.random() < 0.5
    process = start(path)
    while process.is_alive():
        if torn(path) - old if writes else checkpoint.steps(path) != before:
            break
        time.sleep(0.0002)
    time.sleep(rng.uniform(0, 0.004 if writes else 0.05))
    {signal.SIGKILL: process.kill, signal.SIGTERM: process.terminate}[how]()
    process.join()
    cut = torn(path) - old
    print(f"{how.name} after step {max(checkpoint.steps(path), default=0)}, torn: {cut}")
    return process.exitcode, cut


@pytest.mark.parametrize(
    "how, seed", [(signal.SIGKILL, 1), (signal.SIGKILL, 2), (signal.SIGTERM, 3)]
)
def test_a_run_that_is_killed_at_random_moments_ends_as_if_it_never_was(tmp_path, how, seed, whole):
    print(f"seed {seed}")
    rng, path = random.Random(seed), tmp_path / "run0"
    times = {"torn": 0, "between": 0}
    for attempt in range(1, 100):
        code, cut = killed(path, how, rng)
        assert len(list(path.glob("*.partial-*"))) <= 2  # those of a killed run do not add up
        for step in checkpoint.steps(path):  # whatever looks like a checkpoint is one
            folder.load(checkpoint.path_of(path, step))
            checkpoint.read_run(path, step)
        if code == 0:  # it was faster: take another
            path = tmp_path / f"run{attempt}"
        else:
            assert code == -how
            times["torn" if cut else "between"] += 1
        if attempt >= 6 and code and min(times.values()) >= 2:
            break
    assert min(times.values()) >= 2, times
    assert finished(path) == whole


LITTLE = Shape(SHAPE.vocabulary, SHAPE.context, layers=1, width=4, heads=1)


def within(limit, path, shape, result):
    """Train where no file may have more bytes than `limit`; send what is raised."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        trained(path, GPT(shape))
    except Exception as error:
        result.send((type(error).__name__, str(error)))


@pytest.mark.parametrize(
    "shape, limit, file",
    [
        (SHAPE, 1_000, "model.safetensors"),
        (SHAPE, 20_000, "model.safetensors"),
        (LITTLE, 7_600, "tokenizer.json"),
        (SHAPE, 60_000, "training.safetensors"),
    ],
)
def test_a_full_disk_is_said_and_the_checkpoint_before_goes_on(tmp_path, shape, limit, file):
    gpt, losses = trained(gpt=GPT(shape))
    path = tmp_path / "run"
    run = pretrain(GPT(shape), tokens(), config(), path, words(), "cpu")
    next(run)
    run.close()
    before = {part: part.read_bytes() for part in path.rglob("*.*") if part.is_file()}
    assert (path / "step-000004" / file).stat().st_size > limit
    reader, result = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=within, args=(limit, path, shape, result))
    process.start()
    result.close()  # ours: so that a process that dies ends the waiting
    kind, said = reader.recv()
    process.join()
    assert process.exitcode == 0 and kind == "OSError"
    assert "step-000008 could not be written, and nothing of it was kept; is the disk full?" in said
    assert "Free some space and do it again; what stood before still stands" in said
    assert {part: part.read_bytes() for part in path.rglob("*.*") if part.is_file()} == before
    again, told = trained(path, GPT(shape))
    assert same(again, gpt) and torch.equal(told, losses)
