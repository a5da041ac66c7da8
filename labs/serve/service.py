"""All that a server holds: the model and its tokenizer, the worker, the limits, what is open."""

import contextlib
import math
import secrets

from labs.gpt.tokenizer import end_of
from labs.serve.batch import Batch, Rereading
from labs.serve.engine import Engine
from labs.serve.errors import Refusal, short
from labs.serve.limits import Limits
from labs.serve.metrics import Metrics
from labs.serve.text import Text
from labs.serve.worker import Answer, Full, Worker


class Service:
    """`model`, a `labs.gpt.model.GPT`, and its tokenizer under a `name`, within `limits`.

    `key`: what clients have to send, if anything. `cache`: whether keys and values are kept; to be
    measured without. Raises ValueError for a tokenizer of another model, and for an empty key.
    """

    def __init__(self, model, tokenizer, name, limits=None, key=None, cache=True):
        if tokenizer.get_vocab_size() > model.shape.vocabulary:
            raise ValueError(
                f"tokenizer: expected at most {model.shape.vocabulary} tokens, as the model has, "
                f"got {tokenizer.get_vocab_size()}; is it the tokenizer of this model?"
            )
        self.model, self.tokenizer, self.name = model.eval(), tokenizer, name
        self.end = end_of(tokenizer)
        self.longest_token = max(map(len, tokenizer.get_vocab()))  # a character stands for a byte
        if key == "":
            raise ValueError("key: expected some text, got none; leave it out to ask for no key")
        self.limits, self.key = limits or Limits(), key
        rows = self.limits.slots
        engine = Engine((Batch if cache else Rereading)(model, rows), rows)
        self.worker = Worker(engine, self.limits, self.ended)
        self.metrics = Metrics(engine)
        self.draining, self.open, self.last_wait = False, 0, 1.0

    def begin(self, asked, prompt, stop=(), usual=16):
        """Have `prompt`, a text, answered. Returns an `Answer`, which waits, or raises `Refusal`.

        `stop`: strings that end it, beside those asked for. `usual`: the most tokens where no
        number was asked for.
        """
        self.refuse_other(asked.model)
        # A text of more bytes than so many tokens can stand for is not worth the time to encode it.
        least = math.ceil(len(prompt.encode()) / self.longest_token)
        self._refuse_longer(asked, least, "at least ")
        tokens = self.tokenizer.encode(prompt).ids or [self.end]
        self._refuse_longer(asked, len(tokens))
        most = self._most(asked, len(tokens), usual)
        sampling = {name: getattr(asked, name) for name in ("temperature", "top_k", "top_p")}
        seed = secrets.randbits(62) if asked.seed is None else asked.seed
        text = Text(self.tokenizer, [*asked.stop, *stop], None if asked.ignore_eos else self.end)
        answer = Answer(text, sampling, seed, asked.stream)
        try:
            self.worker.submit(answer, tokens, most)
        except Full:
            raise Refusal(
                429,
                f"expected at most {self.limits.waiting} requests to wait, got one more; ask again "
                "later",
                code="queue_full",
                retry_after=math.ceil(self.last_wait),
            ) from None
        return answer

    def refuse_other(self, name):
        """Raise `Refusal` for the name of another model."""
        if name != self.name:
            raise Refusal(
                404,
                f"model: expected {self.name}, got {short(name)}; name one that GET /v1/models "
                "lists",
                param="model",
                code="model_not_found",
            )

    def _refuse_longer(self, asked, tokens, about=""):
        """Raise `Refusal` for a prompt of too many tokens."""
        context = self.model.shape.context
        longest = min(self.limits.prompt or context, context - 1)
        if tokens > longest:
            raise Refusal(
                400,
                f"expected a prompt of at most {longest} tokens, got {about}{tokens}; leave out "
                "its beginning",
                param="messages" if asked.chat else "prompt",
                code="context_length_exceeded",
            )

    def _most(self, asked, prompt, usual):
        """How many tokens may follow so many of a prompt. Raises `Refusal` for too many."""
        context, limits = self.model.shape.context, self.limits
        most, most_allowed = asked.most, min(limits.tokens, context - prompt)
        if most is None:
            return min(usual, most_allowed)
        if most > most_allowed:
            raise Refusal(
                400,
                f"max_tokens: expected at most {most_allowed} after a prompt of {prompt} tokens "
                f"(this server writes up to {limits.tokens}, and the model's context is "
                f"{context}), got {most}; ask for fewer",
                param="max_tokens",
                code="context_length_exceeded",
            )
        return most

    def ended(self, answer, reason):
        """Note that an answer is whole, or is no longer wanted."""
        self.last_wait = answer.first or answer.seconds
        self.metrics.observe(answer, reason)

    @contextlib.contextmanager
    def opened(self):
        """Within the block, a request is open."""
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1
