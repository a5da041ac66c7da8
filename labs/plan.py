"""How a grid is split into chunks: runs that train together, few enough to fit the memory."""
import dataclasses

from labs import optimizers
from labs.device import free_memory

# On a CPU the caches are the better bound. What one step of one thread touches should stay near them; a chunk of very few
# runs spends its time on the fixed cost of a step instead, which grows with the number of its operations.
CACHES = {"compiled": (5 * 2**20, 4), "traced": (12 * 2**20, 16)}      # bytes, least runs


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Runs that train together: their flat indices in the grid, and their settings, sorted by optimizer. `part` of them are
    measured at a time: all samples take more memory than a batch."""

    index: list
    settings: list
    part: int

    def values(self, name):
        """The setting `name` of each run."""
        return [setting[name] for setting in self.settings]

    def slices(self):
        """(optimizer, first row, end row) of each update rule."""
        names = self.values("optimizer")
        return tuple((name, names.index(name), names.index(name) + names.count(name)) for name in dict.fromkeys(names))


def fitting(device, need, engine, least=False):
    """How many runs of `need` bytes to hold at once; with `least`, on a CPU, no fewer than CACHES asks for."""
    most = max(1, free_memory(device) // need)
    if device.type != "cpu":
        return most
    size, few = CACHES[engine]
    return min(most, max(few if least else 1, size // need))


def plan(grid, stack, samples, engine, workers=1):
    """Split a grid into chunks. Those of one batch size are alike, so that one program trains them all: each has as many runs
    of every optimizer. Where the numbers do not work out, the last chunk trains some of its runs twice. `workers` of them can
    train at a time."""
    device, settings, chunks = samples.train_x.device, grid.settings(), []
    measured = fitting(device, stack.bytes_per_run(samples.train_x, samples.train_y, slots=0), engine)
    slots = max(optimizers.RULES[name].slots for name in grid.optimizer)
    for batch_size in grid.batch_size:
        need = stack.bytes_per_run(samples.train_x[:batch_size], samples.train_y[:batch_size], slots)
        rows = {name: [] for name in grid.optimizer}
        for i, setting in enumerate(settings):
            if setting["batch_size"] == batch_size:
                rows[setting["optimizer"]].append(i)
        each = len(rows[grid.optimizer[0]])
        count = -(-each // max(1, fitting(device, need, engine, least=True) // len(rows)))
        count = -(-count // workers) * workers
        size = -(-each // min(count, each))
        runs = size * len(rows)
        even = max(part for part in range(1, runs + 1) if part <= measured and runs % part == 0)
        part = even if 2 * even >= measured else min(measured, runs)        # parts of one size share a program
        for start in range(0, each, size):
            first = min(start, each - size)
            index = [i for row in rows.values() for i in row[first:first + size]]
            chunks.append(Chunk(index, [settings[i] for i in index], part))
    return chunks
