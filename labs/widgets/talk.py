"""Talk: a language model that runs in the page, with its probabilities, attention and bits."""

import base64
import math
import pathlib

import traitlets
from ipywidgets import widget_serialization

from labs import words
from labs.widgets import saved, talkstill, weights
from labs.widgets.numbers import count
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
    or the model says <|endoftext|>. A bar that is pressed puts its token into the place that is
    looked at. The weights are fetched when the reader comes near, once for all of one model.

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
        value = proposal["value"]
        if not _is_number(value) or value < 0:
            raise ValueError(
                f"temperature: expected a number of at least 0, got {value!r}; 0 is no chance"
            )
        return value

    @traitlets.validate("top_k")
    def _validate_top_k(self, proposal):
        value = _whole(proposal["value"])
        if type(value) is not int or value < 0:
            raise ValueError(
                f"top_k: expected a whole number of at least 0, got {value!r}; 0 is no limit"
            )
        return value

    @traitlets.validate("top_p")
    def _validate_top_p(self, proposal):
        value = proposal["value"]
        if not _is_number(value) or not 0 < value <= 1:
            raise ValueError(
                f"top_p: expected a number above 0, at most 1, got {value!r}; 1 is no limit"
            )
        return value

    @traitlets.validate("bits")
    def _validate_bits(self, proposal):
        value = _whole(proposal["value"])
        if type(value) is not int or value not in BITS:
            raise ValueError(f"bits: expected one of {BITS}, got {value!r}; choose another")
        return value

    @traitlets.validate("seed")
    def _validate_seed(self, proposal):
        value = _whole(proposal["value"])
        if type(value) is not int or not 0 <= value < SEEDS:
            raise ValueError(
                f"seed: expected a whole number from 0 to {SEEDS - 1}, got {value!r}; choose one"
            )
        return value

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
        facts["parameters"] = count(self.meta["parameters"])
        said = [words.text("talk.still", prompt=self.prompt.strip(), **facts)]
        losses = [
            words.text("talk.still_loss", bits=bits, loss=f"{loss:.2f}")
            for bits, loss in self.meta["losses"].items()
        ]
        if losses:
            said.append(words.text("talk.still_losses", losses=words.listed(losses)))
        return " ".join(said)


def _meta(model, size):
    """What the page shows before the weights are there."""
    names = ("layers", "width", "heads", "context", "vocabulary")
    facts = {name: model.config[name] for name in names}
    parameters = sum(array.size for array in model.tensors.values())
    losses = {str(bits): loss for bits, loss in model.losses.items() if bits in BITS}
    return facts | {"parameters": parameters, "bytes": size, "losses": losses}


def _is_number(value):
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and math.isfinite(value)


def _whole(value):
    """A page has numbers of one kind only: 3.0 is 3. What is no whole number stays."""
    whole = _is_number(value) and float(value).is_integer()
    return int(value) if whole else value
