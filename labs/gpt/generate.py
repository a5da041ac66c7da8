"""How a GPT writes: one token after another, drawn from what it predicts.

Shapes: `T` tokens, `V` vocabulary.
"""

import torch

from labs.gpt.model import Cache
from labs.gpt.tokenizer import end_of


@torch.inference_mode()
def generate(model, tokens, most=100, temperature=1.0, top_k=0, top_p=1.0, seed=0):
    """Yield the ids of at most `most` tokens that follow `tokens`, a list of ids.

    The arguments mean what they mean to `transformers`. `temperature` divides the logits; at 0 the
    most likely token comes next, and nothing is random. `top_k`: only the so many most likely ones
    are drawn from; 0 sets no limit. `top_p`: only the fewest whose probabilities come to it
    (Holtzman et al. 2020). The same `seed` gives the same tokens. It ends when the context is full:
    a prompt that fills it is followed by nothing.

    Raises ValueError, when the first token is asked for, for an empty prompt, one longer than the
    context, an id that is no token of the model, and arguments that are out of their range; and for
    a model whose logits are no numbers.
    """
    _check(model, tokens, most, temperature, top_k, top_p)
    device = model.tokens.weight.device
    generator = torch.Generator().manual_seed(seed)
    most = min(most, model.shape.context - len(tokens))
    cache = Cache(model, size=len(tokens) + most)
    now = torch.tensor([tokens], device=device)
    for _ in range(most):
        token = draw(model(now, cache)[0, -1], generator, temperature, top_k, top_p)
        now = torch.tensor([[token]], device=device)
        yield token


def draw(logits_V, generator, temperature=1.0, top_k=0, top_p=1.0):
    """The id of the next token, by a generator of the CPU. See `generate`."""
    chances_V = chances(logits_V, temperature, top_k, top_p)
    if temperature == 0:
        return int(chances_V.argmax())
    # Drawn on the CPU, so that a seed gives the same text on every device.
    return int(torch.multinomial(chances_V.cpu(), 1, generator=generator))


def chances(logits_V, temperature=1.0, top_k=0, top_p=1.0):
    """The probabilities (V,) from which the next token is drawn. See `generate`."""
    logits_V = logits_V.float()
    if logits_V.isnan().any():
        raise ValueError("logits: expected numbers, got NaN; did the model diverge in training?")
    if temperature == 0:
        return (torch.arange(len(logits_V), device=logits_V.device) == logits_V.argmax()).float()
    # The largest becomes 0, and stays so over the smallest temperature: no infinities.
    logits_V = (logits_V - logits_V.max()) / max(temperature, 1e-30)
    if 0 < top_k < len(logits_V):
        least = logits_V.topk(top_k).values[-1]
        logits_V = logits_V.masked_fill(logits_V < least, -torch.inf)
    if top_p < 1:
        sorted_V, order_V = logits_V.sort(descending=True)
        before_V = sorted_V.softmax(-1).cumsum(-1) - sorted_V.softmax(-1)
        cut_V = order_V[before_V >= top_p]  # the first one is never cut
        logits_V = logits_V.index_fill(0, cut_V, -torch.inf)
    return logits_V.softmax(-1)


def complete(model, tokenizer, prompt, stop=None, **options):
    """The text that follows `prompt`. `options` go to `generate`.

    It ends before the token `stop`, an id such as that of the end of a document; by default it goes
    on. An empty prompt begins a new document. Raises ValueError as `generate` does.
    """
    ids = tokenizer.encode(prompt).ids or [end_of(tokenizer)]
    found = []
    for token in generate(model, ids, **options):
        if token == stop:
            break
        found.append(token)
    return tokenizer.decode(found, skip_special_tokens=False)


def _check(model, tokens, most, temperature, top_k, top_p):
    if not len(tokens):
        raise ValueError("tokens: expected at least one to go on from, got none")
    if len(tokens) > model.shape.context:
        raise ValueError(
            f"tokens: expected at most {model.shape.context}, the context of this model, got "
            f"{len(tokens)}; leave out the first"
        )
    wrong = [token for token in tokens if token not in range(model.shape.vocabulary)]
    if wrong:
        raise ValueError(
            f"tokens: expected ids from 0 to {model.shape.vocabulary - 1}, got {wrong[0]!r}; is it "
            "the tokenizer of this model?"
        )
    if type(most) is not int or most < 0:
        raise ValueError(f"most must be a whole number, 0 or positive, got {most!r}")
    if not 0 <= temperature < float("inf"):
        raise ValueError(f"temperature must be 0 or positive, and finite, got {temperature!r}")
    if type(top_k) is not int or top_k < 0:
        raise ValueError(f"top_k must be a whole number, 0 for no limit, got {top_k!r}")
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, got {top_p!r}")
