"""Train the GPT that the pages carry, and write it with its card to labs/gpt/recorded.

    python tools/record_gpt.py [FOLDER]

Checkpoints go to FOLDER, by default _build/gpt: a run that was stopped goes on when it is called
again. It takes about an hour on two cores. The corpus is the standard library of the Python that
runs this: another version is another corpus, and the card says which.
"""

import dataclasses
import pathlib
import platform
import shutil
import sys

import torch

from labs import compress
from labs.gpt import checkpoint, corpus, files, folder, measure, model, ngrams, pretrain, tokenizer

ROOT = pathlib.Path(__file__).parent.parent
VOCABULARY, CONTEXT, BITS, LONGEST = 2048, 256, (16, 8, 4, 3, 2), 8
SHAPE = model.Shape(VOCABULARY, CONTEXT, layers=4, width=192, heads=6)
CONFIG = pretrain.Pretraining(
    steps=6000,
    batch_size=16,
    optimizer="muon",
    learning_rate=5e-3,
    warmup=100,
    last_rate=0.02,
    precision="bf16",
    evaluate_every=500,
    save_every=200,
)


def main(checkpoints):
    """Train, or go on; then write the model and its card."""
    texts = corpus.standard_library()
    words = tokenizer.train(texts.train.values(), VOCABULARY)
    tokens = corpus.encode(texts, words)
    gpt = model.GPT(SHAPE, seed=CONFIG.seed)
    for now in pretrain.pretrain(gpt, tokens, CONFIG, checkpoints, words):
        print(
            f"step {now.step}: {now.loss[-1]:.3f} nats, {now.bits_per_byte:.3f} bits per byte, "
            f"{now.tokens_per_second:,.0f} tokens/s, MFU {now.mfu:.0%}",
            flush=True,
        )
    last = checkpoint.steps(checkpoints)[-1]
    write(checkpoint.path_of(checkpoints, last), checkpoint.read_run(checkpoints, last), tokens)


def write(path, run, tokens):
    """Write the weights of a checkpoint in float16, and the card."""
    gpt, words = folder.load(path)
    part = folder.RECORDED.with_name("recorded.new")
    shutil.rmtree(part, ignore_errors=True)
    folder.save(part, gpt, words, dtype=torch.float16)
    files.write_json(part / "card.json", card(part, run, tokens))
    shutil.rmtree(folder.RECORDED, ignore_errors=True)
    part.rename(folder.RECORDED)


def card(path, run, tokens):
    """What one must know of a recorded model: how it was made, and how good it is."""
    bits = {}
    for count in BITS:
        gpt, _ = folder.load(path)
        bits[str(count)] = round(measure.bits_per_byte(compress.quantize_(gpt, count), tokens), 4)
    steps = run["step"]
    losses = checkpoint_losses(run)
    return {
        "name": "a GPT of the Python standard library",
        "command": "python tools/record_gpt.py",
        "parameters": gpt.count(),
        "shape": dataclasses.asdict(SHAPE),
        "config": dataclasses.asdict(CONFIG),
        "corpus": {"name": run["corpus"][0], "sha256": run["corpus"][1]},
        "tokens": {
            "train": len(tokens.train),
            "val": len(tokens.val),
            "val_bytes": tokens.val_bytes,
        },
        "tokens_trained": steps * CONFIG.batch_size * CONTEXT,
        "device": f"{run['device']}, {processor()}",
        "torch": torch.__version__,
        "seconds": round(run["seconds"]),
        "loss": losses,
        "evaluations": [[step, round(value, 4)] for step, value in run["evaluations"]],
        "bits_per_byte": bits,
        "ngrams": [round(float(one), 4) for one in ngrams.bits_per_byte(tokens, LONGEST)],
    }


def checkpoint_losses(run):
    """[step, mean training loss of the 50 steps before], nats per token."""
    path = checkpoint.path_of(FOLDER, run["step"]) / checkpoint.STATE
    losses = files.read_tensors(path)["losses"]
    rows = losses[: len(losses) // 50 * 50].view(-1, 50).mean(dim=1)
    return [[50 * (i + 1), round(float(loss), 4)] for i, loss in enumerate(rows)]


def processor():
    """The model of the processor, or the machine's kind."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    FOLDER = pathlib.Path(sys.argv[1] if sys.argv[1:] else ROOT / "_build/gpt")
    main(FOLDER)
