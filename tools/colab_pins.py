"""Puts the versions that Colab has today into tests/colab/requirements.txt.

    python tools/colab_pins.py pip-freeze.txt

Reads Colab's own list (repository googlecolab/backend-info, file pip-freeze.txt) and changes the version of every package that
both files name with `==`. The weekly job does this before it runs the tests of the second environment.
"""
import re
import sys
from pathlib import Path

PINS = Path(__file__).resolve().parents[1] / "tests" / "colab" / "requirements.txt"
IN_LIST = re.compile(r"^([A-Za-z0-9._-]+)(?:==| @ \S*/[A-Za-z0-9._]+?-)([0-9][0-9a-z.]*)", re.MULTILINE)
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)$", re.MULTILINE)


def plain(name):
    """A package's name as registries compare it."""
    return re.sub(r"[._-]+", "-", name).lower()


def versions(freeze):
    """{name: version} from the text of a `pip freeze`; a build's suffix such as +cu126 is left out."""
    return {plain(name): version for name, version in IN_LIST.findall(freeze)}


def update(requirements, freeze):
    """The text of `requirements` with today's versions. Raises ValueError when the list names none of its packages."""
    today = versions(freeze)
    if not any(plain(name) in today for name, _ in PIN.findall(requirements)):
        raise ValueError("expected the output of `pip freeze` with the packages of tests/colab/requirements.txt, found none of them")
    return PIN.sub(lambda pin: f"{pin[1]}=={today.get(plain(pin[1]), pin[2])}", requirements)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("expected the file with Colab's list, got none: python tools/colab_pins.py pip-freeze.txt")
    PINS.write_text(update(PINS.read_text(encoding="utf-8"), Path(sys.argv[1]).read_text(encoding="utf-8")), encoding="utf-8")
