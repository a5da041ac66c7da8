"""One table of words by language: whole sentences, all of them used, the same places in each."""

import ast
import json
import pathlib
import re
import string

import pytest

from labs import settings, words

ROOT = pathlib.Path(__file__).resolve().parents[1]
LABS = ROOT / "labs"
ENGLISH = words.tables()["en"]
KEYS = [f"{group}.{name}" for group, texts in ENGLISH.items() for name in texts]
SCRIPTS = [*LABS.rglob("*.js"), *(ROOT / "book").glob("_*/*.js")]
SOURCES = [
    *LABS.rglob("*.py"),
    *SCRIPTS,
    *(ROOT / "book" / "_ext").glob("*.py"),
    *(ROOT / "tools").glob("*.py"),
]


def places(text):
    return sorted(place for _, place, _, _ in string.Formatter().parse(text) if place is not None)


@pytest.fixture
def languages(tmp_path, monkeypatch):
    """English, and two languages with a few words."""
    tables = {
        "en": ENGLISH,
        "zh": {"axis": {"seed": "种子"}, "list": {"pair": "{first}、{second}"}},
        "zh-Hant": {"axis": {"seed": "種子"}},
    }
    for language, table in tables.items():
        (tmp_path / f"{language}.json").write_text(json.dumps(table), encoding="utf-8")
    monkeypatch.setattr(words, "HERE", tmp_path)
    words.tables.cache_clear()
    yield
    words.tables.cache_clear()


@pytest.mark.parametrize(
    "tag, seed, pair",
    [
        ("en", "seed", "a, b"),
        ("zh", "种子", "a、b"),
        ("zh-CN", "种子", "a、b"),
        ("zh_CN.UTF-8", "种子", "a、b"),
        ("zh-hant", "種子", "a、b"),
        ("fr", "seed", "a, b"),
        ("", "seed", "a, b"),
    ],
)
def test_the_language_of_python_is_read_when_a_word_is_asked_for(
    languages, monkeypatch, tag, seed, pair
):
    monkeypatch.setenv("LABS_LANGUAGE", tag)
    assert words.label("axis.seed") == words.text("axis.seed") == seed
    assert words.listed(["a", "b"]) == pair
    assert words.text("still.named", label="x", value=1) == "x 1"
    monkeypatch.delenv("LABS_LANGUAGE")
    assert words.text("axis.seed") == "seed"


@pytest.mark.parametrize(
    "key, said",
    [
        ("axis.learning_rate", "learning rate"),
        ("axis.peak_memory", "peak memory"),
        ("task.my_own", "my own"),
        ("task.spirals", "two spirals"),
        ("two spirals", "two spirals"),
        ("v1.5 of {x}", "v1.5 of {x}"),
        ("axis.price in $ (v. 2)", "price in $ (v. 2)"),
        ("", ""),
    ],
)
def test_a_label_is_a_key_or_words(key, said):
    assert words.label(key) == said


def test_an_unknown_key_is_refused_in_words():
    with pytest.raises(KeyError, match="expected a key of words/en.json, got 'still.nothing'; add"):
        words.text("still.nothing")


def test_no_language_has_a_key_that_english_lacks_or_other_places():
    for language, table in words.tables().items():
        for group, texts in table.items():
            for name, text in texts.items():
                assert name in ENGLISH.get(group, {}), (language, group, name)
                assert places(text) == places(ENGLISH[group][name]), (language, group, name)


def test_no_text_is_a_fragment_with_a_space_at_an_end():
    for language, table in words.tables().items():
        for group in table:
            for name, text in table[group].items():
                assert text == text.strip() != "", (language, group, name)


def test_every_key_is_asked_for_somewhere():
    source = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    literals = set(re.findall(r"""["'`]([\w. -]+)["'`]""", source)) | set(settings.SETTINGS)
    names = {literal.replace(" ", "_") for literal in literals}
    # f"axis.{name}", f"still.{kind}_on", and `best_${better}`, which is the name in `map.${name}`
    built = re.findall(r"""["'`](\w*\.?\w*)\$?\{[^{}]+\}+(\w*)["'`]""", source)
    make = lambda names: {before + name + after for before, after in built for name in names}
    of_host = {f"host.{name}" for name in re.findall(r"\bwords\.(\w+)", source)}
    unused = set(KEYS) - literals - of_host - make(names | make(names))
    assert not unused, f"expected each key to be used, got {unused}; remove them"


def sentences(path):
    """The texts of a Python file that read as words for readers: neither docstring nor error."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    errors = {id(n) for raised in ast.walk(tree) if isinstance(raised, ast.Raise)
              for n in ast.walk(raised)}  # fmt: skip
    alone = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            styled = re.search(r"[:;=(]", node.value)
            worded = re.search(r"[A-Za-z]{2,},? [a-z]{2,}", node.value)
            if worded and not styled and id(node) not in errors | alone:
                yield node.value


SHOWN = [*sorted((LABS / "widgets").glob("*.py")), LABS / "card.py", LABS / "figures.py"]
CODE = {"holds when", "does not hold", "row wrap", "export default "}
"""Verdicts as chapters write them, a style, JavaScript."""


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_no_source_of_what_readers_see_holds_a_sentence(path):
    assert set(sentences(path)) <= CODE
