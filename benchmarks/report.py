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
    "TracedSweep": "`sweep`, traced",
    "Plain": "plain loop",
    "Best": "one run, compiled",
    "Ensemble": "`torch.func` ensembling",
    "Jax": "JAX, scan of vmap",
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


RATIOS = [  # column, contender, and the one whose rate it is divided by
    ("`sweep`, traced, × plain", "TracedSweep", "Plain"),
    ("× JAX", "TracedSweep", "Jax"),
    ("× ensembling", "TracedSweep", "Ensemble"),
    ("traced, no record, × ensembling", "TracedTraining", "Ensemble"),
    ("compiled, no record, × plain", "CompiledTraining", "Plain"),
    ("× JAX", "CompiledTraining", "Jax"),
    ("× ensembling", "CompiledTraining", "Ensemble"),
]
MEMORY = [("memory: traced", "TracedSweep"), ("compiled", "CompiledSweep")]
COLD = [
    ("first call: traced", "TracedSweep"),
    ("compiled", "CompiledSweep"),
    ("ensembling", "Ensemble"),
    ("JAX", "Jax"),
]


def ratios(results):
    """The sweep against the others, and against the machine."""
    names = [column[0] for columns in (RATIOS, MEMORY, COLD) for column in columns]
    names.insert(len(RATIOS), "of the bmm peak")
    names.insert(len(RATIOS) + 1 + len(MEMORY), "needed by all runs")
    rows = []
    for name, facts in results["workloads"].items():
        of = {row["contender"]: row for row in results["rows"] if row["workload"] == name}
        rate = lambda contender, of=of: of[contender]["warm_rate"]
        flops = facts["training_flops"] / facts["run_steps"]
        row = [facts["title"], *(f"{rate(mine) / rate(other):.3g}×" for _, mine, other in RATIOS)]
        row.append(f"{rate('CompiledTraining') * flops / results['gemm_peak']:.0%}")
        row += [f"{of[contender]['peak_bytes'] / 1e6:.0f}" for _, contender in MEMORY]
        row.append(f"{facts['need_bytes'] / 1e6:.0f} MB")
        row += [f"{of[contender]['cold_seconds']:.0f} s" for _, contender in COLD]
        rows.append(row)
    return markdown(["`sweep`", *names], rows)


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


SHOWN = {
    "bytes": lambda v: f"{v / 1e6:.2f} MB",
    "ms": lambda v: f"{v:.0f} ms",
    "s": lambda v: f"{v:.0f} s",
    "tokens/s": lambda v: f"{v:.0f}",
}
OF_A_PAGE = ("all files", "the HTML", "usable slider", "loaded before it", "first movement")


def pages(results):
    """What each page costs its reader: a row a page."""
    of = {}
    for row in results["rows"]:
        page, _, what = row["what"].partition(": ")
        of.setdefault(page, {})[what] = SHOWN[row["unit"]](row["value"])
    rows = [
        [page, *(cells.get(what, "–") for what in OF_A_PAGE)]
        for page, cells in of.items()
        if "usable slider" in cells
    ]
    return markdown(["a page", *OF_A_PAGE], rows)


def book(results, before):
    """What the book costs, and how it answers, beside what it did before the explorer was made
    anew.
    """
    value = lambda row: SHOWN[row["unit"]](row["value"])
    was = {(row["what"], row["statistic"]): value(row) for row in before["rows"]}
    rows = []
    for row in results["rows"]:
        if row["what"].partition(": ")[2] not in OF_A_PAGE:
            many = f" ({row['statistic']} of {row['count']})" if row["count"] > 1 else ""
            rows.append(
                [row["what"] + many, value(row), was.get((row["what"], row["statistic"]), "–")]
            )
    return markdown(["the book and its pages", "measured", "before"], rows)


GPT = {  # kind of work: the table's title, and its columns
    "train": (
        "training a GPT, tokens a second",
        {
            "HfEager": "`transformers`, plain loop",
            "HfCompiled": "compiled",
            "HfTrainer": "its `Trainer`",
            "Eager": "`labs.gpt`, eager",
            "Compiled": "compiled",
        },
    ),
    "write": (
        "one GPT writes, tokens a second",
        {
            "HfDynamic": "`generate` of `transformers`",
            "HfStatic": "static cache",
            "HfCompiled": "compiled",
            "Ours": "`labs.gpt`",
        },
    ),
}


SERVING = [
    "a served GPT, requests a second",
    "`transformers` behind FastAPI",
    "`labs.serve`",
    "ours × theirs",
    "first token, median: theirs",
    "ours",
    "95th percentile: theirs",
    "ours",
]


