"""Writes the tables of what the other scripts measured.

They go into table.md, which the book includes, and into the README's speed section.

    python benchmarks/report.py [--check]

`--check` writes nothing and fails where they are not what the JSON files say.
"""

import json
import pathlib
import statistics
import sys

HERE = pathlib.Path(__file__).parent
README, TABLE = HERE.parent / "README.md", HERE / "table.md"
BEGIN, END = "<!-- made by benchmarks/report.py -->\n", "<!-- end -->\n"
COLUMNS = {
    "Plain": "plain loop",
    "Best": "one run, compiled",
    "Ensemble": "`torch.func` ensembling",
    "Jax": "JAX, scan of vmap",
    "TracedSweep": "`sweep`, traced",
    "TracedTraining": "traced, no record",
    "CompiledSweep": "`sweep`, compiled",
    "CompiledTraining": "compiled, no record",
}

WITHOUT = {
    "CompiledTraining": "the whole engine",
    "MemoryGivenBack": "with memory given back at each step",
    "OneThread": "on one thread",
}


def markdown(header, rows):
    """A table: its first column is text, the others are numbers."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def rates(results):
    """Warm microseconds per run and step, by workload and contender."""
    rows = []
    for name, facts in results["workloads"].items():
        warm = {
            row["contender"]: row["warm_rate"] for row in results["rows"] if row["workload"] == name
        }
        star = lambda contender, facts=facts: "\\*" if contender == facts["default"] else ""
        digits = lambda us: f"{us:.3g}" if us < 100 else f"{us:,.0f}"
        title = f"{facts['title']}, {facts['steps']:,} steps"
        rows.append(
            [title, *(digits(1e6 / warm[contender]) + star(contender) for contender in COLUMNS)]
        )
    return markdown(["microseconds per run and step, warm", *COLUMNS.values()], rows)


def ratios(results):
    """The sweep against the others, and against the machine."""
    rows = []
    for name, facts in results["workloads"].items():
        of = {row["contender"]: row for row in results["rows"] if row["workload"] == name}
        ours, traced = of["CompiledTraining"], of["TracedTraining"]
        share = (
            ours["warm_rate"] / facts["run_steps"] * facts["training_flops"] / results["gemm_peak"]
        )
        times = [
            f"{mine['warm_rate'] / of[other]['warm_rate']:.3g}×"
            for mine, other in (
                (ours, "Plain"),
                (ours, "Jax"),
                (ours, "Ensemble"),
                (traced, "Ensemble"),
            )
        ]
        times.insert(3, f"{share:.0%}")
        memory = [
            f"{of[mine]['peak_bytes'] / 1e6:.0f}" for mine in ("CompiledSweep", "TracedSweep")
        ]
        rows.append(
            [
                facts["title"],
                *times,
                *memory,
                f"{facts['need_bytes'] / 1e6:.0f} MB",
                *(
                    f"{of[other]['cold_seconds']:.0f} s"
                    for other in ("Ensemble", "Jax", "TracedSweep", "CompiledSweep")
                ),
            ]
        )
    return markdown(
        [
            "`sweep`",
            "compiled, no record, × plain",
            "× JAX",
            "× ensembling",
            "of the bmm peak",
            "traced, no record, × ensembling",
            "memory: compiled",
            "traced",
            "needed by all runs",
            "first call: ensembling",
            "JAX",
            "`sweep`, traced",
            "`sweep`, compiled",
        ],
        rows,
    )


def scaling(results):
    """The cost from few runs to many."""
    rounds = results["rounds"]
    title = f"runs of 2-32-32-1, {results['steps']} steps, compiled, with the record"
    return markdown(
        [title, *(f"{int(runs):,}" for runs in rounds)],
        [
            [
                "microseconds per run and step",
                *(f"{statistics.median(times):.1f}" for times in rounds.values()),
            ]
        ],
    )


def parts(results):
    """The compiled sweep without one of its parts."""
    title = results["workloads"][results["parts"][0]["workload"]]["title"]
    return markdown(
        [f"{title}: compiled, no record", "microseconds per run and step"],
        [[WITHOUT[row["contender"]], f"{1e6 / row['warm_rate']:.1f}"] for row in results["parts"]],
    )


def pages(results):
    """What the book and its pages cost."""
    shown = {
        "bytes": lambda v: f"{v / 1e6:.2f} MB",
        "ms": lambda v: f"{v:.0f} ms",
        "s": lambda v: f"{v:.0f} s",
    }
    return markdown(
        ["the book and its pages", "measured"],
        [
            [
                f"{row['what']} ({row['statistic']} of {row['count']})"
                if row["count"] > 1 and row["statistic"] != "sum"
                else row["what"],
                shown[row["unit"]](row["value"]),
            ]
            for row in results["rows"]
        ],
    )


def environment(results):
    """One sentence on the machine."""
    e = results["environment"]
    return (
        f"{e['processor']} ({e['capability']}), {e['cores']} cores, torch {e['torch']}, "
        f"Python {e['python']}, {e['date']}. The most that `torch.bmm` reached was "
        f"{results['gemm_peak'] / 1e9:.0f} GFLOP/s.\n"
    )


def report(engine, many, page):
    """(the README's part, table.md)."""
    tables = [rates(engine), ratios(engine), scaling(many)]
    end = [
        "\\* what `labs.sweep` chooses by itself for a grid of this size.\n",
        environment(engine),
    ]
    return "\n".join([*tables, pages(page), *end]), "\n".join([*tables, parts(engine), *end])


def main():
    """Write both, or check them."""
    names = ("engine.json", "scaling.json", "pages.json")
    part, table = report(*(json.loads((HERE / name).read_text()) for name in names))
    text = README.read_text()
    before, rest = text.split(BEGIN)
    readme = before + BEGIN + "\n" + part + "\n" + END + rest.split(END)[1]
    if sys.argv[1:] == ["--check"]:
        if (text, TABLE.read_text()) != (readme, table):
            raise SystemExit(
                "README.md and benchmarks/table.md should hold what the JSON files say; "
                "run benchmarks/report.py"
            )
        return
    README.write_text(readme)
    TABLE.write_text(table)


if __name__ == "__main__":
    main()
