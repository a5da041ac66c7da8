"""A small text, its tokenizer and tokens, and small models: what the tests of labs.gpt share."""

import functools
import random

import torch

from labs.gpt import corpus, model, pretrain, tokenizer

SHAPE = model.Shape(300, 16, layers=2, width=16, heads=2)
WORDS = "the model reads a token and writes another token after it where does a head look".split()


def prose(words, seed):
    """Sentences without sense, the same for a seed."""
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) + rng.choice(["", "", "", ".\n", ","]) for _ in range(words))


@functools.cache
def texts():
    """A corpus of three documents, one of them held out."""
    train = {"one.txt": prose(700, 1), "two.txt": prose(300, 2) + " Grüße, 世界 🙂"}
    return corpus.Corpus("prose", train, {"three.txt": prose(200, 3)})


@functools.cache
def words():
    """The tokenizer of that corpus."""
    return tokenizer.train(texts().train.values(), SHAPE.vocabulary)


@functools.cache
def tokens():
    """That corpus in tokens."""
    return corpus.encode(texts(), words())


def lively(gpt, seed=0):
    """`gpt` with parameters far from their first values, biases too, so that a mistake shows."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in gpt.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return gpt


def some_tokens(sequences=3, length=12, seed=0, vocabulary=SHAPE.vocabulary):
    """Ids drawn evenly, (sequences, length)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocabulary, (sequences, length), generator=generator)


def config(**changes):
    """A short training."""
    short = dict(steps=12, batch_size=4, warmup=3, evaluate_every=4, save_every=4, precision="fp32")
    return pretrain.Pretraining(**short | changes)


def trained(folder=None, gpt=None, text=None, **changes):
    """The model and all of its losses, after a training on the CPU."""
    gpt = gpt or model.GPT(SHAPE)
    run = pretrain.pretrain(
        gpt, text or tokens(), config(**changes), folder, words() if folder else None, "cpu"
    )
    return gpt, torch.cat([now.loss for now in run])


def same(one, other):
    """Whether two models have the same parameters, bit for bit."""
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)