def gpt(results, kind):
    """How fast GPTs are trained, or write; the last column is ours over the best of the others."""
    title, columns = GPT[kind]
    rows = []
    for name, facts in results["workloads"].items():
        for part in facts["parts"] if facts["kind"] == kind else []:
            of = {
                row["contender"]: row
                for row in results["rows"]
                if (row["workload"], row["part"]) == (name, part)
            }
            theirs = [row for contender, row in of.items() if contender.startswith("Hf")]
            mine = [row for contender, row in of.items() if not contender.startswith("Hf")]
            best, other = (max(side, key=lambda row: row["warm_rate"]) for side in (mine, theirs))
            ratio = statistics.median(a / b for a, b in zip(best["rates"], other["rates"]))
            what = facts["title"].partition(", ")[2] + (f", {part}" if kind == "write" else "")
            rates = [f"{of[c]['warm_rate']:,.0f}" if c in of else "–" for c in columns]
            rows.append([what, *rates, f"{ratio:.3g}×"])
    return markdown([title, *columns.values(), "ours × the best of theirs"], rows)


def serving(results):
    """How many requests are answered, and how soon: the plain server beside ours."""
    rows = []
    for workload, facts in results["workloads"].items():
        of = {
            (row["server"], row["clients"]): row
            for row in results["rows"]
            if row["workload"] == workload
        }
        for clients in facts["clients"]:
            plain, ours = (of[server, clients] for server in ("Plain", "Ours"))
            ratio = statistics.median(a / b for a, b in zip(ours["rates"], plain["rates"]))
            times = [row[name] for name in ("first_median", "first_95") for row in (plain, ours)]
            title = f"{facts['title']}, {clients} client{'s' * (clients > 1)}"
            rates = [f"{row['rate']:.3g}" for row in (plain, ours)]
            rows.append([title, *rates, f"{ratio:.3g}×", *(f"{1000 * t:,.0f} ms" for t in times)])
    return markdown(SERVING, rows)


def environment(results):
    """One sentence on the machine."""
    e = results["environment"]
    return (
        f"{e['processor']} ({e['capability']}), {e['cores']} cores, torch {e['torch']}, "
        f"Python {e['python']}, {e['date']}. The most that `torch.bmm` reached was "
        f"{results['gemm_peak'] / 1e9:.0f} GFLOP/s.\n"
    )


def gpt_environment(results):
    """One sentence on what the tables of GPTs belong to."""
    e = results["environment"]
    return (
        f"GPTs: {e['processor']} ({e['capability']}), {e['cores']} cores, transformers "
        f"{e['transformers']}, {e['date']}; medians of {results['rounds']} rounds in turn.\n"
    )


def serving_environment(results):
    """One sentence on what the table of servers belongs to."""
    e = results["environment"]
    return (
        f"Servers: {e['processor']} ({e['capability']}), {e['cores']} cores for them and their "
        f"clients, {results['tokens']} tokens after a prompt of {results['prompt']}, "
        f"{e['date']}; medians of {results['rounds']} rounds in turn.\n"
    )


def report(engine, many, page, before, gpts, servers):
    """(the README's part, table.md)."""
    tables = [rates(engine), ratios(engine), scaling(many)]
    end = [
        "\\* what `labs.sweep` chooses by itself for a grid of this size.\n",
        environment(engine),
    ]
    both = [gpt(gpts, kind) for kind in GPT]
    all_of_it = [*tables, *both, serving(servers), pages(page), book(page, before), *end]
    all_of_it += [gpt_environment(gpts), serving_environment(servers)]
    return "\n".join(all_of_it), "\n".join([*tables, parts(engine), *end])


def main():
    """Write both, or check them."""
    names = ("engine", "scaling", "pages", "pages_before", "gpt", "serve")
    texts = ((HERE / f"{name}.json").read_text(encoding="utf-8") for name in names)
    part, table = report(*map(json.loads, texts))
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    readme = before + BEGIN + "\n" + part + "\n" + END + rest.split(END)[1]
    if sys.argv[1:] == ["--check"]:
        if (text, TABLE.read_text(encoding="utf-8")) != (readme, table):
            raise SystemExit(
                "README.md and benchmarks/table.md should hold what the JSON files say; "
                "run benchmarks/report.py"
            )
        return
    README.write_text(readme, encoding="utf-8")
    TABLE.write_text(table, encoding="utf-8")


if __name__ == "__main__":
    main()
