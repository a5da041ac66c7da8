"""The card that shows a verdict: as text, and as HTML that brings its own style.

A card's contents are a dict: `id`, `says` and `chapter` of a claim, `verdict`, `when` and `note`
(text or None), `sources` (keys of the bibliography), and `measured`, a list of {"name", "value",
"expectation": text, "repeats": a count}.
"""

import pathlib
import re
from html import escape

from labs import words
from labs.words import text as word

BIBLIOGRAPHY = pathlib.Path(__file__).parent.parent / "book" / "references.bib"
SIGNS = {
    "holds": ("✓", "#1f8a5f"),
    "holds when": ("◐", "#b7791f"),
    "does not hold": ("✗", "#c8453d"),
}
"""A sign and a colour by verdict; neither says more than the words beside it."""

# Colours are mixed from the page's own, so that a card suits light and dark pages. Notebooks style
# tables, so each cell says itself how it looks.
_EDGE = "1px solid color-mix(in srgb,currentColor 22%,transparent)"
_QUIET = "font-weight:400;color:color-mix(in srgb,currentColor 74%,transparent)"
_CELL = "border:0;padding:.3rem 0 0 .75rem;text-align:left;vertical-align:baseline;background:none"
STYLES = {
    "card": f"max-width:43rem;margin:1rem 0;padding:.8rem 1rem .9rem;border:{_EDGE};"
    "border-radius:.4rem;font:.9375rem/1.45 system-ui,sans-serif;color:inherit",
    "head": "display:flex;flex-wrap:wrap;gap:0 .75rem;margin:0;font-weight:650",
    "says": "margin:.1rem 0 .7rem",
    "table": f"width:100%;margin:0;border:0;border-top:{_EDGE};border-collapse:collapse;"
    "font-size:.875rem;font-variant-numeric:tabular-nums;color:inherit",
    "row": "background:none;border:0",
    "first": f"{_CELL};padding-left:0;{_QUIET}",
    "column": f"{_CELL};{_QUIET}",
    "name": f"{_CELL};padding-left:0;font-weight:400;white-space:normal",
    "value": f"{_CELL};white-space:normal",
    "number": "font-weight:600;white-space:nowrap",
    "count": f"{_QUIET};white-space:nowrap",
    "expected": f"{_CELL};white-space:normal",
    "note": "margin:.7rem 0 0",
    "foot": f"margin:.7rem 0 0;font-size:.8125rem;{_QUIET}",
}


def plain(card):
    """The card as lines of text."""
    first = word("claims.says", id=card["id"], verdict=_verdict(card), says=card["says"])
    rows = map(_row, card["measured"])
    return "\n  ".join(filter(None, [first, *rows, card["note"], *_foot(card)]))


def _row(row):
    facts = {name: row[name] for name in ("name", "value", "expectation")}
    if row["repeats"] > 1:
        return word("claims.row_repeats", n=row["repeats"], **facts)
    return word("claims.row", **facts)


def html(card):
    """The card as a <section> with a table. It needs no script and no style sheet."""
    sign, color = SIGNS[card["verdict"]]
    color = f"color:color-mix(in srgb,{color} 62%,currentColor)"
    sign = _element("span", sign, aria_hidden="true")
    head = _element("span", escape(word("claims.claim", id=card["id"])))
    head += _element("span", f"{sign} {escape(_verdict(card))}", color)
    parts = [
        _element("p", head, "head"),
        _element("p", escape(card["says"]), "says"),
        _table(card),
        _element("p", escape(card["note"]), "note") if card["note"] else "",
        _element("p", escape(" ".join(_foot(card))), "foot") if _foot(card) else "",
    ]
    label = word("claims.label", id=card["id"], verdict=_verdict(card))
    marks = {"class": "labs-claim", "aria_label": label}
    return _element("section", "\n".join(filter(None, parts)), "card", **marks)


def _table(card):
    columns = (("quantity", "first"), ("measured", "column"), ("expected", "column"))
    rows = [[_element("th", word(f"claims.{c}"), style, scope="col") for c, style in columns]]
    for row in card["measured"]:
        value = _element("span", escape(row["value"]), "number")
        if row["repeats"] > 1:
            count = word("claims.count", n=row["repeats"])
            value += " " + _element("span", escape(count), "count")
        rows.append(
            [
                _element("th", escape(row["name"]), "name", scope="row"),
                _element("td", value, "value"),
                _element("td", escape(row["expectation"]), "expected"),
            ]
        )
    inside = "\n".join(_element("tr", "".join(cells), "row") for cells in rows)
    return _element("table", inside, "table", aria_label=word("claims.table"))


def _element(tag, inside, style=None, **attributes):
    """An element; `style` is a name in STYLES, or a style itself."""
    if style:
        attributes = {"style": STYLES.get(style, style), **attributes}
    marks = [f' {name.replace("_", "-")}="{escape(value)}"' for name, value in attributes.items()]
    return f"<{tag}{''.join(marks)}>{inside}</{tag}>"


def _verdict(card):
    return word(f"claims.{card['verdict'].replace(' ', '_')}", when=card["when"])


def _foot(card):
    """What stands in small print: how to read ±, and the sources."""
    lines = []
    if any("±" in row["value"] for row in card["measured"]):
        lines.append(word("claims.repeats"))
    if card["sources"]:
        lines.append(word("claims.sources", sources=words.listed(names(card["sources"]))))
    return lines


def names(sources):
    """What a reader calls each source: 'Cohen et al. 2021'. Without a bibliography, its key.

    Raises ValueError for a key that the bibliography does not have.
    """
    if not BIBLIOGRAPHY.exists():
        return list(sources)
    entries = BIBLIOGRAPHY.read_text(encoding="utf-8")
    return [_name(key, entries) for key in sources]


def _name(key, entries):
    found = re.search(rf"^@\w+{{{re.escape(key)},\n(.*?)^}}", entries, re.MULTILINE | re.DOTALL)
    if not found:
        raise ValueError(f"source must be a key of book/references.bib, got {key!r}; add it there")
    field = lambda name: re.search(rf"^ *{name} = {{(.*)}},?$", found[1], re.MULTILINE)[1]
    authors = [name.partition(",")[0].strip("{}") for name in field("author").split(" and ")]
    year = field("year")
    if len(authors) == 1:
        return word("claims.source_one", author=authors[0], year=year)
    if len(authors) == 2:
        return word("claims.source_two", first=authors[0], second=authors[1], year=year)
    return word("claims.source_more", first=authors[0], year=year)
