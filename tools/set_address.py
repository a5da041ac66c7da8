"""Moves the book to another repository.

That changes its address in _config.yml and everywhere it was made from.

    python tools/set_address.py https://github.com/OWNER/REPOSITORY

The address stands once, under `repository` in _config.yml. Setup cells, badges and links repeat it,
because a notebook in Colab has no _config.yml to read; tests/test_address.py holds them to it.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r"https://github\.com/([A-Za-z0-9-]+)/([A-Za-z0-9._-]+?)(?:\.git)?/?")
IN_CONFIG = re.compile(r"^(repository:\n(?:[ #].*\n)*?  url: )(\S+)$", re.MULTILINE)


def read(root=ROOT):
    """The address in _config.yml."""
    match = IN_CONFIG.search((root / "_config.yml").read_text(encoding="utf-8"))
    if not match:
        raise SystemExit("expected `url:` under `repository:` in _config.yml, found none")
    return match[2]


def forms(address):
    """Every way the address is written: the repository, its page in Colab, its published pages."""
    match = ADDRESS.fullmatch(address)
    if not match:
        raise SystemExit(
            f"the address must read https://github.com/OWNER/REPOSITORY, got {address!r}"
        )
    owner, name = match.groups()
    return [
        f"github.com/{owner}/{name}",
        f"colab.research.google.com/github/{owner}/{name}",
        f"{owner.lower()}.github.io/{name}",
    ]


def texts(root):
    """The files that git knows or would add, where they are text."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(
        command, cwd=root, check=True, capture_output=True, text=True, encoding="utf-8"
    )
    for name in sorted(set(filter(None, listed.stdout.split("\0")))):
        path = root / name
        if path.is_file():
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def move(new, root=ROOT):
    """Write the new address wherever the old one stands; returns the files changed."""
    pairs = list(zip(forms(read(root)), forms(new)))
    changed = []
    for path, text in texts(root):
        moved = text
        for old_form, new_form in pairs:
            # not where the old address only begins a longer name
            moved = re.sub(re.escape(old_form) + r"(?![A-Za-z0-9_-])", new_form, moved)
        if moved != text:
            path.write_text(moved, encoding="utf-8")
            changed.append(path)
    return changed


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        raise SystemExit(
            "expected the new address, got none: "
            "make address URL=https://github.com/OWNER/REPOSITORY"
        )
    for path in move(sys.argv[1]):
        print(path.relative_to(ROOT))
