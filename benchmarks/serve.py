"""How many requests labs.serve answers, beside the simplest thing to do instead: `make bench`.

    python benchmarks/serve.py [--rounds 3] [--only recorded ...] [--clients 1 8] [--out FILE]

Both are servers in a process of their own, with the same weights, on the same machine as the
clients. Each client asks for one completion after another, over a connection that it keeps, with
the same prompts and as many tokens for both, greedily. The servers take turns, round after round,
and the medians count; a ratio is the median over the rounds. Texts are compared before anything is
printed.

- requests per second: all clients' answers, in one piece, over the time from the first request to
  the last answer.
- CPU seconds per request: what the server's process spent on them, all threads together; on a
  machine that does other work too, it says more than the rate.
- time to first token: from a request to the first piece of text of its stream, of all requests of a
  round: the median and the 95th percentile; of these, the median over rounds.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import httpx
import psutil
from engine import environment, write

HERE = pathlib.Path(__file__).parent
SERVERS = {
    "Plain": ("transformers behind FastAPI", [str(HERE / "serve_plain.py")]),
    "Ours": ("`labs.serve`", ["-m", "labs.serve", "--port", "0", "--slots", "32"]),
}
PROMPT, TOKENS = 32, 64  # tokens of a prompt, and tokens written after it
ASKED = {"model": "weights", "temperature": 0, "ignore_eos": True}


def recorded(path):
    """The model that the pages carry."""
    from labs.gpt import folder

    folder.save(path, *folder.load(folder.RECORDED))


def large(path):
    """Blocks as those of GPT-2 small, with weights that were drawn."""
    import torch

    from labs.gpt import folder, model

    words = folder.load(folder.RECORDED)[1]
    vocabulary = words.get_vocab_size()
    net = model.GPT(dataclasses.replace(model.GPT2["gpt2"], vocabulary=vocabulary))
    with torch.no_grad():  # wide enough that rounding does not decide between tokens
        for parameter in net.parameters():
            if parameter.ndim == 2:
                parameter.mul_(3)
    folder.save(path, net, words)


@dataclasses.dataclass(frozen=True)
class Workload:
    """A model, made by `save(path)`. Each client asks `requests` times; all of them, 4 at least."""

    title: str
    save: Callable
    requests: int
    clients: list


WORKLOADS = {
    "recorded": Workload("2.2 M parameters", recorded, 2, [1, 8, 32]),
    "large": Workload("87 M parameters, GPT-2 small's blocks", large, 1, [1, 8]),
}


@contextlib.contextmanager
def server(name, folder):
    """(address, process) of a server that is ready."""
    command = [sys.executable, *SERVERS[name][1], str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        if not found:
            raise RuntimeError(f"{name} should have said where it answers, but ended")
        yield found[0], psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def prompts(folder, count):
    """Texts of PROMPT tokens, one after another from a file of the standard library."""
    from labs.gpt import folder as folders

    words = folders.load(folder)[1]
    ids = words.encode(pathlib.Path(argparse.__file__).read_text(encoding="utf-8")).ids
    return [words.decode(ids[i * PROMPT : (i + 1) * PROMPT]) for i in range(count)]


async def whole(http, body):
    """The text of an answer in one piece."""
    answer = await http.post("/completions", json=body)
    answer.raise_for_status()
    return answer.json()["choices"][0]["text"], None


async def streamed(http, body):
    """The text of a stream, and the seconds to its first piece."""
    start, first, text = time.perf_counter(), None, []
    async with http.stream("POST", "/completions", json={**body, "stream": True}) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line.startswith("data: {"):
                text.append(json.loads(line[6:])["choices"][0]["text"])
                if first is None and text[-1]:
                    first = time.perf_counter() - start
    return "".join(text), first


async def turn(server, texts, clients, tokens, ask):
    """{seconds, texts, firsts} of one turn: `clients` share `texts`, each takes the next one."""
    (url, process), left, found = server, list(enumerate(texts)), {}
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(base_url=url, timeout=600, limits=limits) as http:

        async def client():
            while left:
                i, text = left.pop(0)
                found[i] = await ask(http, {**ASKED, "max_tokens": tokens, "prompt": text})

        start, cpu = time.perf_counter(), cpu_seconds(process)
        await asyncio.gather(*(client() for _ in range(clients)))
        seconds, cpu = time.perf_counter() - start, cpu_seconds(process) - cpu
    answers = [found[i] for i in range(len(texts))]
    return {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "texts": [text for text, _ in answers],
        "firsts": [first for _, first in answers],
    }


def cpu_seconds(process):
    """What a process has spent so far."""
    times = process.cpu_times()
    return times.user + times.system


def same_work(rows):
    """Raise ValueError where the servers wrote different texts.

    The first half of each is compared: later on, two tokens that are as likely may part them.
    """
    texts = [row["texts"] for row in rows]
    for expected, got in zip(texts[0], texts[1]):
        if expected[: len(expected) // 2] != got[: len(expected) // 2]:
            raise ValueError(f"both servers should write {expected!r}, got {got!r}")


def compare(workload, rounds, tokens, counts):
    """The rows of one workload: one for each server and number of clients."""
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        path = pathlib.Path(place) / ASKED["model"]
        WORKLOADS[workload].save(path)
        servers = {name: stack.enter_context(server(name, path)) for name in SERVERS}
        for its in servers.values():  # warm
            asyncio.run(turn(its, prompts(path, 4), 2, tokens, streamed))
        rows = []
        for clients in counts:
            texts = prompts(path, max(4, WORKLOADS[workload].requests * clients))
            turns = {name: [] for name in SERVERS}
            for number in range(1, rounds + 1):
                for name, its in servers.items():
                    how = its, texts, clients, tokens
                    turns[name].append([asyncio.run(turn(*how, ask)) for ask in (whole, streamed)])
                    line = f"\r{workload}, {clients} clients: round {number} of {rounds}, {name:8}"
                    print(line, end="", file=sys.stderr, flush=True)
            for part in (0, 1):
                same_work([turns[name][0][part] for name in SERVERS])
            rows += [row(workload, name, clients, turns[name]) for name in SERVERS]
        print(file=sys.stderr)
    return rows


def row(workload, name, clients, turns):
    """What is kept of a server's turns."""
    rates = [len(part["texts"]) / part["seconds"] for part, _ in turns]
    firsts = [sorted(part["firsts"]) for _, part in turns]
    last = lambda times: times[min(len(times) - 1, int(0.95 * len(times)))]
    return {
        "workload": workload,
        "server": name,
        "clients": clients,
        "requests": len(turns[0][0]["texts"]),
        "rate": statistics.median(rates),
        "rates": rates,
        "cpu_seconds": statistics.median(p["cpu_seconds"] / len(p["texts"]) for p, _ in turns),
        "first_median": statistics.median(map(statistics.median, firsts)),
        "first_95": statistics.median(map(last, firsts)),
        "firsts": [statistics.median(times) for times in firsts],
    }


