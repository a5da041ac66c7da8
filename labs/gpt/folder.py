"""A model on disk, as Hugging Face keeps GPT-2: `transformers` opens what is written here, and what
it wrote is read here. Weights are safetensors, everything else is JSON; nothing is ever unpickled.
"""

import pathlib

import tokenizers
import torch

from labs.gpt.files import (
    read_json,
    read_parts,
    refuse_others,
    write_json,
    write_tensors,
    written_whole,
)
from labs.gpt.model import GPT, Shape
from labs.gpt.tokenizer import END

RECORDED = pathlib.Path(__file__).parent / "recorded"
"""The folder of the model that the pages carry; its card.json says how it was trained."""
WEIGHTS, CONFIG = "model.safetensors", "config.json"  # the first may be in parts
TOKENIZER, SETTINGS = "tokenizer.json", "tokenizer_config.json"

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

ONLY = "labs.gpt reads plain GPT-2s only; open this one with transformers"


def their_name(name):
    """The name of a parameter in Hugging Face's GPT-2, and whether it is stored transposed."""
    stem, kind = name.rsplit(".", 1)
    head, _, rest = stem.partition(".")
    if head == "blocks":
        layer, _, part = rest.partition(".")
        linear = part.startswith(("attention", "mlp"))
        return f"transformer.h.{layer}.{THEIRS[part]}.{kind}", linear and kind == "weight"
    return f"transformer.{THEIRS[stem]}.{kind}", False


def save(folder, model, tokenizer=None, dtype=torch.float32):
    """Write a model, and its tokenizer, into a new `folder`. See `written_whole` for the errors."""
    with written_whole(folder) as part:
        write_weights(part / WEIGHTS, model.state_dict(), dtype)
        write_about(part, model.shape, tokenizer, dtype)


def write_weights(path, weights, dtype=torch.float32):
    """Write {name: parameter}: all of a model's, or a part of them."""
    tensors = {}
    for name, tensor in weights.items():
        theirs, transposed = their_name(name)
        tensor = tensor.detach().to("cpu", dtype)
        tensors[theirs] = (tensor.T if transposed else tensor).contiguous()
    write_tensors(path, tensors)


def write_index(folder, files, size):
    """Write which file holds each parameter, {name: file}, where there are several.

    `size`: the bytes of all weights.
    """
    where = {their_name(name)[0]: file for name, file in files.items()}
    index = {"metadata": {"total_size": size}, "weight_map": where}
    write_json(folder / f"{WEIGHTS}.index.json", index)


def write_about(folder, shape, tokenizer=None, dtype=torch.float32):
    """Write all but the weights."""
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
        (folder / TOKENIZER).write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
        special = {} if end is None else {f"{kind}_token": END for kind in ("bos", "eos", "unk")}
        write_json(
            folder / SETTINGS,
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
    tensors = read_weights(folder)
    head = tensors.pop("lm_head.weight", None)
    wanted, found = {}, {}
    for name, parameter in model.state_dict().items():
        theirs, transposed = their_name(name)
        wanted[theirs] = parameter.T.shape if transposed else parameter.shape
        if theirs in tensors:
            tensor = tensors[theirs].float()
            found[name] = tensor.T if transposed else tensor
    refuse_others(folder, wanted, tensors)
    if head is not None and not torch.equal(head.float(), found["tokens.weight"]):
        raise ValueError(
            f"{folder}: expected an output layer that is the token embedding (tied), got a "
            f"lm_head.weight of its own; {ONLY}"
        )
    model.load_state_dict(found)
    return model.to(device or "cpu"), _tokenizer(folder)


def _tokenizer(folder):
    path = folder / TOKENIZER
    if not path.exists():
        return None
    if (folder / SETTINGS).exists():  # not needed here, but a damaged folder is refused whole
        read_json(folder / SETTINGS)
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except Exception as error:  # `tokenizers` raises Exception itself
        raise ValueError(f"{path} is damaged, or not of Hugging Face's format ({error})") from error


def shape_of(config, folder):
    """The `Shape` that a config.json tells of. Raises ValueError for another kind of model."""
    kind = config.get("model_type")
    if kind != "gpt2":
        raise ValueError(f"{folder}: expected model_type 'gpt2', got {kind!r}; {ONLY}")
    shape = Shape(
        vocabulary=config.get("vocab_size", 50257),
        context=config.get("n_positions", 1024),
        layers=config.get("n_layer", 12),
        width=config.get("n_embd", 768),
        heads=config.get("n_head", 12),
    )
    inner = {"n_inner": None if config.get("n_inner") is None else 4 * shape.width}
    for name, value in (FIXED | inner).items():
        if config.get(name, value) != value:
            raise ValueError(f"{folder}: expected {name} {value!r}, got {config[name]!r}; {ONLY}")
    return shape


def read_weights(folder):
    """{name: tensor} of all safetensors of a model, with Hugging Face's full names."""
    if not any(folder.glob("model*.safetensors")):
        raise FileNotFoundError(
            f"{folder}: expected {WEIGHTS}, found none; a pytorch_model.bin is a pickle and is not "
            "opened: save it with save_pretrained(…) of transformers first"
        )
    found = read_parts(folder / WEIGHTS)
    full = lambda name: (
        name if name.startswith(("transformer.", "lm_head.")) else "transformer." + name
    )
    masks = (".attn.bias", ".attn.masked_bias")  # which old versions stored
    return {full(name): tensor for name, tensor in found.items() if not name.endswith(masks)}
