"""What the processes of one training tell each other, so that they begin, stop and fail together.

`torchrun` starts them, on one machine or many, and says to each its number, RANK, and how many they
are, WORLD_SIZE. They exchange tensors and text; nothing is ever unpickled.
"""

import contextlib
import hashlib
import json
import os

import torch
import torch.distributed as dist

from labs import device as devices

ERRORS = {"ValueError": ValueError, "OSError": OSError, "RuntimeError": RuntimeError}


class Alone:
    """One process: it holds the whole model, reads the whole batch, and has nobody to tell.

    What `labs.gpt.parallel` does otherwise, it does to these methods. `rank`: the number of this
    process, from 0; the first one prints and keeps the folder. `world`: how many there are.
    """

    rank, world = 0, 1

    def refuse(self, shape, config, dtype):
        """Raise ValueError for what these processes cannot train."""

    def device_of(self, wish):
        """The device of this process; raises as `labs.device.device_of`."""
        return devices.device_of(wish)

    def lay_out(self, model, device):
        """The model, of which this process holds its part, on its device."""
        return model.to(device)

    def rows(self, part_BT):
        """The sequences that this process reads."""
        return part_BT

    def average(self, model, loss):
        """Average gradients over the processes where they differ; return the loss of all rows."""
        return loss

    def clip(self, model, most):
        """Shrink the gradient, if the norm of the whole of it is larger than `most`."""
        torch.nn.utils.clip_grad_norm_(model.parameters(), most)

    def whole(self, name, part):
        """All of a tensor that is cut as the parameter `name` is; every process has to ask."""
        return part

    def own(self, name, whole):
        """The part of such a tensor that this process holds."""
        return whole

    def told(self, text):
        """What the first process says."""
        return text

    def any(self, flag):
        """Whether it is so in at least one process."""
        return flag

    def agree(self, what):
        """Raise ValueError, in all processes, where `what`, for JSON, is not the same in each."""

    def together(self):
        """A block in which an error of one process is one of all: none waits for it for ever."""
        return contextlib.nullcontext()


class Team(Alone):
    """One of several processes, in the default group of torch.distributed."""

    def __init__(self):
        self.rank, self.world = dist.get_rank(), dist.get_world_size()

    def device_of(self, wish):
        """The CPU, or a GPU for this process alone."""
        device = devices.device_of(wish)
        here = int(os.environ.get("LOCAL_WORLD_SIZE", self.world))
        there = torch.cuda.device_count() if device.type == "cuda" else here
        if device.type not in ("cpu", "cuda") or there < here:
            raise ValueError(
                f"device: expected the CPU, or {here} GPUs of CUDA for the {here} processes of "
                f"this machine, got {there if device.type == 'cuda' else device}; give --device "
                "cpu, or start as many processes as there are GPUs"
            )
        if device.type == "cuda":
            device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", self.rank % there)))
            torch.cuda.set_device(device)
        return device

    def gather(self, text):
        """The texts of all processes, in the order of their ranks."""
        own = torch.frombuffer(bytearray(text.encode() + b"\0"), dtype=torch.uint8)
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.world)]
        dist.all_gather(sizes, torch.tensor([len(own)]))
        own = torch.nn.functional.pad(own, (0, int(max(sizes)) - len(own)))
        texts = [torch.empty_like(own) for _ in range(self.world)]
        dist.all_gather(texts, own)
        return [text.numpy().tobytes().rstrip(b"\0").decode() for text in texts]

    def told(self, text):
        """What the first process says."""
        return self.gather(text if self.rank == 0 else "")[0]

    def any(self, flag):
        """Whether it is so in at least one process. It goes over the CPU: no GPU has to wait."""
        flags = torch.tensor(float(flag))
        dist.all_reduce(flags, dist.ReduceOp.MAX)
        return bool(flags)

    def agree(self, what):
        """Raise ValueError, in all processes, where `what`, for JSON, is not the same in each."""
        said = json.dumps(what, sort_keys=True)
        if len(set(self.gather(hashlib.sha256(said.encode()).hexdigest()))) > 1:
            raise ValueError(
                "expected the same text, options and folder in all processes, got others in some; "
                f"call all of them alike, with a folder that they share (process {self.rank}: "
                f"{said[:300]})"
            )

    @contextlib.contextmanager
    def together(self):
        """A block in which an error of one process is one of all: none waits for it for ever."""
        error = None
        try:
            yield
        except Exception as raised:
            error = raised
        told = self.gather(json.dumps([_kind(error), str(error)]) if error else "")
        if error:
            raise error
        for rank, (kind, said) in ((i, json.loads(text)) for i, text in enumerate(told) if text):
            raise ERRORS[kind](f"process {rank}: {said}")


def _kind(error):
    """The name of the class in ERRORS that the error is of, or else RuntimeError."""
    return next((name for name, kind in ERRORS.items() if isinstance(error, kind)), "RuntimeError")


def summed(x):
    """The sum over the processes, in each of them."""
    total = x.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total


def refuse_float16(dtype, way):
    """Raise ValueError for float16."""
    if dtype == torch.float16:
        raise ValueError(
            f"precision: expected bf16 or fp32 with --parallel {way}, got fp16, whose scale each "
            "process would choose for its part; choose bf16 or fp32, or data"
        )