def table(rows):
    """The results as text."""
    head = f"{'':30}{'clients':>8}{'requests/s':>12}{'x plain':>9}"
    lines = [head + f"{'cpu':>9}{'first token':>13}{'95 %':>9}"]
    for r in rows:
        plain = next(
            o
            for o in rows
            if (o["workload"], o["clients"]) == (r["workload"], r["clients"])
            and o["server"] == "Plain"
        )
        ratio = statistics.median(a / b for a, b in zip(r["rates"], plain["rates"]))
        lines.append(
            f"{SERVERS[r['server']][0]:30}{r['clients']:8}{r['rate']:12.2f}{ratio:9.2f}"
            f"{1000 * r['cpu_seconds']:6.0f} ms"
            f"{1000 * r['first_median']:10.0f} ms{1000 * r['first_95']:6.0f} ms"
        )
    return "\n".join(lines)


def main():
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=list(WORKLOADS), choices=list(WORKLOADS))
    parser.add_argument("--tokens", type=int, default=TOKENS, help="written after each prompt")
    parser.add_argument("--clients", nargs="*", type=int, help="in place of a workload's own")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "serve.json")
    arguments = parser.parse_args()
    import transformers

    results = {
        "environment": {**environment(), "transformers": transformers.__version__},
        "rounds": arguments.rounds,
        "prompt": PROMPT,
        "tokens": arguments.tokens,
        "workloads": {},
        "servers": {name: title for name, (title, _) in SERVERS.items()},
        "rows": [],
    }
    for workload in arguments.only:
        work = WORKLOADS[workload]
        counts = arguments.clients or work.clients
        rows = compare(workload, arguments.rounds, arguments.tokens, counts)
        results["workloads"][workload] = {"title": work.title, "clients": counts}
        results["rows"] += rows
        print(f"{work.title}\n{table(rows)}\n")
    write(arguments.out, results)


if __name__ == "__main__":
    main()
