"""A run of `python -m labs.gpt` that takes seconds: what the tests of book/cloud share."""

import random

from labs.gpt import checkpoint

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
