"""What a training run has come to: counted, timed, stored, and taken up again."""

import contextlib
import dataclasses
import hashlib
import os
import time

import torch
from tqdm.auto import tqdm

from labs import device as devices
from labs.gpt import checkpoint, measure

FREE = ("evaluate_every", "save_every", "compile", "recompute", "accumulate")
"""What may change when a run goes on: `accumulate` as well, so that fewer processes can."""


class Run:
    """A run, within a `with` block: alone in its folder, gone on from its newest checkpoint.

    `step`: how many are done. `losses`: of each step, a tensor on the CPU. `evaluations`: pairs of
    a step and the bits per byte then. `seconds`: of training, without looking and saving.

    `team`: the processes that train together; the first of them has the folder's lock and the
    progress bar.

    Raises ValueError for tokens that the model cannot read, and see `resume`; OSError where another
    run is under way in the folder.
    """

    def __init__(self, model, tokens, config, optimizers, scaler, folder, tokenizer, team):
        self.model, self.optimizers, self.scaler = model, optimizers, scaler
        self.config, self.folder, self.tokenizer = config, folder, tokenizer
        self.device, self.team = model.tokens.weight.device, team
        with team.together():
            _refuse(tokens, model.shape)
        self.about = {
            "shape": dataclasses.asdict(model.shape),
            "corpus": [*tokens.corpus, _hash(tokens)],
            "config": dataclasses.asdict(config),
        }
        team.agree([self.about, str(folder)])
        self.step, self.losses, self.evaluations, self.seconds = 0, torch.zeros(0), [], 0.0
        self.told, self.new, self.open = 0, [], contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            first = self.team.rank == 0
            if self.folder:
                done = checkpoint.steps(self.folder)[-1:] == [self.config.steps]  # only to read
                with self.team.together():
                    if first and not done:
                        stack.enter_context(checkpoint.alone(self.folder))
                with self.team.together():
                    self.resume()
                self.team.agree(self.step)
            off = os.environ.get("LABS_PROGRESS") == "off" or not first
            bar = tqdm(total=self.config.steps, initial=self.step, unit="step", disable=off)
            self.bar = stack.enter_context(bar)
            self.open = stack.pop_all()
        self.go()
        return self

    def __exit__(self, *error):
        self.open.close()

    def resume(self):
        """Go on from the newest checkpoint, if there is one.

        Raises ValueError where it is damaged, or one of another model, corpus or config.
        """
        there = checkpoint.steps(self.folder)
        if not there:
            return
        path = checkpoint.path_of(self.folder, there[-1])
        try:
            said = checkpoint.read_run(self.folder, there[-1])
            self.refuse_another(said, path)
            state = self.model, self.optimizers, self.team
            losses = checkpoint.load(self.folder, there[-1], *state)
        except (ValueError, FileNotFoundError) as error:
            before = f" to go on from step {there[-2]}" if there[1:] else " to begin anew"
            raise ValueError(f"{error}; remove {path}{before}, or give another folder") from error
        self.step, self.losses = there[-1], losses
        self.evaluations, self.seconds = said["evaluations"], said["seconds"]
        if said["scaler"]:
            self.scaler.load_state_dict(said["scaler"])

    def refuse_another(self, said, path):
        """Raise ValueError where a checkpoint tells of another run."""
        for what, mine in self.about.items():
            theirs = said[what]
            if what == "config":
                mine, theirs = (
                    {k: v for k, v in c.items() if k not in FREE} for c in (mine, theirs)
                )
            if theirs != mine:
                raise ValueError(f"{path} has another {what}: {_difference(theirs, mine)}")

    def go(self):
        """Let the clock run."""
        self.since, self.from_step = time.perf_counter(), self.step

    @contextlib.contextmanager
    def paused(self):
        """Stop the clock within the block, once the device is done; yield steps per second."""
        devices.synchronize(self.device)
        spent = time.perf_counter() - self.since
        self.seconds += spent
        yield (self.step - self.from_step) / spent
        self.go()

    def count(self, loss):
        """A step is done. Its loss stays on the device: to read it would be to wait."""
        self.step += 1
        self.new.append(loss)
        self.bar.update()

    def is_due(self, every):
        """Whether something that is done every so many steps, and at the end, is done now."""
        return self.step % every == 0 or self.step == self.config.steps

    def untold(self):
        """The losses since the last time."""
        self.gather()
        since, self.told = self.told, self.step
        return self.losses[since:]

    def gather(self):
        """Read the losses of the newest steps."""
        if self.new:
            self.losses = torch.cat([self.losses, torch.stack(self.new).float().cpu()])
            self.new = []

    def save(self):
        """Write a checkpoint."""
        self.gather()
        run = {**self.about, "device": devices.describe(self.device), "seconds": self.seconds}
        run |= {"evaluations": self.evaluations, "scaler": self.scaler.state_dict()}
        state = self.model, self.tokenizer, self.optimizers, self.losses
        checkpoint.save(self.folder, self.step, *state, run, self.team)


def _hash(tokens):
    """A SHA-256 of what is trained on: the same text in another tokenizer's tokens is another."""
    return hashlib.sha256(tokens.train.numpy().tobytes()).hexdigest()


def _refuse(tokens, shape):
    measure.held_out(tokens, shape.context)
    largest = max(int(tokens.train.max()), int(tokens.val.max()))
    if largest >= shape.vocabulary:
        raise ValueError(
            f"tokens: expected ids below {shape.vocabulary}, the vocabulary of the model, got "
            f"{largest}; give the model the tokenizer's vocabulary"
        )


def _difference(theirs, mine):
    if isinstance(mine, dict):
        names = [name for name in mine | theirs if theirs.get(name) != mine.get(name)]
        theirs, mine = [{name: part.get(name) for name in names} for part in (theirs, mine)]
    return f"expected {mine}, got {theirs}"
