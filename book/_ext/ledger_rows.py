"""What the places of the ledger become in a written page: rows, links and numbers."""

import functools
from pathlib import Path

import yaml
from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.nodes import make_refnode

from labs import words
from labs.card import SIGNS

CARDS, SHOWN = "claims", "ledger"
"""What is noted of a document: its cards, and the claims whose rows stand in it."""


class Row(nodes.General, nodes.Element):
    """The place of the verdict on `claim`."""


class Overview(nodes.General, nodes.Element):
    """The place of a few lines that show all claims."""


class Count(nodes.Inline, nodes.Element):
    """The place of the number of claims with `verdict`."""


# ---- What is known when all documents are read ----


def table(env):
    """{claim: {"says": a sentence, "chapter": a document}} of this book."""
    return yaml.safe_load(Path(env.srcdir, "claims.yml").read_text(encoding="utf-8"))


def noted(env, key):
    """{document: what `ledger.note` kept of it}, of those documents where it was called."""
    everything = NbMetadataCollector.get_doc_data(env)
    return {docname: kept[key] for docname, kept in sorted(everything.items()) if key in kept}


def verdicts(env):
    """{claim: (document, card)}; of several cards on one claim, the one in its own chapter."""
    known, found = table(env), {}
    for docname, cards in noted(env, CARDS).items():
        for card in (card for card in cards if card["id"] in known):
            if card["id"] not in found or known[card["id"]]["chapter"] == docname:
                found[card["id"]] = docname, card
    return found


# ---- Writing ----


class Rows(SphinxPostTransform):
    """Fills the places, before references are resolved (MyST's 9, Sphinx's 10)."""

    default_priority = 6

    def run(self, **kwargs):
        kinds = {Row: self.row, Overview: self.overview, Count: self.count}
        places = [node for node in self.document.findall() if type(node) in kinds]
        cards = [n for n in self.document.findall(nodes.container) if n.get("claim")]
        shown = noted(self.env, SHOWN)
        if not shown or not (places or cards):
            return
        self.found = verdicts(self.env)
        self.pages = {id: docname for docname, ids in shown.items() for id in ids}
        for place in places:
            place.replace_self(kinds[type(place)](place))
        for card in cards:
            card += self.way_back(card["claim"])

    def count(self, place):
        """How many there are."""
        if place["verdict"] == "all":
            return nodes.Text(str(len(table(self.env))))
        all = [card["verdict"] for _, card in self.found.values()]
        return nodes.Text(str(all.count(place["verdict"])))

    def row(self, place):
        """What was recorded of a claim."""
        if place["claim"] not in self.found:
            return nodes.paragraph("", words.text("ledger.none"))
        docname, card = self.found[place["claim"]]
        place.parent["classes"].append(style(card))
        title = nodes.inline("", self.env.titles[docname].astext())
        chapter = self.link(docname, f"claim-{card['id']}", title)
        foot = functools.partial(nodes.paragraph, classes=["claim-foot"])
        paragraphs = [
            nodes.paragraph("", "", *said(card), classes=["claim-verdict"]),
            nodes.paragraph("", card["note"] or ""),
            foot("", "", *around("ledger.experiment", "chapter", chapter)),
            foot("", "", *self.literature(card)),
        ]
        measured = nodes.definition_list("", *map(quantity, card["measured"]))
        return [
            *(paragraph for paragraph in paragraphs if paragraph.children),
            nodes.container("", measured, classes=["claim-measured"]),
        ]

    def literature(self, card):
        """The sources of a card, as sphinxcontrib-bibtex cites them."""
        if not card["sources"]:
            return []
        keys = ",".join(card["sources"])
        kind = {"refdomain": "cite", "reftype": "alp", "reftarget": keys, "refwarn": True}
        link = pending_xref("", nodes.inline("", keys), refdoc=self.env.docname, **kind)
        return around("ledger.literature", "sources", link)

    def overview(self, place):
        """A link to each row: the claim's id, its verdict's sign, and words for who sees none."""
        links = []
        for id, claim in table(self.env).items():
            if id in self.found and id in self.pages:
                card = self.found[id][1]
                hidden = nodes.inline("", f" {name(card)[0]}", classes=["visually-hidden"])
                label = nodes.inline("", f"{id} ", sign(card), hidden, classes=[style(card)])
                links += [self.link(self.pages[id], id, label, claim["says"].strip())]
        items = [nodes.list_item("", nodes.paragraph("", "", link)) for link in links]
        return nodes.container("", nodes.bullet_list("", *items), classes=["overview"])

    def way_back(self, id):
        """The link below a card to its row."""
        if id not in self.pages:
            return []
        label = nodes.inline("", words.text("ledger.all"))
        return [nodes.paragraph("", "", self.link(self.pages[id], id, label), classes=["way-back"])]

    def link(self, docname, id, label, title=None):
        here = self.env.docname
        return make_refnode(self.app.builder, here, docname, id, label, title)


def style(card):
    """A verdict as a class for style sheets: `holds-when`."""
    return card["verdict"].replace(" ", "-")


def sign(card):
    return nodes.inline("", SIGNS[card["verdict"]][0], classes=["claim-sign"])


def name(card):
    """The words of a verdict before its condition, and after it."""
    template = words.templates("claims")[card["verdict"].replace(" ", "_")]
    before, _, after = template.partition("{when}")
    return before.strip(), after.strip()


def said(card):
    """A verdict: its sign, its words, and its condition among them."""
    before, after = name(card)
    parts = [sign(card), nodes.strong("", before), nodes.Text(card["when"] or "")]
    parts += [nodes.strong("", after)] if after else []
    return [piece for part in parts for piece in (part, nodes.Text(" "))][:-1]


def around(key, place, node):
    """The words of `key`, with a node in the place of that name."""
    group, _, name = key.partition(".")
    before, _, after = words.templates(group)[name].partition(f"{{{place}}}")
    return [nodes.Text(before), node, nodes.Text(after)]


def quantity(row):
    """One thing that was measured: its name, and its value with its spread."""
    value = nodes.paragraph("", "", nodes.strong("", row["value"]))
    if row["repeats"] > 1:
        count = words.text("claims.count", n=row["repeats"])
        value += [nodes.Text(" "), nodes.inline("", count, classes=["claim-repeats"])]
    term, told = nodes.term("", row["name"]), nodes.definition("", value)
    return nodes.definition_list_item("", term, told)
