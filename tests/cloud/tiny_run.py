"""A run of `python -m labs.gpt` that takes seconds: what the tests of book/cloud share."""

import os
import pathlib
import random
import subprocess
import sys

from labs.gpt import checkpoint

ROOT = pathlib.Path(__file__).parents[2]
CLOUD = ROOT / "book/cloud"
TINY = (
    "--vocabulary 300 --context 16 --layers 1 --width 16 --heads 2 --batch-size 4 --warmup 3 "
    "--device cpu --evaluate-every 300"
).split()
WORDS = "the model reads a token and writes another token after it where does a head look".split()


def text(folder):
    """A file of sentences without sense, in a folder; always the same."""
    rng = random.Random(0)
    said = " ".join(rng.choice(WORDS) + rng.choice(["", "", ".\n"]) for _ in range(2000))
    (folder / "text.txt").write_text(said, encoding="utf-8")
    return folder / "text.txt"


def left(folder):
    """What a run leaves, to the bit: its last step, its weights, and the loss of each step."""
    last = checkpoint.steps(folder)[-1]
    there = checkpoint.path_of(folder, last)
    return last, *((there / name).read_bytes() for name in ("model.safetensors", checkpoint.STATE))


def checker(program):
    """The path of a program of .venv-cloud, such as "hadolint"."""
    python = pathlib.Path(os.environ.get("CLOUD_PYTHON", ROOT / ".venv-cloud/bin/python"))
    path = python.parent / program
    assert path.exists(), f"expected {path}; make it: make .venv-cloud/.installed"
    return path


def environment(**changes):
    """This process's, in which `python` is the one that runs the tests."""
    own = pathlib.Path(sys.executable).parent
    return {**os.environ, "PATH": f"{own}:{os.environ['PATH']}", **changes}


def start(command, env=(), **how):
    """A command at work, with a process group of its own."""
    return subprocess.Popen(command, env=environment(**dict(env)), start_new_session=True, **how)


def ran(command, env=(), **how):
    """How a command ended, and what it said."""
    how["env"] = environment(**dict(env))
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", **how)
    return done.returncode, done.stdout + done.stderr
