"""How long the book takes to build and to check, and how fast its pages answer a reader.

    python benchmarks/pages.py [--html DIR | --skip-book] [--out FILE.json]

The book is built in a copy of the tracked files as they are on disk, with caches of its own.
`--html DIR` measures a book that is built, `--skip-book` the one in _build/html; neither builds or
runs notebooks.

- book: wall seconds of `make book` without the installation. Cold: the caches of labs, of
  notebooks, of compiled programs and of matplotlib are empty. Warm: the same command again.
- nbval: wall seconds of pytest over the notebooks, with the caches that the build filled.
- bytes: the sizes on disk of all files that Chromium asks for when it opens the page from disk,
  until it asks for no more.
- usable slider: from the start of the navigation (`performance.timeOrigin`) to the moment when the
  first slider of an explorer exists and an `input` event on it has changed the run shown; the paint
  that follows does not count. Over HTTP from 127.0.0.1, each load in a fresh browser context,
  nothing cached. Bytes before it: what the browser had loaded in that moment, headers included.
- first movement: from the start of the navigation to the moment when the picture of the first
  explorer, which plays by itself, shows its second moment of training.
- five explorers: a page of the book with five explorers of 3,000 runs each.
- the GPT in the page: a page of the book with a `labs.Talk` of the recorded model and nothing else.
  "Generate" is pressed as soon as it can be. First token: from the start of the navigation to the
  moment when the first token that the model wrote stands in the page; bytes before it as above.
  Tokens a second: from the page's start of a run to its end, when the context is full.
- slider to frame: arrow keys on the learning-rate slider of an explorer of 5,000 runs, each of them
  trained, alone on its page. One interval for each press, out of Chromium's trace. `key press`:
  Chromium's EventLatency, from the time stamp of the key in the browser's process to the
  presentation of the first frame that holds its effect. `input event`: from the start of the
  dispatch of `input` to that presentation. `input handler`: that dispatch alone, in which the
  page's script draws. Chromium is headless and draws with the processor: a frame is presented when
  it is in memory, and no screen's refresh is waited for.
"""

import argparse
import contextlib
import functools
import http.server
import importlib.metadata
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from engine import environment, write

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import find_chromium  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
BUILD = [
    "make",
    "-o",
    ".venv/.installed",
    f"BIN={Path(sys.executable).parent}",
    "book",
]  # -o: take it as installed
NBVAL = [
    sys.executable,
    "-m",
    "pytest",
    "--nbval",
    "--nbval-current-env",
    "--nbval-cell-timeout=600",
    "--nbval-sanitize-with=tests/nbval_sanitize.cfg",
    "book",
]
CACHES = {"LABS_CACHE": "labs", "TORCHINDUCTOR_CACHE_DIR": "inductor", "MPLCONFIGDIR": "matplotlib"}
LOADS, PRESSES = 7, 40
SLIDER = ".labs-explorer[data-run] input[type=range]"
STATISTICS = {
    "sum": sum,
    "median": statistics.median,
    "90th percentile": lambda values: statistics.quantiles(values, n=10, method="inclusive")[-1],
}
PROBE = """window.labsUsable = new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error(
    "expected a slider that answers within 60 s, got none; see the page's console")), 60000);
  const observer = new MutationObserver(() => {
    const slider = document.querySelector("SLIDER");
    const marks = slider?.closest(".labs-explorer").dataset, before = marks?.run;
    if (before === undefined) return;
    slider.value = slider.value === slider.max ? slider.min : slider.max;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    if (marks.run === before) return;
    observer.disconnect();
    const usable = performance.now();
    const loaded = ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind));
    resolve([usable, loaded.reduce((sum, entry) => sum + entry.transferSize, 0)]);
  });
  observer.observe(document, { childList: true, subtree: true });
});""".replace("SLIDER", SLIDER)
MOTION = """window.labsMoved = new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error(
    "expected a picture that moves by itself in 60 s, got none; see the page's console")), 60000);
  const seen = new Set();
  const observer = new MutationObserver(() => {
    const step = document.querySelector(".labs-explorer canvas[data-step]")?.dataset.step;
    if (step === undefined) return;
    seen.add(step);
    if (seen.size < 3) return;          // where it stood, the first moment of training, the second
    observer.disconnect();
    resolve(performance.now());
  });
  observer.observe(document, { attributes: true, childList: true, subtree: true });
});"""

