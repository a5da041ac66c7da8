"""How runs are split into chunks: runs that train together, few enough to fit the memory."""

import dataclasses

from labs import optimizers
from labs.engine.memory import free_memory
from labs.settings import COLUMNS, in_use

# On a CPU the caches are the better bound. What one step of one thread touches should stay near
# them; a chunk of very few runs spends its time on the fixed cost of a step instead, which grows
# with the number of its operations.
CACHES = {"compiled": (5 * 2**20, 4), "traced": (12 * 2**20, 16)}  # bytes, least runs


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Runs of one task that train together.

    It holds their positions in the list of runs, and their settings, sorted by optimizer. `part` of
    them are measured at a time: what is measured takes more memory than a batch.
    """

    index: list
    settings: list
    part: int
    again: int = 0

    def values(self, name):
        """The setting `name` of each run."""
        return [setting[name] for setting in self.settings]

    def schedules(self):
        """The schedule of each run, with the share of training in which it rises."""
        return list(zip(self.values("schedule"), self.values("warmup_share")))

    def kind(self):
        """What chunks that share a program have in common."""
        smoothed = in_use("label_smoothing", self.values("label_smoothing"))
        return self.settings[0]["batch_size"], self.slices(), smoothed, self.part

    def tables(self):
        """What decides the shapes of the tables its steps read (see labs.engine.inputs): how many
        seeds and schedules there are, and which settings have their default in all runs.
        """
        counts = len(set(self.values("seed"))), len(set(self.schedules()))
        return (*counts, *(in_use(name, self.values(name)) for name in COLUMNS))

    def new(self):
        """The rows of the runs that no chunk before this one has."""
        return [row for _, start, end in self.slices() for row in range(start + self.again, end)]

    def slices(self):
        """(optimizer, first row, end row) of each update rule."""
        names = self.values("optimizer")
        first = {name: names.index(name) for name in dict.fromkeys(names)}
        return tuple((name, start, start + names.count(name)) for name, start in first.items())


def fitting(device, need, engine, least=False):
    """How many runs of `need` bytes to hold at once.

    With `least`, on a CPU, no fewer than CACHES asks for.
    """
    most = max(1, free_memory(device) // need)
    if device.type != "cpu":
        return most
    size, few = CACHES[engine]
    return min(most, max(few if least else 1, size // need))


def plan(runs, ensemble, samples, engine, workers=1):
    """Split `runs`, {position: setting}, into chunks; `workers` of them can train at a time.

    Runs of one batch size share a program: their chunks are alike, with as many runs of every
    optimizer. Where the numbers do not work out, the last chunk trains some of its runs twice.
    Optimizers with other numbers of runs left go apart.
    """
    device, chunks = samples.train_x.device, []
    judged = samples.judged()[:2]
    measured = fitting(device, ensemble.bytes_per_run(*judged, slots=0), engine)
    for batch_size, rows in _alike(runs):
        slots = max(optimizers.RULES[name].slots for name in rows)
        batch = samples.train_x[:batch_size], samples.train_y[:batch_size]
        need = ensemble.bytes_per_run(*batch, slots)
        (each,) = {len(row) for row in rows.values()}
        count = -(-each // max(1, fitting(device, need, engine, least=True) // len(rows)))
        count = -(-count // workers) * workers
        size = -(-each // min(count, each))
        part = _part(size * len(rows), measured)
        for start in range(0, each, size):
            first = min(start, each - size)
            index = [i for row in rows.values() for i in row[first : first + size]]
            chunks.append(Chunk(index, [runs[i] for i in index], part, start - first))
    return chunks


def _alike(runs):
    """(batch size, {optimizer: positions}) of groups whose optimizers have as many runs."""
    rows = {}
    for i, setting in runs.items():
        rows.setdefault((setting["batch_size"], setting["optimizer"]), []).append(i)
    groups = {}
    for (batch_size, optimizer), row in rows.items():
        groups.setdefault((batch_size, len(row)), {})[optimizer] = row
    return [(batch_size, group) for (batch_size, _), group in groups.items()]


def _part(runs, measured):
    """How many runs to measure at a time: parts of one size share a program."""
    even = max(part for part in range(1, runs + 1) if part <= measured and runs % part == 0)
    return even if 2 * even >= measured else min(measured, runs)
