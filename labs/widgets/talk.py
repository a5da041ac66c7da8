"""Talk: a language model that runs in the page, with its probabilities, attention and bits."""

import base64
import math
import pathlib

import traitlets
from ipywidgets import widget_serialization

from labs import words
from labs.widgets import saved, talkstill, weights
from labs.widgets.part import Part

RECORDED = pathlib.Path(__file__).resolve().parents[1] / "gpt" / "recorded"
BITS = (16, 8, 4, 3, 2)
SEEDS = 2**32


class Talk(Part):
    """Write with a GPT in the page, without a kernel: text as it comes, the probabilities of the
    next tokens, the attention of any token, and what fewer bits for the weights do.

    `folder`: a GPT-2 as Hugging Face saves it, config.json, model.safetensors (float16 or float32,
    64 MB at most) and tokenizer.json; card.json with bits_per_byte {bits: number} is shown where it
    is there. None is the model that was recorded for the book. `prompt`: what to go on from; an
    empty one goes on from <|endoftext|>. `name`: what tells this one from others on its page.

    `temperature`: 0 takes the likeliest token; `top_k`: how many of the likeliest may be drawn, 0
    for all; `top_p`: of these, as many of the likeliest as together reach this probability, one at
    least. They apply in this order, as in `transformers`. `bits`: of the weights, one of 16, 8, 4,
    3, 2; rows are quantized as by `labs.compress.quantized`. `seed`: the same one, with the same
    prompt and settings, gives the same text. What is being written keeps the settings it began
    with. Python's `labs.gpt.generate` draws with other random numbers: its text is the same at
    temperature 0.

    A prompt longer than the model's context is refused, and writing stops when the context is full
    or the model says <|endoftext|>. A change of the text by hand, too, is a reader's: press a bar.
    The weights are fetched when the reader comes near, once for all widgets of one model.

    `text` is what was written last, with its prompt. Raises ValueError for a folder or a setting
    that is not as said here.

    >>> labs.Talk(prompt="def ")
    """

    part = traitlets.Unicode("talk", read_only=True).tag(sync=True)
    no_script = traitlets.Unicode("no_script_talk", read_only=True).tag(sync=True)
    name = traitlets.Unicode(read_only=True).tag(sync=True)
    meta = traitlets.Dict(read_only=True).tag(sync=True)
    weights = traitlets.Instance(weights.Weights, read_only=True).tag(
        sync=True, **widget_serialization
    )
    prompt = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode().tag(sync=True)
    temperature = traitlets.Any(0.8).tag(sync=True)
    top_k = traitlets.Any(40).tag(sync=True)
    top_p = traitlets.Any(0.95).tag(sync=True)
    bits = traitlets.Any(16).tag(sync=True)
    seed = traitlets.Any(0).tag(sync=True)

    def __init__(
        self,
        folder=None,
        prompt="def ",
        name="talk",
        temperature=0.8,
        top_k=40,
        top_p=0.95,
        bits=16,
        seed=0,
    ):
        if not isinstance(prompt, str):
            raise ValueError(f"prompt: expected a text, got {prompt!r}; write one, such as 'def '")
        model = saved.read(RECORDED if folder is None else folder)
        kept = weights.of(model)
        # Before the comm opens: it then opens with all of it.
        self.set_trait("name", str(name))
        self.set_trait("weights", kept)
        self.set_trait("meta", _meta(model, len(kept.packed)))
        super().__init__(
            prompt=prompt, temperature=temperature, top_k=top_k, top_p=top_p, bits=bits, seed=seed
        )

    @traitlets.validate("temperature")
    def _validate_temperature(self, proposal):
        return _number("temperature", proposal["value"], lambda t: t >= 0, "of at least 0")

    @traitlets.validate("top_p")
    def _validate_top_p(self, proposal):
        return _number("top_p", proposal["value"], lambda p: 0 < p <= 1, "above 0, at most 1")

    @traitlets.validate("top_k")
    def _validate_top_k(self, proposal):
        return _whole("top_k", proposal["value"], lambda k: k >= 0, "of at least 0 (0: all)")

    @traitlets.validate("seed")
    def _validate_seed(self, proposal):
        return _whole("seed", proposal["value"], lambda s: 0 <= s < SEEDS, f"from 0 to {SEEDS - 1}")

    @traitlets.validate("bits")
    def _validate_bits(self, proposal):
        return _whole("bits", proposal["value"], lambda b: b in BITS, f"among {BITS}")

    def _repr_mimebundle_(self, **kwargs):
        shown = super()._repr_mimebundle_(**kwargs)
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        fallbacks = {"text/plain": self._summary()}
        if self.meta["losses"]:
            picture = talkstill.picture(self.meta["losses"])
            fallbacks["image/png"] = base64.b64encode(picture).decode()
        return {**(data or {}), **fallbacks}, metadata

    def _summary(self):
        facts = {key: self.meta[key] for key in ("layers", "width", "heads", "context")}
        return words.text("talk.still", parameters=f"{self.meta['parameters']:,}", **facts)


def _meta(model, size):
    """What the page shows before the weights are there."""
    names = ("layers", "width", "heads", "context", "vocabulary")
    facts = {name: model.config[name] for name in names}
    parameters = sum(array.size for array in model.tensors.values())
    losses = {str(bits): loss for bits, loss in model.losses.items() if bits in BITS}
    return facts | {"parameters": parameters, "bytes": size, "losses": losses}


def _number(name, value, right, expected):
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or not right(value):
        raise ValueError(f"{name}: expected a number {expected}, got {value!r}; choose another")
    return value


def _whole(name, value, right, expected):
    value = int(value) if isinstance(value, float) and value.is_integer() else value
    if not isinstance(value, int) or isinstance(value, bool) or not right(value):
        raise ValueError(
            f"{name}: expected a whole number {expected}, got {value!r}; choose another"
        )
    return value