SPEECH = """window.labsSpoke = new Promise((resolve, reject) => {
  setTimeout(() => reject(new Error(
    "expected a first token within 60 s, got none; see the page's console")), 60000);
  let pressed = false;
  const observer = new MutationObserver(() => {
    const root = document.querySelector(".labs-talk");
    if (!pressed && root?.dataset.state === "ready") {
      pressed = true;
      root.querySelector("[data-generate]").click();
    }
    if (!root?.querySelector("[data-token]:not([data-prompted])")) return;
    observer.disconnect();
    const spoke = performance.now();
    const loaded = ["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind));
    resolve([spoke, loaded.reduce((sum, entry) => sum + entry.transferSize, 0)]);
  });
  observer.observe(document, { attributes: true, childList: true, subtree: true });
});"""


def row(what, unit, values, statistic="median"):
    """One figure, and what it was made of."""
    value = STATISTICS[statistic](values)
    return {
        "what": what,
        "statistic": statistic,
        "value": value,
        "unit": unit,
        "count": len(values),
        "values": values,
    }


@functools.cache
def helpers():
    """tests/browser/explorers.py, which finds explorers in pages and writes such pages."""
    sys.path[:0] = [str(ROOT / "tests" / "browser"), str(ROOT / "tests")]
    import explorers

    return explorers


def copy_tracked(target):
    """Copy the tracked files of the repository, with what is changed in them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
    ).stdout
    for name in listed.split("\0")[:-1]:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


def seconds(command, copy, caches):
    """The wall seconds of a command in a copy of the repository.

    SystemExit with what it warns of, and its last lines, where it fails.
    """
    own = {name: str(caches / folder) for name, folder in CACHES.items()}
    environment = {**os.environ, **own, "LABS_PROGRESS": "off", "PYTHONPATH": str(copy)}
    start = time.perf_counter()
    done = subprocess.run(
        command,
        cwd=copy,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    took = time.perf_counter() - start
    if done.returncode:
        lines = done.stdout.splitlines()
        telling = "\n".join(line for line in lines if re.search("warning|error", line, re.I))
        raise SystemExit(
            f"{' '.join(command)}: expected status 0 in a copy of the repository, got "
            f"{done.returncode}; mend what it reports:\n{telling[:3000]}\n{done.stdout[-3000:]}"
        )
    return took


def book_rows(copy, caches):
    """Build the copy and run its notebooks, cold and warm."""
    work = [("book, cold", BUILD), ("book, warm", BUILD), ("nbval after it", NBVAL)]
    return [row(what, "s", [seconds(command, copy, caches)]) for what, command in work]


@contextlib.contextmanager
def fresh_page(browser):
    """A page in a context of its own, for which nothing is cached."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


class Uncached(http.server.SimpleHTTPRequestHandler):
    """Serves files that a browser may not keep, and prints nothing."""

    log_message = lambda *args: None

    def end_headers(self):
        self.send_header("Cache-Control", "no-store")
        super().end_headers()


