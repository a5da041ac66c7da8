"""Continuous batching: many requests share one model, and none waits for another to end.

To write one token of one sequence, a processor reads all weights and does little with them. So all
sequences take their steps together. The batch changes between two steps: who has ended leaves, who
waits enters, and nobody waits for the longest (Yu et al. 2022: iteration-level scheduling). The
prompt of one that enters is read as a whole, and holds the others up for so long; servers of large
models read it in pieces beside their steps (Agrawal et al. 2023).
"""

import collections
import dataclasses
import time
from collections.abc import Callable

import torch


@dataclasses.dataclass(eq=False)
class Sequence:
    """A request, as the engine sees it.

    `prompt`: token ids. `most`: how many tokens may follow. `until`: the time at which it ends in
    any case, by `time.monotonic()`. `draw(logits_V)` chooses the next token. `take(token)` is
    called with each one, and may return a reason to end. `end(reason)` is called once: with that
    reason, or "tokens" (it has its most), "time", "cancelled", or the exception that ended it.
    """

    prompt: list[int]
    most: int
    until: float
    draw: Callable
    take: Callable
    end: Callable
    cancelled: bool = False
    written: list[int] = dataclasses.field(default_factory=list)
    reason: object = None

    def finish(self, reason):
        """It ends, unless it has."""
        if self.reason is None:
            self.reason = reason
            self.end(reason)


class Engine:
    """Lets the sequences of `waiting` into `slots` places, and steps all that are `running`.

    `waiting` is a deque: append to it, from any thread, then call `step` until nothing is left.
    `batch`: a `labs.serve.batch.Batch` with a row for each slot; sequence i of `running` has row i.
    `wrote()` is called when tokens are there, after each prompt and after each step.
    """

    def __init__(self, batch, slots, wrote=lambda: None):
        self.batch, self.slots, self.wrote = batch, slots, wrote
        self.waiting, self.running = collections.deque(), []

    @torch.inference_mode()
    def step(self):
        """One new token for every sequence that runs, and a first one for each that enters."""
        self._leave()
        self._enter()
        self._leave()  # one token may be enough
        if self.running:
            logits_RV = self.batch.step([sequence.written[-1] for sequence in self.running])
            for sequence, logits_V in zip(self.running, logits_RV):
                self._write(sequence, logits_V)
        self.wrote()

    def _enter(self):
        """Read the prompts of those that wait, in their order, while there is a free slot."""
        while self.waiting and len(self.running) < self.slots:
            sequence = self.waiting.popleft()
            self.running.append(sequence)
            self._write(sequence, self.batch.add(sequence.prompt))
            self.wrote()  # the next prompt may be long

    def _write(self, sequence, logits_V):
        """Draw its next token, and hand it over."""
        token = sequence.draw(logits_V)
        sequence.written.append(token)
        reason = sequence.take(token)
        if reason is None and len(sequence.written) == sequence.most:
            reason = "tokens"
        if reason is not None:
            sequence.finish(reason)

    def _leave(self):
        """Let all go that are over; the last sequence moves into the slot of one that ran."""
        for sequence in list(self.waiting):
            if self._is_over(sequence):
                self.waiting.remove(sequence)
        for row in reversed(range(len(self.running))):
            if self._is_over(self.running[row]):
                self.batch.remove(row)
                last = self.running.pop()
                if row < len(self.running):
                    self.running[row] = last

    def _is_over(self, sequence):
        """Whether it has ended, or ends now: nobody wants it any more, or its time is over."""
        if sequence.cancelled:
            sequence.finish("cancelled")
        elif time.monotonic() >= sequence.until:
            sequence.finish("time")
        return sequence.reason is not None

    def fail(self, error):
        """End all that run with an exception that `step` raised; those that wait may still run."""
        for sequence in self.running:
            sequence.finish(error)
        self.running.clear()
        self.batch.clear()
