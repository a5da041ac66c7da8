"""A model on disk, as Hugging Face keeps GPT-2: `transformers` opens what is written here, and what
it wrote is read here. Weights are safetensors, everything else is JSON; nothing is ever unpickled.
"""

import contextlib
import json
import os
import pathlib
import shutil

import safetensors
import safetensors.torch
import tokenizers
import torch

from labs.gpt.model import GPT, Shape
from labs.gpt.tokenizer import END

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"

THEIRS = {
    "tokens": "wte",
    "positions": "wpe",
    "norm": "ln_f",
    "before_attention": "ln_1",
    "attention.query_key_value": "attn.c_attn",
    "attention.join": "attn.c_proj",
    "before_mlp": "ln_2",
    "mlp.expand": "mlp.c_fc",
    "mlp.contract": "mlp.c_proj",
}
"""Hugging Face's names. Their linear layers hold (inputs, outputs), PyTorch's (outputs, inputs)."""

FIXED = {
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-5,
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "reorder_and_upcast_attn": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}
"""What a GPT-2 may have otherwise, and a model here has not."""


def their_name(name):
    """The name of a parameter in Hugging Face's GPT-2, and whether it is stored transposed."""
    stem, kind = name.rsplit(".", 1)
    head, _, rest = stem.partition(".")
    if head == "blocks":
        layer, _, part = rest.partition(".")
        linear = part.startswith(("attention", "mlp"))
        return f"transformer.h.{layer}.{THEIRS[part]}.{kind}", linear and kind == "weight"
    return f"transformer.{THEIRS[stem]}.{kind}", False


@contextlib.contextmanager
def written_whole(folder):
    """A new folder to write into, which becomes `folder` when the block ends, or leaves no trace.

    Raises FileExistsError where there is something already, and OSError with a sentence where the
    disk is full.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists; expected a new folder, so that nothing is lost")
    part = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    part.mkdir(parents=True)
    try:
        yield part
        for path in part.iterdir():
            _flush(path)
        _flush(part)
        part.replace(folder)
        _flush(folder.parent)
    except (OSError, safetensors.SafetensorError) as error:
        raise OSError(
            f"{folder} could not be written, and nothing of it was kept; is the disk full? "
            f"Free some space and go on from the checkpoint before ({error})"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _flush(path):
    """Have it on the disk, not only in memory, before anything is built on it."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def save(folder, model, tokenizer=None, dtype=torch.float32):
    """Write a model, and its tokenizer, into a new `folder`. See `written_whole` for the errors."""
    with written_whole(folder) as part:
        write(part, model, tokenizer, dtype)


def write(folder, model, tokenizer=None, dtype=torch.float32):
    """Write the files of a model into a folder that exists."""
    folder, tensors = pathlib.Path(folder), {}
    for name, tensor in model.state_dict().items():
        theirs, transposed = their_name(name)
        tensor = tensor.detach().to("cpu", dtype)
        tensors[theirs] = (tensor.T if transposed else tensor).contiguous()
    safetensors.torch.save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    shape = model.shape
    end = tokenizer.token_to_id(END) if tokenizer else None
    write_json(
        folder / CONFIG,
        {
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "vocab_size": shape.vocabulary,
            "n_positions": shape.context,
            "n_layer": shape.layers,
            "n_embd": shape.width,
            "n_head": shape.heads,
            "bos_token_id": end,
            "eos_token_id": end,
            "dtype": str(dtype).removeprefix("torch."),
            **{name: 0.0 for name in ("resid_pdrop", "embd_pdrop", "attn_pdrop")},
            **FIXED,
        },
    )
    if tokenizer:
        tokenizer.save(str(folder / TOKENIZER))
        special = {} if end is None else {f"{kind}_token": END for kind in ("bos", "eos", "unk")}
        write_json(
            folder / "tokenizer_config.json",
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": shape.context,
                "clean_up_tokenization_spaces": False,
                **special,
            },
        )


def load(folder, device=None):
    """The model and the tokenizer of a folder; None for a tokenizer that is not there.

    The folder is one of `save`'s, or a GPT-2 of Hugging Face's. Raises FileNotFoundError where a
    file is missing, and ValueError for another kind of model and for damaged files.
    """
    folder = pathlib.Path(folder)
    model = GPT(shape_of(read_json(folder / CONFIG), folder))
    names = {name: their_name(name) for name in model.state_dict()}
    tensors = read_weights(folder)
    head = tensors.pop("lm_head.weight", None)
    _refuse_names(folder, names, tensors)
    found = {}
    for name, (theirs, transposed) in names.items():
        tensor = tensors[theirs].float()
        found[name] = tensor.T if transposed else tensor
    if head is not None and not torch.equal(head.float(), found["tokens.weight"]):
        raise ValueError(f"{folder}: expected an output layer that is the token embedding (tied)")
    model.load_state_dict(found)
    return model.to(device or "cpu"), _tokenizer(folder)


def _tokenizer(folder):
    path = folder / TOKENIZER
    if not path.exists():
        return None
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # `tokenizers` raises Exception itself
        raise ValueError(f"{path} is damaged, or not of Hugging Face's format ({error})") from error


def shape_of(config, folder):
    """The `Shape` that a config.json tells of. Raises ValueError for another kind of model."""
    kind = config.get("model_type")
    if kind != "gpt2":
        raise ValueError(f"{folder}: expected model_type 'gpt2', got {kind!r}; it is no GPT-2")
    for name, value in FIXED.items():
        if config.get(name, value) != value:
            raise ValueError(f"{folder}: expected {name} {value!r}, got {config[name]!r}")
    width = config.get("n_embd", 768)
    if config.get("n_inner") not in (None, 4 * width):
        raise ValueError(f"{folder}: expected n_inner {4 * width}, got {config['n_inner']!r}")
    return Shape(
        vocabulary=config.get("vocab_size", 50257),
        context=config.get("n_positions", 1024),
        layers=config.get("n_layer", 12),
        width=width,
        heads=config.get("n_head", 12),
    )


def read_weights(folder):
    """{name: tensor} of all safetensors of a model, with Hugging Face's full names."""
    paths = sorted(folder.glob("model*.safetensors"))
    if not paths:
        raise FileNotFoundError(
            f"{folder}: expected {WEIGHTS}, found none; a pytorch_model.bin is a pickle and is not "
            "opened: save it with save_pretrained(…) of transformers first"
        )
    found = {}
    for path in paths:
        found |= read_tensors(path)
    full = lambda name: (
        name if name.startswith(("transformer.", "lm_head.")) else "transformer." + name
    )
    masks = (".attn.bias", ".attn.masked_bias")  # which old versions stored
    return {full(name): tensor for name, tensor in found.items() if not name.endswith(masks)}


def _refuse_names(folder, names, tensors):
    wanted = {theirs for theirs, _ in names.values()}
    if wanted != set(tensors):
        missing, extra = sorted(wanted - set(tensors)), sorted(set(tensors) - wanted)
        raise ValueError(
            f"{folder}: expected the weights of a GPT-2 of the shape in {CONFIG}; missing "
            f"{missing[:3]}, not known {extra[:3]}"
        )


def read_tensors(path):
    """{name: tensor} of a safetensors file. Raises ValueError for a damaged one."""
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is damaged: it is no whole safetensors file ({error})") from error


def write_json(path, data):
    """Write `data` for people to read as well."""
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path):
    """What a JSON file holds. Raises ValueError for a damaged one."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: it is no JSON ({error})") from error
