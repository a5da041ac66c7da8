"""The words that readers see outside of chapters: one file by language, one key for each sentence.

A new language is a new file beside `en.json`; keys that it lacks are taken from there. A key is
"group.name".
"""

import functools
import json
import pathlib

HERE = pathlib.Path(__file__).parent


@functools.cache
def tables():
    """{language: {group: {name: text}}} of every language there is."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(HERE.glob("*.json"))
    }


def text(key, language="en", **values):
    """The text of `key` in `language`, its {places} filled with `values`. Raises KeyError for a key
    that English lacks.
    """
    template = _find(key, language)
    if template is None:
        raise KeyError(f"expected a key of {HERE.name}/en.json, got {key!r}; add it there")
    return template.format(**values)


def label(key, language="en", **values):
    """The text of a label, its {places} filled: what `key` says, or where no table has it, the
    key's own words.
    """
    found = _find(key, language)
    if found is not None:
        return found.format(**values)
    return key.removeprefix("axis.").removeprefix("value.").replace("_", " ")


def _find(key, language):
    group, _, name = key.partition(".")
    return next(
        (
            tables()[there][group][name]
            for there in (language, "en")
            if name in tables().get(there, {}).get(group, {})
        ),
        None,
    )
