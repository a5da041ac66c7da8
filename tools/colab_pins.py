"""Puts the versions that Colab has today into tests/colab/requirements.txt.

    python tools/colab_pins.py pip-freeze.txt

Reads Colab's own list (repository googlecolab/backend-info, file pip-freeze.txt) and changes the
pins of the packages that the chapters use; those of the JupyterLab that stands in for Colab's front
end stay. The weekly job does this before its tests.
"""

import re
import sys
from pathlib import Path

PINS = Path(__file__).resolve().parents[1] / "tests" / "colab" / "requirements.txt"
USED = {
    "torch",
    "numpy",
    "xarray",
    "pandas",
    "matplotlib",
    "plotly",
    "ipywidgets",
    "anywidget",
    "scikit-learn",
    "tqdm",
    "keras",
    "safetensors",
    "tokenizers",
    "transformers",
    "fastapi",
    "uvicorn",
    "openai",
    "httpx",
}
IN_LIST = re.compile(
    r"^([A-Za-z0-9._-]+)(?:==| @ \S*/[A-Za-z0-9._]+?-)([0-9][0-9a-z.]*)", re.MULTILINE
)
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)$", re.MULTILINE)


def versions(freeze):
    """{name: version} of the used packages, from the text of a `pip freeze`.

    A build's suffix, such as +cu126, is left out.
    """
    return {name: version for name, version in IN_LIST.findall(freeze) if name in USED}


def update(requirements, freeze):
    """The text of `requirements` with today's versions.

    Raises ValueError when the list names none of the packages.
    """
    today = versions(freeze)
    if not today:
        raise ValueError(
            "expected the output of `pip freeze` in Colab, found none of "
            f"{', '.join(sorted(USED))} in it"
        )
    return PIN.sub(lambda pin: f"{pin[1]}=={today.get(pin[1], pin[2])}", requirements)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(
            "expected the file with Colab's list, got none: "
            "python tools/colab_pins.py pip-freeze.txt"
        )
    freeze = Path(sys.argv[1]).read_text(encoding="utf-8")
    PINS.write_text(update(PINS.read_text(encoding="utf-8"), freeze), encoding="utf-8")
