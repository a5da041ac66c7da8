"""Text that matplotlib can draw, whatever a reader calls things."""

import functools
import unicodedata

from matplotlib import font_manager

FAMILIES = (
    "DejaVu Sans",  # comes with matplotlib
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC"),
    *("WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "PingFang SC", "Hiragino Sans GB"),
    *("Microsoft YaHei", "SimHei", "Noto Sans Arabic", "Noto Sans Devanagari", "Arial Unicode MS"),
)
"""Fonts for many scripts, best first."""
MISSING = "□"


@functools.cache
def fonts():
    """The names of FAMILIES that this machine has, and the code points that they can draw."""
    there = {entry.name: entry.fname for entry in reversed(font_manager.fontManager.ttflist)}
    names, points = [], set()
    for name in FAMILIES:
        if name in there:
            try:
                points.update(font_manager.get_font(there[name]).get_charmap())
            except (OSError, RuntimeError):  # the font is damaged, or gone since it was listed
                continue
            names.append(name)
    return names, frozenset(points)


def drawable(text, most=54):
    """`text` on one line of at most `most` columns, the end cut off where it is longer.

    A character that no font here has becomes an empty box: matplotlib would warn, in a picture that
    nobody may ever look at, and where warnings are errors the page would not be built. The whole
    text stands beside the picture.
    """
    shown = [char for char in " ".join(str(text).split()) if unicodedata.category(char) != "Cf"]
    shown = [char if ord(char) in fonts()[1] else MISSING for char in shown]
    if _width(shown) <= most:
        return "".join(shown)
    while shown and _width(shown) > most - 1:
        shown.pop()
    return "".join(shown).rstrip() + "…"


def _width(chars):
    wide = lambda char: char == MISSING or unicodedata.east_asian_width(char) in "WF"
    return sum(2 if wide(char) else 1 for char in chars)
