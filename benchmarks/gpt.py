"""How fast labs.gpt trains and writes, beside Hugging Face's transformers: `make bench`.

    python benchmarks/gpt.py [--rounds 5] [--only small ...] [--out FILE.json]

Each contender is a process of its own, with the same weights, text, order of batches, optimizer,
clipping, precision and number of threads. All are started; each has a first turn, cold (loading and
compilation counted), then they take turns, round after round, and the medians count. A ratio is the
median, over rounds, of a contender's rate divided by another's of the same round, so that what else
the machine does touches both. Before anything is printed, what they found is compared: the training
losses of every turn, and the tokens that were written.

- training: a turn is a few steps, the turns of a contender are one run. labs.gpt is measured
  through its own loop, `labs.gpt.pretrain.pretrain`.
- writing: one sequence, with a cache of keys and values, after a prompt of 16 tokens.
- cpu_seconds: what the processor spent, all threads together.
"""

import argparse
import dataclasses
import json
import pathlib
import statistics
import sys
import tempfile
import time

from engine import Process, environment, write

SAME_LOSS = {"fp32": 0.005, "bf16": 0.02}  # relative difference of a turn's mean loss


@dataclasses.dataclass(frozen=True)
class Workload:
    """`part`: the steps, or the tokens written, of a turn. `left_out`: contenders that would take
    too long.
    """

    title: str
    kind: str
    shape_name: str
    part: int
    batch_size: int = 16
    precision: str = "fp32"
    left_out: tuple = ()

    @property
    def shape(self):
        """The shape of the model."""
        from gpt_contenders import SHAPES

        return SHAPES[self.shape_name]

    @property
    def contenders(self):
        """{name: (title, function)}."""
        import gpt_contenders

        table = {"train": gpt_contenders.TRAIN, "write": gpt_contenders.WRITE}[self.kind]
        return {name: row for name, row in table.items() if name not in self.left_out}


WORKLOADS = {
    "small": Workload("training, 0.9 M parameters, fp32", "train", "small", part=4),
    "recorded": Workload("training, 2.2 M parameters, fp32", "train", "recorded", part=3),
    "recorded-bf16": Workload(
        "training, 2.2 M parameters, bf16", "train", "recorded", part=3, precision="bf16"
    ),
    "recorded-writes": Workload("writing, 2.2 M parameters", "write", "recorded", part=200),
    "gpt2-writes": Workload("writing, GPT-2 small, 124 M parameters", "write", "gpt2", part=48),
}


def work(contender, workload, path, turns):
    """A contender's process: each line that it reads is a turn, which it answers with JSON."""
    import torch
    from gpt_contenders import Job

    threads = torch.get_num_threads()

    def wait():
        if not sys.stdin.readline():
            raise SystemExit
        return time.perf_counter(), time.process_time()

    def turn(parts):
        nonlocal since
        now = time.perf_counter(), time.process_time()
        seconds, cpu = (end - start for end, start in zip(now, since))
        rows = {
            name: {"count": count, "found": found, "seconds": (*own, seconds)[0]}
            for name, (count, found, *own) in parts.items()
        }
        answer = {"parts": rows, "cpu_seconds": cpu, "seconds": seconds, "threads": threads}
        print(json.dumps(answer), flush=True)
        since = wait()

    since = wait()
    job = Job(WORKLOADS[workload], path, int(turns))
    WORKLOADS[workload].contenders[contender][1](job, turn)
    wait()


def save_weights(workload, path):
    """Draw the first weights, which every contender reads.

    They are three times as large where the model writes untrained: else all tokens are about as
    likely, and rounding decides between them.
    """
    import torch

    from labs.gpt import folder, model

    net = model.GPT(workload.shape)
    if workload.kind == "write":
        with torch.no_grad():
            for parameter in net.parameters():
                if parameter.ndim == 2:
                    parameter.mul_(3)
    folder.save(path, net)