@contextlib.contextmanager
def served(folder):
    """The address at which a folder is served."""
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Uncached, directory=folder)
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def pages_with_explorer(html):
    """The pages of a built book that hold an explorer. SystemExit where there is none."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(html.rglob("*.html"))}
    found = [
        path for path, text in texts.items() if "_anywidget_id" in text and helpers().records(text)
    ]
    if not found:
        raise SystemExit(
            f"expected a built book with an explorer in {html}, got {len(texts)} pages without "
            "one; run: make book"
        )
    return found


def files_asked(browser, path):
    """The files that Chromium asks for when it opens a page from disk."""
    asked = set()
    with fresh_page(browser) as page:
        page.on("request", lambda request: asked.add(request.url))
        page.goto(path.as_uri())
        page.evaluate("() => document.fonts.ready.then(() => window.MathJax?.startup?.promise)")
        page.locator(SLIDER).first.wait_for()
        page.wait_for_load_state("networkidle")
    return sorted(
        {
            Path(unquote(urlsplit(url).path))
            for url in asked
            if not url.startswith(("data:", "blob:"))
        }
    )


def loading(browser, address, probe, answer):
    """What a probe, which is in the page before its own scripts, finds in a fresh load."""
    with fresh_page(browser) as page:
        page.add_init_script(probe)
        page.goto(address)
        return page.evaluate(f"window.{answer}")


def usable_rows(browser, name, address):
    """When the first slider answers, and what was loaded until then."""
    found = [loading(browser, address, PROBE, "labsUsable") for _ in range(LOADS)]
    times, sizes = map(list, zip(*found))
    return [
        row(f"{name}: usable slider", "ms", times),
        row(f"{name}: loaded before it", "bytes", sizes),
    ]


def page_rows(browser, html, address, path):
    """What one page costs its reader."""
    name = path.relative_to(html).as_posix()
    sizes = {
        file.relative_to(html).as_posix(): file.stat().st_size
        for file in files_asked(browser, path)
    }
    rows = [
        row(f"{name}: all files", "bytes", list(sizes.values()), "sum") | {"files": sizes},
        row(f"{name}: the HTML", "bytes", [sizes[name]]),
        *usable_rows(browser, name, f"{address}/{name}"),
    ]
    if name == "index.html":
        moves = [loading(browser, f"{address}/{name}", MOTION, "labsMoved") for _ in range(LOADS)]
        rows.append(row(f"{name}: first movement", "ms", moves))
    return rows


def five_rows(browser, folder):
    """What a page costs that holds five explorers of 3,000 runs."""
    page = write_five(folder)
    with served(page.parent) as address:
        rows = usable_rows(browser, "five explorers of 3,000 runs", f"{address}/{page.name}")
    size = row("five explorers of 3,000 runs: the HTML", "bytes", [page.stat().st_size])
    return [size, *rows]


def talk_rows(browser, folder, model=None):
    """What the GPT in the page costs and does. `model`: its folder; None for the recorded one."""
    page = write_talk(folder, model)
    with served(page.parent) as address:
        found = [talking(browser, f"{address}/{page.name}") for _ in range(LOADS)]
    times, sizes, rates = map(list, zip(*found))
    return [
        row("the GPT in the page: first token", "ms", times),
        row("the GPT in the page: loaded before the first token", "bytes", sizes),
        row("the GPT in the page: tokens a second", "tokens/s", rates),
    ]


def talking(browser, address):
    """(ms to the first token, bytes before it, tokens a second) of a fresh load."""
    with fresh_page(browser) as page:
        page.add_init_script(SPEECH)
        page.goto(address)
        first, loaded = page.evaluate("window.labsSpoke")
        page.wait_for_selector(".labs-talk[data-state=ready][data-seconds]")
        written = page.locator(".labs-talk").evaluate("root => ({ ...root.dataset })")
        return first, loaded, int(written["tokens"]) / float(written["seconds"])


def write_talk(folder, model):
    """A page of a book with the GPT in the page."""
    helpers()
    import small_book

    import labs

    talk = labs.Talk(model)
    cells = [small_book.text("# Talk"), small_book.cell(small_book.view(talk))]
    return small_book.built(small_book.write(folder, cells, [talk]))


def write_five(folder):
    """A page of a book with five explorers of 3,000 runs, trained now."""
    helpers()
    import small_book

    import labs

    explorers = []
    for i in range(5):
        grid = labs.Grid(
            optimizer=["sgd", "momentum", "rmsprop", "adam", "lion"],
            learning_rate=labs.logspace(1e-3, 1, 10),
            batch_size=[8, 32, 128],
            weight_decay=[0, 1e-4, 1e-3, 1e-2],
            seed=range(5 * i, 5 * i + 5),
        )
        runs = labs.sweep(labs.tasks.spirals(), grid, steps=20)
        explorers.append(labs.Explorer(runs, name=f"number-{i}"))
    cells = [small_book.text("# Five")]
    cells += [small_book.cell(small_book.view(explorer)) for explorer in explorers]
    return small_book.built(small_book.write(folder, cells, explorers))


def write_big_page(path):
    """A page with one explorer of 5,000 runs, trained now."""
    import labs

    grid = labs.Grid(
        optimizer=["sgd", "momentum", "rmsprop", "adam", "lion"],
        learning_rate=labs.logspace(1e-3, 1, 10),
        batch_size=[8, 32, 128, 512],
        weight_decay=[0, 1e-4, 1e-3, 1e-2, 1e-1],
        seed=range(5),
    )
    return helpers().write_page(
        path, labs.Explorer(labs.sweep(labs.tasks.spirals(), grid, steps=20), name="many")
    )


def press_keys(page, slider):
    """Move a slider to and fro by arrow keys.

    SystemExit where a press leaves the curve as it was.
    """
    curve = page.locator('.labs-explorer path[data-series="val_loss"]')
    at, last, by = int(slider.input_value()), int(slider.get_attribute("max")), 1
    for press in range(PRESSES):
        before, by = curve.get_attribute("d"), by if 0 <= at + by <= last else -by
        at += by
        page.keyboard.press("ArrowRight" if by > 0 else "ArrowLeft")
        page.wait_for_timeout(
            150 + press % 17
        )  # ms; never in step with Chromium's frames, which are 16.7 ms apart
        if curve.get_attribute("d") == before:
            raise SystemExit(
                f"key press {press} should have drawn another curve, got the same; run: make test"
            )


def trace_of_presses(browser, path):
    """The events of Chromium's trace, by time, while the slider of a page is moved."""
    with fresh_page(browser) as page:
        page.goto(path.as_uri())
        slider = page.locator('.labs-explorer [data-axis="learning_rate"]')
        slider.focus()
        page.wait_for_timeout(1000)  # what loading left to do is not the slider's
        browser.start_tracing(page=page, categories=["input.scrolling", "devtools.timeline"])
        press_keys(page, slider)
        return sorted(
            json.loads(browser.stop_tracing())["traceEvents"], key=lambda event: event["ts"]
        )


