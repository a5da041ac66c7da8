"""How fast labs.sweep trains a grid, beside four other ways to do the same work: `make bench`.

    python benchmarks/engine.py [--rounds 3] [--only spirals-256 ...] [--out FILE.json]

Each contender is a process of its own, so that none shares a compiler's state or a thread pool with
another. For a workload all are started; each trains everything once, cold (its compilation counted,
its disk caches empty), then they take turns, and the median of the rounds is reported. Before the
table is printed, the final training losses of all are held against one another: they must have done
the same work.

- rate: runs x steps a second. The two loops that train one run at a time train a sample of the
  runs.
- peak: by how much the process's resident memory rises above what it holds before a warm round.
- need: what parameters, optimizer state and one batch of activations of all runs take.
- GEMM: the matrix products' FLOPs (PyTorch's own count, those of the measurements included) per
  second, as a share of the most that torch.bmm reaches on this machine in the same run, over the
  shapes in `PEAK_SHAPES`.
- no record: labs.sweep measures each run over all samples, again and again; the others only
  train, and so does this one.
- *: what labs.sweep chooses by itself for a grid of this size.
"""

import argparse
import ctypes
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

CONTENDERS = [
    "Plain",
    "Best",
    "Ensemble",
    "Jax",
    "TracedSweep",
    "TracedTraining",
    "CompiledSweep",
    "CompiledTraining",
]
PEAK_SHAPES = [
    (256, 32, 32, 32),
    (256, 64, 64, 64),
    (64, 128, 128, 128),
    (32, 256, 256, 256),
    (8, 512, 512, 512),
]
PARTS_OF, PARTS = (
    "digits-32",
    ["CompiledTraining", "MemoryGivenBack", "OneThread"],
)  # what each part is worth
# median relative difference; single runs near their stability limit drift apart in float32
SAME_LOSS = 0.02


def contender_class(contender):
    """Its class. To make one changes the process: only a process of its own does that."""
    import contenders

    if contender == "Jax":
        import jax_contender as contenders
    return getattr(contenders, contender)


def peak_reset():
    """Forget the peak of the resident memory; return what is resident now, in bytes (Linux)."""
    ctypes.CDLL(None).malloc_trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    return resident("VmRSS")


def resident(name):
    """VmRSS or VmHWM of this process in bytes."""
    lines = pathlib.Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))


def work(contender, workload):
    """A contender's process: answers the lines "run" and "losses" with JSON."""
    from workloads import workloads

    trains = contender_class(contender)(workloads()[workload])
    for line in sys.stdin:
        if line.strip() == "run":
            before = peak_reset()
            start = time.perf_counter()
            trains.run()
            seconds = time.perf_counter() - start
            answer = {
                "seconds": seconds,
                "run_steps": trains.run_steps,
                "peak": resident("VmHWM") - before,
            }
        else:
            answer = trains.losses()
        print(json.dumps(answer), flush=True)


class Process:
    """A contender at work in a process with empty caches of its own."""

    def __init__(self, *work, script=__file__):
        self.folder = tempfile.TemporaryDirectory()
        environment = {
            **os.environ,
            "LABS_CACHE": "off",
            "LABS_PROGRESS": "off",
            "TORCHINDUCTOR_CACHE_DIR": self.folder.name,
            "TMPDIR": self.folder.name,
        }
        command = [sys.executable, script, "--work", *map(str, work)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            encoding="utf-8",
        )

    def ask(self, word):
        """The answer to "run" or "losses"."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(
                f"{self.process.args[3:]} should have answered {word!r}, but ended with "
                f"{self.process.wait()}"
            )
        return json.loads(answer)

    def close(self):
        """End the process; remove its caches."""
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()


def same_work(losses):
    """Raise ValueError where a contender's losses are not those of the plain loop."""
    for contender, theirs in losses.items():
        differences = [abs(theirs[index] - loss) / loss for index, loss in losses["Plain"].items()]
        if not statistics.median(differences) < SAME_LOSS:
            raise ValueError(
                f"{contender} should end at the plain loop's losses, got relative differences "
                f"{differences}"
            )


def compare(workload, rounds, contenders):
    """The rows of one workload."""
    processes = {contender: Process(contender, workload) for contender in contenders}
    cold = {contender: process.ask("run") for contender, process in processes.items()}
    warm = {contender: [] for contender in contenders}
    for turn in range(rounds):
        for contender, process in processes.items():
            warm[contender].append(process.ask("run"))
            print(
                f"\r{workload}: round {turn + 1} of {rounds}, {contender:16}",
                end="",
                file=sys.stderr,
                flush=True,
            )
    print(file=sys.stderr)
    same_work({contender: process.ask("losses") for contender, process in processes.items()})
    for process in processes.values():
        process.close()
    rate = lambda answer: answer["run_steps"] / answer["seconds"]
    return [
        {
            "workload": workload,
            "contender": contender,
            "warm_rate": statistics.median(map(rate, warm[contender])),
            "cold_rate": rate(cold[contender]),
            "warm_seconds": [answer["seconds"] for answer in warm[contender]],
            "cold_seconds": cold[contender]["seconds"],
            "run_steps": cold[contender]["run_steps"],
            "peak_bytes": max(answer["peak"] for answer in warm[contender]),
        }
        for contender in contenders
    ]