def same_work(workload, answers):
    """Raise ValueError where a contender did not do the work of the first one.

    In training, the mean loss of each turn is the same but for rounding. In writing, the first half
    of the tokens is the same: later on, two that are as likely may part them.
    """
    first = next(iter(answers))
    for contender, turns in answers.items():
        for theirs, own in zip(answers[first], turns):
            for name, part in own["parts"].items():
                expected, got = theirs["parts"][name]["found"], part["found"]
                if workload.kind == "train":
                    same = abs(got / expected - 1) < SAME_LOSS[workload.precision]
                else:
                    half = len(expected) // 2
                    same = len(got) == len(expected) and got[:half] == expected[:half]
                if not same:
                    raise ValueError(
                        f"{workload.title}, {name}: {contender} should find what {first} does, "
                        f"{expected}, got {got}"
                    )
        if {turn["threads"] for turn in turns} != {answers[first][0]["threads"]}:
            raise ValueError(f"{contender} should use as many threads as {first}")


def compare(name, rounds, contenders=None):
    """The rows of one workload: one for each contender and kind of work."""
    workload = WORKLOADS[name]
    contenders = [c for c in workload.contenders if contenders is None or c in contenders]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "weights"
        save_weights(workload, path)
        start = lambda contender: Process(contender, name, path, rounds + 1, script=__file__)
        processes = {contender: start(contender) for contender in contenders}
        answers = {contender: [p.ask("turn")] for contender, p in processes.items()}
        for turn in range(rounds):
            for contender, process in processes.items():
                answers[contender].append(process.ask("turn"))
                line = f"\r{name}: round {turn + 1} of {rounds}, {contender:16}"
                print(line, end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        for process in processes.values():
            process.close()
    same_work(workload, answers)
    return [
        row(name, contender, part, answers[contender])
        for contender in answers
        for part in answers[contender][0]["parts"]
    ]


def row(name, contender, part, turns):
    """What is kept of a contender's turns."""
    cold, *warm = ([turn["parts"][part][key] for key in ("count", "seconds")] for turn in turns)
    rates = [count / seconds for count, seconds in warm]
    return {
        "workload": name,
        "contender": contender,
        "part": part,
        "warm_rate": statistics.median(rates),
        "rates": rates,
        "cold_seconds": turns[0]["seconds"],
        "cpu_seconds": statistics.median(turn["cpu_seconds"] for turn in turns[1:]),
        "threads": turns[0]["threads"],
    }


def ratio(mine, other):
    """The median, over rounds, of a row's rate over another's."""
    return statistics.median(a / b for a, b in zip(mine["rates"], other["rates"]))


def best_ratio(rows, mine):
    """(ratio, contender): a row of ours against the best of Hugging Face's, by warm rate."""
    other = max((r for r in rows if r["contender"].startswith("Hf")), key=lambda r: r["warm_rate"])
    return ratio(mine, other), other["contender"]


def table(results):
    """The results as text."""
    lines = []
    for name, facts in results["workloads"].items():
        for part in facts["parts"]:
            rows = [r for r in results["rows"] if (r["workload"], r["part"]) == (name, part)]
            lines.append(f"\n{facts['title']}{'' if part == 'train' else ', ' + part}")
            lines.append(f"{'':32}{'tokens/s':>10}{'x first':>9}{'x best':>9}{'cold':>9}{'cpu':>9}")
            for r in rows:
                first, best = ratio(r, rows[0]), best_ratio(rows, r)[0]
                lines.append(
                    f"{facts['titles'][r['contender']]:32}{r['warm_rate']:10,.0f}{first:9.2f}"
                    f"{best:9.2f}{r['cold_seconds']:7.1f} s{r['cpu_seconds']:7.2f} s"
                )
    return "\n".join(lines)


def measure(names, rounds, contenders=None):
    """All figures."""
    import transformers

    results = {
        "environment": {**environment(), "transformers": transformers.__version__},
        "rounds": rounds,
        "workloads": {},
        "rows": [],
    }
    for name in names:
        rows, workload = compare(name, rounds, contenders), WORKLOADS[name]
        results["rows"] += rows
        results["workloads"][name] = {
            "title": workload.title,
            "kind": workload.kind,
            "shape": dataclasses.asdict(workload.shape),
            "part": workload.part,
            "batch_size": workload.batch_size,
            "precision": workload.precision,
            "parts": sorted({r["part"] for r in rows}),
            "titles": {c: title for c, (title, _) in workload.contenders.items()},
        }
    return results


def main():
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--contenders", nargs="*")
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path(__file__).with_name("gpt.json")
    )
    arguments = parser.parse_args()
    if arguments.work:
        return work(*arguments.work)
    results = measure(arguments.only, arguments.rounds, arguments.contenders)
    write(arguments.out, results)
    print(table(results))


if __name__ == "__main__":
    main()
