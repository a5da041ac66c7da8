"""book/cloud/Dockerfile: well written, and what it copies and installs is enough to train."""

import importlib.metadata
import json
import re
import shutil
import sys

import pytest
from packaging.requirements import Requirement
from tiny_run import CLOUD, ROOT, TINY, checker, ran, text

DOCKERFILE = (CLOUD / "Dockerfile").read_text(encoding="utf-8")


def test_hadolint_finds_nothing_to_say():
    assert ran([checker("hadolint"), CLOUD / "Dockerfile"]) == (0, "")


@pytest.mark.parametrize(
    "change, rule",
    [(("python:3.12.11-slim-bookworm", "python"), "DL3006"), (("--no-cache-dir ", ""), "DL3042")],
)
def test_hadolint_would_say_it_if_it_were_worse(change, rule):
    code, said = ran([checker("hadolint"), "-"], input=DOCKERFILE.replace(*change))
    assert code == 1 and rule in said


def pins(path):
    """The lines of a file of requirements, without what is said about them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.partition("#")[0].strip() for line in lines if line.partition("#")[0].strip()]


def test_the_image_has_the_versions_of_the_book():
    assert set(pins(CLOUD / "requirements.txt")) <= set(pins(ROOT / "requirements.txt"))


def plain(name):
    """The name of a distribution, as an index writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_with(names):
    """All that pip installs where it is asked for `names`."""
    found = set()
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            wanted = map(Requirement, importlib.metadata.requires(name) or ())
            here = [r for r in wanted if not r.marker or r.marker.evaluate({"extra": ""})]
            names += [plain(r.name) for r in here]
    return found


def only(names, site):
    """A folder from which the distributions `names` can be imported, and no others."""
    site.mkdir()
    for name in names:
        files = importlib.metadata.files(name)
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            place = importlib.metadata.distribution(name).locate_file(top)
            if not (site / top).exists():
                (site / top).symlink_to(place)
    return site


def test_what_the_image_copies_and_installs_is_all_that_training_and_serving_need(tmp_path):
    image, run = tmp_path / "app", tmp_path / "run"
    kept = (CLOUD / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copies = re.findall(r"^COPY (\S+) \S+$", DOCKERFILE, re.MULTILINE)
    assert {f"!{name}" for name in copies} <= set(kept)
    image.mkdir()
    for name in copies:
        place = ROOT / name
        (shutil.copytree if place.is_dir() else shutil.copy)(place, image / place.name)
    arguments = json.loads(re.search(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[1])
    assert json.loads(re.search(r"^ENTRYPOINT (.*)$", DOCKERFILE, re.MULTILINE)[1])[1:] == ["-m"]
    arguments = [str(run) if part == "/checkpoints" else part for part in arguments]
    there = installed_with([pin.partition("==")[0] for pin in pins(CLOUD / "requirements.txt")])
    arguments += ["--text", str(text(tmp_path)), *TINY, "--steps", "20"]
    paths = {"PYTHONPATH": f"{image}:{only(there, tmp_path / 'site')}"}
    code, said = ran([sys.executable, "-S", "-m", *arguments], cwd=image, env=paths)
    assert code == 0, said
    assert (run / "step-000020").exists()
    code, said = ran([sys.executable, "-S", "-m", "labs.serve", "--help"], cwd=image, env=paths)
    assert code == 0 and "--port" in said, said
