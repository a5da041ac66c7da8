"""A GPT-2 as Hugging Face saves it, read without torch and packed for the page.

What `pack` writes and `static/talk/unpack.js` reads is one zlib stream of: the length of the head
(4 bytes, little-endian); the head, JSON; the numbers of all tensors in the head's order, as byte
planes (see labs/widgets/coding.py), matrices as (outputs, inputs). The head holds `config`,
`shapes` {name without "transformer.": shape}, `half` (float16, else float32), and `tokenizer`.
"""

import json
import math
import pathlib
import zlib
from typing import NamedTuple

import numpy as np

from labs.widgets import bytelevel, coding

LIMIT = 64_000_000  # bytes of weights: a page holds them several times over
DTYPES = {"F16": "<f2", "F32": "<f4"}
FIXED = {
    "model_type": "gpt2",
    "activation_function": "gelu_new",
    "scale_attn_weights": True,
    "scale_attn_by_inverse_layer_idx": False,
    "add_cross_attention": False,
    "tie_word_embeddings": True,
}
EFFORT = 9  # of zlib


class Saved(NamedTuple):
    """What a folder holds. `config`: numbers that fix the model. `tensors`: {name: array}.
    `tokenizer`: see `labs.widgets.bytelevel`. `losses`: {bits: bits per byte}, what was measured.
    """

    config: dict
    tensors: dict
    tokenizer: dict
    losses: dict


def read(folder):
    """The `Saved` of a folder with config.json, model.safetensors (float16 or float32) and
    tokenizer.json (byte-level byte-pair encoding); card.json, with bits_per_byte {bits: number},
    may be missing.

    Raises ValueError for a missing or damaged file, for another model than GPT-2, for more than 64
    MB of weights, and for weights that are no numbers.
    """
    folder = pathlib.Path(folder)
    config = _config(_json(folder / "config.json"), folder)
    tokenizer = bytelevel.read(_json(folder / "tokenizer.json"), config["vocabulary"], folder)
    tensors = _tensors(folder / "model.safetensors", _shapes(config))
    card = folder / "card.json"
    losses = _losses(_json(card), card) if card.exists() else {}
    return Saved(config, tensors, tokenizer, losses)


def pack(saved):
    """The bytes of a model for the page."""
    half = all(array.dtype == np.float16 for array in saved.tensors.values())
    arrays = {name: _outputs_first(name, array) for name, array in saved.tensors.items()}
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    head = {"config": saved.config, "shapes": shapes, "half": half, "tokenizer": saved.tokenizer}
    text = json.dumps(head, ensure_ascii=False).encode()
    numbers = np.concatenate([array.ravel() for array in arrays.values()])
    raw = coding.planes(numbers, "<f2" if half else "<f4")
    return zlib.compress(len(text).to_bytes(4, "little") + text + raw, EFFORT)


def _outputs_first(name, array):
    """Hugging Face's linear layers of GPT-2 hold (inputs, outputs)."""
    linear = array.ndim == 2 and name not in ("wte", "wpe")
    return array.T if linear else array


def _json(path):
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(
            f"folder: expected {path.name} in it, found none in {path.parent}; give a folder "
            "that save_pretrained of transformers or labs.gpt wrote"
        ) from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: expected JSON, got {error}; save the model again") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path}: expected a JSON object, got {found!r:.60}; save the model again")
    return found


def _config(raw, folder):
    for name, value in FIXED.items():
        got = raw.get(name, None if name == "model_type" else value)
        if got != value:
            raise ValueError(
                f"{folder}/config.json: expected a GPT-2 with {name} {value!r}, got {got!r}; "
                "the page runs no other model"
            )
    usual = {"n_layer": 12, "n_embd": 768, "n_head": 12, "n_positions": 1024, "vocab_size": 50257}
    numbers = {name: raw.get(name, value) for name, value in usual.items()}
    for name, value in numbers.items():
        if not isinstance(value, int) or value < 1:
            raise ValueError(
                f"{folder}/config.json: expected {name} to be a whole number of at least 1, got "
                f"{value!r}; save the model again"
            )
    layers, width, heads, context, vocabulary = numbers.values()
    if width % heads:
        raise ValueError(
            f"{folder}/config.json: expected n_head to divide n_embd, got {heads} and {width}; "
            "each head takes an equal part of the width"
        )
    return {
        "layers": layers,
        "width": width,
        "heads": heads,
        "context": context,
        "vocabulary": vocabulary,
        "inner": raw.get("n_inner") or 4 * width,
        "epsilon": raw.get("layer_norm_epsilon", 1e-5),
    }


