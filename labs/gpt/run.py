"""What a training run has come to: counted, timed, stored, and taken up again."""

import dataclasses
import time

import torch

from labs import device as devices
from labs.gpt import checkpoint

FREE = ("evaluate_every", "save_every", "compile", "recompute")  # may change when a run goes on


class Run:
    """`step`: how many are done. `losses`: of each step, a tensor on the CPU. `evaluations`: pairs
    of a step and the bits per byte then. `seconds`: of training, without looking and saving.
    """

    def __init__(self, model, tokens, config, optimizer, scaler, folder, tokenizer):
        self.model, self.optimizer, self.scaler = model, optimizer, scaler
        self.config, self.folder, self.tokenizer = config, folder, tokenizer
        self.device = model.tokens.weight.device
        self.about = {
            "shape": dataclasses.asdict(model.shape),
            "corpus": list(tokens.corpus),
            "config": dataclasses.asdict(config),
        }
        self.step, self.losses, self.evaluations, self.seconds = 0, torch.zeros(0), [], 0.0
        self.told, self.new = 0, []
        self.resume()
        self.go()

    def resume(self):
        """Go on from the newest checkpoint, if there is one.

        Raises ValueError where it is damaged, or one of another model, corpus or config.
        """
        there = checkpoint.steps(self.folder) if self.folder else []
        if not there:
            return
        path = checkpoint.path_of(self.folder, there[-1])
        try:
            said = checkpoint.read_run(self.folder, there[-1])
            self.refuse_another(said, path)
            state = checkpoint.load(self.folder, there[-1], self.model, self.optimizer)
        except (ValueError, KeyError, FileNotFoundError) as error:
            before = f"remove it to go on from step {there[-2]}" if there[1:] else "remove it"
            raise ValueError(
                f"{path}: expected a checkpoint of this run, got {error}; {before}, or give "
                "another folder"
            ) from error
        self.step, self.losses = there[-1], state
        self.evaluations, self.seconds = said["evaluations"], said["seconds"]
        if said["scaler"]:
            self.scaler.load_state_dict(said["scaler"])

    def refuse_another(self, said, path):
        """Raise ValueError where a checkpoint tells of another run."""
        for what, mine in self.about.items():
            theirs = said[what]
            if what == "config":
                mine = {name: value for name, value in mine.items() if name not in FREE}
                theirs = {name: value for name, value in theirs.items() if name not in FREE}
            if theirs != mine:
                raise ValueError(f"one of another {what}: {_difference(theirs, mine)}")

    def go(self):
        """Let the clock run."""
        self.since, self.from_step = time.perf_counter(), self.step

    def pause(self):
        """Stop the clock, when the device is done; return steps per second since it ran."""
        devices.synchronize(self.device)
        spent = time.perf_counter() - self.since
        self.seconds += spent
        return (self.step - self.from_step) / spent

    def count(self, loss):
        """A step is done. Its loss stays on the device: to read it would be to wait."""
        self.step += 1
        self.new.append(loss)

    def is_due(self, every):
        """Whether something that is done every so many steps, and at the end, is done now."""
        return self.step % every == 0 or self.step == self.config.steps

    def evaluated(self, bits):
        """Take note of the bits per byte; return the losses since the last time."""
        self.evaluations.append([self.step, bits])
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
        state = self.model, self.tokenizer, self.optimizer, self.losses
        checkpoint.save(self.folder, self.step, *state, run)


def _difference(theirs, mine):
    if isinstance(mine, dict):
        names = [name for name in mine if theirs.get(name) != mine[name]]
        theirs, mine = [{name: part.get(name) for name in names} for part in (theirs, mine)]
    return f"expected {mine}, got {theirs}"
