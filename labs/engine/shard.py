"""One sweep over several processes, started by `torchrun`.

Each trains every nth of the missing runs, then all share what they have. A process that dies takes
only its unfinished chunks with it: what was finished is in the cache, and the next call trains the
rest. What they exchange is bytes, of which none are run.
"""

import datetime
import functools
import os

import numpy as np
import torch
import torch.distributed as dist

from labs.engine.keys import digest_of

PATIENCE = datetime.timedelta(days=7)  # with the slowest process


class Team:
    """The `world` processes of one sweep; this one is number `rank`.

    They have connections of their own, under the number of the sweep in its process: one of torch's
    groups belongs to the reader's script, and a second one looks for the addresses of the first.
    """

    def __init__(self):
        self.rank, self.world = 0, 1
        if int(os.environ.get("WORLD_SIZE", "1")) > 1 and dist.is_available():
            store, self.rank, self.world = _store()
            place = dist.PrefixStore(f"labs/{store.add(f'labs/{self.rank}', 1)}", store)
            self.group = dist.ProcessGroupGloo(place, self.rank, self.world, PATIENCE)

    def gather(self, content):
        """The bytes of every process, as many in each, in the order of their ranks."""
        own = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        told = [torch.empty_like(own) for _ in range(self.world)]
        self.group.allgather([told], [own]).wait()
        return [content.numpy().tobytes() for content in told]

    def missing(self, works):
        """The runs to train, (work, position); those of a process are its rank's in `[::world]`.

        What one process does not find in its cache, all train. Raises ValueError, in each of them,
        where they are not given the same.
        """
        if self.world > 1:
            told = self.gather(_digest(works).encode())
            if len(set(told)) > 1:
                raise ValueError(
                    "all processes must sweep the same task with the same grid and steps, got "
                    f"{len(set(told))} different ones; draw what is random from a seed they share"
                )
            for work in works:
                told = [np.frombuffer(there, bool) for there in self.gather(work.there.tobytes())]
                work.there = np.all(told, axis=0)
        return [(work, position) for work in works for position in work.missing()]

    def exchange(self, missing, well):
        """Give every process what the others trained of `missing`.

        Where one of them is not `well`, there is nothing to give: raises RuntimeError in those that
        are.
        """
        if self.world == 1:
            return
        own = missing[self.rank :: self.world] if well else ()
        content = bytes([well]) + b"".join(work.rows[i].tobytes() for work, i in own)
        most = max((work.rows.itemsize for work, _ in missing), default=0)
        told = self.gather(content.ljust(1 + most * len(missing[:: self.world]), b"\0"))
        if well and not all(content[0] for content in told):
            raise RuntimeError("another process failed in this sweep; its message says why")
        for rank, content in enumerate(told if well else ()):
            end = 1
            for work, i in missing[rank :: self.world]:
                start, end = end, end + work.rows.itemsize
                work.rows[i] = np.frombuffer(content[start:end], work.rows.dtype)[0]
                work.there[i] = True


def _digest(works):
    """Of what all processes must be given alike."""
    tasks = [w.keys.common if w.keys else digest_of(*vars(w.samples).values()) for w in works]
    return digest_of(works[0].settings, works[0].moments, tasks)


@functools.cache
def _store():
    """What the processes of this program find each other by, the rank, and how many they are."""
    return next(dist.rendezvous("env://"))
