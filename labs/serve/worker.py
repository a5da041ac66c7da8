"""The engine in a thread of its own, and what passes between it and the event loop.

The thread steps while there is work. What a step wrote goes to the loop in one call.
"""

import asyncio
import logging
import threading
import time

import torch

from labs.gpt.generate import draw
from labs.serve.engine import Sequence

LOG = logging.getLogger("labs.serve")


class Full(Exception):
    """As many requests wait as may wait."""


class Answer:
    """One request on its way: the event loop reads here what the engine's thread writes.

    `reason`: why it ended, see `labs.serve.engine.Sequence`; None until then. `first`, `seconds`:
    how long it took to the first token, and to the end. `streams`: whether pieces are wanted before
    the end.
    """

    def __init__(self, text, sampling, seed, streams):
        self.text, self.streams = text, streams
        self.pieces = asyncio.Queue()
        self.generator = torch.Generator().manual_seed(seed)
        self.sampling = sampling
        self.reason = self.first = self.seconds = self.sequence = self.outbox = None
        self.begun = time.monotonic()

    def draw(self, logits_V):
        """The next token."""
        return draw(logits_V, self.generator, **self.sampling)

    def take(self, token):
        """In the engine's thread: a token came."""
        self.first = self.first or time.monotonic() - self.begun
        reason = self.text.take(token)
        if self.streams and reason is None and (piece := self.text.new()):
            self.outbox.append((self, piece, None))
        return reason

    def end(self, reason):
        """In the engine's thread: it is over."""
        self.seconds = time.monotonic() - self.begun
        self.text.close()
        self.outbox.append((self, self.text.new(), reason))

    async def read(self):
        """The next piece of text, and whether it is the last. Pieces that lie there are joined."""
        piece, reason = await self.pieces.get()
        while reason is None and not self.pieces.empty():
            more, reason = self.pieces.get_nowait()
            piece += more
        self.reason = reason
        return piece, reason is not None


class Worker:
    """Runs an `Engine` in a thread, from `start` to `close`, within `limits`.

    `ended(answer, reason)` is called in the event loop as each answer ends.
    """

    def __init__(self, engine, limits, ended):
        self.engine, self.limits, self.ended = engine, limits, ended
        self.outbox, engine.wrote = [], self._send
        self.changed, self.closing = threading.Condition(), False
        self.thread = threading.Thread(target=self._run, name="labs.serve engine", daemon=True)

    def start(self):
        """Begin, for the event loop that runs now."""
        self.loop = asyncio.get_running_loop()
        self.thread.start()

    def close(self):
        """End the thread after the step in which it is."""
        with self.changed:
            self.closing = True
            self.changed.notify()
        self.thread.join()

    def submit(self, answer, prompt, most):
        """Let an `Answer` to `prompt`, token ids, wait for a slot. Raises `Full`."""
        until = answer.begun + self.limits.seconds
        answer.outbox = self.outbox
        answer.sequence = Sequence(prompt, most, until, answer.draw, answer.take, answer.end)
        with self.changed:
            accepted = len(self.engine.waiting) + len(self.engine.running)
            if accepted >= self.limits.slots + self.limits.waiting:
                raise Full
            self.engine.waiting.append(answer.sequence)
            self.changed.notify()

    def cancel(self, answer):
        """Nobody waits for this answer any more: its slot is free after the step that runs now."""
        answer.sequence.cancelled = True

    def cancel_all(self):
        """End all that wait and run."""
        for sequence in [*self.engine.waiting, *self.engine.running]:
            sequence.cancelled = True

    def _run(self):
        while True:
            with self.changed:
                while not (self.engine.waiting or self.engine.running or self.closing):
                    self.changed.wait()
                if self.closing:
                    return
            try:
                self.engine.step()
            except Exception as error:  # a model that diverged, no memory left
                LOG.exception("a step failed; the requests that ran are answered with status 500")
                self.engine.fail(error)
                self._send()

    def _send(self):
        """In the engine's thread: let the loop have what was written."""
        if self.outbox:
            self.loop.call_soon_threadsafe(self._deliver, list(self.outbox))
            self.outbox.clear()

    def _deliver(self, written):
        for answer, piece, reason in written:
            answer.pieces.put_nowait((piece, reason))
            if reason is not None:
                self.ended(answer, reason)
