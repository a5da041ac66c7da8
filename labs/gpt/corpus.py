"""Texts to train on, split by document, and known by a hash.

A corpus comes without a download: it is the source of Python's own standard library, or a text
file of the reader's.
"""

import dataclasses
import functools
import hashlib
import pathlib
import sysconfig

import torch

from labs.gpt import tokenizer as tokenizers

LEFT_OUT = ("test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__")
BUILD = "_sysconfigdata"  # files of this name tell of the machine that built Python
HELD_OUT = 10  # one document of so many is for validation


@dataclasses.dataclass(frozen=True)
class Corpus:
    """`train` and `val`: {name: text} of the documents to learn from, and of those held out."""

    name: str
    train: dict
    val: dict

    @functools.cached_property
    def hash(self):
        """A SHA-256 of all documents, their names, and which are held out."""
        digest = hashlib.sha256()
        for part in (self.train, self.val):
            for name, text in sorted(part.items()):
                digest.update(f"{name}\0{len(text.encode())}\0{text}".encode())
            digest.update(b"\1")
        return digest.hexdigest()

    def bytes(self, part):
        """The number of bytes of "train" or "val", as UTF-8."""
        return sum(len(text.encode()) for text in getattr(self, part).values())


def standard_library():
    """The source of the Python that runs this, without tests: about 11 MB in 700 files.

    A file is held out where a hash of its name says so, one in ten, so that the split is the same
    everywhere; a file that is not UTF-8 is left out, and so is what tells of the build. The texts
    differ between versions of Python: compare `hash`.
    """
    root = pathlib.Path(sysconfig.get_path("stdlib"))
    parts = {"train": {}, "val": {}}
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if not set(LEFT_OUT) & set(name.parts[:-1]) and not name.name.startswith(BUILD):
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue
            held = _number(name.as_posix()) % HELD_OUT == 0
            if text.strip():
                parts["val" if held else "train"][name.as_posix()] = text
    version = sysconfig.get_python_version()
    return Corpus(f"the standard library of Python {version}", **parts)


def _number(name):
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def text_file(path, val=0.1):
    """A file of the reader's, in UTF-8. The share `val` at its end is held out.

    Raises ValueError for an empty file, one that is not UTF-8, and a share outside of 0..1.
    """
    path = pathlib.Path(path)
    if not 0 < val < 1:
        raise ValueError(f"val must be between 0 and 1, the share held out, got {val!r}")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name}: expected text in UTF-8, got the byte 0x{error.object[error.start]:02x} "
            f"at {error.start}; save it as UTF-8"
        ) from error
    cut = round((1 - val) * len(text))
    if not text[:cut].strip() or not text[cut:].strip():
        raise ValueError(
            f"{path.name}: expected a text of which a share of {val} can be held out, got "
            f"{len(text)} characters{' of white space' * text.isspace()}; give a longer one"
        )
    return Corpus(path.name, {path.name: text[:cut]}, {path.name: text[cut:]})


@dataclasses.dataclass(frozen=True)
class Tokens:
    """A corpus as a model reads it.

    `train`, `val`: token ids, int32, one after another, with the end token after each document.
    `val_bytes`: how many bytes of text those of `val` stand for. `corpus`: the name and the hash.
    """

    train: torch.Tensor
    val: torch.Tensor
    val_bytes: int
    corpus: tuple


def encode(corpus, tokenizer):
    """The `Tokens` of a corpus."""
    end = tokenizers.end_of(tokenizer)
    parts = []
    for texts in (corpus.train, corpus.val):
        ids = [i for e in tokenizer.encode_batch(list(texts.values())) for i in (*e.ids, end)]
        parts.append(torch.tensor(ids, dtype=torch.int32))
    return Tokens(*parts, corpus.bytes("val"), (corpus.name, corpus.hash))
