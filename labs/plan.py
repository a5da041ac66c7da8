"""How a grid is split into chunks: runs that train together, few enough to fit the memory."""
import dataclasses

from labs import optimizers
from labs.device import free_memory

# On a CPU the caches are the better bound. What one step of one thread touches should stay near them; a chunk of fewer runs
# than `least` spends its time on the fixed cost of a step instead, which Python makes larger.
CACHES = {"compiled": (5 * 2**20, 4), "eager": (10 * 2**20, 64)}      # bytes, least runs


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Runs that train together: their flat indices in the grid, and their settings, sorted by optimizer."""

    index: list
    settings: list

    def values(self, name):
        """The setting `name` of each run."""
        return [setting[name] for setting in self.settings]

    def slices(self):
        """(optimizer, first row, end row) of each update rule."""
        names = self.values("optimizer")
        return tuple((name, names.index(name), names.index(name) + names.count(name)) for name in dict.fromkeys(names))


def fitting(device, need, engine, least=1):
    """How many runs of `need` bytes to hold at once; on a CPU no fewer than `least`, where the memory has room for them."""
    most = max(1, free_memory(device) // need)
    return min(most, max(least, CACHES[engine][0] // need)) if device.type == "cpu" else most


def plan(grid, stack, samples, engine, workers=1):
    """Split a grid into chunks. Those of one batch size are alike, so that one program trains them all: each has as many runs
    of every optimizer. Where the numbers do not work out, the last chunk trains some of its runs twice. `workers` of them can
    train at a time."""
    device, settings, chunks = samples.train_x.device, grid.settings(), []
    slots = max(optimizers.RULES[name].slots for name in grid.optimizer)
    for batch_size in grid.batch_size:
        need = stack.bytes_per_run(samples.train_x[:batch_size], samples.train_y[:batch_size], slots)
        rows = {name: [] for name in grid.optimizer}
        for i, setting in enumerate(settings):
            if setting["batch_size"] == batch_size:
                rows[setting["optimizer"]].append(i)
        each = len(rows[grid.optimizer[0]])
        count = -(-each // max(1, fitting(device, need, engine, CACHES[engine][1]) // len(rows)))
        count = -(-count // workers) * workers
        size = -(-each // min(count, each))
        for start in range(0, each, size):
            index = [row[min(i, each - 1)] for row in rows.values() for i in range(start, start + size)]
            chunks.append(Chunk(index, [settings[i] for i in index]))
    return chunks
