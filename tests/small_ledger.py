"""A small book with a ledger, built as the real one is; its notebooks run."""

import subprocess
import sys
from pathlib import Path

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labs import claims

ROOT = Path(__file__).resolve().parents[1]
LENT = ("_static", "_templates", "_ext", "references.bib")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
INDEX = """# A book

Of {verdicts}`all` claims {verdicts}`holds` holds, {verdicts}`holds when` under a condition.
See [one card](#claim-c2) and [one row](#verdict-a5).
"""
PAGE = """# Ledger

:::{{container}} tally
- **{{verdicts}}`holds`** ✓ holds
- **{{verdicts}}`holds when`** ◐ holds when …
- **{{verdicts}}`does not hold`** ✗ does not hold
:::

```{{overview}}
```

## Claims

{directives}
## References

```{{bibliography}}
:filter: docname in docnames
```
"""
LONG = "the gradient is over all samples and the rate is below two over the largest curvature"


def record(id, verdict, *, measured=None, **rest):
    """A line of Python that records a verdict."""
    measured = measured or {"final loss": ([0.46, 0.48], "< 0.6")}
    words = "".join(f", {name}={value!r}" for name, value in rest.items())
    return f"claims.record({id!r}, {verdict!r}, {measured!r}{words})"


def notebook(title, *lines, stored=(), tags=()):
    """A chapter that records verdicts. `stored`: cards that its file holds and no cell makes.

    It runs where nothing is stored, or where its cell has `tags`.
    """
    source = "\n".join(["from labs import claims", *lines])
    outputs = [new_output("display_data", data={claims.MIME: text}) for text in stored]
    cells = [
        new_markdown_cell(f"# {title}\n\nText."),
        new_code_cell(source, outputs=outputs, execution_count=1 if stored else None),
    ]
    cells[1].metadata["tags"] = list(tags)
    mode = {"mystnb": {"execution_mode": "off"}} if stored and not tags else {}
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return new_notebook(cells=cells, metadata={"kernelspec": KERNEL, **mode})


def chapters():
    """A book's chapters with nothing amiss: three claims, a verdict of each kind."""
    many = {"loss <sgd>": (0.099, "< 0.6"), "a long name of what was measured here": (4, "= 4")}
    return {
        "one": notebook(
            "Chapter one",
            record("A1", "holds", sources=["cohen2021"]),
            record("A5", "holds when", when=LONG, measured=many, note="And more."),
        ),
        "two": notebook("Chapter two", record("C2", "does not hold", sources=["zhang2017"])),
    }


def table(**homes):
    """The text of claims.yml: the book's own sentences, the chapters given."""
    known = claims.known()
    return yaml.safe_dump({id: {**known[id], "chapter": home} for id, home in homes.items()})


def write(folder, chapters, letters="AC", **homes):
    """The sources of a book: an index, a ledger of these letters, chapters by name."""
    book = folder / "book"
    book.mkdir(parents=True)
    for name, one in chapters.items():
        nbformat.write(one, book / f"{name}.ipynb")
    directives = "".join(f"```{{ledger}} {letter}\n```\n\n" for letter in letters)
    (book / "index.md").write_text(INDEX, encoding="utf-8")
    (book / "ledger.md").write_text(PAGE.format(directives=directives), encoding="utf-8")
    (book / "claims.yml").write_text(table(**homes), encoding="utf-8")
    for name in LENT:
        (book / name).symlink_to(ROOT / "book" / name)
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config["execute"]["execute_notebooks"] = "force"
    config["sphinx"]["local_extensions"] = {"offline_pages": str(ROOT / "book" / "_ext")}
    toc = {"format": "jb-book", "root": "index"}
    toc["chapters"] = [{"file": name} for name in (*chapters, "ledger")]
    (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    return book


def build(book, *options):
    """Build a book, warnings being errors; returns (status, what it said)."""
    folder = book.parent
    command = [Path(sys.executable).with_name("jupyter-book"), "build", book, "-W"]
    command += ["--keep-going", "--config", folder / "_config.yml", "--toc", folder / "_toc.yml"]
    command += ["--path-output", folder, *options]
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=300,
        encoding="utf-8",
    )
    return done.returncode, done.stdout + done.stderr


def built(book):
    """The folder of a book's pages, built without a warning."""
    status, said = build(book)
    assert status == 0, said[-3000:]
    return book.parent / "_build" / "html"