def intervals(events):
    """The intervals, in ms, of each press with one input event and a presented frame.

    They are (key press to frame, input event to frame, input handler).
    """
    place = lambda event: (event["pid"], event["id2"]["local"])  # used again by later events
    presented = {
        (*place(e), e["ts"])
        for e in events
        if e["name"] == "SubmitCompositorFrameToPresentationCompositorFrame" and e["ph"] == "e"
    }
    inputs = [
        e for e in events if e["name"] == "EventDispatch" and e["args"]["data"]["type"] == "input"
    ]
    started, found = {}, []
    for event in (e for e in events if e["name"] == "EventLatency"):
        if event["ph"] == "b":
            started[place(event)] = event
            continue
        start, end = started.pop(place(event)), event["ts"]
        inside = [e for e in inputs if start["ts"] <= e["ts"] <= end]
        pressed = start["args"]["event_latency"]["event_type"] == "KEY_PRESSED"
        if pressed and len(inside) == 1 and (*place(event), end) in presented:
            found.append(
                [
                    (end - start["ts"]) / 1000,
                    (end - inside[0]["ts"]) / 1000,
                    inside[0]["dur"] / 1000,
                ]
            )
    return found


def slider_rows(browser, path):
    """How long a move of the slider takes to be seen.

    SystemExit unless the trace holds one interval for each press.
    """
    found = intervals(trace_of_presses(browser, path))
    if len(found) != PRESSES:
        raise SystemExit(
            f"expected {PRESSES} key presses in the trace, each with one input event and one "
            f"frame presented, got {len(found)}; compare the events that this Chromium traces "
            "with `intervals`"
        )
    names = ["key press to frame", "input event to frame", "input handler"]
    return [
        row(f"5,000 runs: {name}", "ms", list(values), statistic)
        for name, values in zip(names, zip(*found))
        for statistic in ("median", "90th percentile")
    ]


def measure(html):
    """All figures; `html` is a built book, or None to build one."""
    with tempfile.TemporaryDirectory() as name:
        folder, rows = Path(name).resolve(), []
        if html is None:
            copy, html = folder / "copy", folder / "copy" / "_build" / "html"
            copy_tracked(copy)
            rows = book_rows(copy, folder / "caches")
        pages, big = pages_with_explorer(html), write_big_page(folder / "big.html")
        with find_chromium.running() as browser, served(html) as address:
            for path in pages:
                rows += page_rows(browser, html, address, path)
            about = {
                **environment(),
                "playwright": importlib.metadata.version("playwright"),
                "chromium": browser.version,
            }
            rows += five_rows(browser, folder / "five") + slider_rows(browser, big)
            rows += talk_rows(browser, folder / "talk")
            return {"environment": about, "rows": rows}


def main():
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--html", type=Path, help="measure this built book; build none")
    parser.add_argument(
        "--skip-book", action="store_true", help="measure the book in _build/html; build none"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("pages.json"))
    arguments = parser.parse_args()
    os.environ.update(LABS_CACHE="off", LABS_PROGRESS="off")  # of this process' own sweep
    html = arguments.html or (ROOT / "_build" / "html" if arguments.skip_book else None)
    results = measure(html and html.resolve())
    write(arguments.out, results)
    print(json.dumps(results["environment"]))
    for line in results["rows"]:
        print(
            f"{line['what']:56}{line['value']:14,.1f} {line['unit']:6}"
            f"{line['statistic']} of {line['count']}"
        )


if __name__ == "__main__":
    main()