def gemm_peak():
    """The most FLOP/s that torch.bmm reaches on float32, over PEAK_SHAPES.

    All threads work, and the best of several measurements counts.
    """
    import torch

    best = 0
    for batch, *sizes in PEAK_SHAPES:
        a, b = torch.randn(batch, sizes[0], sizes[1]), torch.randn(batch, sizes[1], sizes[2])
        out = torch.empty(batch, sizes[0], sizes[2])
        for _ in range(7):
            start, count = time.perf_counter(), 0
            while time.perf_counter() - start < 0.05:
                torch.bmm(a, b, out=out)
                count += 1
            best = max(
                best,
                2 * batch * sizes[0] * sizes[1] * sizes[2] * count / (time.perf_counter() - start),
            )
    return best


def needs(workload):
    """What all runs of a workload need, in bytes and in FLOPs.

    The bytes are those of parameters, state and one batch of activations; the FLOPs those of all
    matrix products, of training alone and with the measurements that labs.sweep records.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from workloads import workloads

    from labs import optimizers
    from labs.engine.work import Work
    from labs.training import record_steps

    work = workloads()[workload]
    task = work.make_task()
    model, d, size, training = task.model(0), task.data, 0, 0
    count = sum(p.numel() for p in model.parameters())

    def flops(x, y, backward=False):
        with FlopCounterMode(display=False) as counter:
            loss = task.loss(model(x), y)
            if backward:
                loss.backward()
        return counter.get_total_flops()

    moments = record_steps(work.steps, samples=len(d))
    measuring = (flops(d.train_x, d.train_y) + flops(d.val_x, d.val_y)) * len(moments)
    for setting in work.grid.settings():
        x, y = d.train_x[: setting["batch_size"]], d.train_y[: setting["batch_size"]]
        kept = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, kept=kept: kept.append(t.nbytes) or t, lambda t: t
        ):
            task.loss(model(x), y)
        size += 4 * count * (1 + optimizers.RULES[setting["optimizer"]].slots) + sum(kept)
        training += work.steps * flops(x, y, backward=True)
    chosen = Work(task, work.grid, work.steps, torch.device("cpu"), None, moments)
    return {
        "default": chosen.choose_engine().title() + "Sweep",
        "need_bytes": size,
        "training_flops": training,
        "recorded_flops": training + work.count * measuring,
    }


def environment():
    """What the figures belong to."""
    import torch

    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(": ")[1] for line in lines if line.startswith("model name")]
    return {
        "processor": (names or [platform.processor()])[0],
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "date": datetime.date.today().isoformat(),
    }


def ratio(rows, contender, other):
    """How many times the warm rate of another contender."""
    return (
        f"{rows[contender]['warm_rate'] / rows[other]['warm_rate']:.2f}" if other in rows else "-"
    )


def table(results):
    """The results as text."""
    peak, lines = results["gemm_peak"], []
    for workload, facts in results["workloads"].items():
        rows = {row["contender"]: row for row in results["rows"] if row["workload"] == workload}
        lines += [
            f"\n{facts['title']}; {facts['steps']} steps; need {facts['need_bytes'] / 1e6:.0f} MB",
            f"{'':36}{'runs x steps / s':>18}{'us':>9}{'x plain':>9}{'x JAX':>8}"
            f"{'cold':>9}{'peak':>9}{'GEMM':>7}",
        ]
        for contender, row in rows.items():
            flops = (
                facts["recorded_flops" if "Sweep" in contender else "training_flops"]
                / facts["run_steps"]
            )
            plain, jax = (ratio(rows, contender, other) for other in ("Plain", "Jax"))
            title = facts["titles"][contender] + (" *" if contender == facts["default"] else "")
            lines.append(
                f"{title:36}{row['warm_rate']:18,.0f}{1e6 / row['warm_rate']:9.2f}"
                f"{plain:>9}{jax:>8}{row['cold_seconds']:7.1f} s"
                f"{row['peak_bytes'] / 1e6:6.0f} MB{row['warm_rate'] * flops / peak:7.0%}"
            )
    lines += [
        f"{row['contender']:20} {1e6 / row['warm_rate']:.2f} us per run and step"
        for row in results["parts"]
    ]
    lines.append(f"\ntorch.bmm reaches {peak / 1e9:.0f} GFLOP/s at best")
    return "\n".join(lines)


def write(path, results):
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(results, indent=1), encoding="utf-8")
    os.replace(temporary, path)


def main():
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--contenders", nargs="*", default=CONTENDERS)
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path(__file__).with_name("engine.json")
    )
    arguments = parser.parse_args()
    if arguments.work:
        return work(*arguments.work)
    from workloads import workloads

    results = {
        "environment": environment(),
        "gemm_peak": gemm_peak(),
        "workloads": {},
        "rows": [],
        "parts": [],
    }
    for name, workload in workloads().items():
        if not arguments.only or name in arguments.only:
            titles = {
                contender: contender_class(contender).title for contender in arguments.contenders
            }
            results["rows"] += compare(name, arguments.rounds, arguments.contenders)
            results["workloads"][name] = {
                "title": workload.title,
                "steps": workload.steps,
                "titles": titles,
                "run_steps": workload.count * workload.steps,
                **needs(name),
            }
    results["gemm_peak"] = max(results["gemm_peak"], gemm_peak())
    if not arguments.only:
        results["parts"] = compare(PARTS_OF, arguments.rounds, ["Plain", *PARTS])[1:]
    write(arguments.out, results)
    print(table(results))


if __name__ == "__main__":
    main()
