"""The ledger: every claim of `claims.yml`, with the verdict that a chapter's run gave it.

A card that `labs.claims.record` shows carries its contents as JSON. They are taken from the
notebooks as this build ran them, or found them run in its cache, and from nowhere else. A page says
`{ledger} A` where the claims A1, A2 … are to stand, `{overview}` where all are to be seen at once,
and `` {verdicts}`holds` `` for the number of claims with that verdict, or of `all`. What these
become is written by `ledger_rows.py`.

A card has the address `#claim-A5` in its chapter and the label `claim-a5`; a row of the ledger has
the address `#A5` and the label `verdict-a5`. Where there is a ledger, the build tells of each
claim that has no verdict, several, or one from another chapter than `claims.yml` says; of a verdict
that no cell of this build made; and of a claim that stands in no ledger, or in two.
"""

import json

from captions import elements, part
from docutils import nodes
from ledger_rows import CARDS, SHOWN, Count, Overview, Row, Rows, noted, table, verdicts
from myst_nb.core.render import MimeRenderPlugin
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinxcontrib.bibtex.citation_target import CitationTarget
from sphinxcontrib.bibtex.roles import CitationRef

from labs import claims

LOGGER = logging.getLogger(__name__)
TABLE = "claims.yml"
SKIPPED = "skip-execution"
"""The tag of cells that nbclient does not run: they keep the outputs that their file holds."""


# ---- Reading: the cards of notebooks, and the places of the ledger ----


class Claim(MimeRenderPlugin):
    """Keeps the contents of a claim's card out of the page, at hand for `Cards`."""

    @staticmethod
    def handle_mime(renderer, data, inline):
        """A node that no builder writes, or None for any other kind of output."""
        if data.mime_type != claims.MIME:
            return None
        return [nodes.raw("", "", format="claim", card=json.loads(data.string))]


class Cards(SphinxTransform):
    """Notes the cards of a notebook, and gives each an address."""

    default_priority = 32

    def apply(self):
        for cell in list(elements(self.document, "cell_code")):
            skipped = SKIPPED in cell["cell_metadata"].get("tags", ())
            for bundle in list(elements(cell, "mime_bundle")):
                contents = part(bundle, claims.MIME)
                if contents is not None:
                    card = contents.children[0]["card"]
                    note(self.env, CARDS, {**card, "skipped": skipped})
                    self.give_address(bundle, card["id"])

    def give_address(self, bundle, id):
        name = f"claim-{id}"
        if name not in self.document.ids:
            place = nodes.container(ids=[name], names=[name.lower()], claim=id)
            bundle.replace_self(place)
            place += bundle
            self.document.note_explicit_target(place)


class Ledger(SphinxDirective):
    """The rows of the claims whose ids begin with the letter that is given."""

    required_arguments = 1

    def run(self):
        [letter] = self.arguments
        self.env.note_dependency(TABLE)
        found = {id: one for id, one in table(self.env).items() if id.startswith(letter)}
        if not found:
            raise self.error(f"ledger: expected the first letter of a claim, got {letter!r}")
        note(self.env, SHOWN, *found)
        rows = [self.row(id, one["says"].strip()) for id, one in found.items()]
        return [nodes.container("", nodes.bullet_list("", *rows), classes=["ledger"])]

    def row(self, id, says):
        name = nodes.paragraph("", id, classes=["claim-id"])
        sentence = nodes.paragraph(says, says, classes=["claim-says"])
        self.set_source_info(sentence)  # so that it is translated with its page
        row = nodes.list_item("", name, sentence, Row(claim=id), ids=[id])
        row["names"].append(f"verdict-{id}".lower())
        self.state.document.note_explicit_target(row)
        return row


class AllClaims(SphinxDirective):
    """A link to the row of each claim, with the sign of its verdict."""

    def run(self):
        self.env.note_dependency(TABLE)
        note(self.env, SHOWN)
        return [Overview()]


class Verdicts(SphinxRole):
    """The number of claims with one verdict, or of `all` claims."""

    def run(self):
        if self.text not in ("all", *claims.VERDICTS):
            message = f"verdicts: expected one of {('all', *claims.VERDICTS)}, got {self.text!r}"
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        self.env.note_dependency(TABLE)
        note(self.env, SHOWN)
        return [Count(verdict=self.text)], []


def note(env, key, *items):
    """Keep items with the document that is being read.

    MyST-NB's collector forgets them with it, and merges what several processes read.
    """
    kept = NbMetadataCollector.get_doc_data(env)[env.docname]
    kept.setdefault(key, []).extend(items)


# ---- Between reading and writing: what is amiss, what is cited, what has to be written again ----


def update(app, env):
    """Tell what is amiss; return the pages that say something else than they did."""
    shown = noted(env, SHOWN)
    if not shown:
        return []
    for docname, sentence in troubles(env, shown):
        LOGGER.warning(sentence, location=docname, type="labs", subtype="claim")
    found = verdicts(env)
    cite(env, shown, found)
    titles = {docname: env.titles[docname].astext() for docname, _ in found.values()}
    before, env.ledger_said = getattr(env, "ledger_said", None), (found, titles)
    return [] if env.ledger_said == before else list(shown)


def troubles(env, shown):
    """(document, sentence) for each thing that keeps the ledger from being one."""
    made = [(docname, card) for docname, kept in noted(env, CARDS).items() for card in kept]
    for id, claim in table(env).items():
        there = [docname for docname, card in made if card["id"] == id]
        if there != [claim["chapter"]]:
            got = f"{len(there)}, in {', '.join(there)}" if there else "none"
            yield (
                there[0] if there else next(iter(shown)),
                f"claim {id}: expected one verdict, in {claim['chapter']}, got {got}; "
                f"record it there with labs.claims.record, and nowhere else, or mend {TABLE}",
            )
        rows = [docname for docname, ids in shown.items() for one in ids if one == id]
        if any(shown.values()) and len(rows) != 1:
            yield (
                next(iter(rows or shown)),
                f"claim {id}: expected one row in the ledger, got {len(rows)}; "
                f"write {{ledger}} {id[0]} once",
            )
    for docname, card in made:
        ran = (NbMetadataCollector.get_exec_data(env, docname) or {}).get("succeeded")
        if not ran or card["skipped"]:
            yield (
                docname,
                f"claim {card['id']}: expected a verdict from a cell that ran in this build, got a "
                "stored one; have the build execute this notebook and its cell",
            )


def cite(env, shown, found):
    """Have the bibliographies of the ledger's pages list what the cards cite.

    Only now is it known what that is. sphinxcontrib-bibtex makes its lists after this.
    """
    domain, known = env.get_domain("cite"), table(env)
    refs = [
        ref
        for ref in domain.citation_refs
        if ref.docname not in shown or ref.citation_ref_id not in known
    ]
    for docname, ids in shown.items():
        for id in (id for id in ids if id in found):
            targets = [CitationTarget(key, "", "") for key in found[id][1]["sources"]]
            refs.append(CitationRef(id, docname, 0, targets))
    domain.data["citation_refs"] = refs


def setup(app):
    """Connect the above to Sphinx."""
    for node in (Row, Overview, Count):
        app.add_node(node)
    app.add_directive("ledger", Ledger)
    app.add_directive("overview", AllClaims)
    app.add_role("verdicts", Verdicts())
    app.add_transform(Cards)
    app.add_post_transform(Rows)
    app.connect("env-updated", update, priority=400)  # sphinxcontrib-bibtex has 500
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