def _shapes(config):
    """{name: shape} of every tensor, in the order of the forward pass."""
    width, inner = config["width"], config["inner"]
    block = {
        "ln_1": (width,),
        "attn.c_attn": (width, 3 * width),
        "attn.c_proj": (width, width),
        "ln_2": (width,),
        "mlp.c_fc": (width, inner),
        "mlp.c_proj": (inner, width),
    }
    shapes = {"wte": (config["vocabulary"], width), "wpe": (config["context"], width)}
    for layer in range(config["layers"]):
        for name, shape in block.items():
            shapes[f"h.{layer}.{name}.weight"] = shape
            shapes[f"h.{layer}.{name}.bias"] = shape[-1:]
    return shapes | {"ln_f.weight": (width,), "ln_f.bias": (width,)}


def _tensors(path, shapes):
    """{name: array} of a safetensors file, or of the parts in which it was written."""
    parts = sorted(path.parent.glob(f"{path.stem}*{path.suffix}"))
    if not parts:
        raise ValueError(
            f"folder: expected model.safetensors in it, found none in {path.parent}; save the "
            "model with save_pretrained of transformers 4.35 or newer"
        )
    size = sum(part.stat().st_size for part in parts)
    if size > LIMIT:
        raise ValueError(
            f"{path}: expected at most {LIMIT / 1e6:.0f} MB of weights, got {size / 1e6:.0f} MB; "
            "take a smaller model, or save it in float16: a page holds the weights in memory"
        )
    try:
        named = {}
        for part in parts:
            named |= _entries(part.read_bytes())
        found = {}
        for name, shape in shapes.items():
            found[name] = _array(*named[_stored(name, named)], name, shape)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: expected a GPT-2's float16 or float32 weights of the shapes in config.json, "
            f"got {error}; save the model again, whole"
        ) from error
    return found


def _entries(raw):
    """{name: (entry, numbers)} of a safetensors file: a length, a JSON head, and the numbers."""
    start = 8 + int.from_bytes(raw[:8], "little")
    entries = json.loads(raw[8:start].decode("utf-8"))
    numbers = raw[start:]
    return {_short(name): (e, numbers) for name, e in entries.items() if name != "__metadata__"}


def _short(name):
    return name.removeprefix("transformer.")


def _stored(name, named):
    stored = f"{name}.weight" if name in ("wte", "wpe") else name
    if stored not in named:
        raise ValueError(f"no tensor {stored}")
    return stored


def _array(entry, raw, name, shape):
    if entry["dtype"] not in DTYPES:
        raise ValueError(f"{name} in {entry['dtype']}")
    if tuple(entry["shape"]) != shape:
        raise ValueError(f"{name} of {tuple(entry['shape'])} where {shape} belongs")
    begin, end = entry["data_offsets"]
    dtype = np.dtype(DTYPES[entry["dtype"]])
    if end > len(raw) or end - begin != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name} cut off")
    array = np.frombuffer(raw, dtype, math.prod(shape), begin).reshape(shape)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} with numbers that are not finite")
    return array


def _losses(card, path):
    """{bits: bits per byte} of what was measured on held-out text."""
    losses = card.get("bits_per_byte") or {}
    try:
        return {int(bits): float(loss) for bits, loss in losses.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: expected bits_per_byte to be {{bits: number}}, got {losses!r:.80}; leave it "
            "out where nothing was measured"
        ) from error
