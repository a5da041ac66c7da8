"""`python -m labs.gpt` as a process: asked to end, or killed, it goes on as if it had not been."""

import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest
from tiny import prose

from labs.gpt import checkpoint

TINY = "--vocabulary 300 --context 16 --layers 1 --width 16 --heads 2 --batch-size 4 --warmup 3"
PLAN = "--optimizer muon --device cpu --steps 240 --evaluate-every 60"


def start(folder, *options):
    """The command at work on a small text, with `options` after those of all tests."""
    text = folder.parent / "text.txt"
    text.write_text(prose(2000, 1), encoding="utf-8")
    asked = [str(folder), "--text", str(text), *TINY.split(), *PLAN.split(), *options]
    return subprocess.Popen(
        [sys.executable, "-m", "labs.gpt", *asked],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def ended(process):
    """How a process ended, and what it said."""
    out, err = process.communicate()
    return process.returncode, out, err


def left(folder):
    """What a run leaves, to the bit: its weights, the loss of each step, and its evaluations."""
    last = checkpoint.steps(folder)[-1]
    there = checkpoint.path_of(folder, last)
    names = "model.safetensors", checkpoint.STATE
    evaluations = checkpoint.read_run(folder, last)["evaluations"]
    return last, evaluations, *((there / name).read_bytes() for name in names)


def told(out):
    """What the lines of a run say of its model, by step."""
    found = re.findall(r"^step (\d+): (loss \d\.\d+, \d\.\d+ bits per byte)", out, re.MULTILINE)
    return {int(step): words for step, words in found}


def wait_for(process, happened):
    """Return when `happened()`, or when the process is over."""
    while process.poll() is None and not happened():
        time.sleep(0.001)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What a run leaves that nobody disturbs, and what it tells on its way."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    code, out, err = ended(start(folder))
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert re.fullmatch(r"8,\d{3} parameters, [\d,]+ tokens of text.txt", lines[0])
    assert list(told(out)) == [60, 120, 180, 240]
    assert lines[-1] == f"step 240 of 240 stands in {folder / 'step-000240'}"
    return left(folder), told(out)


@pytest.mark.parametrize("how, times", [(signal.SIGTERM, 2), (signal.SIGINT, 1)])
def test_a_run_that_is_asked_to_end_saves_where_it_is(tmp_path, how, times, whole):
    rng, folder, seen = random.Random(how), tmp_path / "run", 0
    for _ in range(times):
        (folder / ".lock").unlink(missing_ok=True)
        process = start(folder, "--save-every", "100000")  # so all it saves is what it was asked to
        wait_for(process, (folder / ".lock").exists)
        before = checkpoint.steps(folder)
        time.sleep(rng.uniform(0.02, 0.3))
        process.send_signal(how)
        code, out, err = ended(process)
        print(code, out, err)
        if code == 0:  # it was faster
            break
        assert (code, err) == (143, "")
        now = checkpoint.steps(folder)[-1]
        assert [now] != before[-1:] and now < 240
        assert f"step {now} of 240 stands in" in out and "the same command goes on" in out
        if before:
            assert f"going on from step {before[-1]} in {folder}" in out
        seen += 1
    assert seen
    assert ended(start(folder))[0] == 0
    assert left(folder) == whole[0]


def test_a_run_that_is_killed_goes_on_from_its_last_checkpoint(tmp_path, whole):
    rng, folder, killed = random.Random(9), tmp_path / "run", 0
    for _ in range(2):
        before = checkpoint.steps(folder)
        process = start(folder, "--save-every", "20")
        wait_for(process, lambda there=before: checkpoint.steps(folder) != there)
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        killed += ended(process)[0] == -signal.SIGKILL
    print(f"killed {killed} times, last after {checkpoint.steps(folder)}")
    assert killed
    code, out, _ = ended(start(folder))
    assert code == 0 and left(folder) == whole[0]
    print(out)
    assert told(out).items() <= whole[1].items()  # each line is that of a run nobody disturbed


def test_asked_to_end_before_it_trains_it_ends_at_once_and_leaves_nothing(tmp_path):
    folder, text = tmp_path / "run", tmp_path / "text"
    os.mkfifo(text)
    command = [sys.executable, "-m", "labs.gpt", str(folder), "--text", str(text)]
    with subprocess.Popen(command) as process:
        with open(text, "wb"):  # waits until the command reads, and then the command waits for us
            process.terminate()
            assert process.wait() == 143 and not folder.exists()


def test_what_only_a_person_can_mend_ends_otherwise_than_what_may_pass(tmp_path):
    folder = tmp_path / "run"
    code, out, err = ended(start(folder, "--heads", "3"))
    assert code == 2 and err.startswith("python -m labs.gpt: heads must divide width, got 3 heads")
    with checkpoint.alone(folder):
        code, out, err = ended(start(folder))
    assert code == 1 and "expected no other run here, got one that still trains" in err
