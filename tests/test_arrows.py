"""Imports go one way, importing does nothing, and what reads a record needs no torch."""

import ast
import pathlib
import subprocess
import sys
import tomllib

import pytest

LABS = pathlib.Path(__file__).parent.parent / "labs"
ORDER = """
interruptions prices
chips scaling landmarks
device chance optimizers settings words labels record card claims
letters data models views partition tasks.task tasks.surfaces tasks.classification tasks.fitting
tasks.text training grid
engine.memory engine.chunks engine.ensemble engine.traced engine.inputs engine.trainer
engine.keys engine.cache engine.probe engine.work engine.shard engine.twins engine.outcome
engine.sweep
gpt.linear gpt.model gpt.tokenizer gpt.corpus gpt.files gpt.folder gpt.checkpoint gpt.batches
gpt.measure gpt.team gpt.run gpt.pretrain gpt.tensor gpt.parallel gpt.generate gpt.inside
gpt.ngrams gpt.__main__
compress.layers compress.bits compress.pruning compress.distillation compress.costs
serve.limits serve.errors serve.asked serve.forms serve.batch serve.engine serve.text serve.worker
serve.metrics serve.service serve.door serve.api serve.server serve.__main__
evaluate.given evaluate.network evaluate.scores evaluate.curves evaluate.calibration
checkup.rate checkup.fit checkup.choose
strokes painter figures
widgets.coding widgets.marks widgets.contents widgets.frames widgets.frontend widgets.part
widgets.meta widgets.means widgets.numbers widgets.payload widgets.glyphs widgets.still
widgets.question widgets.explorer widgets.predictions
widgets.bytelevel widgets.saved widgets.weights widgets.talkstill widgets.talk
widgets.chart widgets.controls widgets.status widgets.tie widgets.live
""".split()
BELOW_THE_WAIST = """
interruptions prices
chips scaling landmarks
optimizers settings words labels record card claims letters grid
evaluate.given evaluate.scores evaluate.curves evaluate.calibration checkup.fit checkup.choose
strokes painter figures
widgets.coding widgets.marks widgets.contents widgets.frames widgets.frontend widgets.part
widgets.meta widgets.means widgets.numbers widgets.payload widgets.glyphs widgets.still
widgets.question widgets.explorer widgets.predictions
widgets.bytelevel widgets.saved widgets.weights widgets.talkstill widgets.talk
widgets.chart widgets.controls widgets.status widgets.tie
""".split()
PACKAGES = [
    (name,)
    for name in ("checkup", "compress", "engine", "evaluate", "gpt", "serve", "tasks", "widgets")
]
TORCH_MAY = [
    "data",
    "tasks",
    "training",
    "engine",
    "gpt",
    "serve",
    "compress",
    "device",
    "models",
    "views",
    "chance",
    "partition",
]


def modules():
    """{dotted name: path} of every file of labs.

    A package that holds files only re-exports and has no place of its own.
    """
    found = {}
    for path in LABS.rglob("*.py"):
        parts = path.relative_to(LABS).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        if parts and parts not in PACKAGES:
            found[".".join(parts)] = path
    return found


def imports(path):
    """The modules that a file names in its import statements, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def place(module):
    """The position in ORDER of a module of labs, or None."""
    name = module.removeprefix("labs.")
    names = [name, name.rpartition(".")[0]]
    return next((ORDER.index(n) for n in names if n in ORDER and module.startswith("labs.")), None)


def test_every_module_has_its_place_in_the_order():
    assert set(modules()) == set(ORDER)


def test_what_is_installed_has_every_folder_that_holds_code():
    about = tomllib.loads((LABS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {path.parent.relative_to(LABS.parent) for path in LABS.rglob("*.py")}
    held = {".".join(folder.parts) for folder in folders}
    assert held <= set(about["tool"]["setuptools"]["packages"])


def test_each_module_imports_only_what_stands_before_it():
    for name, path in modules().items():
        for module in imports(path):
            there = place(module)
            itself = module.startswith(f"labs.{name}")
            assert there is None or there < ORDER.index(name) or itself, f"{name} imports {module}"


@pytest.mark.parametrize("name", BELOW_THE_WAIST)
def test_what_reads_a_record_names_neither_torch_nor_what_trains(name):
    above = [f"labs.{module}" for module in TORCH_MAY]
    wrong = [m for m in imports(modules()[name]) if m.split(".")[0] == "torch" or m in above]
    assert not wrong


def run(program):
    """A fresh process with the program."""
    return subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", program],
        capture_output=True,
        text=True,
        cwd=LABS.parent,
        encoding="utf-8",
    )


def test_importing_prints_nothing_seeds_nothing_and_starts_nothing():
    done = run(
        "import random, numpy, torch, threading;"
        "before = torch.initial_seed(), numpy.random.get_state()[1][0], random.getstate();"
        "import labs, labs.engine.sweep, labs.widgets.live, labs.gpt.pretrain, labs.serve.api;"
        "assert before == "
        "(torch.initial_seed(), numpy.random.get_state()[1][0], random.getstate());"
        "assert threading.active_count() == 1; assert not torch.cuda.is_initialized()"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_name_that_labs_offers_is_there_and_a_wrong_one_is_refused_in_words():
    import labs

    for name in dir(labs):
        assert getattr(labs, name) is not None
    assert callable(labs.train) and callable(labs.sweep) and callable(labs.live)
    with pytest.raises(
        AttributeError, match="labs has no 'sweeep'; expected one of Explorer, Grid"
    ):
        labs.sweeep  # noqa: B018


def test_reading_a_record_and_showing_it_imports_no_torch(tmp_path):
    import labs

    runs = labs.sweep(labs.tasks.spirals(), labs.Grid(learning_rate=[0.1, 0.2]), steps=3)
    labs.save(runs, tmp_path / "record.npz")
    done = run(
        f"import sys, labs; runs = labs.load({str(tmp_path / 'record.npz')!r});"
        "labs.Explorer(runs)._repr_mimebundle_(); labs.figures.final_losses(runs); "
        "labs.spread([1, 2]);"
        "labs.claims.known(); labs.Grid(); print('torch' in sys.modules)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")
