"""A small GPT-2 with random weights, saved by `transformers` itself, for tests of what reads it."""

import contextlib
import io
import json
import pathlib
import sysconfig

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, trainers

END = "<|endoftext|>"
LOSSES = {"16": 1.53, "8": 1.531, "4": 1.62, "3": 2.15, "2": 5.02}
STD = 0.1  # of the weights: wide enough that some tokens are likely and others are not


def tokenizer(vocabulary=600):
    """A byte-level BPE trained on a few files of the standard library."""
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    folder = pathlib.Path(sysconfig.get_paths()["stdlib"])
    files = [folder / f"{name}.py" for name in ("argparse", "ast", "heapq", "json/decoder")]
    made.train_from_iterator((f.read_text(encoding="utf-8") for f in files), trainer)
    return made


def save(folder, layers=2, width=48, heads=3, vocabulary=600, context=64, half=True, seed=0):
    """Write such a model into `folder`; returns (the model as PyTorch has it, its tokenizer)."""
    torch.manual_seed(seed)
    shape = {"n_layer": layers, "n_embd": width, "n_head": heads, "n_positions": context}
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    config = transformers.GPT2Config(
        vocab_size=vocabulary, initializer_range=STD, **shape, **ends, attn_implementation="eager"
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):  # they are 0 in a fresh model
            torch.nn.init.normal_(parameter, std=STD)
    model = model.half() if half else model
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        model.save_pretrained(folder)
    made = tokenizer(vocabulary)
    made.save(str(folder / "tokenizer.json"))
    card = {"context": context, "bits_per_byte": LOSSES}
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return model.float(), made
