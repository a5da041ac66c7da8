"""The words that readers see outside of chapters: one file by language, one key for each sentence.

`LABS_LANGUAGE`, a tag such as "en" or "zh-CN", chooses the language of what Python writes; the page
chooses its own. A new language is a new file beside `en.json`; keys that it lacks are taken from
there. A key is "group.name".
"""

import functools
import json
import os
import pathlib

HERE = pathlib.Path(__file__).parent


@functools.cache
def tables():
    """{language: {group: {name: text}}} of every language there is."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(HERE.glob("*.json"))
    }


def text(key, /, **values):
    """The text of `key`, its {places} filled with `values`. Raises KeyError for a key that English
    lacks.
    """
    template = _find(key)
    if template is None:
        raise KeyError(f"expected a key of {HERE.name}/en.json, got {key!r}; add it there")
    return template.format(**values)


def label(key, /, **values):
    """What `key` is called, its {places} filled: the text of the key, or where no table has it, the
    key's own words.

    The own words of "axis.peak_memory" are "peak memory": a group that the English table has is
    left out. So a label may be a key, or simply words.
    """
    found = _find(key)
    if found is not None:
        return found.format(**values)
    group, point, name = key.partition(".")
    return (name if point and group in tables()["en"] else key).replace("_", " ")


def templates(group):
    """The texts of a group, {name: text}, their {places} not filled."""
    return {name: _find(f"{group}.{name}") for name in tables()["en"][group]}


def listed(items):
    """Several things in a row, as the language strings them together."""
    add = lambda first, second: text("list.pair", first=first, second=second)
    return functools.reduce(add, items) if items else ""


def _find(key):
    group, _, name = key.partition(".")
    found = (tables()[language].get(group, {}).get(name) for language in _languages())
    return next((template for template in found if template is not None), None)


def _languages():
    """The languages to look in, best first: those of the tag that there are, then English."""
    tag = os.environ.get("LABS_LANGUAGE", "en").partition(".")[0].replace("_", "-").lower()
    there = {language.lower(): language for language in tables()}
    wanted = tag, tag.partition("-")[0], "en"
    return [there[language] for language in wanted if language in there]
