"""Train a GPT on a text, in a folder: `python -m labs.gpt FOLDER`. `--help` tells of all options.

The same command does on a laptop, in a container, and under every scheduler. Called again it goes
on from the newest checkpoint in FOLDER, to the same numbers. On SIGTERM, with which schedulers say
that they want the machine back, it finishes its step, writes a checkpoint and ends.

With several processes, one for each GPU: `torchrun --nproc-per-node 8 -m labs.gpt FOLDER`, and with
several machines, `torchrun --nnodes 4 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint HOST
-m labs.gpt FOLDER` on each of them, with a FOLDER that they share.
"""

import argparse
import os
import signal
import sys
import threading

from labs.gpt import checkpoint, corpus, model, parallel, pretrain, tokenizer

DONE, TRY_AGAIN, WRONG, STOPPED = 0, 1, 2, 128 + signal.SIGTERM
"""How the command ends. Schedulers read it: STOPPED is not DONE, so the job has to be called again,
as after TRY_AGAIN, for a full disk, say. WRONG is what only a person can mend.
"""

SMALL = model.Shape(vocabulary=2048, context=256, layers=4, width=192, heads=6)
SHAPE = dict(
    vocabulary="tokens, which are learned from the text",
    context="tokens that the model sees at once",
    layers="blocks, one after another",
    width="numbers for each token",
    heads="of attention, which share the width",
)
PLAN = dict(
    steps="updates of the model",
    batch_size="sequences a step",
    accumulate="parts of a batch that pass one after another, to need less memory",
    optimizer=", ".join(pretrain.OPTIMIZERS),
    learning_rate="the largest",
    warmup="steps until then",
    last_rate="as a share of the largest",
    weight_decay="of matrices",
    clip="the largest norm of a gradient",
    precision=", ".join(["auto", *pretrain.PRECISIONS]),
    evaluate_every="steps from one line of the report to the next",
    save_every="steps from one checkpoint to the next",
    seed="of the first weights, and of the order of the text",
)


def parser():
    """What may be asked for. Each option has the name of a field of `Shape` or `Pretraining`."""
    parser = argparse.ArgumentParser(prog="python -m labs.gpt", description=__doc__)
    parser.add_argument("folder", help="for the checkpoints; transformers opens each of them")
    parser.add_argument("--text", help="a file in UTF-8; else the source of Python's library")
    parser.add_argument("--device", help="such as cpu, cuda or mps; else the best there is")
    ways = f"what several processes divide: {', '.join(parallel.WAYS)} (data)"
    parser.add_argument("--parallel", choices=parallel.WAYS, help=ways)
    for title, words, defaults in (
        ("the model", SHAPE, SMALL),
        ("the training", PLAN, pretrain.Pretraining()),
    ):
        group = parser.add_argument_group(title)
        for name, help in words.items():
            value = getattr(defaults, name)
            option = "--" + name.replace("_", "-")
            group.add_argument(option, type=type(value), default=value, help=f"{help} ({value})")
    return parser


def train(asked, team):
    """Train, and print what happens. Returns whether that was all of it.

    `team`: see `labs.gpt.parallel.joined`. Each process of it reads the text by itself.
    """
    with team.together():
        shape = model.Shape(**{name: getattr(asked, name) for name in SHAPE})
        plan = pretrain.Pretraining(**{name: getattr(asked, name) for name in PLAN})
        texts = corpus.text_file(asked.text) if asked.text else corpus.standard_library()
        words = tokenizer.train(texts.train.values(), shape.vocabulary)
        tokens = corpus.encode(texts, words)
    gpt = model.GPT(shape, seed=plan.seed)
    say(f"{gpt.count():,} parameters, {len(tokens.train):,} tokens of {texts.name}")
    if there := checkpoint.steps(asked.folder):
        say(f"going on from step {there[-1]} in {asked.folder}")
    stop = threading.Event()
    on_end(lambda *_: stop.set())
    how = asked.device, stop.is_set, team
    for now in pretrain.pretrain(gpt, tokens, plan, asked.folder, words, *how):
        since = (now.step - 1) % plan.evaluate_every + 1  # steps since the line before
        loss = now.loss[-min(since, 100) :].mean()  # that of one step says little
        say(
            f"step {now.step}: loss {loss:.4f}, {now.bits_per_byte:.4f} bits per byte, "
            f"{now.tokens_per_second:,.0f} tokens/s, MFU {now.mfu:.1%}"
        )
    last = checkpoint.steps(asked.folder)[-1]
    say(f"step {last} of {plan.steps} stands in {checkpoint.path_of(asked.folder, last)}")
    return last == plan.steps


def on_end(handler):
    """Call `handler` when a scheduler (SIGTERM) or the keyboard (SIGINT) asks to end."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)


def say(line):
    """Print at once: who reads a log wants to know what was said before the end.

    Of several processes only the first one speaks.
    """
    if is_first():
        print(line, flush=True)


def is_first():
    """Whether this is the only process, or the first of several."""
    return os.environ.get("RANK", "0") == "0"


def main(arguments=None):
    """Run the command; return how it ends."""
    # Until training begins there is nothing to save. Without a handler, the first process of a
    # container would not hear SIGTERM at all.
    on_end(lambda *_: os._exit(STOPPED))
    asked = parser().parse_args(arguments)
    if not sys.stderr.isatty():  # a log needs no progress bar
        os.environ.setdefault("LABS_PROGRESS", "off")
    try:
        with parallel.joined(asked.parallel) as team:
            done = train(asked, team)
    except (ValueError, OSError) as error:  # of all processes alike
        if is_first():
            print(f"python -m labs.gpt: {error}", file=sys.stderr)
        return WRONG if isinstance(error, ValueError) else TRY_AGAIN
    if not done:
        say("stopped early, as asked; the same command goes on from here")
    return DONE if done else STOPPED


if __name__ == "__main__":
    sys.exit(main())
