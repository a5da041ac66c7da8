"""Answers in the form of OpenAI's interface: one for completions, one for chat."""

import dataclasses
import secrets
import time

FINISH = {"end": "stop", "stop": "stop", "tokens": "length", "time": "length"}
"""OpenAI's finish_reason. `ended_by` beside it tells what of the four it was."""


@dataclasses.dataclass
class Form:
    """What stays the same in all parts of an answer. `chat`: which endpoint was asked."""

    model: str
    chat: bool
    created: int = dataclasses.field(default_factory=lambda: int(time.time()))
    id: str = dataclasses.field(default_factory=lambda: "cmpl-" + secrets.token_hex(12))

    def whole(self, text, reason, usage):
        """An answer in one piece."""
        says = {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text}
        kind = "chat.completion" if self.chat else "text_completion"
        return self._around(kind, says, reason) | {"usage": usage}

    def opening(self):
        """The first chunk of a stream, or None: in a chat, it says who speaks."""
        delta = {"delta": {"role": "assistant", "content": ""}}
        return self._around("chat.completion.chunk", delta, None) if self.chat else None

    def piece(self, text, reason=None):
        """A chunk of a stream."""
        if self.chat:
            delta = {"content": text} if text else {}
            return self._around("chat.completion.chunk", {"delta": delta}, reason)
        return self._around("text_completion", {"text": text}, reason)

    def count(self, usage):
        """The chunk of a stream that counts the tokens; it has no choice."""
        return self.piece("") | {"choices": [], "usage": usage}

    def _around(self, kind, says, reason):
        ended = {"finish_reason": FINISH.get(reason), "ended_by": reason, "logprobs": None}
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": [{"index": 0, **says, **ended}],
        }


def usage(answer):
    """The tokens of an answer: those of its prompt, and those that were written."""
    prompt, written = len(answer.sequence.prompt), len(answer.sequence.written)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "total_tokens": prompt + written,
    }
