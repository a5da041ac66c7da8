"""Imports go one way, importing does nothing, and what reads a record needs no torch."""

import ast
import pathlib
import subprocess
import sys

LABS = pathlib.Path(__file__).parent.parent / "labs"
ORDER = [
    "device",
    "runs",
    "data",
    "models",
    "optimizers",
    "tasks",
    "train",
    "grid",
    "stack",
    "cache",
    "traced",
    "matmul",
    "plan",
    "program",
    "shard",
    "sweep",
    "figures",
    "widgets",
]
BELOW_THE_WAIST = ["runs", "figures", "widgets/__init__", "widgets/explorer", "widgets/payload"]


def imports(path):
    """The modules that a file names in its import statements, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(module):
    """The position in ORDER of a module of labs, or None."""
    parts = module.split(".")
    return ORDER.index(parts[1]) if parts[0] == "labs" and len(parts) > 1 and parts[1] in ORDER else None


def test_every_module_has_its_place_in_the_order():
    found = {p.stem for p in LABS.glob("*.py")} | {p.name for p in LABS.iterdir() if (p / "__init__.py").exists()}
    assert found - {"__init__"} == set(ORDER)


def test_each_module_imports_only_what_stands_before_it():
    for name in ORDER:
        for path in [LABS / f"{name}.py"] if (LABS / f"{name}.py").exists() else (LABS / name).glob("*.py"):
            for module in imports(path):
                there = place(module)
                assert there is None or there < ORDER.index(name) or name == "widgets" == module.split(".")[1], (
                    f"{path.name} imports {module}"
                )


def test_what_reads_a_record_does_not_name_torch():
    for name in BELOW_THE_WAIST:
        if name != "widgets/__init__":  # it re-exports the live panel, which trains
            assert not [m for m in imports(LABS / f"{name}.py") if m.split(".")[0] == "torch"], name


def test_importing_prints_nothing_seeds_nothing_and_starts_nothing():
    program = (
        "import random, numpy, torch, threading;"
        "before = torch.initial_seed(), numpy.random.get_state()[1][0], random.getstate();"
        "import labs; assert before == (torch.initial_seed(), numpy.random.get_state()[1][0], random.getstate());"
        "assert threading.active_count() == 1; assert not torch.cuda.is_initialized()"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", program], capture_output=True, text=True, cwd=LABS.parent
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
